package nearest

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// neighbours draws n neighbours of different images. Few distances give many ties.
func neighbours(r *rand.Rand, n int) []Neighbour[int64] {
	all := make([]Neighbour[int64], n)
	for i := range all {
		all[i] = Neighbour[int64]{int64(i), int64(r.IntN(10))}
	}
	r.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func TestInsertKeepsTheNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 50 {
		for _, k := range []int{1, 2, 10, 60} {
			all := neighbours(r, n)
			best := make([]Neighbour[int64], k)
			Fill(best)
			for _, one := range all {
				Insert(best, one)
				Insert(best, all[r.IntN(n)])
			}
			slices.SortFunc(all, Neighbour[int64].Compare)
			if got, want := Filled(best), all[:min(k, n)]; !slices.Equal(got, want) {
				t.Fatalf("%d of %d neighbours are %v, want %v", k, n, got, want)
			}
			for i, got := range best {
				want := Farthest[int64]()
				if i < n {
					want = all[i]
				}
				if got != want {
					t.Fatalf("%d of %d neighbours, place %d: %v, want %v", k, n, i, got, want)
				}
			}
		}
	}
}

// The lists may be cut anywhere, come in any order, and come twice.
func TestMergeDoesNotDependOnTheCut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		all, k := neighbours(r, r.IntN(60)), r.IntN(12)
		want := slices.Clone(all)
		slices.SortFunc(want, Neighbour[int64].Compare)
		want = want[:min(k, len(want))]

		var lists [][]Neighbour[int64]
		for rest := all; len(rest) > 0; {
			n := 1 + r.IntN(len(rest))
			lists = append(lists, Merge(k, rest[:n]))
			rest = rest[n:]
		}
		if len(lists) > 0 {
			lists = append(lists, lists[r.IntN(len(lists))])
		}
		r.Shuffle(len(lists), func(i, j int) { lists[i], lists[j] = lists[j], lists[i] })
		if got := Merge(k, lists...); !slices.Equal(got, want) {
			t.Fatalf("%d lists merge to %v, want %v", len(lists), got, want)
		}
	}
	if got := Merge(-1, neighbours(r, 3)); len(got) != 0 {
		t.Errorf("-1 neighbours are %v", got)
	}
}

func TestFarthestComesLast(t *testing.T) {
	if !(Neighbour[int64]{math.MaxInt64, math.MaxInt64 - 1}).Before(Farthest[int64]()) {
		t.Error("a neighbour comes after Farthest")
	}
	if !(Neighbour[float64]{math.MaxInt64, 1e9}).Before(Farthest[float64]()) {
		t.Error("a neighbour comes after Farthest")
	}
}

func TestBlocks(t *testing.T) {
	var b Blocks
	for _, c := range []struct {
		name          string
		n, rows, cols int
		first         int64
		want          string // part of the error; empty if there is none
	}{
		{"no images", 0, 2, 3, 0, "there are no images"},
		{"the first block", 5, 2, 3, 10, ""},
		{"a block before", 10, 2, 3, 0, ""},
		{"a block far behind", 5, 2, 3, math.MaxInt64 - 5, ""},
		{"a block beyond the numbers", 5, 2, 3, math.MaxInt64 - 4, "expected indices from 0 to"},
		{"a negative index", 5, 2, 3, -1, "expected indices from 0 to"},
		{"another size", 5, 3, 2, 100, "images of 3x2 values; expected 2x3"},
		{"a block that begins in another", 5, 2, 3, 14, "there are images 10 to 14 already"},
		{"a block that ends in another", 6, 2, 3, math.MaxInt64 - 10, "already"},
		{"a block within another", 2, 2, 3, 3, "there are images 0 to 9 already"},
		{"a block behind", 1, 2, 3, 15, ""},
		{"a block after the last", 4, 2, 3, 16, ""},
		{"a block in the last", 1, 2, 3, 19, "there are images 15 to 19 already"},
		{"too many images", math.MaxInt32 + 1, 2, 3, 100, "expected at most 2147483647"},
	} {
		err := b.Add(c.n, c.rows, c.cols, c.first)
		if c.want == "" && err != nil || c.want != "" &&
			(err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	for k, want := range map[int]int{-1: 0, 0: 0, 24: 24, 25: 25, 26: 25, math.MaxInt: 25} {
		if got := b.Most(k); got != want {
			t.Errorf("%d neighbours of 25 images are %d, want %d", k, got, want)
		}
	}
	if err := b.Check(2, 3); err != nil {
		t.Error(err)
	}
	want := "queries of 3x2 pixels; expected 2x3 as in the data set"
	if err := b.Check(3, 2); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}
