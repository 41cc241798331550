package clustering

import (
	"encoding/binary"
	"iter"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/parallel"
)

// tile is the number of pixels that are counted together: a cache line of 8-bit pixels. Their
// counts, 64 KiB, stay in the cache of a core.
const tile = 64

// members returns the images of each of k clusters, in ascending order.
func members(label []int32, k int) [][]int32 {
	size := make([]int, k)
	for _, c := range label {
		size[c]++
	}
	all := make([]int32, len(label))
	lists := make([][]int32, k)
	for c, from := 0, 0; c < k; c++ {
		lists[c] = all[from : from : from+size[c]]
		from += size[c]
	}
	for i, c := range label {
		lists[c] = append(lists[c], int32(i))
	}
	return lists
}

// medians sets each centroid to the median of its cluster's images, pixel by pixel. The median of s
// values in ascending order is the one at index s/2, the upper of two middle ones. The centroid of
// an empty cluster stays as it is.
func medians[P uint8 | uint16](images *imageset.Images[P], label []int32,
	centroids *imageset.Images[P]) {

	lists := members(label, centroids.N)
	dim := images.Dim()
	tiles := (dim + tile - 1) / tile
	parallel.Do(centroids.N*tiles, func(jobs iter.Seq[int]) {
		var count [tile][256]uint32
		for job := range jobs {
			list, from := lists[job/tiles], job%tiles*tile
			if len(list) > 0 {
				median := centroids.At(job / tiles)[from:min(dim, from+tile)]
				tileMedians(images, list, from, median, &count)
			}
		}
	})
}

// tileMedians computes the medians of len(median) <= tile pixels, from pixel from on, over the
// listed images. It counts the highest bytes of the values, which gives the highest byte of the
// median. Then it counts the next bytes of the values that share it. This takes one round for 8-bit
// pixels, two for 16-bit ones.
func tileMedians[P uint8 | uint16](images *imageset.Images[P], list []int32, from int,
	median []P, count *[tile][256]uint32) {

	var rank [tile]uint32 // number of the values still possible that are below the median
	for p := range median {
		median[p], rank[p] = 0, uint32(len(list)/2)
	}
	shift := 0
	if ^P(0) > 0xff {
		shift = 8
	}
	for ; shift >= 0; shift -= 8 {
		if grey, ok := any(images).(*imageset.Images[uint8]); ok {
			countLevels(grey, list, from, len(median), count)
		} else {
			countBytes(images, list, from, median, shift, count)
		}
		for p := range median {
			byte := 0
			for ; rank[p] >= count[p][byte]; byte++ {
				rank[p] -= count[p][byte]
			}
			median[p] |= P(byte << shift)
		}
	}
}

// countBytes counts bytes of len(prefix) pixels, from pixel from on: the byte at shift of every
// value that agrees with prefix above that byte.
func countBytes[P uint8 | uint16](images *imageset.Images[P], list []int32, from int,
	prefix []P, shift int, count *[tile][256]uint32) {

	clear(count[:len(prefix)])
	for _, i := range list {
		for p, v := range images.At(int(i))[from : from+len(prefix)] {
			if v>>(shift+8) == prefix[p]>>(shift+8) {
				count[p][uint8(v>>shift)]++
			}
		}
	}
}

// countLevels counts the grey levels of width pixels, from pixel from on. It skips eight pixels at
// a time if all are black, as most of a digit is.
func countLevels(images *imageset.Images[uint8], list []int32, from, width int,
	count *[tile][256]uint32) {

	clear(count[:width])
	for _, i := range list {
		pixels := images.At(int(i))[from : from+width]
		p := 0
		for ; p+8 <= width; p += 8 {
			eight := (*[8]uint8)(pixels[p:])
			if binary.LittleEndian.Uint64(eight[:]) == 0 {
				continue
			}
			for q, v := range eight {
				count[(p+q)%tile][v]++
			}
		}
		for ; p < width; p++ {
			count[p%tile][pixels[p]]++
		}
	}
	// The pixels that were not counted are black.
	for p := range count[:width] {
		black := uint32(len(list))
		for _, n := range count[p][1:] {
			black -= n
		}
		count[p][0] = black
	}
}
