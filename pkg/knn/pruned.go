package knn

import (
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
)

// outlinesPay reports whether searchPruned is faster than searchAll for n images of dim values: if
// they are large compared with their outlines, and if they fill at least one block of points.
func outlinesPay(n, dim int) bool { return dim >= 256 && n >= pointBlock }

// packedOutlines are coarse outlines in the order of the kernels.
type packedOutlines[P uint8 | uint16] struct {
	points     metric.Points[P]
	largestErr []int64 // of each block of points
}

// pack packs the coarse outlines of the images of a view.
func (o *packedOutlines[P]) pack(v view[P]) {
	coarse, _ := v.outlines()
	n := v.n()
	o.points.Resize(n, coarse.cells)
	o.largestErr = resize(o.largestErr, (n+pointBlock-1)/pointBlock)
	clear(o.largestErr)
	for i := range n {
		o.points.Set(i, coarse.of(v.of(i)))
		o.largestErr[i/pointBlock] = max(o.largestErr[i/pointBlock], coarse.err[v.of(i)])
	}
}

// searchPruned finds the same neighbours as searchAll, ties included. It skips every image whose
// outline proves that it is farther than the k-th nearest so far. It tries the coarse outline, then
// the fine one, then measures the distance.
//
// If the lists are not full yet, the coarse outlines are compared with all queries twice. The first
// time searches the images with the nearest outlines, which tend to be near. Their distances limit
// what the second time has to look at. Full lists limit it by themselves.
func searchPruned[P uint8 | uint16](images *candidates[P], queries view[P], l lists) search {
	coarse, fine := images.outlines()
	packedCoarse := images.coarse()
	coarseQuery, fineQuery := queries.outlines()
	return func(from, to int) {
		packed := metric.NewQueries[P](to-from, coarse.cells)
		for q := range to - from {
			copy(packed.At(q), coarseQuery.of(queries.of(from+q)))
		}
		scan := newScan(&packedCoarse.points)
		limit := limits(scan, packed, images, queries, from, to, l)
		for p := 0; p < packedCoarse.points.N; p += pointBlock {
			largestErr := packedCoarse.largestErr[p/pointBlock]
			for q := range to - from {
				if q%metric.Quad == 0 {
					scan.measure(packed, q, p)
				}
				number := queries.of(from + q)
				best, query, outline := l.of(number), queries.At(number), fineQuery.of(number)
				coarseErr, fineErr := coarseQuery.err[number], fineQuery.err[number]
				most := best[l.k-1].Distance
				if limit != nil {
					most = min(most, limit[q])
				}
				reach := coarse.reach(most, coarseErr, largestErr)
				for i, apart := range scan.within(q%metric.Quad, reach) {
					image := images.of(i)
					if coarse.bound(int64(apart), coarseErr, coarse.err[image]) > most {
						continue
					}
					apart := metric.Manhattan(outline, fine.of(image))
					if fine.bound(apart, fineErr, fine.err[image]) > most {
						continue
					}
					nearest.Insert(best, images.neighbour(i, metric.Manhattan(query, images.At(image))))
					most = min(most, best[l.k-1].Distance)
				}
			}
		}
	}
}

// spare is the number of images that limits tries beyond k. The image with the nearest outline need
// not be the nearest.
const spare = 3

// limits returns an upper bound of the distance of each query's k-th nearest image: the k-th
// smallest distance to some images with near outlines, one each from some blocks of points. It
// returns nil if these are fewer than k, or if the lists of all queries are full.
func limits[P uint8 | uint16](s *scan[P], packed *metric.Queries[P], images *candidates[P],
	queries view[P], from, to int, l lists) []int64 {

	// Looking at every fourth block of points took less time in all than looking at each, although
	// the limit is a little higher.
	const stride = 4 * pointBlock
	k := l.k
	tried := min(k+spare, (s.points.N+stride-1)/stride)
	if tried < k || full(l, queries, from, to) {
		return nil
	}
	// (to-from, tried): the images with the nearest outlines, by the distance of the outlines
	candidates := newLists(to-from, tried)
	for p := 0; p < s.points.N; p += stride {
		for q := range to - from {
			if q%metric.Quad == 0 {
				s.measure(packed, q, p)
			}
			list := candidates.of(q)
			least := int64(metric.Smallest(s.of(q % metric.Quad)))
			if least >= list[tried-1].Distance {
				continue
			}
			for i := range s.within(q%metric.Quad, least) {
				nearest.Insert(list, Neighbour{Index: int64(i), Distance: least})
				break
			}
		}
	}
	limit := make([]int64, to-from)
	best := newLists(1, k).all
	for q := range limit {
		nearest.Fill(best)
		query := queries.At(queries.of(from + q))
		for _, c := range candidates.of(q) {
			if c != nearest.Farthest[int64]() {
				d := metric.Manhattan(query, images.At(images.of(int(c.Index))))
				nearest.Insert(best, Neighbour{Index: c.Index, Distance: d})
			}
		}
		limit[q] = best[k-1].Distance
	}
	return limit
}

// full reports whether the lists of the queries from to to-1 have k neighbours.
func full[P uint8 | uint16](l lists, queries view[P], from, to int) bool {
	for q := from; q < to; q++ {
		if l.of(queries.of(q))[l.k-1] == nearest.Farthest[int64]() {
			return false
		}
	}
	return true
}
