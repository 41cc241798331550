package knn

import (
	"runtime"
	"sync"
	"unsafe"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/plural"
)

// A Block is consecutive images of a data set, made ready for searches. The first search that takes
// a way to search packs the images for this way, and the block keeps what was packed. Any number of
// goroutines may search a block at a time.
type Block[P uint8 | uint16] struct {
	outlined[P]
	First int64 // index of the first image in the whole data set

	pointsOnce once
	packed     metric.Points[P] // the images, for searchAll
	coarseOnce once
	outline    packedOutlines[P] // their coarse outlines, for searchPruned

	granted float64 // bytes that memory.Check granted for outlines
}

// NewBlock returns a block of images, which share their memory with it.
func NewBlock[P uint8 | uint16](images *imageset.Images[P], first int64) *Block[P] {
	b := new(Block[P])
	b.Hold(images, first)
	return b
}

// Hold lets the block hold other images. What is packed of them takes the memory of what was packed
// of those before. No search may use the block meanwhile.
func (b *Block[P]) Hold(images *imageset.Images[P], first int64) {
	b.Images, b.First = images, first
	b.once.done, b.pointsOnce.done, b.coarseOnce.done = false, false, false
}

// Outline makes what exact search and LSH both use of the block if they search for this number of
// queries. Otherwise the first of them makes it, and its time is longer by that. Outline returns an
// error if there is no memory for it.
func (b *Block[P]) Outline(queries int) error {
	if wayOf(b.Images, queries) != pruned || b.once.isDone() {
		return nil
	}
	if need := outlinesSize(b.Images); need > b.granted {
		err := memory.Check(need, "the outlines of %s of %dx%d values need",
			plural.Of(b.N, "image"), b.Rows, b.Cols)
		if err != nil {
			return err
		}
		b.granted = need
	}
	b.outlines()
	return nil
}

// points returns the packed images.
func (b *Block[P]) points() *metric.Points[P] {
	b.pointsOnce.do(func() { packPoints(&b.packed, view[P]{outlined: &b.outlined}) })
	return &b.packed
}

// coarsePoints returns the packed coarse outlines.
func (b *Block[P]) coarsePoints() *packedOutlines[P] {
	b.coarseOnce.do(func() { b.outline.pack(view[P]{outlined: &b.outlined}) })
	return &b.outline
}

// candidates returns all images of the block.
func (b *Block[P]) candidates() *candidates[P] {
	return &candidates[P]{
		view: view[P]{outlined: &b.outlined}, first: b.First,
		points: b.points, coarse: b.coarsePoints,
	}
}

// need returns the bytes that a search for queries takes: for what is not packed yet, and for
// packed queries on each core.
func (b *Block[P]) need(queries *outlined[P], k int) float64 {
	way := wayOf(b.Images, queries.N)
	need := queriesSize(b.Images, queries.N, k, way)
	switch way {
	case all:
		if !b.pointsOnce.isDone() {
			need += metric.PointsSize[P](b.N, b.Dim())
		}
	case pruned:
		if !b.coarseOnce.isDone() {
			need += metric.PointsSize[P](b.N, coarseCells(b.Rows, b.Cols))
		}
		for _, images := range []*outlined[P]{&b.outlined, queries} {
			if !images.once.isDone() {
				need += outlinesSize(images.Images)
			}
		}
	}
	return need
}

// queriesSize returns the bytes for packed queries on each core if the images are searched in that
// way.
func queriesSize[P uint8 | uint16](images *imageset.Images[P], queries, k int, w way) float64 {
	atATime := min(queries, largestBlock*runtime.GOMAXPROCS(0))
	switch w {
	case all:
		return metric.QueriesSize[P](atATime, images.Dim())
	case pruned:
		return metric.QueriesSize[P](atATime, coarseCells(images.Rows, images.Cols)) +
			float64(float64(atATime)*float64(8+neighbourSize*(k+spare)))
	}
	return 0
}

// outlinesSize returns the bytes of the outlines of images.
func outlinesSize[P uint8 | uint16](images *imageset.Images[P]) float64 {
	cells := coarseCells(images.Rows, images.Cols) + fineCells(images.Rows, images.Cols)
	return float64(images.N) * float64(2*8+int(unsafe.Sizeof(P(0)))*cells)
}

// A once is a sync.Once that may be asked and set back.
type once struct {
	lock sync.Mutex
	done bool
}

func (o *once) do(f func()) {
	o.lock.Lock()
	defer o.lock.Unlock()
	if !o.done {
		f()
		o.done = true
	}
}

func (o *once) isDone() bool {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.done
}

// A view is some images of a block or some queries of a search.
type view[P uint8 | uint16] struct {
	*outlined[P]
	index []int32 // ascending; nil for all
}

// n returns the number of images.
func (v view[P]) n() int {
	if v.index == nil {
		return v.N
	}
	return len(v.index)
}

// of returns the place of image i in the block, or the number of query i in the search.
func (v view[P]) of(i int) int {
	if v.index == nil {
		return i
	}
	return int(v.index[i])
}

// packPoints packs the images of a view into the memory of p.
func packPoints[P uint8 | uint16](p *metric.Points[P], v view[P]) {
	p.Resize(v.n(), v.Dim())
	for i := range v.n() {
		p.Set(i, v.At(v.of(i)))
	}
}

// candidates are images of a block that are compared with queries.
type candidates[P uint8 | uint16] struct {
	view[P]
	first  int64                     // index of the first image of the block in the data set
	points func() *metric.Points[P]  // the images, for searchAll
	coarse func() *packedOutlines[P] // their coarse outlines, for searchPruned
}

// neighbour returns image i as a neighbour at that distance.
func (c *candidates[P]) neighbour(i int, distance int64) Neighbour {
	return Neighbour{Index: c.first + int64(c.of(i)), Distance: distance}
}
