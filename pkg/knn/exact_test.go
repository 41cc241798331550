package knn

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/memory/memorytest"
	"imagesimilarity/pkg/nearest"
)

// random returns n images with values below levels. Few levels give many equal distances.
func random[P uint8 | uint16](r *rand.Rand, n, rows, cols, levels int) *imageset.Images[P] {
	m := &imageset.Images[P]{N: n, Rows: rows, Cols: cols, Pix: make([]P, n*rows*cols)}
	for i := range m.Pix {
		m.Pix[i] = P(r.IntN(levels))
	}
	return m
}

// naive sorts the whole data set for each query.
func naive[P uint8 | uint16](data, queries *imageset.Images[P], k int) []Neighbour {
	k = min(k, data.N)
	var nearest []Neighbour
	for q := range queries.N {
		all := make([]Neighbour, data.N)
		for i := range all {
			var sum int64
			for j, x := range queries.At(q) {
				d := int64(x) - int64(data.At(i)[j])
				sum += max(d, -d)
			}
			all[i] = Neighbour{Index: int64(i), Distance: sum}
		}
		slices.SortFunc(all, func(a, b Neighbour) int {
			return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Index, b.Index))
		})
		nearest = append(nearest, all[:k]...)
	}
	return nearest
}

// testNearest compares the ways to search, and the choice among them, with a full sort.
func testNearest[P uint8 | uint16](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	full := int(^P(0)) + 1
	for _, c := range []struct {
		name                           string
		n, queries, rows, cols, levels int
	}{
		{"one point", 1, 70, 4, 4, full},
		{"one value", 50, 70, 1, 1, full},
		{"few queries", 777, 7, 1, 10, full},
		{"latent vectors", 777, 70, 1, 10, full},
		{"odd sizes", 513, 65, 3, 7, full},
		{"ties everywhere", 600, 66, 2, 5, 2},
		{"many blocks", 4500, 65, 1, 3, full},
		{"identical images", 600, 65, 16, 16, 1},
		{"images", 530, 65, 28, 28, full},
		{"black and white images", 515, 65, 28, 28, 2},
		{"cells with a border", 520, 65, 17, 19, full},
		{"cells of 8x8", 512, 65, 40, 33, full},
		{"one row", 512, 65, 1, 300, full},
		{"one column", 512, 65, 300, 1, full},
		{"two columns", 512, 65, 150, 2, full},
		{"no queries", 10, 0, 2, 2, full},
	} {
		data := random[P](r, c.n, c.rows, c.cols, c.levels)
		queries := random[P](r, c.queries, c.rows, c.cols, c.levels)
		want := naive(data, queries, c.n)
		for _, k := range []int{1, 2, 10, 1000} {
			k := min(k, c.n)
			var first []Neighbour // k of each query
			for q := range c.queries {
				first = append(first, want[q*c.n:][:k]...)
			}
			check := func(way string, got []Neighbour) {
				if !slices.Equal(got, first) {
					t.Errorf("%s, k=%d, %s: not the neighbours that a full sort gives", c.name, k, way)
				}
			}
			ix := index(t, data)
			for _, round := range []string{"Nearest", "Nearest again"} {
				got, err := ix.Nearest(queries, k, nil)
				if err != nil {
					t.Fatal(err)
				}
				check(round, got)
			}
			if len(first) == 0 {
				continue
			}
			check("pairs", searchBy(t, pairs, data, queries, k))
			check("all", searchBy(t, all, data, queries, k))
			check("pruned", searchBy(t, pruned, data, queries, k))
		}
	}
}

// index returns an index of images numbered from 0.
func index[P uint8 | uint16](t testing.TB, images *imageset.Images[P]) *Index[P] {
	t.Helper()
	ix, err := New(images.Set())
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

// exact returns the k nearest images of each query.
func exact(t testing.TB, data, queries *imageset.Images[uint8], k int) []Neighbour {
	t.Helper()
	found, err := index(t, data).Nearest(queries, k, nil)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// searchBy searches by one way, and checks its progress.
func searchBy[P uint8 | uint16](t testing.TB, w way, data, queries *imageset.Images[P],
	k int) []Neighbour {

	t.Helper()
	lists := newLists(queries.N, k)
	asked := view[P]{outlined: &outlined[P]{Images: queries}}
	search := newSearch(w, NewBlock(data, 0).candidates(), asked, lists)
	told := 0
	queryBlocks(queries.N, func(done, total int) {
		if done <= told || total != queries.N {
			t.Errorf("progress: %d of %d after %d", done, total, told)
		}
		told = done
	}, search)
	if told != queries.N {
		t.Errorf("progress ends at %d of %d", told, queries.N)
	}
	return lists.all
}

// cut returns the parts of images that end at ends, and the index of the first image of each.
func cut[P uint8 | uint16](m *imageset.Images[P], ends []int) (
	parts []*imageset.Images[P], firsts []int64) {

	from, dim := 0, m.Dim()
	for _, to := range ends {
		parts = append(parts, &imageset.Images[P]{
			N: to - from, Rows: m.Rows, Cols: m.Cols, Pix: m.Pix[from*dim : to*dim],
		})
		firsts = append(firsts, int64(from))
		from = to
	}
	return parts, firsts
}

// every returns the ends of blocks of size images, of n.
func every(n, size int) (ends []int) {
	for end := size; end < n; end += size {
		ends = append(ends, end)
	}
	return append(ends, n)
}

// Blocks of all sizes, added in any order, give the neighbours that one block gives. So do searches
// of one block each, whose lists are merged, and blocks that take the place of others.
func testBlocks[P uint8 | uint16](t *testing.T, rows, cols, levels int) {
	r := rand.New(rand.NewPCG(1, 5))
	const size = 2200
	data := random[P](r, size, rows, cols, levels)
	for _, n := range []int{3, 70} {
		queries := random[P](r, n, rows, cols, levels)
		for _, k := range []int{1, 3, 600} {
			want := naive(data, queries, k)
			for _, ends := range [][]int{
				{size}, {1, size}, {7, 600, size}, every(size, 1), every(size, 7), every(size, 512),
			} {
				what := fmt.Sprintf("%d queries, k=%d, %d blocks", n, k, len(ends))
				if len(ends) > size/2 && k > 3 {
					continue // merging as many long lists takes seconds
				}
				blocks, firsts := cut(data, ends)
				add := func(s *Search[P], b *Block[P]) {
					if err := s.Add(b, nil); err != nil {
						t.Fatal(err)
					}
				}
				whole, again := must(NewSearch(queries, k)), must(NewSearch(queries, k))
				var parts [][]Neighbour // of the blocks
				held := new(Block[P])
				for _, i := range r.Perm(len(blocks)) {
					b := NewBlock(blocks[i], firsts[i])
					add(whole, b)
					held.Hold(blocks[i], firsts[i])
					add(again, held)
					one := must(NewSearch(queries, k))
					add(one, b)
					parts = append(parts, one.Nearest())
				}
				if !slices.Equal(whole.Nearest(), want) || !slices.Equal(again.Nearest(), want) {
					t.Errorf("%s: not the neighbours of one block", what)
				}
				for q := range n {
					var lists [][]Neighbour
					for _, part := range parts {
						each := len(part) / n
						lists = append(lists, part[q*each:(q+1)*each])
					}
					if got := nearest.Merge(k, lists...); !slices.Equal(got, want[q*k:(q+1)*k]) {
						t.Errorf("%s, query %d: merged lists differ", what, q)
					}
				}
			}
		}
	}
}

// stored returns the images as a set that is not kept in memory.
func stored[P uint8 | uint16](m *imageset.Images[P], block int) *imageset.Set[P] {
	return imageset.NewSet(m.N, m.Rows, m.Cols, block, func(dst []P, first int) error {
		copy(dst, m.Pix[first*m.Dim():])
		return nil
	})
}

// A set that is not kept gives the answers of one that is, to the width of LSH's grid, too. The
// progress never falls and ends at the number of queries.
func TestStoredSets(t *testing.T) {
	data, queries := golden(t)
	kept := index(t, data)
	width := must(Width(kept, nil))
	hash := func(textbook bool) *LSH {
		if textbook {
			return must(NewTextbookLSH(int64(data.N), data.Rows, data.Cols, width, 4, 3))
		}
		return must(NewLSH(int64(data.N), data.Rows, data.Cols, width, 4))
	}
	told := 0
	tell := func(done, total int) {
		if done < told || total != queries.N {
			t.Errorf("progress: %d of %d after %d", done, total, told)
		}
		told = done
	}
	end := func() {
		if told != queries.N {
			t.Errorf("progress ends at %d of %d", told, queries.N)
		}
		told = 0
	}
	for _, block := range []int{1, 7, 512, 5000} {
		set := stored(data, block)
		ix := must(New(set))
		if ix.Kept() != nil {
			t.Error("a stored set is kept")
		}
		if got := must(Width(ix, nil)); got != width {
			t.Errorf("blocks of %d: width %d, want %d", block, got, width)
		}
		if set.Passes() != 1 {
			t.Errorf("the width takes %d passes, want 1", set.Passes())
		}
		for _, k := range []int{1, 3} {
			want, got := must(kept.Nearest(queries, k, nil)), must(ix.Nearest(queries, k, tell))
			if !slices.Equal(got, want) {
				t.Errorf("k=%d, blocks of %d: not the neighbours of one block", k, block)
			}
			end()
			for _, textbook := range []bool{false, true} {
				l := hash(textbook)
				got, candidates, err := l.Nearest(ix, queries, k, tell)
				if err != nil {
					t.Fatal(err)
				}
				end()
				if err := l.Keep(kept.Kept(), nil); err != nil {
					t.Fatal(err)
				}
				want, count, err := l.Nearest(kept, queries, k, nil)
				if err != nil || !slices.Equal(got, want) || candidates != count {
					t.Errorf("LSH, k=%d, blocks of %d, textbook %v: %d candidates, want %d; error %v",
						k, block, textbook, candidates, count, err)
				}
			}
		}
	}
}

// Memory for outlines is asked for before a block makes them, but not for few queries, nor twice
// for the same memory.
func TestOutlinesAreAskedFor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 8))
	data, less := random[uint8](r, 600, 16, 16, 3), random[uint8](r, 550, 16, 16, 3)
	block := NewBlock(data, 0)
	for _, c := range []struct {
		what    string
		queries int
		hold    *imageset.Images[uint8] // before
		want    float64
	}{
		{"few queries", few, nil, 0},
		{"many queries", 100, nil, outlinesSize(data)},
		{"the same images", 100, nil, 0},
		{"fewer images", 100, less, 0},
		{"as many images as before", 100, data, 0},
	} {
		if c.hold != nil {
			block.Hold(c.hold, 0)
		}
		got := 0.0
		for _, need := range memorytest.Needs(func() {
			if err := block.Outline(c.queries); err != nil {
				t.Error(err)
			}
		}) {
			got += need.Bytes
		}
		if got != c.want {
			t.Errorf("%s: asks for %v bytes, want %v", c.what, got, c.want)
		}
	}
	defer memory.SetBudget(0)
	memory.SetBudget(1)
	another := NewBlock(data, 0)
	if err := another.Outline(100); !errors.As(err, new(*memory.Error)) || another.once.isDone() {
		t.Errorf("without memory: error %v, outlines made: %t", err, another.once.isDone())
	}
}

// Indices may be as high as 64 bits allow.
func TestLargestIndices(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	data, queries := random[uint8](r, 600, 16, 16, 3), random[uint8](r, 70, 16, 16, 3)
	want := naive(data, queries, 3)
	parts, _ := cut(data, []int{512, 600})
	hash := must(NewLSH(600, 16, 16, 0, 1)) // one bucket
	for _, first := range []int64{math.MaxInt32 - 300, math.MaxInt64 - 600} {
		for _, n := range []int{70, 3} { // by two ways
			some := queries.First(n)
			s, l := must(NewSearch(some, 3)), must(hash.Search(some, 3))
			for i, part := range parts {
				b := NewBlock(part, first+int64(512*i))
				for _, err := range []error{s.Add(b, nil), l.Add(b, nil)} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			lsh, _ := l.Nearest()
			for way, got := range map[string][]Neighbour{"exact": s.Nearest(), "LSH": lsh} {
				for i, neighbour := range got {
					neighbour.Index -= first
					if neighbour != want[i] {
						t.Fatalf("%s, first index %d: %v, want %v", way, first, neighbour, want[i])
					}
				}
			}
		}
	}
}

func TestBlocksAreOneDataSet(t *testing.T) {
	t.Run("images", func(t *testing.T) { testBlocks[uint8](t, 16, 16, 3) })
	t.Run("latent vectors", func(t *testing.T) { testBlocks[uint16](t, 1, 10, 4) })
}

// An index packs its images once, whatever is asked.
func TestIndexKeepsWhatItPacked(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	ix := index(t, random[uint8](r, 600, 16, 16, 256))
	queries := random[uint8](r, 70, 16, 16, 256)
	if _, err := ix.Nearest(queries, 1, nil); err != nil {
		t.Fatal(err)
	}
	if !ix.Kept().coarseOnce.isDone() {
		t.Fatal("the outlines were not packed")
	}
	packed := ix.Kept().coarsePoints()
	packed.largestErr[0]-- // a mark
	want := packed.largestErr[0]
	if _, err := ix.Nearest(queries, 2, nil); err != nil {
		t.Fatal(err)
	}
	if packed.largestErr[0] != want {
		t.Error("the outlines were packed again")
	}
}

func TestNearest(t *testing.T) {
	t.Run("uint8", testNearest[uint8])
	t.Run("uint16", testNearest[uint16])
}

// Digits have nearer neighbours than noise, so more is pruned, and limits are close.
func TestNearestOfDigits(t *testing.T) {
	data, queries := golden(t)
	for _, k := range []int{1, 3, 10} {
		want := naive(data, queries, k)
		if got := searchBy(t, pruned, data, queries, k); !slices.Equal(got, want) {
			t.Errorf("k=%d: not the neighbours that a full sort gives", k)
		}
	}
}

// Distances above 32 bits need vectors of more than 65,537 values.
func TestNearestOfLongVectors(t *testing.T) {
	const n = 70_000
	data := &imageset.Images[uint16]{N: 3, Rows: 1, Cols: n, Pix: slices.Concat(
		slices.Repeat([]uint16{65535}, n),
		slices.Repeat([]uint16{65534}, n),
		slices.Repeat([]uint16{65535}, n),
	)}
	queries := &imageset.Images[uint16]{N: 70, Rows: 1, Cols: n, Pix: make([]uint16, 70*n)}
	got, err := index(t, data).Nearest(queries, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Neighbour{
		{Index: 1, Distance: 65534 * n}, {Index: 0, Distance: 65535 * n},
		{Index: 2, Distance: 65535 * n},
	}
	if !slices.Equal(got[3*69:], want) {
		t.Errorf("%v, want %v", got[3*69:], want)
	}
}

func TestImpossibleInputIsAnError(t *testing.T) {
	images := func(n, rows, cols int) *imageset.Images[uint8] {
		return &imageset.Images[uint8]{
			N: n, Rows: rows, Cols: cols, Pix: make([]uint8, n*rows*cols),
		}
	}
	if _, err := New(images(0, 2, 3).Set()); err == nil {
		t.Error("an index without images gives no error")
	}
	ix := index(t, images(3, 2, 3))
	lsh := must(NewLSH(3, 2, 3, 100, 1))
	exact := must(NewSearch(images(1, 2, 3), 1))
	buckets := must(lsh.Search(images(1, 2, 3), 1))
	for name, add := range map[string]func(b *Block[uint8]) error{
		"Search": func(b *Block[uint8]) error { return exact.Add(b, nil) },
		"LSH":    func(b *Block[uint8]) error { return buckets.Add(b, nil) },
	} {
		if err := add(NewBlock(images(3, 2, 3), 0)); err != nil {
			t.Fatal(err)
		}
		for what, b := range map[string]*Block[uint8]{
			"a block of another size":     NewBlock(images(3, 3, 2), 3),
			"a block of the same indices": NewBlock(images(3, 2, 3), 2),
			"a negative index":            NewBlock(images(3, 2, 3), -5),
			"a block without images":      NewBlock(images(0, 2, 3), 3),
		} {
			if err := add(b); err == nil {
				t.Errorf("%s: %s gives no error", name, what)
			}
		}
	}
	fault := errors.New("fault")
	broken := must(New(imageset.NewSet(9, 2, 3, 4, func([]uint8, int) error { return fault })))
	if _, err := broken.Nearest(images(1, 2, 3), 1, nil); err != fault {
		t.Errorf("images that cannot be read: error %v", err)
	}
	if _, _, err := lsh.Nearest(broken, images(1, 2, 3), 1, nil); err != fault {
		t.Errorf("LSH, images that cannot be read: error %v", err)
	}
	if _, err := Width(broken, nil); err != fault {
		t.Errorf("the width of images that cannot be read: error %v", err)
	}
	const want = "queries of 3x2 pixels; expected 2x3 as in the data set"
	if _, err := ix.Nearest(images(1, 3, 2), 1, nil); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	_, _, err := lsh.Nearest(ix, images(1, 3, 2), 1, nil)
	if err == nil || err.Error() != want {
		t.Errorf("LSH: error %v, want %q", err, want)
	}
	for _, k := range []int{0, -1} {
		if got, err := ix.Nearest(images(2, 2, 3), k, nil); err != nil || len(got) != 0 {
			t.Errorf("k=%d gives %v, error %v; want no neighbours", k, got, err)
		}
	}
}

// What was found in one part of a data set limits the search in the rest, and changes no list.
func TestFoundNeighboursLimitTheSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 21))
	for range 30 {
		const k, rows, cols = 5, 16, 17
		random := func(n int) *imageset.Images[uint8] {
			m := &imageset.Images[uint8]{N: n, Rows: rows, Cols: cols, Pix: make([]uint8, n*rows*cols)}
			for i := range m.Pix {
				m.Pix[i] = uint8(r.IntN(2) * r.IntN(256))
			}
			return m
		}
		data, queries := random(2+r.IntN(1500)), random(1+r.IntN(100))
		cut := 1 + r.IntN(data.N-1)
		search := func() *Search[uint8] {
			s, err := NewSearch(queries, k)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		add := func(s *Search[uint8], from, to int) {
			one := rows * cols
			part := &imageset.Images[uint8]{
				N: to - from, Rows: rows, Cols: cols, Pix: data.Pix[from*one : to*one],
			}
			if err := s.Add(NewBlock(part, int64(from)), nil); err != nil {
				t.Fatal(err)
			}
		}
		whole, before, rest := search(), search(), search()
		add(whole, 0, data.N)
		add(before, 0, cut)
		for q := range queries.N {
			rest.Found(q, before.List(q))
		}
		add(rest, cut, data.N)
		for q := range queries.N {
			if got, want := rest.List(q), whole.List(q); !slices.Equal(got, want) {
				t.Fatalf("query %d, cut at %d of %d: %v, want %v", q, cut, data.N, got, want)
			}
		}
	}
}
