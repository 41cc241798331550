package clustering

import (
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
)

// An Evaluation judges a clustering of images, whichever way it was found.
type Evaluation struct {
	Sizes     []int                   // images in each cluster
	Centroids *imageset.Images[uint8] // medians of each cluster; black for an empty one
	// mean silhouette of each cluster's images, in [-1, 1], better when higher; 0 for an empty one
	Silhouette []float64
	Average    float64   // mean silhouette of all images
	OfImage    []float64 // silhouette of each image
	Objective  int64     // sum of the images' distances to a centroid, in grey levels
}

// Evaluate judges the clustering that gives image i the cluster label[i], one of 0 to k-1. Empty
// clusters have no median: no image is near to them.
//
// The objective is the sum of the Manhattan distances of the images to the centroids of their
// clusters. The original's takes the distance to the nearest centroid of any cluster.
//
// It takes two passes over the images: one counts grey levels, which give the medians; one measures
// what the distances of each image are, to the medians and, by the counts, to all images. If the
// counts take more than 64 MiB, they are made in groups, in three passes each. progress, unless
// nil, is called after each block with the images of all passes so far.
//
// Evaluate returns an error if there is no memory for the medians, three times, for about 32 bytes
// an image and for the counts, or if the images cannot be read.
func Evaluate(
	space *Space[uint8], label []int32, k int, mode Mode, progress func(done, total int),
) (*Evaluation, error) {
	images := space.images
	j := &judge{Space: space, label: label, progress: progress, mode: mode}
	if err := CheckEvaluation(space, k, 0); err != nil {
		return nil, err
	}
	e := &Evaluation{
		Sizes: sizes(label, k),
		Centroids: &imageset.Images[uint8]{
			N: k, Rows: images.Rows, Cols: images.Cols, Pix: make([]uint8, k*images.Dim()),
		},
		Silhouette: make([]float64, k),
		OfImage:    make([]float64, images.N),
	}
	if err := j.judge(e); err != nil {
		return nil, err
	}
	e.Add(label, e.OfImage)
	e.Mean()
	return e, nil
}

// CheckEvaluation returns the error of Evaluate for k clusters if there is no memory for it when
// more bytes are in use than now.
func CheckEvaluation(space *Space[uint8], k int, more float64) error {
	images := space.images
	j := judge{Space: space}
	return memory.CheckLater(more, j.bytes(k),
		"judging %s of %s of %dx%d pixels needs",
		plural.Of(k, "cluster"), plural.Of(images.N, "image"), images.Rows, images.Cols)
}

// EvaluationSize returns the bytes of an Evaluation of k clusters of n images of dim pixels.
func EvaluationSize(k, n, dim int) float64 {
	return float64(8*float64(n)) + float64(float64(k)*float64(16+dim))
}

// Add adds the silhouettes of the next images to the sums for their clusters and for all.
func (e *Evaluation) Add(label []int32, silhouette []float64) {
	for i, c := range label {
		e.Silhouette[c] += silhouette[i]
		e.Average += silhouette[i]
	}
}

// Mean makes means of the sums.
func (e *Evaluation) Mean() {
	n := 0
	for c, size := range e.Sizes {
		n += size
		if size > 0 {
			e.Silhouette[c] /= float64(size)
		}
	}
	if n > 0 {
		e.Average /= float64(n)
	}
}
