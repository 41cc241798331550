package emd

import (
	"sync"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/plural"
)

// AddOwn does what Add does, for a block that has queries among its images: query q is image own[q]
// of the block, or none of them if that is negative. AddOwn measures the distance between two such
// queries once and enters it in both lists.
func (s *Search) AddOwn(images *imageset.Images[uint8], first int64, own []int,
	progress func(done, total int)) error {

	need := float64(4*float64(len(own))*float64(metric.Tiles(images.N))) +
		float64(4*images.N+8*len(own))
	err := memory.Check(need, "the pairs of %s and %s need",
		plural.Of(len(own), "query"), plural.Of(images.N, "image"))
	if err != nil {
		return err
	}
	s.pairs = newPairs(images.N, own)
	defer func() { s.pairs = nil }()
	return s.Add(images, first, progress)
}

// pairs holds which pairs of queries were measured. A worker enters a distance in the lists of both
// queries, and another worker may be busy with the second one. So each works on a copy of its
// query's list and brings that into the list at the end. Two workers may measure the same pair;
// they enter the same neighbour, which counts once.
type pairs struct {
	own      []int   // (queries): their place in the block; negative if they are not there
	query    []int32 // (images): the query that an image is, or none
	tiles    int
	measured []uint32     // (queries, tiles): set of images that were measured for another query
	locks    []sync.Mutex // (queries): each guards the list and the set of its query
}

func newPairs(images int, own []int) *pairs {
	tiles := metric.Tiles(images)
	p := &pairs{
		own: own, query: make([]int32, images), tiles: tiles,
		measured: make([]uint32, len(own)*tiles), locks: make([]sync.Mutex, len(own)),
	}
	for i := range p.query {
		p.query[i] = none
	}
	for q, i := range own {
		if i >= 0 {
			p.query[i] = int32(q)
		}
	}
	return p
}

// begin copies the list of the present query. What was measured for another query counts as seen.
func (w *worker) begin() {
	p := w.pairs
	p.locks[w.query].Lock()
	defer p.locks[w.query].Unlock()
	w.copied = append(w.copied[:0], w.list(w.query)...)
	w.best = w.copied
	for i, set := range p.measured[w.query*p.tiles : (w.query+1)*p.tiles] {
		w.seen[i] |= set
	}
}

// end brings the copy into the list.
func (w *worker) end() {
	p := w.pairs
	p.locks[w.query].Lock()
	defer p.locks[w.query].Unlock()
	for _, n := range w.best {
		nearest.Insert(w.list(w.query), n)
	}
}

// tell enters the present query in the list of an image, if both are queries in the block.
func (w *worker) tell(image int32, distance float64) {
	p := w.pairs
	other, self := int(p.query[image]), p.own[w.query]
	if other == none || self < 0 {
		return
	}
	p.locks[other].Lock()
	defer p.locks[other].Unlock()
	nearest.Insert(w.list(other), Neighbour{Index: w.block.first + int64(self), Distance: distance})
	p.measured[other*p.tiles+self/metric.Tile] |= 1 << (self % metric.Tile)
}
