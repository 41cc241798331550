// Package emd measures the Earth Mover's Distance between images and finds nearest neighbours by it
// (Rubner, Tomasi, Guibas: The Earth Mover's Distance as a Metric for Image Retrieval, 2000).
//
// An image is cut into square cells. The weight of a cell is its share of the image's grey levels.
// The ground distance between two cells is the Euclidean distance between their centres.
package emd

import (
	"cmp"
	"iter"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/parallel"
	"imagesimilarity/pkg/plural"
)

// A Neighbour is an image of the data set and its Earth Mover's Distance from a query, in pixels.
type Neighbour = nearest.Neighbour[float64]

// A Search finds the nearest images of some queries. It holds the queries and their nearest images
// among all that were added. The images go past in blocks.
type Search struct {
	*frame
	set     nearest.Blocks
	queries *imageset.Images[uint8]
	views   []*metric.Queries[uint16] // of the queries, one for each pair of axes
	k       int
	lists   []Neighbour // (queries, k), each sorted
	pairs   *pairs      // of queries; nil if they are not known to be images of the block

	// The next block takes the memory of the last.
	block block
	room  int // images of a block for which there is memory
	idle  struct {
		sync.Mutex
		workers []*worker
	}
}

// NewSearch returns a search for the k nearest images of each query; none if k is not positive. The
// queries keep their memory in common with it. Images are cut into square cells of cell pixels.
// NewSearch returns the errors of Check, and one if there is no memory for the answers and for the
// projections of the queries.
func NewSearch(queries *imageset.Images[uint8], k, cell int) (*Search, error) {
	f, err := newFrame(queries.Rows, queries.Cols, cell)
	if err != nil {
		return nil, err
	}
	s := &Search{frame: f, queries: queries, k: max(0, k)}
	const neighbour = 16
	need := float64(neighbour * float64(queries.N) * float64(s.k))
	for _, a := range f.axes {
		need += metric.QueriesSize[uint16](queries.N, a.sums())
	}
	err = memory.Check(need, "the projections and %s each of %s need",
		plural.Of(s.k, "neighbour"), plural.Of(queries.N, "query"))
	if err != nil {
		return nil, err
	}
	s.lists = make([]Neighbour, queries.N*s.k)
	nearest.Fill(s.lists)
	for _, a := range f.axes {
		s.views = append(s.views, metric.NewQueries[uint16](queries.N, a.sums()))
	}
	parallel.Do(s.quads(), func(jobs iter.Seq[int]) {
		levels, masses := make([]int32, f.cells), f.newMasses()
		for quad := range jobs {
			for q := range s.quad(quad) {
				if total := f.levels(levels, queries.At(q)); total > 0 {
					for v, a := range f.axes {
						a.project(s.views[v].At(q), levels, total, masses)
					}
				}
			}
		}
	})
	return s, nil
}

// quads returns the number of quads that the queries fill.
func (s *Search) quads() int { return (s.queries.N + metric.Quad - 1) / metric.Quad }

// quad returns the queries of a quad.
func (s *Search) quad(quad int) iter.Seq[int] {
	return func(yield func(query int) bool) {
		for q := quad * metric.Quad; q < min(s.queries.N, (quad+1)*metric.Quad); q++ {
			if !yield(q) {
				return
			}
		}
	}
}

// list returns the nearest images of a query so far.
func (s *Search) list(query int) []Neighbour { return s.lists[query*s.k : (query+1)*s.k] }

// Nearest returns, for each query, its k nearest images among those that were added, or all if
// there are fewer. The result is (queries, min(k, images)), each row sorted by (distance, index).
// It depends neither on the blocks nor on their order. Bounds only save work, and rounding decides
// no order. As in the original, a black image, which has no weights, is at distance 0 from every
// other.
func (s *Search) Nearest() []Neighbour {
	k := s.set.Most(s.k)
	if k == s.k {
		return s.lists
	}
	lists := make([]Neighbour, 0, s.queries.N*k)
	for q := range s.queries.N {
		lists = append(lists, s.list(q)[:k]...)
	}
	return lists
}

// Found brings neighbours of a query into its list that an earlier search has found. They are among
// images that are not added to this one, and limit what it has to look at.
func (s *Search) Found(query int, neighbours []Neighbour) {
	if s.k > 0 {
		for _, n := range neighbours {
			nearest.Insert(s.list(query), n)
		}
	}
}

// List returns the nearest images of a query so far, at most k, among those that were added and
// those that Found brought.
func (s *Search) List(query int) []Neighbour { return nearest.Filled(s.list(query)) }

// Add brings a block of images into the lists. They have the indices first, first+1 and so on in
// the whole data set. Blocks may come in any order. The images may change afterwards. Each list
// limits what the next block has to look at.
//
// Add returns an error if there are no images or more than math.MaxInt32, if they differ from the
// queries in size, if one of their indices is taken, or if there is no memory for their
// projections and, on each core, for the distances of the projections of four queries to all
// images. After an error the search is of no use. progress, unless nil, is called after each query,
// never twice at a time.
func (s *Search) Add(images *imageset.Images[uint8], first int64,
	progress func(done, total int)) error {

	err := nearest.CheckSize(s.queries.Rows, s.queries.Cols, images.Rows, images.Cols)
	if err != nil {
		return err
	}
	if err := s.set.Add(images.N, images.Rows, images.Cols, first); err != nil {
		return err
	}
	if len(s.lists) == 0 {
		return nil
	}
	if err := s.makeRoom(images.N); err != nil {
		return err
	}
	s.block.set(s.frame, images, first, s.k)
	var lock sync.Mutex
	done := 0
	parallel.Do(s.quads(), func(jobs iter.Seq[int]) {
		w := s.worker()
		for quad := range jobs {
			w.screen(quad)
			for q := range s.quad(quad) {
				w.nearest(q)
				if progress != nil {
					lock.Lock()
					done++
					progress(done, s.queries.N)
					lock.Unlock()
				}
			}
		}
		s.rest(w)
	})
	return nil
}

// makeRoom gives up the memory of the blocks before if n images need more. It returns an error if
// there is no memory for them.
func (s *Search) makeRoom(n int) error {
	if n <= s.room {
		return nil
	}
	s.block, s.idle.workers = block{}, nil
	workers := min(s.quads(), runtime.GOMAXPROCS(0))
	need := s.blockSize(n, s.k) + float64(float64(workers)*s.workerSize(n))
	err := memory.Check(need, "searching %s in %s for %s at a time needs", plural.Of(n, "image"),
		plural.Of(s.cells, "cell"), plural.Of(min(s.queries.N, workers*metric.Quad), "query"))
	if err == nil {
		s.room = n
	}
	return err
}

// A worker finds the neighbours of up to metric.Quad queries in a block, then those of the next
// queries.
type worker struct {
	*Search
	solver *solver
	levels []int32 // of an image

	// (metric.Quad, tiles, metric.Tile): distances between the views of queries and images
	sieves [screens][]uint32

	query       int         // the present one
	own         []int32     // its levels
	total       int32       // of its levels
	best        []Neighbour // its list
	copied      []Neighbour // buffer for a copy of the list
	seen        []uint32    // set of images, as blank, that were measured or need not be
	candidates  []candidate // buffer
	set, within []uint32    // buffers for sets
}

// A candidate is an image that may be nearer than the best.
type candidate struct {
	index int32   // in the block
	bound float64 // of its distance in cells
}

// workerSize returns the bytes of a worker for blocks of n images.
func (s *Search) workerSize(n int) float64 {
	const one = 16 // a candidate
	images := float64(metric.Tiles(n) * metric.Tile)
	// The list of candidates may grow to twice its size while it is copied.
	return float64((screens*metric.Quad*4+3./8+3*one)*images) + solverSize(s.grid)
}

// worker returns a worker that rests, or a new one.
func (s *Search) worker() *worker {
	s.idle.Lock()
	defer s.idle.Unlock()
	if last := len(s.idle.workers) - 1; last >= 0 {
		w := s.idle.workers[last]
		s.idle.workers = s.idle.workers[:last]
		return w
	}
	return &worker{
		Search: s,
		solver: newSolver(s.grid),
		levels: make([]int32, s.cells),
		own:    make([]int32, s.cells),
	}
}

// rest keeps a worker for the next block.
func (s *Search) rest(w *worker) {
	s.idle.Lock()
	defer s.idle.Unlock()
	s.idle.workers = append(s.idle.workers, w)
}

// screen measures a quad of queries against the block in the first views.
func (w *worker) screen(quad int) {
	n := len(w.block.blank)
	for _, set := range []*[]uint32{&w.seen, &w.set, &w.within} {
		*set = resized(*set, n)
	}
	if len(w.views) == 0 {
		return
	}
	for v := range w.sieves {
		w.sieves[v] = resized(w.sieves[v], metric.Quad*n*metric.Tile)
		w.block.screens[v].Distances(w.sieves[v], w.views[v], quad*metric.Quad, 0, n)
	}
}

// sieve returns the distances between one view of the present query and those of all images.
func (w *worker) sieve(v int) []uint32 {
	n := len(w.block.blank) * metric.Tile
	q := w.query % metric.Quad
	return w.sieves[v][q*n : (q+1)*n]
}

// nearest brings the images of the block into the list of a query of the screened quad.
func (w *worker) nearest(query int) {
	w.query, w.best = query, w.list(query)
	w.total = w.grid.levels(w.own, w.queries.At(query))
	copy(w.seen, w.block.blank)
	if w.pairs != nil {
		w.begin()
		defer w.end()
	}
	if w.total == 0 || w.cells == 1 {
		for i := range min(w.block.images.N, w.k) {
			w.insert(int32(i), 0)
		}
		return
	}
	for _, i := range w.block.black {
		w.insert(i, 0)
	}

	// The first neighbours come from the images that look nearest in one view. Their distances
	// limit what the others may look like. Later blocks are limited by what earlier ones had.
	if w.best[w.k-1] == nearest.Farthest[float64]() {
		metric.Within(w.set, w.sieve(screens-1), w.seedLimit())
		w.take(w.set)
	}
	for i := range w.set {
		w.set[i] = math.MaxUint32
	}
	for v := range screens {
		metric.Within(w.within, w.sieve(v), w.axes[v].reach(w.worst()))
		for i, in := range w.within {
			w.set[i] &= in
		}
	}
	w.take(w.set)
}

// insert puts an image of the block into the list of the query if it is near enough.
func (w *worker) insert(image int32, distance float64) {
	nearest.Insert(w.best, Neighbour{Index: w.block.first + int64(image), Distance: distance})
}

// tolerance bounds how far rounding can put a computed distance below a computed bound. It covers
// the rounding of the costs between cells (fixedLength) and of the bounds.
const tolerance = 1e-8

// worst returns the distance in cells that one more neighbour may have.
func (w *worker) worst() float64 {
	return w.best[len(w.best)-1].Distance/float64(w.cell) + tolerance
}

// seedLimit returns a limit for the last screening view: the median of the least distances in
// groups of images. At least len(w.best) images keep it, usually some hundred.
func (w *worker) seedLimit() uint32 {
	const most = 256 // groups
	sieve := w.sieve(screens - 1)
	size := (len(w.block.blank) + most - 1) / most * metric.Tile
	var least [most]uint32
	groups := least[:0]
	for group := range slices.Chunk(sieve, size) {
		groups = append(groups, metric.Smallest(group))
	}
	slices.Sort(groups)
	if middle := len(groups) / 2; len(w.best) <= middle {
		return groups[middle]
	}
	return math.MaxUint32
}

// take measures the images in a set that were not taken before.
func (w *worker) take(set []uint32) {
	w.candidates = w.candidates[:0]
	for word, bit := range set {
		bit &^= w.seen[word]
		w.seen[word] |= bit
		for ; bit != 0; bit &= bit - 1 {
			index := int32(word*metric.Tile + bits.TrailingZeros32(bit))
			w.candidates = append(w.candidates, candidate{index: index})
		}
	}
	// Each view drops candidates for the next.
	for v := range w.block.views {
		view, query, worst := &w.block.views[v], w.views[v].At(w.query), w.worst()
		left := w.candidates[:0]
		for _, c := range w.candidates {
			if bound := view.bound(query, view.of(int(c.index))); bound <= worst {
				left = append(left, candidate{c.index, max(c.bound, bound)})
			}
		}
		w.candidates = left
	}
	slices.SortFunc(w.candidates, func(a, b candidate) int { return cmp.Compare(a.bound, b.bound) })
	for _, c := range w.candidates {
		if c.bound > w.worst() {
			break
		}
		total := w.grid.levels(w.levels, w.block.images.At(int(c.index)))
		distance := w.solver.distance(w.own, w.total, w.levels, total) * float64(w.cell)
		w.insert(c.index, distance)
		if w.pairs != nil {
			w.tell(c.index, distance)
		}
	}
}
