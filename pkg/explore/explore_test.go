package explore

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/results"
)

// random returns n images with few different values, so that many are equally near.
func random[P uint8 | uint16](rng *rand.Rand, n, rows, cols, values int) *imageset.Images[P] {
	m := &imageset.Images[P]{N: n, Rows: rows, Cols: cols, Pix: make([]P, n*rows*cols)}
	for i := range m.Pix {
		m.Pix[i] = P(rng.IntN(values))
	}
	return m
}

// sorted returns the ten nearest of among, without self, by a distance.
func sorted(among []int, self int, distance func(i int) int64) []int64 {
	var all []int64
	for _, i := range among {
		if i != self {
			all = append(all, int64(i))
		}
	}
	slices.SortStableFunc(all, func(a, b int64) int {
		return int(distance(int(a)) - distance(int(b)))
	})
	return all[:min(len(all), neighbours)]
}

func TestAskFindsTheNearestOfTheMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	images, latents := random[uint8](rng, 300, 4, 4, 4), random[uint16](rng, 300, 1, 2, 9)
	data := Set{"data", images.Set(), latents.Set()}
	queries := Set{"queries", random[uint8](rng, 40, 4, 4, 4).Set(),
		random[uint16](rng, 40, 1, 2, 9).Set()}
	var among []int
	for i := 3; i < data.Images.N; i += 3 {
		among = append(among, i)
	}
	m, err := New(data, among, Settings{Functions: 1, Tables: 2, Cell: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of    Set
		asked []int
	}{{data, among}, {queries, []int{0, 7, 39}}, {data, []int{0, 3, 4}}} {
		got, err := m.Ask(c.of, c.asked, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Data != "data" || got.Asked != c.of.File || !slices.Equal(got.Among, among) ||
			!slices.Equal(got.Images, c.asked) {
			t.Errorf("%s asked among %s: %v", got.Asked, got.Data, got.Images)
		}
		names := []string{results.Exact, results.Latent, results.LSH, results.Earth}
		if len(got.Methods) != len(names) {
			t.Fatalf("%d methods, want %q", len(got.Methods), names)
		}
		for q, i := range c.asked {
			self := -1
			if c.of.File == data.File {
				self = i
			}
			grey := func(j int) int64 { return metric.Manhattan(c.of.Images.Whole().At(i), images.At(j)) }
			latent := func(j int) int64 {
				return metric.Manhattan(c.of.Latents.Whole().At(i), latents.At(j))
			}
			for m, distance := range []func(j int) int64{grey, latent} {
				n, want := got.Methods[m], sorted(among, self, distance)
				if n.Method != names[m] || !slices.Equal(n.Index[q], want) {
					t.Fatalf("%s, image %d: %v, want %v", n.Method, i, n.Index[q], want)
				}
				for k, j := range want {
					if n.Distance[q][k] != float64(distance(int(j))) {
						t.Errorf("%s, image %d: distance %v", n.Method, i, n.Distance[q][k])
					}
				}
			}
			for _, n := range got.Methods[2:] {
				if len(n.Index[q]) > neighbours || slices.Contains(n.Index[q], int64(self)) {
					t.Errorf("%s, image %d: %v", n.Method, i, n.Index[q])
				}
				if !slices.IsSorted(n.Distance[q]) || len(n.Distance[q]) != len(n.Index[q]) {
					t.Errorf("%s, image %d: distances %v", n.Method, i, n.Distance[q])
				}
			}
		}
	}
}

// What a run does not know or would take too long is left out.
func TestMethodsThatAreLeftOut(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	names := func(n *results.Neighbourhoods) (list []string) {
		for _, m := range n.Methods {
			list = append(list, m.Method)
		}
		return list
	}
	images := random[uint8](rng, 30, 32, 32, 256)
	for i := range images.Pix {
		if i%25 != 0 { // so that their Earth Mover's Distance is known soon
			images.Pix[i] = 0
		}
	}
	data := Set{File: "data", Images: images.Set()}
	all := make([]int, 30)
	for i := range all {
		all[i] = i
	}
	m, err := New(data, all, Settings{Cell: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Themselves(data, nil)
	if err != nil || !slices.Equal(names(got), []string{results.Exact, results.Earth}) {
		t.Fatalf("methods %q, %v", names(got), err)
	}
	asked := 0
	for _, index := range got.Methods[1].Index {
		if index != nil {
			asked++
		}
	}
	if want := maxWork / (1024 * 1024 * 1024); asked != want {
		t.Errorf("Earth Mover's Distance of %d images, want %d", asked, want)
	}
	data.Latents = random[uint16](rng, 30, 1, 2, 9).Set()
	if m, err = New(data, all, Settings{}); err != nil {
		t.Fatal(err)
	}
	got, err = m.Ask(Set{File: "queries", Images: data.Images}, all[:2], nil, nil)
	if err != nil || !slices.Equal(names(got), []string{results.Exact}) {
		t.Errorf("methods %q for queries without vectors, %v", names(got), err)
	}
}

// Neighbours that are known are taken over, and the others are looked for and counted.
func TestKnownNeighbours(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data := Set{File: "data", Images: random[uint8](rng, 30, 4, 4, 9).Set()}
	queries := Set{File: "queries", Images: random[uint8](rng, 8, 4, 4, 9).Set()}
	m, err := New(data, []int{2, 3, 5, 7, 11, 13, 17}, Settings{Cell: 2})
	if err != nil {
		t.Fatal(err)
	}
	asked := []int{0, 1, 4, 6, 7}
	want, err := m.Ask(queries, asked, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	known := func(image int) ([]int64, results.Numbers) {
		if image%2 == 0 {
			return []int64{int64(100 + image)}, results.Numbers{1}
		}
		return nil, nil
	}
	told := ""
	tell := func(done, total int) { told += fmt.Sprintf("%d of %d\n", done, total) }
	got, err := m.Ask(queries, asked, known, tell)
	if err != nil {
		t.Fatal(err)
	}
	earth := want.By(results.Earth)
	for i, image := range asked {
		if index, distance := known(image); index != nil {
			earth.Index[i], earth.Distance[i] = index, distance
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if want := "1 of 2\n2 of 2\n"; told != want {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		list []int
		n    int
		want []int
	}{
		{[]int{4, 5, 6}, 5, []int{4, 5, 6}}, {[]int{4, 5, 6, 7}, 2, []int{4, 6}}, {nil, 1, nil},
	} {
		if got := spread(c.list, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%d of %v: %v, want %v", c.n, c.list, got, c.want)
		}
	}
}
