package emd

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
)

// randomImages returns images with strokes and black borders. Some are copies or brighter copies of
// others, some are black.
func randomImages(random *rand.Rand, n, rows, cols int) *imageset.Images[uint8] {
	m := &imageset.Images[uint8]{N: n, Rows: rows, Cols: cols, Pix: make([]uint8, n*rows*cols)}
	for i := range n {
		image := m.At(i)
		switch kind := random.IntN(10); {
		case kind == 0:
		case kind <= 2 && i > 0:
			factor := uint8(1 + random.IntN(3))
			for p, v := range m.At(random.IntN(i)) {
				image[p] = min(v, 85) * factor
			}
		default:
			p := random.IntN(len(image))
			for range 1 + random.IntN(2*rows*cols) {
				image[p] = uint8(random.IntN(86))
				p = (p + []int{0, 1, cols, len(image) - 1}[random.IntN(4)]) % len(image)
			}
		}
	}
	return m
}

// bruteForce measures every image, and returns the k nearest of each query.
func bruteForce(t *testing.T, data, queries *imageset.Images[uint8], cell, k int) []Neighbour {
	t.Helper()
	g, err := newGrid(data.Rows, data.Cols, cell)
	if err != nil {
		t.Fatal(err)
	}
	s := newSolver(g)
	w, v := make([]int32, g.cells), make([]int32, g.cells)
	var found []Neighbour
	for q := range queries.N {
		W := g.levels(w, queries.At(q))
		all := make([]Neighbour, data.N)
		for i := range all {
			V := g.levels(v, data.At(i))
			all[i] = Neighbour{Index: int64(i), Distance: s.distance(w, W, v, V) * float64(cell)}
		}
		slices.SortFunc(all, Neighbour.Compare)
		found = append(found, all[:min(k, data.N)]...)
	}
	return found
}

func TestNearestIsBruteForce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct{ n, rows, cols, cell, k int }{
		{1, 4, 4, 2, 10},
		{17, 1, 1, 1, 3},
		{40, 1, 9, 1, 5},
		{40, 9, 1, 1, 5},
		{9, 6, 4, 2, 20},
		{500, 6, 4, 2, 1},
		{500, 8, 8, 2, 10},
		{500, 8, 8, 1, 10},
		{300, 28, 28, 14, 10},
		{300, 28, 28, 7, 10},
		{300, 28, 28, 4, 100},
		{100, 28, 28, 28, 7},
		{60, 12, 20, 1, 4},
	} {
		data := randomImages(random, c.n, c.rows, c.cols)
		queries := randomImages(random, 20, c.rows, c.cols)
		ix, err := New(data, 0, c.cell)
		if err != nil {
			t.Fatal(err)
		}
		last := 0
		got, err := ix.Nearest(queries, c.k, func(done, total int) {
			if done != last+1 || total != queries.N {
				t.Errorf("progress %d of %d follows %d", done, total, last)
			}
			last = done
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteForce(t, data, queries, c.cell, c.k); !slices.Equal(got, want) {
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("%+v: entry %d is %v, want %v", c, i, got[i], want[i])
					break
				}
			}
		}
		if last != queries.N {
			t.Errorf("%+v: progress ends at %d", c, last)
		}
	}
}

func TestNearestDigitsAreBruteForce(t *testing.T) {
	data, err := idx.ReadImages("../testdata/mnist/train1000.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	queries, err := idx.ReadImages("../testdata/mnist/query100.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	queries = queries.First(30)
	for _, cell := range []int{14, 7, 4} {
		ix, err := New(data, 0, cell)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ix.Nearest(queries, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, bruteForce(t, data, queries, cell, 10)) {
			t.Errorf("cells of %d: not the neighbours that brute force finds", cell)
		}
	}
}

// Blocks of all sizes, added in any order, give the neighbours that one block gives. So do indices
// of one block each, whose lists are merged.
func TestBlocksAreOneDataSet(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for _, cell := range []int{2, 8} {
		data, queries := randomImages(random, 500, 8, 8), randomImages(random, 21, 8, 8)
		for _, k := range []int{1, 10, 100} {
			want := bruteForce(t, data, queries, cell, k)
			for _, ends := range [][]int{{1, 500}, {7, 250, 500}, {32, 64, 300, 333, 500}} {
				var blocks []*imageset.Images[uint8]
				var firsts []int64
				from := 0
				for _, to := range ends {
					blocks = append(blocks, &imageset.Images[uint8]{
						N: to - from, Rows: 8, Cols: 8, Pix: data.Pix[from*64 : to*64],
					})
					firsts = append(firsts, int64(from))
					from = to
				}
				var ix *Index
				var parts [][]Neighbour // of the blocks
				for _, b := range random.Perm(len(blocks)) {
					one, err := New(blocks[b], firsts[b], cell)
					if err != nil {
						t.Fatal(err)
					}
					part, err := one.Nearest(queries, k, nil)
					if err != nil {
						t.Fatal(err)
					}
					parts = append(parts, part)
					if ix == nil {
						ix = one
					} else if err := ix.Add(blocks[b], firsts[b]); err != nil {
						t.Fatal(err)
					}
				}
				got, err := ix.Nearest(queries, k, nil)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("cells of %d, k=%d, blocks to %v: not the neighbours of one block",
						cell, k, ends)
				}
				for q := range queries.N {
					var lists [][]Neighbour
					for _, part := range parts {
						each := len(part) / queries.N
						lists = append(lists, part[q*each:(q+1)*each])
					}
					if got := nearest.Merge(k, lists...); !slices.Equal(got, want[q*k:(q+1)*k]) {
						t.Errorf("query %d, cells of %d, k=%d, blocks to %v: merged lists differ",
							q, cell, k, ends)
					}
				}
			}
		}
	}
}

// In the original a black image is at distance 0 from every other.
func TestNearestToBlack(t *testing.T) {
	data := &imageset.Images[uint8]{N: 4, Rows: 1, Cols: 2, Pix: []uint8{9, 9, 0, 0, 0, 9, 0, 0}}
	queries := &imageset.Images[uint8]{N: 2, Rows: 1, Cols: 2, Pix: []uint8{0, 0, 9, 0}}
	ix, err := New(data, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ix.Nearest(queries, 4, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Neighbour{
		{Index: 0, Distance: 0}, {Index: 1, Distance: 0},
		{Index: 2, Distance: 0}, {Index: 3, Distance: 0},
		{Index: 1, Distance: 0}, {Index: 3, Distance: 0},
		{Index: 0, Distance: 0.5}, {Index: 2, Distance: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("neighbours %v, want %v", got, want)
	}
}

func TestImpossibleInputIsAnError(t *testing.T) {
	images := func(n, rows, cols int) *imageset.Images[uint8] {
		return &imageset.Images[uint8]{N: n, Rows: rows, Cols: cols, Pix: make([]uint8, n*rows*cols)}
	}
	for _, c := range []struct {
		data *imageset.Images[uint8]
		cell int
		want string
	}{
		{images(0, 4, 4), 2, "no images"},
		{images(1, 4, 4), 3, "cells of 3 pixels do not divide images of 4x4 pixels"},
		{images(1, 4, 6), 4, "do not divide"},
		{images(1, 4, 4), 0, "do not divide"},
		{images(1, 4, 4), -2, "do not divide"},
		{images(1, 4, 4), 8, "do not divide"},
		{images(1, 64, 64), 1, "have 4096 cells; expected at most 1024"},
		{images(1, 4096, 4096), 512, "expected at most 8421504 pixels"},
	} {
		if _, err := New(c.data, 0, c.cell); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d images of %dx%d in cells of %d: error %v, want %q",
				c.data.N, c.data.Rows, c.data.Cols, c.cell, err, c.want)
		}
	}
	ix, err := New(images(3, 4, 4), 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ix.Nearest(images(1, 4, 2), 1, nil); err == nil {
		t.Errorf("queries of another size give no error")
	}
	for name, err := range map[string]error{
		"a block without images":      ix.Add(images(0, 4, 4), 3),
		"a block of another size":     ix.Add(images(3, 4, 2), 3),
		"a block of the same indices": ix.Add(images(3, 4, 4), 2),
	} {
		if err == nil {
			t.Errorf("%s gives no error", name)
		}
	}
	for _, k := range []int{0, -1} {
		if got, err := ix.Nearest(images(2, 4, 4), k, nil); err != nil || len(got) != 0 {
			t.Errorf("k=%d gives %v, error %v; want no neighbours", k, got, err)
		}
	}
}

// Bounds never exceed distances, beyond the tolerance for rounding.
func TestBoundsAreBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for _, c := range []struct{ n, rows, cols, cell int }{
		{12, 1, 300, 1}, {40, 2, 2, 1}, {40, 7, 5, 1},
		{40, 28, 28, 4}, {40, 12, 30, 2}, {10, 24, 24, 1},
	} {
		data := randomImages(random, c.n, c.rows, c.cols)
		ix, err := New(data, 0, c.cell)
		if err != nil {
			t.Fatal(err)
		}
		s := newSolver(ix.grid)
		w, v := make([]int32, ix.grid.cells), make([]int32, ix.grid.cells)
		tightest := 0.0
		for a := range data.N {
			for b := range a {
				W, V := ix.grid.levels(w, data.At(a)), ix.grid.levels(v, data.At(b))
				if W == 0 || V == 0 {
					continue
				}
				distance := s.distance(w, W, v, V)
				for i := range ix.axes {
					view := &ix.blocks[0].views[i]
					bound := view.bound(view.of(a), view.of(b))
					if bound > distance+tolerance {
						t.Errorf("%+v, %v: bound %v of distance %v",
							c, directions[i], bound, distance)
					}
					sum := metric.Manhattan(view.of(a), view.of(b))
					if sum > int64(view.reach(distance+tolerance)) {
						t.Errorf("%+v, %v: projections %d apart, beyond the reach of distance %v",
							c, directions[i], sum, distance)
					}
					if distance > 0 {
						tightest = max(tightest, bound/distance)
					}
				}
			}
		}
		if tightest < 0.9 {
			t.Errorf("%+v: the best bound is %v of its distance; expected some close one",
				c, tightest)
		}
	}
}
