// Package clustering groups images by k-medians and judges groupings: k-means++ seeding (Arthur and
// Vassilvitskii 2007), Lloyd's iteration with medians, the silhouette (Rousseeuw 1987), and class
// files.
//
// Each stage is passes over the blocks of a set. What a pass computes of a block depends on nothing
// but the block and small tables: seeds, centroids, clusters of images. Its result is either a few
// numbers for each image of the block, or counts, which are added up.
package clustering

import (
	"fmt"
	"iter"
	"runtime"
	"sync"
	"unsafe"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
	"imagesimilarity/pkg/plural"
)

// A Space is images made ready for clustering in Manhattan distance.
type Space[P uint8 | uint16] struct {
	images *imageset.Set[P]
	points *metric.Points[P] // all images, packed for measuring distances; nil unless they are kept

	block     int // most images of a block
	most      int // histograms that are kept from pass to pass
	mostGroup int // histograms of a group

	spare sync.Pool // of *metric.Points[P], to pack strips
}

// NewSpace makes images ready for clustering. It keeps a packed copy if the images are kept in
// memory. It returns an error if they are so large that a distance might not fit into 32 bits, or
// if there is no memory for the packed copy or for the blocks of a pass.
func NewSpace[P uint8 | uint16](images *imageset.Set[P]) (*Space[P], error) {
	dim := images.Dim()
	if err := checkDim[P](images.Rows, images.Cols); err != nil {
		return nil, err
	}
	s := &Space[P]{
		images: images, block: images.Block(), most: mostHistograms, mostGroup: mostHistograms,
	}
	whole := images.Whole()
	if whole == nil {
		cores, packed := runtime.GOMAXPROCS(0), min(strip, s.mostOfBlock())
		need := images.PassSize() + float64(float64(cores)*metric.PointsSize[P](packed, dim))
		return s, memory.Check(need,
			"images of %dx%d values, read in blocks of %d and packed in strips of %d "+
				"(CPUs: %d) need",
			images.Rows, images.Cols, s.mostOfBlock(), packed, cores)
	}
	s.block, s.mostGroup = keptBlock, mostOfKept
	err := memory.Check(metric.PointsSize[P](images.N, dim),
		"packing %s of %dx%d values needs", plural.Of(images.N, "image"), images.Rows, images.Cols)
	if err != nil {
		return nil, err
	}
	s.points = metric.PackPoints(whole.Pix, images.N, dim)
	return s, nil
}

// Size returns the bytes that the images and their packed copy take if they are kept, else 0.
func (s *Space[P]) Size() float64 {
	if s.points == nil {
		return 0
	}
	values := float64(s.images.N) * float64(s.images.Dim())
	return float64(values*float64(unsafe.Sizeof(P(0)))) +
		metric.PointsSize[P](s.images.N, s.images.Dim())
}

// checkDim returns an error if a distance of images of that size might not fit into 32 bits.
func checkDim[P uint8 | uint16](rows, cols int) error {
	if most := metric.MaxDim[P](); rows*cols > most {
		return fmt.Errorf("images of %dx%d values; expected at most %d values", rows, cols, most)
	}
	return nil
}

// A block is consecutive images, from image first on.
type block[P uint8 | uint16] struct {
	*imageset.Images[P]
	first int
	space *Space[P]
}

// each calls visit for each block of the images, in ascending order.
func (s *Space[P]) each(visit func(b block[P])) error {
	if whole := s.images.Whole(); whole != nil {
		for first := 0; first < whole.N; first += s.block {
			visit(block[P]{whole.Part(first, min(whole.N, first+s.block)), first, s})
		}
		return nil
	}
	return s.images.Each(func(images *imageset.Images[P], first int) error {
		visit(block[P]{images, first, s})
		return nil
	})
}

// mostOfBlock returns the most images of a block.
func (s *Space[P]) mostOfBlock() int { return min(s.images.N, s.block) }

// strip is the number of images that a worker measures together. 256 points of 784 bytes, 196 KiB,
// stay in the cache of a core for all centroids.
const (
	tiles = 8
	strip = tiles * metric.Tile
)

// keptBlock is the number of images in a block of images that are kept in memory, a multiple of
// strip. What is computed from a block need not be in memory for all images.
const keptBlock = 1 << 16

// A ruler measures the images of a block, strip by strip.
type ruler[P uint8 | uint16] struct {
	block[P]
	queries   *metric.Queries[P]
	scratch   *metric.Points[P] // images that are packed to be measured
	distances []uint32
	from, n   int // the images of the strip are from to from+n-1 of the block
}

// strips hands the strips of a block to workers. A worker gets a ruler and ranges over the strips
// that the ruler comes to.
func (b block[P]) strips(
	queries *metric.Queries[P], worker func(r *ruler[P], strips iter.Seq[int]),
) {
	parallel.Do((b.N+strip-1)/strip, func(jobs iter.Seq[int]) {
		scratch, spare := b.space.spare.Get().(*metric.Points[P])
		if !spare {
			scratch = new(metric.Points[P])
		}
		defer b.space.spare.Put(scratch)
		r := &ruler[P]{
			block: b, queries: queries, scratch: scratch,
			distances: make([]uint32, metric.Quad*strip),
		}
		worker(r, func(yield func(int) bool) {
			for job := range jobs {
				r.from = job * strip
				r.n = min(strip, b.N-r.from)
				if !yield(job) {
					return
				}
			}
		})
	})
}

// each calls visit for query after query with the distances of the images of the strip.
func (r *ruler[P]) each(visit func(query int, distances []uint32)) {
	if kept := r.space.points; kept != nil {
		r.measure(kept, (r.first+r.from)/metric.Tile, r.n, visit)
		return
	}
	r.scratch.Resize(r.n, r.Dim())
	for i := range r.n {
		r.scratch.Set(i, r.At(r.from+i))
	}
	r.measure(r.scratch, 0, r.n, visit)
}

// some calls visit with the distances of some images of the strip. images are their indices in the
// block.
func (r *ruler[P]) some(images []int32, visit func(query int, distances []uint32)) {
	switch len(images) {
	case 0:
		return
	case r.n:
		r.each(visit)
		return
	}
	r.scratch.Resize(len(images), r.Dim())
	for i, image := range images {
		r.scratch.Set(i, r.At(int(image)))
	}
	r.measure(r.scratch, 0, len(images), visit)
}

// measure calls visit for query after query with the distances of n points, which begin with a
// tile.
func (r *ruler[P]) measure(
	points *metric.Points[P], tile, n int, visit func(query int, distances []uint32),
) {
	padded := metric.Tiles(n) * metric.Tile
	for quad := 0; quad < r.queries.N; quad += metric.Quad {
		distances := r.distances[:metric.Quad*padded]
		points.Distances(distances, r.queries, quad, tile, tile+metric.Tiles(n))
		for q := quad; q < min(r.queries.N, quad+metric.Quad); q++ {
			visit(q, distances[(q-quad)*padded:][:n])
		}
	}
}

// pack packs images as queries.
func pack[P uint8 | uint16](m *imageset.Images[P]) *metric.Queries[P] {
	return metric.PackQueries(m.Pix, m.N, m.Dim())
}

// bits returns the number of bits of a value.
func bits[P uint8 | uint16]() int { return 8 * int(unsafe.Sizeof(P(0))) }
