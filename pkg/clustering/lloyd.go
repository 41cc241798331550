package clustering

import (
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
)

const (
	// settled is the number of images that may still change their cluster in the original's last
	// pass. So up to 100 images are clustered in one pass. The textbook's Lloyd stops when none
	// changes.
	settled = 100

	// maxPasses ends the textbook's iteration if it does not settle before. The 60,000 images of
	// MNIST in 10 clusters took 50 to 275 passes.
	maxPasses = 1000
)

// Lloyd clusters by k-medians and returns the cluster of each image, 0 to len(seeds)-1. Every image
// goes to the nearest centroid, then every centroid becomes the median of its images, and so on
// until at most 100 images change. The textbook goes on until none changes, or for 1,000 passes.
// seeds are the images that are the first centroids. Ties go to the lower cluster. A cluster that
// loses all its images keeps its centroid; the original crashed.
//
// After each pass, progress, unless nil, gets its number, from 1, and the number of images that
// changed their cluster.
//
// Lloyd returns an error if there is no memory for the centroids, twice, and for 24 bytes an image.
func (s *Space[P]) Lloyd(
	seeds []int, mode Mode, progress func(pass, changed int),
) ([]int32, error) {
	k, dim := len(seeds), s.images.Dim()
	need := float64(2*metric.QueriesSize[P](k, dim)) + tallySize(s.images, k) +
		float64(24*s.images.N+40*k)
	err := memory.Check(need, "making %d clusters of %d images of %dx%d values needs",
		k, s.images.N, s.images.Rows, s.images.Cols)
	if err != nil {
		return nil, err
	}
	still := settled
	if mode == Textbook {
		still = 0
	}
	centroids := imageset.Select(s.images, seeds)
	tally := newTally(s.images, len(seeds))
	label := make([]int32, s.images.N)
	for i := range label {
		label[i] = -1
	}
	for pass := 1; ; pass++ {
		last := label
		label = s.assign(centroids)
		changed := 0
		for i, c := range label {
			if last[i] != c {
				changed++
			}
		}
		if progress != nil {
			progress(pass, changed)
		}
		if changed <= still || mode == Textbook && pass == maxPasses {
			return label, nil
		}
		if tally != nil {
			tally.medians(last, label, any(centroids).(*imageset.Images[uint8]))
		} else {
			medians(s.images, label, centroids)
		}
	}
}

// assign returns the nearest centroid of every image.
func (s *Space[P]) assign(centroids *imageset.Images[P]) []int32 {
	nearest, label := make([]uint32, s.images.N), make([]int32, s.images.N)
	s.measure(centroids.Pix, func(c, first int, distances []uint32) {
		for i, d := range distances {
			if c == 0 || d < nearest[first+i] {
				nearest[first+i], label[first+i] = d, int32(c)
			}
		}
	})
	return label
}
