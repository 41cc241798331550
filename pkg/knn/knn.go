// Package knn finds nearest neighbours in Manhattan distance: exactly, and by locality-sensitive
// hashing. A data set need not fit into memory: searches take it block by block.
package knn

import (
	"runtime"
	"sync"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/parallel"
	"imagesimilarity/pkg/plural"
)

// A Neighbour is an image of the data set and its distance from a query: the sum of the differences
// of their values.
type Neighbour = nearest.Neighbour[int64]

// A Search holds queries and, for each, the k nearest images among the blocks that were added. What
// the blocks before have found limits what has to be compared in the next one. Searches of the same
// queries in parts of a data set can be joined: see nearest.Merge.
type Search[P uint8 | uint16] struct {
	set     nearest.Blocks
	queries *outlined[P]
	lists   lists
	granted float64 // bytes that memory.Check granted for a block
}

// NewSearch returns a search for the k nearest images to each query; none if k is not positive. It
// returns an error if there is no memory for the answers.
func NewSearch[P uint8 | uint16](queries *imageset.Images[P], k int) (*Search[P], error) {
	k = max(k, 0)
	need := float64(neighbourSize * float64(queries.N) * float64(k))
	err := memory.Check(need, "lists of %s for %s need",
		plural.Of(k, "neighbour"), plural.Of(queries.N, "query"))
	if err != nil {
		return nil, err
	}
	s := &Search[P]{queries: &outlined[P]{Images: queries}, lists: newLists(queries.N, k)}
	return s, nil
}

// Add searches a block. Blocks may come in any order. Add returns an error if there are no images
// in it or more than math.MaxInt32, if they differ in size from the queries, if one of their
// indices was there before, or if there is no memory to pack them. progress, unless nil, is called
// after each part of the queries, never twice at a time.
func (s *Search[P]) Add(b *Block[P], progress func(done, total int)) error {
	queries := s.queries
	err := nearest.CheckSize(queries.Rows, queries.Cols, b.Rows, b.Cols)
	if err != nil {
		return err
	}
	if err := s.set.Add(b.N, b.Rows, b.Cols, b.First); err != nil {
		return err
	}
	if queries.N == 0 || s.lists.k == 0 {
		return nil
	}
	if err := s.CheckAdd(b); err != nil {
		return err
	}
	s.granted = max(s.granted, b.need(queries, s.lists.k))
	way, asked := wayOf(b.Images, queries.N), view[P]{outlined: queries}
	queryBlocks(queries.N, progress, newSearch(way, b.candidates(), asked, s.lists))
	return nil
}

// CheckAdd returns the error of Add if there is no memory for it now.
func (s *Search[P]) CheckAdd(b *Block[P]) error {
	queries := s.queries
	need := b.need(queries, s.lists.k)
	if need <= s.granted {
		return nil
	}
	return memory.Check(need, "comparing %s of %dx%d values with %s needs",
		plural.Of(b.N, "image"), b.Rows, b.Cols, plural.Of(queries.N, "query"))
}

// Nearest returns, for each query, its k nearest images, or all if fewer were added. The result is
// (queries.N, min(k, images)), each row sorted by (distance, index). It does not depend on the
// blocks.
func (s *Search[P]) Nearest() []Neighbour {
	k, most := s.lists.k, s.set.Most(s.lists.k)
	if most == k {
		return s.lists.all
	}
	var found []Neighbour
	for q := range s.queries.N {
		found = append(found, s.lists.of(q)[:most]...)
	}
	return found
}

// Found brings neighbours of a query into its list that an earlier search has found. They are among
// images that are not added to this one, and limit what it has to look at.
func (s *Search[P]) Found(query int, neighbours []Neighbour) { s.lists.insert(query, neighbours) }

// List returns the nearest images of a query so far, at most k, among those that were added and
// those that Found brought.
func (s *Search[P]) List(query int) []Neighbour { return nearest.Filled(s.lists.of(query)) }

// lists are the nearest images that were found so far to some queries, k for each.
type lists struct {
	all []Neighbour // (queries, k), each row sorted, with place holders behind
	k   int
}

func newLists(queries, k int) lists {
	l := lists{make([]Neighbour, queries*k), k}
	nearest.Fill(l.all)
	return l
}

// of returns the list of query q.
func (l lists) of(q int) []Neighbour { return l.all[q*l.k : (q+1)*l.k] }

// insert brings neighbours into the list of query q.
func (l lists) insert(q int, neighbours []Neighbour) {
	if l.k > 0 {
		for _, n := range neighbours {
			nearest.Insert(l.of(q), n)
		}
	}
}

// neighbourSize is the number of bytes of a Neighbour.
const neighbourSize = 16

// An Index is a data set that is searched more than once.
type Index[P uint8 | uint16] struct {
	Set  *imageset.Set[P]
	kept *Block[P] // nil if the set is not kept in memory
}

// New returns an index of a set. What searches pack of a set that is kept in memory is kept, too.
// New returns an error if there are no images, or more than math.MaxInt32 in memory.
func New[P uint8 | uint16](set *imageset.Set[P]) (*Index[P], error) {
	var blocks nearest.Blocks
	n := set.N
	if set.Whole() == nil {
		n = min(n, set.Block())
	}
	if err := blocks.Add(n, set.Rows, set.Cols, 0); err != nil {
		return nil, err
	}
	ix := &Index[P]{Set: set}
	if whole := set.Whole(); whole != nil {
		ix.kept = NewBlock(whole, 0)
	}
	return ix, nil
}

// Kept returns all images as a block if they are kept in memory, and nil if not.
func (ix *Index[P]) Kept() *Block[P] { return ix.kept }

// Each calls visit for each block of the data set in ascending order. A block that is not kept
// holds other images as soon as visit returns. Each returns the first error of visit or of reading,
// or an error if there is no memory to read blocks.
func (ix *Index[P]) Each(visit func(b *Block[P]) error) error {
	if ix.kept != nil {
		return visit(ix.kept)
	}
	err := memory.Check(ix.Set.PassSize(), "reading %s of %dx%d values in blocks of %d needs",
		plural.Of(ix.Set.N, "image"), ix.Set.Rows, ix.Set.Cols, ix.Set.Block())
	if err != nil {
		return err
	}
	b := new(Block[P])
	return ix.Set.Each(func(images *imageset.Images[P], first int) error {
		b.Hold(images, int64(first))
		return visit(b)
	})
}

// Nearest returns, for each query, its k nearest images, or all if there are fewer; none if k is
// not positive. The result is (queries.N, min(k, images)), each row sorted by (distance, index).
// Nearest returns the errors of NewSearch, of Each and of Add. progress, unless nil, is called now
// and then, never twice at a time, with the number of queries to which the work done amounts.
func (ix *Index[P]) Nearest(queries *imageset.Images[P], k int,
	progress func(done, total int)) ([]Neighbour, error) {

	s, err := NewSearch(queries, min(k, ix.Set.N))
	if err != nil {
		return nil, err
	}
	err = ix.Each(func(b *Block[P]) error { return s.Add(b, ix.Share(b, 0, 1, progress)) })
	if err != nil {
		return nil, err
	}
	return s.Nearest(), nil
}

// Share turns the progress of a search of one block into that of a pass over the whole set. The
// search is the part of the work on the block that begins and ends with the shares from and to.
func (ix *Index[P]) Share(b *Block[P], from, to float64,
	progress func(done, total int)) func(done, total int) {

	if progress == nil {
		return nil
	}
	return func(done, total int) {
		part := from + float64((to-from)*float64(done)/float64(total))
		images := float64(b.First) + float64(part*float64(b.N))
		progress(int(float64(images*float64(total))/float64(ix.Set.N)), total)
	}
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
	case outlinesPay(images.N, images.Dim()):
		return pruned
	}
	return all
}

// A search brings images into the lists of the queries from to to-1.
type search func(from, to int)

// newSearch returns a search of the images by one way.
func newSearch[P uint8 | uint16](w way, images *candidates[P], queries view[P], l lists) search {
	switch w {
	case pairs:
		return searchPairs(images, queries, l)
	case pruned:
		return searchPruned(images, queries, l)
	}
	return searchAll(images, queries, l)
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
