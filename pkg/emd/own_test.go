package emd

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
)

// Queries that are images of the block get the neighbours that all others get.
func TestOwnQueriesAreBruteForce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 11))
	for _, c := range []struct{ n, queries, rows, cols, cell, k int }{
		{1, 1, 4, 4, 2, 3},
		{40, 40, 1, 1, 1, 5},
		{200, 200, 8, 8, 2, 11},
		{200, 200, 8, 8, 1, 1},
		{200, 60, 8, 8, 2, 11},
		{90, 90, 8, 8, 2, 100},
	} {
		data := randomImages(random, c.n, c.rows, c.cols)
		// Every fifth query is no image of the block, but may look like one.
		own, queries := random.Perm(c.n)[:c.queries], imageset.Select(data, []int{})
		for q := range own {
			queries.N++
			if q%5 == 4 {
				own[q] = -1
				queries.Pix = append(queries.Pix, randomImages(random, 1, c.rows, c.cols).Pix...)
			} else {
				queries.Pix = append(queries.Pix, data.At(own[q])...)
			}
		}
		s, err := NewSearch(queries, c.k, c.cell)
		if err != nil {
			t.Fatal(err)
		}
		const first = 1000
		done := 0
		if err := s.AddOwn(data, first, own, func(int, int) { done++ }); err != nil {
			t.Fatal(err)
		}
		want := bruteForce(t, data, queries, c.cell, c.k)
		for i := range want {
			want[i].Index += first
		}
		if got := s.Nearest(); !slices.Equal(got, want) {
			t.Errorf("%+v: not the neighbours that brute force finds", c)
		}
		if done != queries.N {
			t.Errorf("%+v: progress ends at %d", c, done)
		}
	}
}

// On one core each pair of queries is measured for the first of them, and never again.
func TestPairsAreMeasuredOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	data := randomImages(rand.New(rand.NewPCG(1, 12)), 60, 8, 8)
	own, grey := make([]int, data.N), 0
	for i := range own {
		own[i] = i
		if slices.Max(data.At(i)) > 0 {
			grey++
		}
	}
	s, err := NewSearch(data, data.N, 2) // so many neighbours that no bound saves a distance
	if err != nil {
		t.Fatal(err)
	}
	s.pairs = newPairs(data.N, own)
	if err := s.Add(data, 0, nil); err != nil {
		t.Fatal(err)
	}
	measured := 0
	for _, set := range s.pairs.measured {
		measured += bits.OnesCount32(set)
	}
	// An image and itself are a pair, too.
	if want := grey * (grey + 1) / 2; measured != want {
		t.Errorf("%d pairs of %d images were measured, want %d", measured, grey, want)
	}
}
