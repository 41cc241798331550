package knn

import (
	"math"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
)

// LSH is a hash table of images, for approximate nearest neighbours in Manhattan distance: images that are near each other tend to fall into the
// same bucket (Andoni and Indyk 2004, with grids shifted by random amounts).
//
// The original kept L tables, each with a generator of its own in the same first state: all L were the same table, which is the one here.
type LSH struct {
	data    *idx.Images[uint8]
	hash    *hasher
	buckets uint64

	// The images of bucket b, in ascending order, are image[start[b]:start[b+1]].
	start []int32
	image []int32
}

// NewLSH hashes images into N/16 buckets, at least one, by so many hash functions, at least 1, on grids of the given width in grey levels.
// A width of 0 (see Width) leaves one bucket, and so does one in which all hash values are 0 (more than 32 functions): the search is exact then.
func NewLSH(data *idx.Images[uint8], width int64, functions int) *LSH {
	t := &LSH{data: data, hash: newHasher(data.Dim(), width, functions), buckets: uint64(max(1, data.N/16))}
	bucket := t.bucketsOf(data)

	// Counting sort.
	t.start = make([]int32, t.buckets+1)
	for _, b := range bucket {
		t.start[b+1]++
	}
	for b := range t.buckets {
		t.start[b+1] += t.start[b]
	}
	t.image = make([]int32, data.N)
	next := append([]int32(nil), t.start...)
	for i, b := range bucket {
		t.image[next[b]] = int32(i)
		next[b]++
	}
	return t
}

// bucketsOf is the bucket of each image.
func (t *LSH) bucketsOf(images *idx.Images[uint8]) []int32 {
	bucket := make([]int32, images.N)
	parallel.Blocks(images.N, 512, func(from, to int) {
		for i := from; i < to; i++ {
			bucket[i] = int32(t.hash.value(images.At(i)) % t.buckets)
		}
	})
	return bucket
}

// Nearest finds, for each query, the nearest of the images in its bucket, by (distance, index). Index is -1 where the bucket is empty.
// It panics where queries and images have different sizes.
func (t *LSH) Nearest(queries *idx.Images[uint8]) []Neighbour {
	if queries.Rows != t.data.Rows || queries.Cols != t.data.Cols {
		panic(differentSizes)
	}
	bucket := t.bucketsOf(queries)
	nearest := make([]Neighbour, queries.N)
	parallel.Blocks(queries.N, 16, func(from, to int) {
		for q := from; q < to; q++ {
			best := Neighbour{-1, math.MaxInt64}
			for _, i := range t.image[t.start[bucket[q]]:t.start[bucket[q]+1]] {
				if d := metric.Manhattan(queries.At(q), t.data.At(int(i))); d < best.Distance {
					best = Neighbour{i, d}
				}
			}
			nearest[q] = best
		}
	})
	return nearest
}

// Width is the grid width that suits a data set, in grey levels: 6 times the mean distance of an image to its nearest other image, cut to a
// whole number before it is multiplied. The mean is over every (N/50)-th image.
//
// From 50 images on it is the original's number, which divides by 50 even where the step leaves a few more images than that.
// Below, where the original never ended, it is the plain mean over all images; a single image has the width 0.
func Width(data *idx.Images[uint8]) int64 {
	const samples = 50
	if data.N < 2 {
		return 0
	}
	step := max(1, data.N/samples)
	chosen := &idx.Images[uint8]{Rows: data.Rows, Cols: data.Cols}
	for i := 0; i < data.N; i += step {
		chosen.N++
		chosen.Pix = append(chosen.Pix, data.At(i)...)
	}
	var sum int64
	for i, n := range Nearest(data, chosen, 2) {
		if i%2 == 1 { // the nearest is the image itself, or one that equals it
			sum += n.Distance
		}
	}
	return 6 * (sum / int64(min(data.N, samples)))
}
