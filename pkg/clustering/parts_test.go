package clustering

import (
	"iter"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
)

// What is found in parts of the images is what Evaluate finds in the whole.
func TestPartsMakeTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 31))
	for range 30 {
		n, k := 2+r.IntN(600), 1+r.IntN(5)
		images := &imageset.Images[uint8]{N: n, Rows: 3, Cols: 4, Pix: make([]uint8, 12*n)}
		for i := range images.Pix {
			images.Pix[i] = uint8(r.IntN(4) * 80)
		}
		space, err := NewSpace(images.Set())
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range []Mode{Original, Textbook} {
			label := make([]int32, n)
			for i := range label {
				label[i] = int32(r.IntN(k))
			}
			want, err := Evaluate(space, label, k, mode, nil)
			if err != nil {
				t.Fatal(err)
			}
			cut := 1 + r.IntN(n-1)
			parts := []*imageset.Images[uint8]{images.Part(0, cut), images.Part(cut, n)}
			labels := [][]int32{label[:cut], label[cut:]}
			got := &Evaluation{
				Sizes: sizes(label, k), Silhouette: make([]float64, k),
				Centroids: &imageset.Images[uint8]{N: k, Rows: 3, Cols: 4, Pix: make([]uint8, 12*k)},
			}
			counts := make([][]Histogram, k)
			for c := range counts {
				counts[c] = make([]Histogram, 12)
			}
			size := make([]int, k)
			for i, some := range parts {
				part, err := NewPart(some)
				if err != nil {
					t.Fatal(err)
				}
				if r.IntN(2) == 0 {
					part.Pack()
				}
				// In one step, or by way of other labels.
				steps := [][]int32{nil, labels[i]}
				if r.IntN(2) == 0 {
					between := make([]int32, some.N)
					for j := range between {
						between[j] = int32(r.IntN(k))
					}
					steps = [][]int32{nil, between, labels[i]}
				}
				for j := range steps[1:] {
					part.Changes(steps[j], steps[j+1], k, func(c, more int, changes iter.Seq2[int, int]) {
						size[c] += more
						for place, n := range changes {
							counts[c][place/256][place%256] += uint32(n)
						}
					})
				}
			}
			if !slices.Equal(size, got.Sizes) {
				t.Fatalf("clusters of %d images, want %d", size, got.Sizes)
			}
			for c := range k {
				NewMedian(got.Centroids.At(c), got.Sizes[c]).Rank(counts[c], 0)
			}
			for i, some := range parts {
				part, err := NewPart(some)
				if err != nil {
					t.Fatal(err)
				}
				silhouette, objective, err := Judge(part, labels[i], got.Sizes, got.Centroids, mode,
					func(c int) ([]Histogram, error) { return counts[c], nil })
				if err != nil {
					t.Fatal(err)
				}
				got.Add(labels[i], silhouette)
				got.OfImage = append(got.OfImage, silhouette...)
				got.Objective += objective
			}
			got.Mean()
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%d images in %d clusters, mode %d:\n%v\nwant\n%v", n, k, mode, got, want)
			}
		}
	}
}

// What Changes tells of values of 8 and of 16 bits is what one finds by counting all values.
func TestChangesAreDifferencesOfCounts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 32))
	for range 50 {
		changesAreDifferences[uint8](t, r, 256)
		changesAreDifferences[uint16](t, r, 65536)
	}
}

func changesAreDifferences[P uint8 | uint16](t *testing.T, r *rand.Rand, values int) {
	n, k, dim := 1+r.IntN(100), 1+r.IntN(4), 1+r.IntN(20)
	images := &imageset.Images[P]{N: n, Rows: 1, Cols: dim, Pix: make([]P, n*dim)}
	for i := range images.Pix {
		images.Pix[i] = P(r.IntN(4) * (values - 1) / 3)
	}
	want := make([]map[int]int, k)
	for c := range want {
		want[c] = map[int]int{}
	}
	add := func(label []int32, sign int) {
		for i, c := range label {
			want[c][-1] += sign // the size
			for p, v := range images.At(i) {
				if v > 0 {
					want[c][values*p+int(v)] += sign
				}
			}
		}
	}
	random := func() []int32 {
		label := make([]int32, n)
		for i := range label {
			label[i] = int32(r.IntN(k))
		}
		return label
	}
	var before []int32
	if r.IntN(3) > 0 {
		before = random()
		add(before, -1)
	}
	label := random()
	add(label, 1)
	part, err := NewPart(images)
	if err != nil {
		t.Fatal(err)
	}
	part.Changes(before, label, k, func(c, size int, changes iter.Seq2[int, int]) {
		got := map[int]int{-1: size}
		last := 0
		for place, n := range changes {
			if place <= last || n == 0 {
				t.Fatalf("change %d at place %d after that at %d", n, place, last)
			}
			last, got[place] = place, n
		}
		maps.DeleteFunc(want[c], func(place, n int) bool { return n == 0 && place >= 0 })
		want[c][-1] += 0
		if !maps.Equal(got, want[c]) {
			t.Fatalf("cluster %d: %v, want %v", c, got, want[c])
		}
	})
}
