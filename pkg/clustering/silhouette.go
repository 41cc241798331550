package clustering

import (
	"encoding/binary"
	"iter"
	"sync/atomic"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/parallel"
)

// distanceSums is, for every image i, the sum of its distances to all images of the cluster to[i]. lists are the images of the clusters.
//
// It is exact, and linear in the number of images: the sum of |v-x| over the values x that a pixel has in a cluster depends on v alone,
// so a cluster is a table of 256 sums a pixel, and an image's sum is one entry from the table of each of its pixels.
func distanceSums(images *idx.Images[uint8], lists [][]int32, to []int32) []int64 {
	askers := members(to, len(lists))
	sums := make([]int64, images.N)
	dim := images.Dim()
	tiles := (dim + tile - 1) / tile
	parallel.Do(len(lists)*tiles, func(jobs iter.Seq[int]) {
		var count [tile][256]uint32
		var table [tile][256]int64
		for job := range jobs {
			c, from := job/tiles, job%tiles*tile
			if len(askers[c]) == 0 {
				continue
			}
			width := min(tile, dim-from)
			countLevels(images, lists[c], from, width, &count)
			black := int64(0) // the sum for black pixels, to which table is relative
			for p := range width {
				black += differences(&count[p], &table[p])
			}
			for _, i := range askers[c] {
				atomic.AddInt64(&sums[i], black+tableSum(images.At(int(i))[from:from+width], &table))
			}
		}
	})
	return sums
}

// differences makes table[v]+black the sum of |v-x| over count[x] values x, for every v; black is that sum for v = 0.
func differences(count *[256]uint32, table *[256]int64) (black int64) {
	all := int64(0)
	for x, n := range count {
		all += int64(n)
		black += int64(x) * int64(n)
	}
	// From one v to the next, each x below goes one further away, every other comes one nearer.
	table[0] = 0
	below := int64(0)
	for v := 1; v < len(table); v++ {
		below += int64(count[v-1])
		table[v] = table[v-1] + below - (all - below)
	}
	return black
}

// tableSum adds up the table's entries for up to tile pixels; those of black pixels are 0.
func tableSum(pixels []uint8, table *[tile][256]int64) (sum int64) {
	p := 0
	for ; p+8 <= len(pixels); p += 8 {
		eight := (*[8]uint8)(pixels[p:])
		if binary.LittleEndian.Uint64(eight[:]) == 0 {
			continue
		}
		for q, v := range eight {
			sum += table[(p+q)%tile][v]
		}
	}
	for ; p < len(pixels); p++ {
		sum += table[p%tile][pixels[p]]
	}
	return sum
}
