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

// search returns the k nearest images of data for each query.
func search(t *testing.T, data, queries *imageset.Images[uint8], k, cell int) []Neighbour {
	t.Helper()
	s, err := NewSearch(queries, k, cell)
	if err == nil {
		err = s.Add(data, 0, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.Nearest()
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
		s, err := NewSearch(queries, c.k, c.cell)
		if err != nil {
			t.Fatal(err)
		}
		last := 0
		err = s.Add(data, 0, func(done, total int) {
			if done != last+1 || total != queries.N {
				t.Errorf("progress %d of %d follows %d", done, total, last)
			}
			last = done
		})
		if err != nil {
			t.Fatal(err)
		}
		got := s.Nearest()
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
		want := bruteForce(t, data, queries, cell, 10)
		for _, size := range []int{1, 7, 512, data.N} {
			got := inBlocks(t, blocksOf(data, size), queries, 10, cell)
			if !slices.Equal(got, want) {
				t.Errorf("cells of %d, blocks of %d: not the neighbours that brute force finds",
					cell, size)
			}
		}
	}
}

// A part is some images of a data set.
type part struct {
	*imageset.Images[uint8]
	first int
}

// cut returns the images in parts that end where ends tells.
func cut(data *imageset.Images[uint8], ends ...int) (parts []part) {
	first := 0
	for _, end := range ends {
		dim := data.Dim()
		parts = append(parts, part{&imageset.Images[uint8]{
			N: end - first, Rows: data.Rows, Cols: data.Cols, Pix: data.Pix[first*dim : end*dim],
		}, first})
		first = end
	}
	return parts
}

// blocksOf returns the images in blocks of a size.
func blocksOf(data *imageset.Images[uint8], size int) []part {
	var ends []int
	for end := size; end < data.N; end += size {
		ends = append(ends, end)
	}
	return cut(data, append(ends, data.N)...)
}

// inBlocks returns the neighbours among images that come in parts. All blocks have the same memory,
// as those of a file.
func inBlocks(
	t *testing.T, parts []part, queries *imageset.Images[uint8], k, cell int,
) []Neighbour {
	t.Helper()
	s, err := NewSearch(queries, k, cell)
	if err != nil {
		t.Fatal(err)
	}
	var pix []uint8
	for _, p := range parts {
		pix = append(pix[:0], p.Pix...)
		again := *p.Images
		again.Pix = pix
		if err := s.Add(&again, int64(p.first), nil); err != nil {
			t.Fatal(err)
		}
	}
	return s.Nearest()
}

// Blocks of all sizes, added in any order, give the neighbours that one block gives. So do searches
// of one block each, whose lists are merged.
func TestBlocksAreOneDataSet(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for _, cell := range []int{1, 2, 8} {
		data, queries := randomImages(random, 300, 8, 8), randomImages(random, 9, 8, 8)
		all := bruteForce(t, data, queries, cell, data.N)
		for _, k := range []int{1, 10, 100, 400} {
			each := min(k, data.N)
			want := make([][]Neighbour, queries.N)
			for q := range want {
				want[q] = all[q*data.N:][:each]
			}
			whole := slices.Concat(want...)
			for name, parts := range map[string][]part{
				"of 1":   blocksOf(data, 1),
				"of 7":   blocksOf(data, 7),
				"of 512": blocksOf(data, 512),
				"mixed":  cut(data, 32, 64, 200, 233, 300),
				"grown":  cut(data, 1, 4, 40, 300),
			} {
				if name == "of 1" && k > 10 {
					continue
				}
				if got := inBlocks(t, parts, queries, k, cell); !slices.Equal(got, whole) {
					t.Errorf("cells of %d, k=%d, blocks %s: not the neighbours of one block",
						cell, k, name)
				}
				random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
				if got := inBlocks(t, parts, queries, k, cell); !slices.Equal(got, whole) {
					t.Errorf("cells of %d, k=%d, blocks %s in another order: not the neighbours "+
						"of one block", cell, k, name)
				}
				lists := make([][][]Neighbour, queries.N) // of each part
				for _, p := range parts {
					found := inBlocks(t, []part{p}, queries, k, cell)
					n := len(found) / queries.N
					for q := range lists {
						lists[q] = append(lists[q], found[q*n:(q+1)*n])
					}
				}
				for q := range queries.N {
					if got := nearest.Merge(k, lists[q]...); !slices.Equal(got, want[q]) {
						t.Errorf("query %d, cells of %d, k=%d, blocks %s: merged lists differ",
							q, cell, k, name)
					}
				}
			}
		}
	}
}

// Black images may be many, and all.
func TestBlackBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	data, queries := randomImages(random, 200, 4, 4), randomImages(random, 9, 4, 4)
	clear(data.Pix[:40*16])          // the first images are black
	clear(data.Pix[100*16 : 150*16]) // and some in the middle
	for _, k := range []int{1, 10, 95} {
		want := bruteForce(t, data, queries, 2, k)
		for _, size := range []int{1, 7, 50, 200} {
			if got := inBlocks(t, blocksOf(data, size), queries, k, 2); !slices.Equal(got, want) {
				t.Errorf("k=%d, blocks of %d: not the neighbours that brute force finds", k, size)
			}
		}
	}
}

// In the original a black image is at distance 0 from every other.
func TestNearestToBlack(t *testing.T) {
	data := &imageset.Images[uint8]{N: 4, Rows: 1, Cols: 2, Pix: []uint8{9, 9, 0, 0, 0, 9, 0, 0}}
	queries := &imageset.Images[uint8]{N: 2, Rows: 1, Cols: 2, Pix: []uint8{0, 0, 9, 0}}
	got := search(t, data, queries, 4, 1)
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
		queries *imageset.Images[uint8]
		cell    int
		want    string
	}{
		{images(1, 4, 4), 3, "cells of 3 pixels do not divide images of 4x4 pixels"},
		{images(1, 4, 6), 4, "do not divide"},
		{images(1, 4, 4), 0, "do not divide"},
		{images(1, 4, 4), -2, "do not divide"},
		{images(1, 4, 4), 8, "do not divide"},
		{images(1, 64, 64), 1, "have 4096 cells; expected at most 1024"},
		{images(1, 4096, 4096), 512, "expected at most 8421504 pixels"},
	} {
		q := c.queries
		_, err := NewSearch(q, 1, c.cell)
		for _, err := range []error{err, Check(q.Rows, q.Cols, c.cell)} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("images of %dx%d in cells of %d: error %v, want %q",
					q.Rows, q.Cols, c.cell, err, c.want)
			}
		}
	}
	s, err := NewSearch(images(2, 4, 4), 1, 2)
	if err == nil {
		err = s.Add(images(3, 4, 4), 0, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"a block without images":      s.Add(images(0, 4, 4), 3, nil),
		"a block of another size":     s.Add(images(3, 4, 2), 3, nil),
		"a block of the same indices": s.Add(images(3, 4, 4), 2, nil),
	} {
		if err == nil {
			t.Errorf("%s gives no error", name)
		}
	}
	for _, k := range []int{0, -1} {
		if got := search(t, images(3, 4, 4), images(2, 4, 4), k, 2); len(got) != 0 {
			t.Errorf("k=%d gives %v; want no neighbours", k, got)
		}
	}
	if got := search(t, images(3, 4, 4), images(0, 4, 4), 5, 2); len(got) != 0 {
		t.Errorf("no queries have the neighbours %v", got)
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
		f, err := newFrame(c.rows, c.cols, c.cell)
		if err != nil {
			t.Fatal(err)
		}
		var all block
		all.set(f, data, 0, 0)
		s := newSolver(f.grid)
		w, v := make([]int32, f.cells), make([]int32, f.cells)
		tightest := 0.0
		for a := range data.N {
			for b := range a {
				W, V := f.levels(w, data.At(a)), f.levels(v, data.At(b))
				if W == 0 || V == 0 {
					continue
				}
				distance := s.distance(w, W, v, V)
				for i := range all.views {
					view := &all.views[i]
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

// What was found in one part of a data set limits the search in the rest, and changes no list.
func TestFoundNeighboursLimitTheSearch(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 9))
	for range 20 {
		data, queries := randomImages(random, 2+random.IntN(80), 4, 6), randomImages(random, 9, 4, 6)
		const k, cell = 5, 2
		want := bruteForce(t, data, queries, cell, k)
		cut := 1 + random.IntN(data.N-1)
		before := search(t, data.First(cut), queries, k, cell)
		s, err := NewSearch(queries, k, cell)
		if err != nil {
			t.Fatal(err)
		}
		for q := range queries.N {
			each := min(k, cut)
			s.Found(q, before[q*each:(q+1)*each])
		}
		rest := imageset.Images[uint8]{N: data.N - cut, Rows: 4, Cols: 6, Pix: data.Pix[cut*24:]}
		if err := s.Add(&rest, int64(cut), nil); err != nil {
			t.Fatal(err)
		}
		for q := range queries.N {
			each := min(k, data.N)
			if got, want := s.List(q), want[q*each:(q+1)*each]; !slices.Equal(got, want) {
				t.Fatalf("query %d, cut at %d of %d: %v, want %v", q, cut, data.N, got, want)
			}
		}
	}
}
