package knn

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"imagesimilarity/pkg/idx"
)

// random is n images with values below levels: few levels give many equal distances.
func random[P uint8 | uint16](r *rand.Rand, n, rows, cols, levels int) *idx.Images[P] {
	m := &idx.Images[P]{N: n, Rows: rows, Cols: cols, Pix: make([]P, n*rows*cols)}
	for i := range m.Pix {
		m.Pix[i] = P(r.IntN(levels))
	}
	return m
}

// naive sorts the whole data set for each query.
func naive[P uint8 | uint16](data, queries *idx.Images[P], k int) []Neighbour {
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

func testNearest[P uint8 | uint16](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	full := int(^P(0)) + 1
	for _, c := range []struct {
		name                           string
		n, queries, rows, cols, levels int
	}{
		{"one point", 1, 3, 4, 4, full},
		{"one value", 50, 20, 1, 1, full},
		{"latent vectors", 777, 70, 1, 10, full},
		{"odd sizes", 513, 65, 3, 7, full},
		{"ties everywhere", 600, 40, 2, 5, 2},
		{"identical images", 100, 3, 4, 4, 1},
		{"images", 300, 30, 28, 28, full},
		{"no queries", 10, 0, 2, 2, full},
		{"no data", 0, 3, 2, 2, full},
	} {
		data := random[P](r, c.n, c.rows, c.cols, c.levels)
		queries := random[P](r, c.queries, c.rows, c.cols, c.levels)
		for _, k := range []int{1, 2, 10, 1000} {
			if got, want := Nearest(data, queries, k), naive(data, queries, k); !slices.Equal(got, want) {
				t.Errorf("%s, k=%d: not the neighbours that a full sort gives", c.name, k)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	t.Run("uint8", testNearest[uint8])
	t.Run("uint16", testNearest[uint16])
}

func TestNearestRefusesDifferentSizes(t *testing.T) {
	defer func() {
		if recover() != differentSizes {
			t.Errorf("want a panic with %q", differentSizes)
		}
	}()
	Nearest(&idx.Images[uint8]{Rows: 2, Cols: 3}, &idx.Images[uint8]{Rows: 3, Cols: 2}, 1)
}
