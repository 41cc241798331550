// Package knn finds nearest neighbours in Manhattan distance: exactly, and by locality-sensitive hashing.
package knn

import (
	"math"
	"sort"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
)

// A Neighbour is an image of the data set and how far it is from a query.
type Neighbour struct {
	Index    int32 // of the image in the data set
	Distance int64 // sum of grey-level differences
}

// before tells whether n is nearer than m; of two equally near, the one with the lower index is.
func (n Neighbour) before(m Neighbour) bool {
	return n.Distance < m.Distance || n.Distance == m.Distance && n.Index < m.Index
}

const differentSizes = "knn: data and queries of different sizes"

// Nearest finds, for each query, its k nearest images of data, or all where there are fewer than k.
// The result is (queries.N, min(k, data.N)), each row by (distance, index). It panics where images of the two have different sizes.
func Nearest[P uint8 | uint16](data, queries *idx.Images[P], k int) []Neighbour {
	if data.Rows != queries.Rows || data.Cols != queries.Cols {
		panic(differentSizes)
	}
	k = min(k, data.N)
	nearest := make([]Neighbour, queries.N*k)
	if k <= 0 {
		return nearest
	}
	const (
		queryBlock = 64 // queries that share a point block while it is in the cache
		pointBlock = 256
	)
	parallel.Blocks(queries.N, queryBlock, func(from, to int) {
		for q := from; q < to; q++ {
			fill(nearest[q*k : (q+1)*k])
		}
		for p := 0; p < data.N; p += pointBlock {
			for q := from; q < to; q++ {
				best, query := nearest[q*k:(q+1)*k], queries.At(q)
				for i := p; i < min(data.N, p+pointBlock); i++ {
					insert(best, Neighbour{int32(i), metric.Manhattan(query, data.At(i))})
				}
			}
		}
	})
	return nearest
}

// fill sets best to neighbours farther than any image.
func fill(best []Neighbour) {
	for i := range best {
		best[i] = Neighbour{math.MaxInt32, math.MaxInt64}
	}
}

// insert puts n into the sorted list best if it is before the last, which drops out.
func insert(best []Neighbour, n Neighbour) {
	last := len(best) - 1
	if !n.before(best[last]) {
		return
	}
	at := sort.Search(last, func(i int) bool { return n.before(best[i]) })
	copy(best[at+1:], best[at:last])
	best[at] = n
}
