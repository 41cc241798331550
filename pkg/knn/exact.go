// Package knn finds nearest neighbours in Manhattan distance: exactly, and by locality-sensitive hashing.
package knn

import (
	"math"
	"math/bits"
	"runtime"
	"sort"
	"sync"

	"imagesimilarity/pkg/imageset"
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
// progress, where it is not nil, is called after each block of queries, never twice at a time.
func Nearest[P uint8 | uint16](data, queries *imageset.Images[P], k int, progress func(done, total int)) []Neighbour {
	if data.Rows != queries.Rows || data.Cols != queries.Cols {
		panic(differentSizes)
	}
	k = min(k, data.N)
	if k <= 0 || queries.N == 0 {
		return nil
	}
	nearest := make([]Neighbour, queries.N*k)
	for i := range nearest {
		nearest[i] = farthest
	}
	const few = 64 // queries, too few to pay for rearranging the data
	switch images, ok := any(data).(*imageset.Images[uint8]); {
	case queries.N <= few || data.Dim() > metric.MaxDim[P]():
		searchPairs(nearest, data, queries, k, progress)
	case ok && outlinesPay(images):
		searchPruned(nearest, images, any(queries).(*imageset.Images[uint8]), k, progress)
	default:
		searchAll(nearest, data, queries, k, progress)
	}
	return nearest
}

// farthest comes after every neighbour.
var farthest = Neighbour{math.MaxInt32, math.MaxInt64}

// insert puts n into the sorted list best if it comes before the last, which drops out.
func insert(best []Neighbour, n Neighbour) {
	last := len(best) - 1
	if !n.before(best[last]) {
		return
	}
	at := sort.Search(last, func(i int) bool { return n.before(best[i]) })
	copy(best[at+1:], best[at:last])
	best[at] = n
}

// pointBlock is the number of points, whole tiles of them, that stay in the cache while a block of queries is compared with them.
const pointBlock = 16 * metric.Tile

// queryBlocks cuts n queries into blocks for the cores: large, because each block reads all points once more, but enough of them for all cores.
func queryBlocks(n int, progress func(done, total int), do func(from, to int)) {
	const largest = 256
	share := n/(2*runtime.GOMAXPROCS(0)) + 1
	var lock sync.Mutex
	done := 0
	parallel.Blocks(n, min(largest, (share+metric.Quad-1)/metric.Quad*metric.Quad), func(from, to int) {
		do(from, to)
		if progress != nil {
			lock.Lock()
			done += to - from
			progress(done, n)
			lock.Unlock()
		}
	})
}

// searchAll measures every distance.
func searchAll[P uint8 | uint16](nearest []Neighbour, data, queries *imageset.Images[P], k int, progress func(done, total int)) {
	dim := data.Dim()
	points := metric.PackPoints(data.Pix, data.N, dim)
	queryBlocks(queries.N, progress, func(from, to int) {
		packed := metric.PackQueries(queries.Pix[from*dim:to*dim], to-from, dim)
		scan := newScan(points)
		for p := 0; p < data.N; p += pointBlock {
			for q := from; q < to; q++ {
				if (q-from)%metric.Quad == 0 {
					scan.measure(packed, q-from, p)
				}
				best := nearest[q*k : (q+1)*k]
				for i, d := range scan.within((q-from)%metric.Quad, best[k-1].Distance) {
					insert(best, Neighbour{int32(i), int64(d)})
				}
			}
		}
	})
}

// A scan holds the distances of a quad of queries to a block of points.
type scan[P uint8 | uint16] struct {
	points   *metric.Points[P]
	first    int      // point of the block
	n        int      // points in the block, whole tiles
	distance []uint32 // (Quad, n)
	bits     [pointBlock / metric.Tile]uint32
}

func newScan[P uint8 | uint16](points *metric.Points[P]) *scan[P] {
	return &scan[P]{points: points, distance: make([]uint32, metric.Quad*pointBlock)}
}

// measure finds the distances of the quad of queries from q on to the block of points from first on.
// Places beyond the last point get the largest number.
func (s *scan[P]) measure(queries *metric.Queries[P], q, first int) {
	from, to := first/metric.Tile, metric.Tiles(min(s.points.N, first+pointBlock))
	s.first, s.n = first, (to-from)*metric.Tile
	s.distance = s.distance[:metric.Quad*s.n]
	s.points.Distances(s.distance, queries, q, from, to)
	if last := s.points.N - first; last < s.n {
		for q := range metric.Quad {
			for i := last; i < s.n; i++ {
				s.distance[q*s.n+i] = math.MaxUint32
			}
		}
	}
}

// of is the distances of query q of the quad.
func (s *scan[P]) of(q int) []uint32 { return s.distance[q*s.n : (q+1)*s.n] }

// within ranges over the points that are at most limit, which is not negative, from query q of the quad, in ascending order, with their distances.
func (s *scan[P]) within(q int, limit int64) func(yield func(point int, distance uint32) bool) {
	return func(yield func(int, uint32) bool) {
		distance := s.of(q)
		tiles := s.bits[:s.n/metric.Tile]
		metric.Within(tiles, distance, uint32(min(limit, math.MaxUint32)))
		for t, b := range tiles {
			for ; b != 0; b &= b - 1 {
				i := t*metric.Tile + bits.TrailingZeros32(b)
				if s.first+i < s.points.N && !yield(s.first+i, distance[i]) {
					return
				}
			}
		}
	}
}

// searchPairs measures every distance by itself, and so serves vectors so long that a distance may exceed 32 bits.
func searchPairs[P uint8 | uint16](nearest []Neighbour, data, queries *imageset.Images[P], k int, progress func(done, total int)) {
	queryBlocks(queries.N, progress, func(from, to int) {
		for p := 0; p < data.N; p += pointBlock {
			for q := from; q < to; q++ {
				best, query := nearest[q*k:(q+1)*k], queries.At(q)
				for i := p; i < min(data.N, p+pointBlock); i++ {
					insert(best, Neighbour{int32(i), metric.Manhattan(query, data.At(i))})
				}
			}
		}
	})
}
