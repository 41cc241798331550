package knn

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
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
			check("searchPairs", searchBy(t, searchPairs, data, queries, k))
			check("searchAll", searchBy(t, searchAll, data, queries, k))
			check("searchPruned", searchBy(t, searchPruned, data, queries, k))
		}
	}
}

// index returns an index of images numbered from 0.
func index[P uint8 | uint16](t testing.TB, images *imageset.Images[P]) *Index[P] {
	t.Helper()
	ix, err := New(images, 0)
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
func searchBy[P uint8 | uint16](t testing.TB, way func(*block[P], *outlinedImages[P], int) search,
	data, queries *imageset.Images[P], k int) []Neighbour {

	t.Helper()
	lists := make([]Neighbour, queries.N*k)
	nearest.Fill(lists)
	search := way(newBlock(outline(data), 0), outline(queries), k)
	told := 0
	queryBlocks(queries.N, func(done, total int) {
		if done <= told || total != queries.N {
			t.Errorf("progress: %d of %d after %d", done, total, told)
		}
		told = done
	}, func(from, to int) { search(lists[from*k:to*k], from, to) })
	if told != queries.N {
		t.Errorf("progress ends at %d of %d", told, queries.N)
	}
	return lists
}

// Blocks of all sizes, added in any order, give the neighbours that one block gives. So do indices
// of one block each, whose lists are merged.
func testBlocks[P uint8 | uint16](t *testing.T, rows, cols, levels int) {
	r := rand.New(rand.NewPCG(1, 5))
	data := random[P](r, 2200, rows, cols, levels)
	for _, n := range []int{3, 70} {
		queries := random[P](r, n, rows, cols, levels)
		for _, k := range []int{1, 3, 600} {
			want := naive(data, queries, k)
			for _, ends := range [][]int{
				{2200}, {1, 2200}, {7, 600, 2200}, {512, 1024, 1536, 2048, 2200},
			} {
				var blocks []*imageset.Images[P]
				var firsts []int64
				from := 0
				for _, to := range ends {
					dim := data.Dim()
					blocks = append(blocks, &imageset.Images[P]{
						N: to - from, Rows: rows, Cols: cols, Pix: data.Pix[from*dim : to*dim],
					})
					firsts = append(firsts, int64(from))
					from = to
				}
				var ix Index[P]
				var parts [][]Neighbour // of the blocks
				for _, b := range r.Perm(len(blocks)) {
					if err := ix.Add(blocks[b], firsts[b]); err != nil {
						t.Fatal(err)
					}
					one, err := New(blocks[b], firsts[b])
					if err != nil {
						t.Fatal(err)
					}
					part, err := one.Nearest(queries, k, nil)
					if err != nil {
						t.Fatal(err)
					}
					parts = append(parts, part)
				}
				got, err := ix.Nearest(queries, k, nil)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%d queries, k=%d, blocks to %v: not the neighbours of one block",
						n, k, ends)
				}
				for q := range n {
					var lists [][]Neighbour
					for _, part := range parts {
						each := len(part) / n
						lists = append(lists, part[q*each:(q+1)*each])
					}
					if got := nearest.Merge(k, lists...); !slices.Equal(got, want[q*k:(q+1)*k]) {
						t.Errorf("query %d of %d, k=%d, blocks to %v: merged lists differ",
							q, n, k, ends)
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
	packed := ix.blocks[0].coarse()
	if _, err := ix.Nearest(queries, 2, nil); err != nil {
		t.Fatal(err)
	}
	if ix.blocks[0].coarse() != packed {
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
		if got := searchBy(t, searchPruned, data, queries, k); !slices.Equal(got, want) {
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
	if _, err := New(images(0, 2, 3), 0); err == nil {
		t.Error("an index without images gives no error")
	}
	ix := index(t, images(3, 2, 3))
	for name, err := range map[string]error{
		"a block of another size":     ix.Add(images(3, 3, 2), 3),
		"a block of the same indices": ix.Add(images(3, 2, 3), 2),
		"a negative index":            ix.Add(images(3, 2, 3), -5),
	} {
		if err == nil {
			t.Errorf("%s gives no error", name)
		}
	}
	const want = "queries of 3x2 pixels; expected 2x3 as in the data set"
	if _, err := ix.Nearest(images(1, 3, 2), 1, nil); err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	_, _, err := must(NewLSH(images(3, 2, 3), 100, 1)).Nearest(images(1, 3, 2), 1, nil)
	if err == nil || err.Error() != want {
		t.Errorf("LSH: error %v, want %q", err, want)
	}
	for _, k := range []int{0, -1} {
		if got, err := ix.Nearest(images(2, 2, 3), k, nil); err != nil || len(got) != 0 {
			t.Errorf("k=%d gives %v, error %v; want no neighbours", k, got, err)
		}
	}
}
