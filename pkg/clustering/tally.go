package clustering

import (
	"encoding/binary"
	"iter"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/parallel"
)

// A tally counts how many images of each cluster have which grey level in each pixel. It keeps the
// counts from pass to pass, so that only the images that move need counting.
type tally struct {
	images *imageset.Images[uint8]
	k      int
	count  [][256]uint32 // (dim, k); black pixels are not counted
}

// mostTallied bounds the tally's size: 2^16 of its histograms have 64 MiB.
const mostTallied = 1 << 16

// newTally returns an empty tally. It returns nil if the tally would be too large or if the images
// do not consist of grey levels.
func newTally[P uint8 | uint16](images *imageset.Images[P], k int) *tally {
	if tallySize(images, k) == 0 {
		return nil
	}
	grey := any(images).(*imageset.Images[uint8])
	return &tally{grey, k, make([][256]uint32, grey.Dim()*k)}
}

// tallySize returns the bytes of a tally, or 0 if newTally returns none.
func tallySize[P uint8 | uint16](images *imageset.Images[P], k int) float64 {
	if _, grey := any(images).(*imageset.Images[uint8]); !grey || k > mostTallied/images.Dim() {
		return 0
	}
	return float64(1024 * float64(images.Dim()*k))
}

// medians sets the centroids to the medians of the clusters in after, as the function medians does.
// It counts only the images whose cluster in after differs from that in before. In before, -1 is no
// cluster.
func (t *tally) medians(before, after []int32, centroids *imageset.Images[uint8]) {
	var moved []int
	size := make([]int, t.k)
	for i, c := range after {
		size[c]++
		if before[i] != c {
			moved = append(moved, i)
		}
	}
	dim := t.images.Dim()
	tiles := (dim + tile - 1) / tile
	parallel.Do(tiles, func(jobs iter.Seq[int]) {
		for job := range jobs {
			from, to := job*tile, min(dim, (job+1)*tile)
			for _, i := range moved {
				if c := before[i]; c >= 0 {
					t.add(i, int(c), from, to, ^uint32(0)) // minus one
				}
				t.add(i, int(after[i]), from, to, 1)
			}
			for c, n := range size {
				for p := from; p < to && n > 0; p++ {
					centroids.At(c)[p] = median(&t.count[p*t.k+c], n)
				}
			}
		}
	})
}

// add counts pixels from to to-1 of image i by n in cluster c. It skips eight black ones at a time.
func (t *tally) add(i, c, from, to int, n uint32) {
	pixels := t.images.At(i)
	p := from
	for ; p+8 <= to; p += 8 {
		eight := (*[8]uint8)(pixels[p:])
		if binary.LittleEndian.Uint64(eight[:]) == 0 {
			continue
		}
		for q, v := range eight {
			t.count[(p+q)*t.k+c][v] += n
		}
	}
	for ; p < to; p++ {
		t.count[p*t.k+c][pixels[p]] += n
	}
}

// median returns the value at index n/2 of n values in ascending order. It searches from above, so
// that values of 0 need no count.
func median(count *[256]uint32, n int) uint8 {
	above := uint32(n - 1 - n/2) // values after the median
	for v := 255; v > 0; v-- {
		if count[v] > above {
			return uint8(v)
		}
		above -= count[v]
	}
	return 0
}
