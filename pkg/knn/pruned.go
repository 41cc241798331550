package knn

import (
	"slices"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
)

// outlinesPay tells whether searchPruned is faster than searchAll: where images are large compared with their outlines, and there are enough of them.
func outlinesPay(data *imageset.Images[uint8]) bool {
	return data.Dim() >= 256 && data.N >= pointBlock
}

// searchPruned passes over every image whose outline proves that it is farther than the k-th nearest so far. Two outlines of rising cost are tried,
// then the distance is measured. What is found is what searchAll finds, ties included.
//
// The coarse outlines are compared with all queries twice. The first time, the nearest outlines are looked for: the images behind them are near, and their
// distances limit what the second time has to look at.
func searchPruned(nearest []Neighbour, data, queries *imageset.Images[uint8], k int, progress func(done, total int)) {
	coarse, fine := newOutlines(data)
	coarseQuery, fineQuery := newOutlines(queries)
	points := metric.PackPoints(coarse.mean, data.N, coarse.cells)
	largestErr := make([]int64, (data.N+pointBlock-1)/pointBlock) // of each block
	for i, e := range coarse.err {
		largestErr[i/pointBlock] = max(largestErr[i/pointBlock], e)
	}

	queryBlocks(queries.N, progress, func(from, to int) {
		packed := metric.PackQueries(coarseQuery.mean[from*coarse.cells:to*coarse.cells], to-from, coarse.cells)
		scan := newScan(points)
		limit := limits(scan, packed, data, queries, from, to, k)
		for p := 0; p < data.N; p += pointBlock {
			for q := from; q < to; q++ {
				if (q-from)%metric.Quad == 0 {
					scan.measure(packed, q-from, p)
				}
				best, query, outline := nearest[q*k:(q+1)*k], queries.At(q), fineQuery.of(q)
				most := min(limit[q-from], best[k-1].Distance)
				for i, apart := range scan.within((q-from)%metric.Quad, coarse.reach(most, coarseQuery.err[q], largestErr[p/pointBlock])) {
					if coarse.bound(int64(apart), coarseQuery.err[q], coarse.err[i]) > most ||
						fine.bound(metric.Manhattan(outline, fine.of(i)), fineQuery.err[q], fine.err[i]) > most {
						continue
					}
					insert(best, Neighbour{int32(i), metric.Manhattan(query, data.At(i))})
					most = min(most, best[k-1].Distance)
				}
			}
		}
	})
}

// limits bounds, for each query, the distance of its k-th nearest image from above: by the k-th smallest distance to some images whose outlines
// are nearest, one from each of some blocks of points. It is the largest number where these are fewer than k.
func limits(s *scan[uint8], packed *metric.Queries[uint8], data, queries *imageset.Images[uint8], from, to, k int) []int64 {
	const (
		stride = 4 * pointBlock // to look at every fourth block is quicker in all than to look at each, though the limit is a little higher
		spare  = 3              // images more than k that are tried; the nearest outline need not be the nearest image's
	)
	limit := slices.Repeat([]int64{farthest.Distance}, to-from)
	tried := min(k+spare, (data.N+stride-1)/stride)
	if tried < k {
		return limit
	}
	candidates := make([]Neighbour, (to-from)*tried) // by the distance of outlines
	for i := range candidates {
		candidates[i] = farthest
	}
	for p := 0; p < data.N; p += stride {
		for q := range to - from {
			if q%metric.Quad == 0 {
				s.measure(packed, q, p)
			}
			nearest := candidates[q*tried : (q+1)*tried]
			least := int64(metric.Smallest(s.of(q % metric.Quad)))
			if least >= nearest[tried-1].Distance {
				continue
			}
			for i := range s.within(q%metric.Quad, least) {
				insert(nearest, Neighbour{int32(i), least})
				break
			}
		}
	}
	best := make([]Neighbour, k)
	for q := range limit {
		for i := range best {
			best[i] = farthest
		}
		for _, c := range candidates[q*tried : (q+1)*tried] {
			if c != farthest {
				insert(best, Neighbour{c.Index, metric.Manhattan(queries.At(from+q), data.At(int(c.Index)))})
			}
		}
		limit[q] = best[k-1].Distance
	}
	return limit
}
