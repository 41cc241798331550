package knn

import (
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
)

// outlinesPay reports whether searchPruned is faster than searchAll: if images are large compared
// with their outlines, and if they fill at least one block of points.
func outlinesPay[P uint8 | uint16](images *imageset.Images[P]) bool {
	return images.Dim() >= 256 && images.N >= pointBlock
}

// packedOutlines are coarse outlines in the order of the kernels.
type packedOutlines[P uint8 | uint16] struct {
	points     *metric.Points[P]
	largestErr []int64 // of each block of points
}

func packOutlines[P uint8 | uint16](images *outlinedImages[P]) *packedOutlines[P] {
	coarse, _ := images.outlines()
	o := &packedOutlines[P]{
		points:     metric.PackPoints(coarse.mean, images.N, coarse.cells),
		largestErr: make([]int64, (images.N+pointBlock-1)/pointBlock),
	}
	for i, e := range coarse.err {
		o.largestErr[i/pointBlock] = max(o.largestErr[i/pointBlock], e)
	}
	return o
}

// searchPruned finds the same neighbours as searchAll, ties included. It skips every image whose
// outline proves that it is farther than the k-th nearest so far. It tries the coarse outline, then
// the fine one, then measures the distance.
//
// The coarse outlines are compared with all queries twice. The first time searches the images with
// the nearest outlines, which tend to be near. Their distances limit what the second time has to
// look at.
func searchPruned[P uint8 | uint16](b *block[P], queries *outlinedImages[P], k int) search {
	coarse, fine := b.outlines()
	packedCoarse := b.coarse()
	coarseQuery, fineQuery := queries.outlines()
	return func(lists []Neighbour, from, to int) {
		packed := metric.PackQueries(
			coarseQuery.mean[from*coarse.cells:to*coarse.cells], to-from, coarse.cells)
		scan := newScan(packedCoarse.points)
		limit := limits(scan, packed, b, queries, from, to, k)
		for p := 0; p < b.N; p += pointBlock {
			largestErr := packedCoarse.largestErr[p/pointBlock]
			for q := range to - from {
				if q%metric.Quad == 0 {
					scan.measure(packed, q, p)
				}
				best, query, outline := lists[q*k:(q+1)*k], queries.At(from+q), fineQuery.of(from+q)
				coarseErr, fineErr := coarseQuery.err[from+q], fineQuery.err[from+q]
				most := min(limit[q], best[k-1].Distance)
				reach := coarse.reach(most, coarseErr, largestErr)
				for i, apart := range scan.within(q%metric.Quad, reach) {
					if coarse.bound(int64(apart), coarseErr, coarse.err[i]) > most {
						continue
					}
					apart := metric.Manhattan(outline, fine.of(i))
					if fine.bound(apart, fineErr, fine.err[i]) > most {
						continue
					}
					d := metric.Manhattan(query, b.At(i))
					nearest.Insert(best, Neighbour{Index: b.first + int64(i), Distance: d})
					most = min(most, best[k-1].Distance)
				}
			}
		}
	}
}

// spare is the number of images that limits tries beyond k. The image with the nearest outline need
// not be the nearest.
const spare = 3

// limits returns an upper bound of the distance of each query's k-th nearest image in b: the k-th
// smallest distance to some images with near outlines, one each from some blocks of points. If
// these are fewer than k, the bound is the largest number.
func limits[P uint8 | uint16](s *scan[P], packed *metric.Queries[P], b *block[P],
	queries *outlinedImages[P], from, to, k int) []int64 {

	// Looking at every fourth block of points took less time in all than looking at each, although
	// the limit is a little higher.
	const stride = 4 * pointBlock
	limit := make([]int64, to-from)
	for q := range limit {
		limit[q] = nearest.Farthest[int64]().Distance
	}
	tried := min(k+spare, (b.N+stride-1)/stride)
	if tried < k {
		return limit
	}
	// (to-from, tried): the images with the nearest outlines, by the distance of the outlines
	candidates := make([]Neighbour, (to-from)*tried)
	nearest.Fill(candidates)
	for p := 0; p < b.N; p += stride {
		for q := range to - from {
			if q%metric.Quad == 0 {
				s.measure(packed, q, p)
			}
			list := candidates[q*tried : (q+1)*tried]
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
	best := make([]Neighbour, k)
	for q := range limit {
		nearest.Fill(best)
		for _, c := range candidates[q*tried : (q+1)*tried] {
			if c != nearest.Farthest[int64]() {
				d := metric.Manhattan(queries.At(from+q), b.At(int(c.Index)))
				nearest.Insert(best, Neighbour{Index: c.Index, Distance: d})
			}
		}
		limit[q] = best[k-1].Distance
	}
	return limit
}
