package knn

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
)

// random is n images with values below levels: few levels give many equal distances.
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
			all[i] = Neighbour{int32(i), sum}
		}
		slices.SortFunc(all, func(a, b Neighbour) int {
			return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Index, b.Index))
		})
		nearest = append(nearest, all[:k]...)
	}
	return nearest
}

// The ways to search, and what chooses among them, against sorting the whole data set.
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
		{"no data", 0, 3, 2, 2, full},
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
			check("Nearest", Nearest(data, queries, k, nil))
			if len(first) == 0 {
				continue
			}
			check("searchPairs", search(t, searchPairs, data, queries, k))
			check("searchAll", search(t, searchAll, data, queries, k))
			if images, ok := any(data).(*imageset.Images[uint8]); ok {
				check("searchPruned", search(t, searchPruned, images, any(queries).(*imageset.Images[uint8]), k))
			}
		}
	}
}

func search[P uint8 | uint16](t testing.TB, way func([]Neighbour, *imageset.Images[P], *imageset.Images[P], int, func(done, total int)), data, queries *imageset.Images[P], k int) []Neighbour {
	t.Helper()
	nearest := slices.Repeat([]Neighbour{farthest}, queries.N*k)
	told := 0
	way(nearest, data, queries, k, func(done, total int) {
		if done <= told || total != queries.N {
			t.Errorf("progress: %d of %d after %d", done, total, told)
		}
		told = done
	})
	if told != queries.N {
		t.Errorf("progress ends at %d of %d", told, queries.N)
	}
	return nearest
}

func TestNearest(t *testing.T) {
	t.Run("uint8", testNearest[uint8])
	t.Run("uint16", testNearest[uint16])
}

// Images have nearer neighbours than noise has, so more is pruned, and limits are close.
func TestNearestOfDigits(t *testing.T) {
	data, queries := golden(t)
	for _, k := range []int{1, 3, 10} {
		want := naive(data, queries, k)
		if got := search(t, searchPruned, data, queries, k); !slices.Equal(got, want) {
			t.Errorf("k=%d: not the neighbours that a full sort gives", k)
		}
	}
}

// Distances above 32 bits need vectors of more than 65,537 values.
func TestNearestOfLongVectors(t *testing.T) {
	const n = 70_000
	data := &imageset.Images[uint16]{N: 3, Rows: 1, Cols: n, Pix: slices.Concat(
		slices.Repeat([]uint16{65535}, n), slices.Repeat([]uint16{65534}, n), slices.Repeat([]uint16{65535}, n))}
	queries := &imageset.Images[uint16]{N: 70, Rows: 1, Cols: n, Pix: make([]uint16, 70*n)}
	got := Nearest(data, queries, 3, nil)
	if want := []Neighbour{{1, 65534 * n}, {0, 65535 * n}, {2, 65535 * n}}; !slices.Equal(got[3*69:], want) {
		t.Errorf("%v, want %v", got[3*69:], want)
	}
}

func TestNearestRefusesDifferentSizes(t *testing.T) {
	defer func() {
		if recover() != differentSizes {
			t.Errorf("want a panic with %q", differentSizes)
		}
	}()
	Nearest(&imageset.Images[uint8]{Rows: 2, Cols: 3}, &imageset.Images[uint8]{Rows: 3, Cols: 2}, 1, nil)
}
