package clustering

import "imagesimilarity/pkg/idx"

// An Evaluation judges a clustering of images, whichever way it was found.
type Evaluation struct {
	Sizes      []int              // images in each cluster
	Centroids  *idx.Images[uint8] // the medians of each cluster's images; black for an empty cluster
	Silhouette []float64          // mean silhouette of each cluster's images, in [-1, 1], better when higher; 0 for an empty cluster
	Average    float64            // mean silhouette of all images
	OfImage    []float64          // silhouette of each image
	Objective  int64              // sum over all images of the Manhattan distance to the nearest centroid, in grey levels
}

// Evaluate judges the clustering that gives image i the cluster label[i], one of 0 to k-1.
//
// The silhouette of an image is (b-a)/max(a,b) with a its mean distance to the images of its own cluster and b to those of a neighbouring one.
// It is the original's, which differs from Rousseeuw's in three ways: the image itself counts in the divisor of a, so that an image alone in its
// cluster has 1; the neighbouring cluster is the one whose centroid is second nearest, even where that is the image's own (then the silhouette
// is 0), not the one with the smallest b; and an image can be nearer to a centroid that is not its own.
//
// Empty clusters have no median: they are nobody's nearest and nobody's neighbour. Where an image has no neighbouring cluster, or has
// distance 0 to all images of both, its silhouette is 0. The original crashed in the first two cases and printed -nan in the last.
func Evaluate(space *Space[uint8], label []int32, k int) *Evaluation {
	images := space.images
	e := &Evaluation{
		Sizes:      make([]int, k),
		Centroids:  &idx.Images[uint8]{N: k, Rows: images.Rows, Cols: images.Cols, Pix: make([]uint8, k*images.Dim())},
		Silhouette: make([]float64, k),
		OfImage:    make([]float64, images.N),
	}
	lists := members(label, k)
	var filled []int
	for c, list := range lists {
		if e.Sizes[c] = len(list); len(list) > 0 {
			filled = append(filled, c)
		}
	}
	medians(images, label, e.Centroids)

	nearest, neighbour := nearestTwo(space, e.Centroids, filled)
	for _, d := range nearest {
		e.Objective += int64(d)
	}

	if len(filled) < 2 {
		return e
	}
	own := distanceSums(images, lists, label)
	other := distanceSums(images, lists, neighbour)
	for i, c := range label {
		a := float64(own[i]) / float64(e.Sizes[c])
		b := float64(other[i]) / float64(e.Sizes[neighbour[i]])
		if m := max(a, b); m > 0 {
			s := (b - a) / m
			e.OfImage[i] = s
			e.Silhouette[c] += s
			e.Average += s
		}
	}
	for _, c := range filled {
		e.Silhouette[c] /= float64(e.Sizes[c])
	}
	e.Average /= float64(images.N)
	return e
}

// nearestTwo is, for every image, the distance to the nearest of the listed centroids and the cluster of the second nearest, or -1 where there
// is only one. Ties go to the lower cluster.
func nearestTwo(space *Space[uint8], centroids *idx.Images[uint8], clusters []int) (nearest []uint32, neighbour []int32) {
	var listed []uint8
	for _, c := range clusters {
		listed = append(listed, centroids.At(c)...)
	}
	nearest, neighbour = make([]uint32, space.images.N), make([]int32, space.images.N)
	first, second := make([]int32, space.images.N), make([]uint32, space.images.N)
	space.measure(listed, func(c, from int, distances []uint32) {
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
