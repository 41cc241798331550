// Package clustering groups images by k-medians and judges groupings: k-means++ seeding (Arthur and
// Vassilvitskii 2007), Lloyd's iteration with medians, the silhouette (Rousseeuw 1987), and class
// files.
package clustering

import (
	"fmt"
	"iter"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
)

// A Space is images made ready for clustering in Manhattan distance.
type Space[P uint8 | uint16] struct {
	images *imageset.Images[P]
	points *metric.Points[P] // the images, packed for measuring distances to all of them
}

// NewSpace makes images ready for clustering, and keeps them. It returns an error if they are so
// large that a distance might not fit into 32 bits, or if there is no memory for a packed copy.
func NewSpace[P uint8 | uint16](images *imageset.Images[P]) (*Space[P], error) {
	if most := metric.MaxDim[P](); images.Dim() > most {
		return nil, fmt.Errorf("images of %dx%d values; expected at most %d values",
			images.Rows, images.Cols, most)
	}
	err := memory.Check(metric.PointsSize[P](images.N, images.Dim()),
		"packing %d images of %dx%d values needs", images.N, images.Rows, images.Cols)
	if err != nil {
		return nil, err
	}
	return &Space[P]{images, metric.PackPoints(images.Pix, images.N, images.Dim())}, nil
}

// measure computes the distances of all images to each of the centroids, (k, dim). It hands visit
// the distances of the images first, first+1, and so on, for centroid after centroid. For other
// images it may do so at the same time.
func (s *Space[P]) measure(centroids []P, visit func(c, first int, distances []uint32)) {
	// 256 points of 784 bytes, 196 KiB, stay in the cache of a core for all centroids.
	const tiles = 8
	k := len(centroids) / s.images.Dim()
	queries := metric.PackQueries(centroids, k, s.images.Dim())
	all := metric.Tiles(s.images.N)
	parallel.Do((all+tiles-1)/tiles, func(jobs iter.Seq[int]) {
		buffer := make([]uint32, metric.Quad*tiles*metric.Tile)
		for job := range jobs {
			from, to := job*tiles, min(all, (job+1)*tiles)
			first, n := from*metric.Tile, (to-from)*metric.Tile
			for quad := 0; quad < k; quad += metric.Quad {
				distances := buffer[:metric.Quad*n]
				s.points.Distances(distances, queries, quad, from, to)
				for c := quad; c < min(k, quad+metric.Quad); c++ {
					visit(c, first, distances[(c-quad)*n:][:min(n, s.images.N-first)])
				}
			}
		}
	})
}
