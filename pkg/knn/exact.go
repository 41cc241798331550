package knn

import (
	"math"
	"math/bits"

	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
)

// pointBlock is the number of points that are compared with a block of queries before the next
// ones. 512 points of 49 to 784 bytes stay in the cache of a core, at most 392 KiB.
const pointBlock = 16 * metric.Tile

// searchAll measures every distance.
func searchAll[P uint8 | uint16](b *block[P], queries *outlinedImages[P], k int) search {
	dim, points := b.Dim(), b.points()
	return func(lists []Neighbour, from, to int) {
		packed := metric.PackQueries(queries.Pix[from*dim:to*dim], to-from, dim)
		scan := newScan(points)
		for p := 0; p < b.N; p += pointBlock {
			for q := range to - from {
				if q%metric.Quad == 0 {
					scan.measure(packed, q, p)
				}
				best := lists[q*k : (q+1)*k]
				for i, d := range scan.within(q%metric.Quad, best[k-1].Distance) {
					nearest.Insert(best, Neighbour{Index: b.first + int64(i), Distance: int64(d)})
				}
			}
		}
	}
}

// searchPairs measures the distance of every pair by itself. Vectors may be so long that a distance
// exceeds 32 bits.
func searchPairs[P uint8 | uint16](b *block[P], queries *outlinedImages[P], k int) search {
	return func(lists []Neighbour, from, to int) {
		for p := 0; p < b.N; p += pointBlock {
			for q := range to - from {
				best, query := lists[q*k:(q+1)*k], queries.At(from+q)
				for i := p; i < min(b.N, p+pointBlock); i++ {
					d := metric.Manhattan(query, b.At(i))
					if d <= best[k-1].Distance {
						nearest.Insert(best, Neighbour{Index: b.first + int64(i), Distance: d})
					}
				}
			}
		}
	}
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

// measure computes the distances of the quad of queries from q on to the block of points from first
// on. Places beyond the last point get the largest number.
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

// of returns the distances of query q of the quad.
func (s *scan[P]) of(q int) []uint32 { return s.distance[q*s.n : (q+1)*s.n] }

// within returns the points whose distance from query q of the quad is at most limit, in ascending
// order, and the distances. limit is not negative.
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
