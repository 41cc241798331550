// Package knn finds nearest neighbours in Manhattan distance: exactly, and by locality-sensitive
// hashing.
package knn

import (
	"runtime"
	"sync"
	"unsafe"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/parallel"
)

// A Neighbour is an image of the data set and its distance from a query: the sum of the differences
// of their values.
type Neighbour = nearest.Neighbour[int64]

// An Index is a data set made ready for searching. It consists of blocks of images. After the last
// Add, any number of goroutines may search at a time.
type Index[P uint8 | uint16] struct {
	set    nearest.Blocks
	blocks []*block[P]
}

// A block holds images that were added together. The first search that takes a way to search packs
// the images for this way, and the block keeps what was packed.
type block[P uint8 | uint16] struct {
	*outlinedImages[P]
	first  int64                     // index of the first image in the data set
	points func() *metric.Points[P]  // the images, for searchAll
	coarse func() *packedOutlines[P] // their coarse outlines, for searchPruned
}

// A search brings the images of a block into the lists of the queries from to to-1, which are
// sorted and hold k neighbours each. The lists may hold neighbours from other blocks before.
type search func(lists []Neighbour, from, to int)

// New returns an index of images, which keep their memory in common with it. They have the indices
// first, first+1 and so on in the whole data set. New returns the errors of Add.
func New[P uint8 | uint16](images *imageset.Images[P], first int64) (*Index[P], error) {
	ix := &Index[P]{}
	if err := ix.Add(images, first); err != nil {
		return nil, err
	}
	return ix, nil
}

// Add adds a block of images, as New does. Blocks may come in any order. Add returns an error if
// there are no images or more than math.MaxInt32, if they differ in size from those before, or if
// one of their indices is taken.
func (ix *Index[P]) Add(images *imageset.Images[P], first int64) error {
	if err := ix.set.Add(images.N, images.Rows, images.Cols, first); err != nil {
		return err
	}
	ix.blocks = append(ix.blocks, newBlock(outline(images), first))
	return nil
}

func newBlock[P uint8 | uint16](images *outlinedImages[P], first int64) *block[P] {
	return &block[P]{
		outlinedImages: images,
		first:          first,
		points: sync.OnceValue(func() *metric.Points[P] {
			return metric.PackPoints(images.Pix, images.N, images.Dim())
		}),
		coarse: sync.OnceValue(func() *packedOutlines[P] { return packOutlines(images) }),
	}
}

// Nearest returns, for each query, its k nearest images, or all if there are fewer; none if k is
// not positive. The result is (queries.N, min(k, images)), each row sorted by (distance, index). It
// does not depend on the blocks. Nearest returns an error if the queries differ from the images in
// size, or if there is no memory for the result and for the images as they are packed. progress,
// unless nil, is called after each block of queries, never twice at a time.
func (ix *Index[P]) Nearest(queries *imageset.Images[P], k int,
	progress func(done, total int)) ([]Neighbour, error) {

	if err := ix.set.Check(queries.Rows, queries.Cols); err != nil {
		return nil, err
	}
	k = ix.set.Most(k)
	need, n := 0.0, 0
	for _, b := range ix.blocks {
		need += searchSize(b.Images, queries, k)
		n += b.N
	}
	err := memory.Check(need, "searching %d images of %dx%d values for %d queries needs",
		n, queries.Rows, queries.Cols, queries.N)
	if err != nil {
		return nil, err
	}
	return searchBlocks(ix.blocks, outline(queries), k, progress), nil
}

// searchSize returns the bytes that the search of a block takes: for the lists of neighbours, for
// the images as they are packed for the fastest way, and for packed queries on each core.
func searchSize[P uint8 | uint16](images, queries *imageset.Images[P], k int) float64 {
	const neighbour = 16
	need := float64(neighbour * float64(queries.N) * float64(k))
	atATime := min(queries.N, largestBlock*runtime.GOMAXPROCS(0))
	switch wayOf(images, queries.N) {
	case all:
		need += metric.PointsSize[P](images.N, images.Dim()) +
			metric.QueriesSize[P](atATime, images.Dim())
	case pruned:
		height, width := cellSize(images.Rows, images.Cols)
		coarse := cells(images.Rows, height) * cells(images.Cols, width)
		fine := cells(images.Rows, max(1, height/2)) * cells(images.Cols, max(1, width/2))
		one := 2*8 + float64(int(unsafe.Sizeof(P(0)))*(coarse+fine))
		need += float64(one*float64(images.N+queries.N)) + metric.PointsSize[P](images.N, coarse) +
			metric.QueriesSize[P](atATime, coarse) +
			float64(float64(atATime)*float64(8+neighbour*(k+spare)))
	}
	return need
}

// searchBlocks searches some blocks, which have at least k images, for the k nearest.
func searchBlocks[P uint8 | uint16](blocks []*block[P], queries *outlinedImages[P], k int,
	progress func(done, total int)) []Neighbour {

	lists := make([]Neighbour, queries.N*k)
	if len(lists) == 0 {
		return lists
	}
	nearest.Fill(lists)
	searches := make([]search, len(blocks))
	for i, b := range blocks {
		searches[i] = b.way(queries.N)(b, queries, k)
	}
	queryBlocks(queries.N, progress, func(from, to int) {
		for _, search := range searches {
			search(lists[from*k:to*k], from, to)
		}
	})
	return lists
}

// few is the number of queries up to which measuring pair by pair is faster than packing the images
// first. For the 60,000 images of MNIST on two cores, pairs took 18 ms for 32 queries and 34 ms for
// 64. The other way took 30 ms for both.
const few = 64

// A way is one of the ways to search.
type way int

const (
	pairs  way = iota // searchPairs
	pruned            // searchPruned
	all               // searchAll
)

// wayOf returns the fastest way to search the images for this number of queries.
func wayOf[P uint8 | uint16](images *imageset.Images[P], queries int) way {
	switch {
	case queries <= few || images.Dim() > metric.MaxDim[P]():
		return pairs
	case outlinesPay(images):
		return pruned
	}
	return all
}

// way returns the fastest way to search b for this number of queries.
func (b *block[P]) way(queries int) func(b *block[P], queries *outlinedImages[P], k int) search {
	switch wayOf(b.Images, queries) {
	case pairs:
		return searchPairs
	case pruned:
		return searchPruned
	}
	return searchAll
}

// largestBlock is the largest number of queries that are searched together.
const largestBlock = 512

// queryBlocks cuts n queries into blocks for the cores. Each block reads all images, so blocks are
// large, but each core gets at least two. On one core MNIST took 0.51 s in blocks of 64 queries,
// 0.44 s in blocks of 256, 0.38 s in blocks of 512, and 0.35 s in blocks of 1024. Progress is told
// after each block, so they are no larger than largestBlock.
func queryBlocks(n int, progress func(done, total int), do func(from, to int)) {
	share := n/(2*runtime.GOMAXPROCS(0)) + 1
	quads := (share + metric.Quad - 1) / metric.Quad
	var lock sync.Mutex
	done := 0
	parallel.Blocks(n, min(largestBlock, quads*metric.Quad), func(from, to int) {
		do(from, to)
		if progress != nil {
			lock.Lock()
			done += to - from
			progress(done, n)
			lock.Unlock()
		}
	})
}
