package clustering

import (
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"sync/atomic"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/parallel"
)

// silhouettes returns Rousseeuw's silhouette of each image, (b-a)/max(a,b): a is its mean distance
// to the other images of its cluster, b the smallest mean distance to the images of another
// cluster. The silhouette is 0 if an image is alone in its cluster, if there is no other cluster,
// and if a and b are 0. lists are the images of the clusters.
func silhouettes(images *imageset.Images[uint8], lists [][]int32, label []int32) []float64 {
	all := make([]int32, images.N)
	for i := range all {
		all[i] = int32(i)
	}
	a, b := make([]float64, images.N), slices.Repeat([]float64{math.Inf(1)}, images.N)
	sums := make([]int64, images.N)
	for c, list := range lists {
		if len(list) == 0 {
			continue
		}
		clear(sums)
		addDistances(sums, images, list, all)
		for i, sum := range sums {
			if label[i] == int32(c) {
				a[i] = float64(sum) / float64(len(list)-1)
			} else {
				b[i] = min(b[i], float64(sum)/float64(len(list)))
			}
		}
	}
	s := make([]float64, images.N)
	for i, c := range label {
		if len(lists[c]) > 1 && !math.IsInf(b[i], 1) {
			s[i] = silhouette(a[i], b[i])
		}
	}
	return s
}

// originalSilhouettes returns the original's silhouettes. They differ from Rousseeuw's in two ways.
// The image itself counts in the divisor of a, so that an image alone in its cluster has 1. And b
// is the mean distance to the images of the neighbouring cluster: the one whose centroid is second
// nearest. That may be the image's own cluster, which makes the silhouette 0, and b may be smaller
// for another cluster. An image without a neighbouring cluster, -1, has 0; the original crashed.
func originalSilhouettes(images *imageset.Images[uint8], lists [][]int32,
	label, neighbour []int32) []float64 {

	s := make([]float64, images.N)
	if slices.Contains(neighbour, -1) {
		return s // of all images or of none: there is only one cluster
	}
	a, b := make([]int64, images.N), make([]int64, images.N)
	for c, askers := range members(neighbour, len(lists)) {
		addDistances(a, images, lists[c], lists[c])
		addDistances(b, images, lists[c], askers)
	}
	for i, c := range label {
		own, other := float64(len(lists[c])), float64(len(lists[neighbour[i]]))
		s[i] = silhouette(float64(a[i])/own, float64(b[i])/other)
	}
	return s
}

// silhouette returns (b-a)/max(a,b). For 0/0 it returns 0; the original printed -nan.
func silhouette(a, b float64) float64 {
	if m := max(a, b); m > 0 {
		return (b - a) / m
	}
	return 0
}

// addDistances adds to sums[i], for each image i of askers, the sum of its distances to the listed
// images.
//
// It is exact, and linear in the number of images. The sum of |v-x| over the values x that a pixel
// has in the list depends on v alone. So the list becomes a table of 256 sums for each pixel, and
// an image's sum adds up one entry of each table.
func addDistances(sums []int64, images *imageset.Images[uint8], list, askers []int32) {
	if len(list) == 0 || len(askers) == 0 {
		return
	}
	dim := images.Dim()
	parallel.Do((dim+tile-1)/tile, func(jobs iter.Seq[int]) {
		var count [tile][256]uint32
		var table [tile][256]int64
		for job := range jobs {
			from := job * tile
			width := min(tile, dim-from)
			countLevels(images, list, from, width, &count)
			black := int64(0) // the sum for black pixels, to which table is relative
			for p := range width {
				black += differences(&count[p], &table[p])
			}
			for _, i := range askers {
				atomic.AddInt64(&sums[i], black+tableSum(images.At(int(i))[from:from+width], &table))
			}
		}
	})
}

// differences sets table[v]+black to the sum of |v-x| over count[x] values x, for every v. It
// returns black, which is that sum for v = 0.
func differences(count *[256]uint32, table *[256]int64) (black int64) {
	all := int64(0)
	for x, n := range count {
		all += int64(n)
		black += int64(x) * int64(n)
	}
	// From one v to the next, the distance to each x below grows by one, that to the others falls
	// by one.
	table[0] = 0
	below := int64(0)
	for v := 1; v < len(table); v++ {
		below += int64(count[v-1])
		table[v] = table[v-1] + below - (all - below)
	}
	return black
}

// tableSum returns the sum of the table's entries for up to tile pixels. Those of black pixels are
// 0.
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
