package report

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"imagesimilarity/pkg/results"
)

// The queries that can be asked about are those that a page shows, and some more.
func TestAskedQueriesAreThoseShown(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const queries = 1001
	exact, lsh := nearest(queries, 50, rng), nearest(queries, 50, rng)
	round := &results.SearchRound{Exact: exact, Reduced: results.NewApproximation(exact, exact),
		LSH: results.NewApproximation(lsh, exact)}
	got := AskedOfSearch(round)
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("%v is not ascending", got)
	}
	if n := len(got); n < maxQueries || n > maxQueries+2*examples {
		t.Errorf("%d queries, want about %d", n, maxQueries)
	}
	for _, q := range append(sample(queries, examples), disagreeing(round)...) {
		if !slices.Contains(got, q) {
			t.Errorf("query %d is shown, but cannot be asked about", q)
		}
	}
	p := &results.Test{
		Predicted: results.Grey{1, 1, 0}, Probability: []float32{0.5, 0.6, 0.9},
	}
	if got := AskedOfClassification(p, []uint8{0, 1, 2}); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("mistakes %v, want 0 and 2", got)
	}
}

// Medians have the numbers of their clusters, which begin at 1 but for the classes of the network.
func TestAskedMedians(t *testing.T) {
	c := results.Clustering{
		Sizes: []int{2, 0, 1}, Medians: []results.Grey{{1, 2}, nil, {3, 4}},
		Silhouette: make([]float64, 3),
	}
	all := AskedOfCluster(&results.ClusterRound{Reduced: c, Original: c, Network: c}, 1, 2)
	for i, want := range [][]int{{1, 3}, {1, 3}, {0, 2}} {
		m := all[i]
		if !slices.Equal(m.Asked, want) {
			t.Errorf("%s: clusters %v, want %v", m.File, m.Asked, want)
		}
		if got := m.Images.At(want[1]); !slices.Equal(got, []uint8{3, 4}) {
			t.Errorf("%s: the last median is %v", m.File, got)
		}
	}
}

// Answers about the same image from several runs are joined by the file and the index.
func TestAtlasJoinsRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data := Images{noise(4, 3, 3, rng).Sample(), []uint8{5, 6, 7, 8}}
	unlabelled := Images{data.Sample, nil}
	about := func(method string, images Images, index ...int64) plate {
		return plate{"data", images, []int{2}, &results.Neighbourhoods{
			Data: "data", Asked: "data", Among: []int{0, 1, 2, 3}, Images: []int{2},
			Methods: []results.Neighbours{{
				Method: method, Index: [][]int64{index},
				Distance: []results.Numbers{make(results.Numbers, len(index))},
			}},
		}}
	}
	a := newAtlas([]plate{
		{"data", unlabelled, []int{0, 1, 2}, nil}, about(results.Earth, data, 1, 0, 3),
		about(results.Exact, data, 0, 1), about(results.Exact, data, 1),
		{"other", Images{noise(1, 9, 9, rng).Sample(), nil}, []int{0}, nil},
	})
	if len(a.keys) != 3 || a.labels[2] != 7 || a.labels[0] != -1 {
		t.Fatalf("images %v, labels %v", a.keys, a.labels)
	}
	if !slices.Equal(a.methods, []string{results.Exact, results.Earth}) {
		t.Fatalf("methods %q", a.methods)
	}
	for m, want := range [][]int{{0, 1}, {1, 0}} { // image 3 is not on the sheet
		if got := a.answers[m][2]; !got.known || !slices.Equal(got.place, want) {
			t.Errorf("%s: %v, want %v", a.methods[m], got, want)
		}
		if a.answers[m][0].known {
			t.Errorf("%s: an answer about an image that was not asked", a.methods[m])
		}
	}
}

func TestPlacesKeepTheirProportions(t *testing.T) {
	got := appendPlaces(nil, [][2]float64{{0, 0}, {10, 0}, {5, 5}})
	want := []uint16{0, 16384, 65535, 16384, 32768, 49151}
	for i, w := range want {
		g := uint16(got[2*i]) | uint16(got[2*i+1])<<8
		if math.Abs(float64(g)-float64(w)) > 1 {
			t.Errorf("place %d is %d, want %d", i, g, w)
		}
	}
}
