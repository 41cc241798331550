package emd

import (
	"iter"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
)

// A frame is a grid and the axes on which its images are projected. There are no axes if images
// have one cell: they all are at distance 0.
type frame struct {
	*grid
	axes []*axes
}

// directions are those of the first axes of each pair: along the rows, along a diagonal, and two
// between.
var directions = [][2]int{{1, 0}, {1, 1}, {2, 1}, {1, 2}}

// screens is the number of views that screen a block.
const screens = 2

func newFrame(rows, cols, cell int) (*frame, error) {
	g, err := newGrid(rows, cols, cell)
	if err != nil {
		return nil, err
	}
	f := &frame{grid: g}
	if g.cells > 1 {
		for _, d := range directions {
			f.axes = append(f.axes, newAxes(g, d[0], d[1]))
		}
	}
	return f, nil
}

// Check returns an error if cells of cell pixels do not divide images of (rows, cols) pixels, or if
// there are more than 1,024 of them.
func Check(rows, cols, cell int) error {
	_, err := newGrid(rows, cols, cell)
	return err
}

// A block holds images that were added together, and what a search needs of them.
type block struct {
	images *imageset.Images[uint8]
	first  int64    // index of the first image in the data set
	black  []int32  // the first images without any grey level, ascending
	blank  []uint32 // bit i%32 of word i/32 is set if image i is black, or beyond the last
	views  []view   // one for each pair of axes
	// The first views are packed too: they screen the block for every query.
	screens [screens]metric.Points[uint16]
}

// A view of a block is its images' projections on one pair of axes.
type view struct {
	*axes
	images []uint16 // (images, sums); those of black images have no meaning
}

// of returns the projections of image i.
func (v *view) of(i int) []uint16 { return v.images[i*v.sums() : (i+1)*v.sums()] }

// blockSize returns the bytes of a block of n images, without the images, that lists k black ones.
func (f *frame) blockSize(n, k int) float64 {
	need := float64(4*metric.Tiles(n) + 4*min(n, k))
	for i, a := range f.axes {
		need += float64(2 * float64(n) * float64(a.sums()))
		if i < screens {
			need += metric.PointsSize[uint16](n, a.sums())
		}
	}
	return need
}

// set makes b the block of images from first on, in the memory that b has if it suffices. It lists
// at most k black images.
func (b *block) set(f *frame, images *imageset.Images[uint8], first int64, k int) {
	b.images, b.first = images, first
	b.blank = resized(b.blank, metric.Tiles(images.N))
	b.black = resized(b.black, min(images.N, k))[:0]
	if b.views == nil {
		b.views = make([]view, len(f.axes))
	}
	for v, a := range f.axes {
		b.views[v] = view{a, resized(b.views[v].images, images.N*a.sums())}
		if v < screens {
			b.screens[v].Resize(images.N, a.sums())
		}
	}
	parallel.Do(len(b.blank), func(jobs iter.Seq[int]) {
		levels, masses := make([]int32, f.cells), f.newMasses()
		for word := range jobs {
			b.blank[word] = 0
			for i := word * metric.Tile; i < (word+1)*metric.Tile; i++ {
				if i >= images.N || !b.project(f, i, levels, masses) {
					b.blank[word] |= 1 << (i % metric.Tile)
				}
			}
		}
	})
	for i := 0; i < images.N && len(b.black) < cap(b.black); i++ {
		if b.blank[i/metric.Tile]>>(i%metric.Tile)&1 == 1 {
			b.black = append(b.black, int32(i))
		}
	}
}

// project projects image i on all axes. It returns false if the image is black. levels and masses
// are buffers.
func (b *block) project(f *frame, i int, levels []int32, masses []int64) bool {
	total := f.levels(levels, b.images.At(i))
	for v := range b.views {
		view := &b.views[v]
		sums := view.of(i)
		if total > 0 {
			view.project(sums, levels, total, masses)
		}
		if v < screens {
			b.screens[v].Set(i, sums)
		}
	}
	return total > 0
}

// newMasses returns a buffer for axes.project.
func (f *frame) newMasses() []int64 {
	longest := 0
	for _, a := range f.axes {
		longest = max(longest, a.sums())
	}
	return make([]int64, longest+2)
}

// resized returns n elements that have no meaning, in the memory of s if it suffices.
func resized[E any](s []E, n int) []E {
	if n > cap(s) {
		return make([]E, n)
	}
	return s[:n]
}
