package clustering

import (
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
		var table [tile][256]int64
		for job := range jobs {
			c, from := job/tiles, job%tiles*tile
			if len(askers[c]) == 0 {
				continue
			}
			width := min(tile, dim-from)
			differenceTable(images, lists[c], from, table[:width])
			for _, i := range askers[c] {
				sum := int64(0)
				for p, v := range images.At(int(i))[from : from+width] {
					sum += table[p][v]
				}
				atomic.AddInt64(&sums[i], sum)
			}
		}
	})
	return sums
}

// differenceTable makes table[p][v] the sum of |v-x| over the values x of pixel from+p in the listed images.
func differenceTable(images *idx.Images[uint8], list []int32, from int, table [][256]int64) {
	clear(table)
	for _, i := range list {
		for p, v := range images.At(int(i))[from : from+len(table)] {
			table[p][v]++
		}
	}
	for p := range table {
		t := &table[p]
		count := *t
		// All differences to 0 first; from one value to the next, every x that is not above it goes one further away, every other comes one nearer.
		t[0] = 0
		for v, c := range count {
			t[0] += int64(v) * c
		}
		below := int64(0)
		for v := 1; v < len(t); v++ {
			below += count[v-1]
			t[v] = t[v-1] + below - (int64(len(list)) - below)
		}
	}
}
