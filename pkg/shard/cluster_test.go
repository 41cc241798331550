package shard

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/results"
)

// stageOf returns the stage of a request, as the command shard makes it of its flags.
func stageOf(r *Request, mode clustering.Mode) (Stage, error) {
	space := Pixels
	if slices.Contains(r.Flags, "-latents") {
		space = Latents
	}
	l := Labels{Centroids: r.Files["-centroids"], Space: space}
	if i := slices.Index(r.Flags, "-clusters"); i >= 0 {
		fmt.Sscan(r.Flags[i+1], &l.Clusters)
	}
	switch r.Stage {
	case "sample":
		return Sample(space), nil
	case "distances":
		return Distances(space, r.Files["-image"])
	case "assign":
		if file := r.Files["-before"]; file != "" {
			return Counts(space, l, &Labels{Centroids: file, Space: space}, true)
		}
		return Counts(space, l, nil, true)
	case "count":
		return Counts(Pixels, l, nil, false)
	}
	f, err := os.Open(r.Files["-counts"])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	counted, err := Collect(f)
	if err != nil {
		return nil, err
	}
	return Judge(l, r.Files["-medians"], counted, mode)
}

// Whatever the files, the cut, the workers, what they keep, the order and the repeats: the clusters
// and what is told of them are those of one machine.
func TestClustersAreThoseOfOneMachine(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	for range 40 {
		n := 1 + r.IntN(300)
		images, latents := randomImages[uint8](r, n, rows, cols), randomImages[uint16](r, n, 1, 3)
		for i := range latents.Pix {
			latents.Pix[i] *= uint16(1 + r.IntN(400)) // more than the highest byte tells
		}
		k := 1 + r.IntN(min(n, 7))
		mode := clustering.Mode(r.IntN(2))
		count := 1 + r.IntN(5)
		classes := make([]int32, n)
		for i := range classes {
			classes[i] = int32(r.IntN(count))
		}
		shards := cut(t, r, images, latents, 1+r.IntN(n), NewQueries("", images, nil))
		c := &Clusterer{Shards: shards, Folder: t.TempDir(), Mode: mode}
		workers := newWorkers(r)
		c.Ask = func(request *Request) (Result, error) {
			asked := slices.Clone(shards)
			if request.Shards != "" {
				b, err := os.ReadFile(request.Shards)
				if err != nil {
					return nil, err
				}
				asked = nil
				for line := range strings.Lines(string(b)) {
					s, err := Parse(line)
					if err != nil {
						return nil, err
					}
					asked = append(asked, *s)
				}
			}
			for i := range asked {
				if !slices.Contains(request.Spaces, Pixels) {
					asked[i].Images = nil
				}
				if !slices.Contains(request.Spaces, Latents) {
					asked[i].Latents = nil
				}
			}
			return anyhow(t, r, workers, asked, nil, func(Result) (Stage, error) {
				return stageOf(request, mode)
			}), nil
		}
		got, err := c.Cluster(k, classes, count)
		if err != nil {
			t.Fatal(err)
		}

		pixels, err := clustering.NewSpace(images.Set())
		if err != nil {
			t.Fatal(err)
		}
		vectors, err := clustering.NewSpace(latents.Set())
		if err != nil {
			t.Fatal(err)
		}
		expect(t, "latents", &got.Reduced, kMediansOf(t, vectors, pixels, k, mode))
		expect(t, "pixels", &got.Original, kMediansOf(t, pixels, pixels, k, mode))
		e, err := clustering.Evaluate(pixels, classes, count, mode, nil)
		if err != nil {
			t.Fatal(err)
		}
		network := results.NewClustering(classes, e, math.NaN())
		expect(t, "classes", &got.Network, &network)
	}
}

// kMediansOf clusters on one machine.
func kMediansOf[P uint8 | uint16](t *testing.T, space *clustering.Space[P],
	pixels *clustering.Space[uint8], k int, mode clustering.Mode) *results.Clustering {

	t.Helper()
	seeds, err := space.Seed(k, mode, nil)
	if err != nil {
		t.Fatal(err)
	}
	passes := 0
	label, err := space.Lloyd(seeds, mode, func(pass, _ int) { passes = pass })
	if err != nil {
		t.Fatal(err)
	}
	e, err := clustering.Evaluate(pixels, label, k, mode, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := results.NewClustering(label, e, 0)
	c.Passes = passes
	return &c
}

// expect compares what the text of a clustering tells.
func expect(t *testing.T, what string, got, want *results.Clustering) {
	t.Helper()
	text := func(c *results.Clustering) string {
		return fmt.Sprint(c.Passes, c.Sizes, c.Medians, c.Silhouette, c.Average, c.Objective)
	}
	if got, want := text(got), text(want); got != want {
		t.Fatalf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

// Centroids of another size than the images, and labels that the line of a shard lacks, are told.
func TestClusterFaults(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	images, latents := randomImages[uint8](r, 9, rows, cols), randomImages[uint16](r, 9, 1, 3)
	shards := cut(t, r, images, latents, 9, NewQueries("", images, nil))
	c := &Clusterer{Shards: shards, Folder: t.TempDir()}
	other, err := write(c, randomImages[uint8](r, 2, 2, 2))
	if err != nil {
		t.Fatal(err)
	}
	p, err := shards[0].Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []struct {
		labels Labels
		line   []byte
		want   string
	}{
		{Labels{Centroids: other, Space: Pixels}, nil, "images of 2x2 values; expected 4x6"},
		{Labels{Clusters: 3}, []byte{1, 2}, "does not have a label for each of its images"},
		{Labels{Clusters: 3}, []byte{1, 2, 3, 0, 0, 0, 0, 0, 0}, "is in class 3; expected one of 3"},
	} {
		p.Labels = l.line
		s, err := Counts(Pixels, l.labels, nil, false)
		if err == nil {
			_, err = s.Answer(p)
		}
		if err == nil || !strings.Contains(err.Error(), l.want) {
			t.Errorf("error %v, want %q", err, l.want)
		}
	}
	if _, err := c.Cluster(10, make([]int32, 9), 1); err == nil ||
		err.Error() != "cannot make 10 clusters of 9 images; expected 1 to 9" {
		t.Errorf("10 clusters of 9 images: error %v", err)
	}
}

// Counts that are read from what was written are the same; what is none is an error.
func FuzzCounts(f *testing.F) {
	f.Add(appendCounts(nil, 9, maps.All(map[int]int{263: 1<<32 - 1})))
	f.Fuzz(func(t *testing.T, b []byte) {
		type count struct {
			place int
			n     uint32
		}
		read := func(b []byte) (size int, counts []count, err error) {
			size, err = readCounts(b, 768, func(place int, n uint32) {
				counts = append(counts, count{place, n})
			})
			return size, counts, err
		}
		size, counts, err := read(b)
		if err != nil {
			return
		}
		again := appendCounts(nil, size, func(yield func(int, int) bool) {
			for _, c := range counts {
				yield(c.place, int(c.n))
			}
		})
		n, same, err := read(again)
		if err != nil || n != size || !slices.Equal(same, counts) {
			t.Errorf("%v become %v, %v", counts, same, err)
		}
	})
}

// Changes that are added up, in any order, are what the counts have become. What is added to its
// opposite is nothing.
func TestChangesAddUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for range 100 {
		var values [][]byte
		sum := map[int]int{}
		size := 0
		for range 1 + r.IntN(5) {
			some := map[int]int{}
			for range r.IntN(20) {
				some[1+r.IntN(30)] = r.IntN(7) - 3
			}
			maps.DeleteFunc(some, func(_, n int) bool { return n == 0 })
			for place, n := range some {
				if sum[place] += n; sum[place] == 0 {
					delete(sum, place)
				}
			}
			more := r.IntN(9) - 4
			size += more
			values = append(values, valueOf(more, some))
		}
		for len(values) > 1 {
			i := 1 + r.IntN(len(values)-1)
			both, err := mergeHistograms(values[0], values[i])
			if err != nil {
				t.Fatal(err)
			}
			values[i] = both
			values = values[1:]
		}
		if want := valueOf(size, sum); !bytes.Equal(values[0], want) {
			t.Fatalf("the sum is %v, want %v", values[0], want)
		}
	}
}

// valueOf returns the value of changes of counts.
func valueOf(size int, changes map[int]int) []byte {
	return appendCounts(nil, size, func(yield func(int, int) bool) {
		for _, place := range slices.Sorted(maps.Keys(changes)) {
			yield(place, changes[place])
		}
	})
}
