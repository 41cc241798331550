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
func searchAll[P uint8 | uint16](images *candidates[P], queries view[P], l lists) search {
	points := images.points()
	return func(from, to int) {
		packed := metric.NewQueries[P](to-from, queries.Dim())
		for q := range to - from {
			copy(packed.At(q), queries.At(queries.of(from+q)))
		}
		scan := newScan(points)
		for p := 0; p < points.N; p += pointBlock {
			for q := range to - from {
				if q%metric.Quad == 0 {
					scan.measure(packed, q, p)
				}
				best := l.of(queries.of(from + q))
				for i, d := range scan.within(q%metric.Quad, best[l.k-1].Distance) {
					nearest.Insert(best, images.neighbour(i, int64(d)))
				}
			}
		}
	}
}

// searchPairs measures the distance of every pair by itself. Vectors may be so long that a distance
// exceeds 32 bits.
func searchPairs[P uint8 | uint16](images *candidates[P], queries view[P], l lists) search {
	return func(from, to int) {
		n := images.n()
		for p := 0; p < n; p += pointBlock {
			for q := from; q < to; q++ {
				best, query := l.of(queries.of(q)), queries.At(queries.of(q))
				for i := p; i < min(n, p+pointBlock); i++ {
					d := metric.Manhattan(query, images.At(images.of(i)))
					if d <= best[l.k-1].Distance {
						nearest.Insert(best, images.neighbour(i, d))
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
