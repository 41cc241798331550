package clustering

import (
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
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
// Evaluate returns an error if there is no memory for the medians, three times, and for 72 bytes an
// image.
func Evaluate(space *Space[uint8], label []int32, k int, mode Mode) (*Evaluation, error) {
	images := space.images
	need := float64(3*metric.QueriesSize[uint8](k, images.Dim())) + float64(72*images.N+64*k)
	err := memory.Check(need, "judging %d clusters of %d images of %dx%d pixels needs",
		k, images.N, images.Rows, images.Cols)
	if err != nil {
		return nil, err
	}
	e := &Evaluation{
		Sizes: make([]int, k),
		Centroids: &imageset.Images[uint8]{
			N: k, Rows: images.Rows, Cols: images.Cols, Pix: make([]uint8, k*images.Dim()),
		},
		Silhouette: make([]float64, k),
	}
	lists := members(label, k)
	var filled []int
	for c, list := range lists {
		if e.Sizes[c] = len(list); len(list) > 0 {
			filled = append(filled, c)
		}
	}
	medians(images, label, e.Centroids)

	var apart []uint32 // distance of each image to the centroid that counts
	if mode == Textbook {
		apart = distancesToOwn(space, e.Centroids, label)
		e.OfImage = silhouettes(images, lists, label)
	} else {
		var neighbour []int32
		apart, neighbour = nearestTwo(space, e.Centroids, filled)
		e.OfImage = originalSilhouettes(images, lists, label, neighbour)
	}
	for _, d := range apart {
		e.Objective += int64(d)
	}
	for i, c := range label {
		e.Silhouette[c] += e.OfImage[i]
		e.Average += e.OfImage[i]
	}
	for _, c := range filled {
		e.Silhouette[c] /= float64(e.Sizes[c])
	}
	if images.N > 0 {
		e.Average /= float64(images.N)
	}
	return e, nil
}

// distancesToOwn returns the distance of every image to the centroid of its cluster.
func distancesToOwn(space *Space[uint8], centroids *imageset.Images[uint8],
	label []int32) []uint32 {

	own := make([]uint32, len(label))
	space.measure(centroids.Pix, func(c, first int, distances []uint32) {
		for i, d := range distances {
			if label[first+i] == int32(c) {
				own[first+i] = d
			}
		}
	})
	return own
}

// nearestTwo returns the distance of every image to the nearest of the listed centroids, and the
// cluster of the second nearest, or -1 if there is only one. Ties go to the lower cluster.
func nearestTwo(space *Space[uint8], centroids *imageset.Images[uint8], clusters []int) (
	nearest []uint32, neighbour []int32) {

	listed := imageset.Select(centroids, clusters)
	nearest, neighbour = make([]uint32, space.images.N), make([]int32, space.images.N)
	first, second := make([]int32, space.images.N), make([]uint32, space.images.N)
	space.measure(listed.Pix, func(c, from int, distances []uint32) {
		cluster := int32(clusters[c])
		for j, d := range distances {
			switch i := from + j; {
			case c == 0:
				nearest[i], first[i] = d, cluster
				neighbour[i] = -1
			case d < nearest[i]:
				second[i], neighbour[i] = nearest[i], first[i]
				nearest[i], first[i] = d, cluster
			case neighbour[i] < 0 || d < second[i]:
				second[i], neighbour[i] = d, cluster
			}
		}
	})
	return nearest, neighbour
}
