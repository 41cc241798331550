package clustering

import (
	"sync/atomic"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
)

// imagesPerJob is how many images a worker takes at a time.
const imagesPerJob = 256

// settled is the number of images that may still change their cluster in the last pass.
// The textbook's Lloyd stops at 0; the original at 100, so that up to 100 images are clustered in one pass.
const settled = 100

// Lloyd is k-medians: every image goes to the nearest centroid, every centroid becomes the median of its images, until at most
// settled images change. seeds are the images that are the first centroids. The result is the cluster of each image, 0 to len(seeds)-1.
// Ties go to the lower cluster. A cluster that loses all its images keeps its centroid, where the original crashed.
// After each pass progress, if it is not nil, gets its number, from 1, and how many images changed their cluster.
func Lloyd[P uint8 | uint16](images *idx.Images[P], seeds []int, progress func(pass, changed int)) []int32 {
	centroids := centroidsAt(images, seeds)
	label := make([]int32, images.N)
	for i := range label {
		label[i] = -1
	}
	for pass := 1; ; pass++ {
		changed := assign(images, centroids, label)
		if progress != nil {
			progress(pass, changed)
		}
		if changed <= settled {
			return label
		}
		medians(images, label, centroids)
	}
}

// centroidsAt are copies of the seeds.
func centroidsAt[P uint8 | uint16](images *idx.Images[P], seeds []int) *idx.Images[P] {
	c := &idx.Images[P]{N: len(seeds), Rows: images.Rows, Cols: images.Cols, Pix: make([]P, 0, len(seeds)*images.Dim())}
	for _, s := range seeds {
		c.Pix = append(c.Pix, images.At(s)...)
	}
	return c
}

// assign gives every image the label of the nearest centroid and is the number of labels that this changed.
func assign[P uint8 | uint16](images, centroids *idx.Images[P], label []int32) (changed int) {
	var sum atomic.Int64
	parallel.Blocks(images.N, imagesPerJob, func(from, to int) {
		moved := 0
		for i := from; i < to; i++ {
			best, at := int64(-1), int32(0)
			for c := range centroids.N {
				if d := metric.Manhattan(images.At(i), centroids.At(c)); best < 0 || d < best {
					best, at = d, int32(c)
				}
			}
			if label[i] != at {
				label[i] = at
				moved++
			}
		}
		sum.Add(int64(moved))
	})
	return int(sum.Load())
}
