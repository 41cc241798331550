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
)

// A Neighbour is an image of the data set and its Earth Mover's Distance from a query, in pixels.
type Neighbour = nearest.Neighbour[float64]

// An Index is a data set made ready for searching. It consists of blocks of images. After the last
// Add, any number of goroutines may search at a time.
type Index struct {
	set    nearest.Blocks
	grid   *grid
	axes   []*axes // of the views
	blocks []*block
}

// A block holds images that were added together, and what a search needs of them.
type block struct {
	images *imageset.Images[uint8]
	first  int64    // index of the first image in the data set
	black  []int32  // images without any grey level, ascending
	blank  []uint32 // bit i%32 of word i/32 is set if image i is black, or beyond the last
	views  []view   // one for each of the index's axes
	// The first views are packed too: they screen the block for every query.
	screens [screens]*metric.Points[uint16]
}

// A view of a block is its images' projections on one pair of axes.
type view struct {
	*axes
	images []uint16 // (images, sums)
}

// of returns the projections of image i.
func (v *view) of(i int) []uint16 { return v.images[i*v.sums() : (i+1)*v.sums()] }

// directions are those of the views' first axes: along the rows, along a diagonal, and two between.
var directions = [][2]int{{1, 0}, {1, 1}, {2, 1}, {1, 2}}

// screens is the number of views that screen a block.
const screens = 2

// New returns an index of images, which keep their memory in common with it. They have the indices
// first, first+1 and so on in the whole data set, and are cut into square cells of cell pixels. New
// returns an error if the cells do not divide the images, if they are more than 1,024, and the
// errors of Add.
func New(images *imageset.Images[uint8], first int64, cell int) (*Index, error) {
	ix := &Index{}
	if err := ix.set.Add(images.N, images.Rows, images.Cols, first); err != nil {
		return nil, err
	}
	var err error
	if ix.grid, err = newGrid(images.Rows, images.Cols, cell); err != nil {
		return nil, err
	}
	for _, d := range directions {
		ix.axes = append(ix.axes, newAxes(ix.grid, d[0], d[1]))
	}
	if err := ix.check(images); err != nil {
		return nil, err
	}
	ix.blocks = []*block{ix.newBlock(images, first)}
	return ix, nil
}

// Add adds a block of images, as New does. Blocks may come in any order. Add returns an error if
// there are no images or more than math.MaxInt32, if they differ in size from those before, if one
// of their indices is taken, or if there is no memory for their projections.
func (ix *Index) Add(images *imageset.Images[uint8], first int64) error {
	if err := ix.set.Add(images.N, images.Rows, images.Cols, first); err != nil {
		return err
	}
	if err := ix.check(images); err != nil {
		return err
	}
	ix.blocks = append(ix.blocks, ix.newBlock(images, first))
	return nil
}

// check returns an error if there is no memory for a block of images.
func (ix *Index) check(images *imageset.Images[uint8]) error {
	need := 0.0
	for i, a := range ix.axes {
		need += float64(2 * float64(images.N) * float64(a.sums()))
		if i < screens && ix.grid.cells > 1 {
			need += metric.PointsSize[uint16](images.N, a.sums())
		}
	}
	// The list of black images may grow to twice its size.
	need += float64(8.25*float64(images.N)) + float64(32*ix.grid.cells)
	return memory.Check(need, "the projections of %d images in %d cells need",
		images.N, ix.grid.cells)
}

func (ix *Index) newBlock(images *imageset.Images[uint8], first int64) *block {
	b := &block{images: images, first: first, blank: make([]uint32, metric.Tiles(images.N))}
	for _, a := range ix.axes {
		b.views = append(b.views, view{a, make([]uint16, images.N*a.sums())})
	}
	parallel.Do(len(b.blank), func(jobs iter.Seq[int]) {
		levels, masses := make([]int32, ix.grid.cells), ix.newMasses()
		for word := range jobs {
			for i := word * metric.Tile; i < (word+1)*metric.Tile; i++ {
				total := int32(0)
				if i < images.N {
					total = ix.grid.levels(levels, images.At(i))
				}
				if total == 0 {
					b.blank[word] |= 1 << (i % metric.Tile)
					continue
				}
				for v := range b.views {
					b.views[v].project(b.views[v].of(i), levels, total, masses)
				}
			}
		}
	})
	for i := range images.N {
		if b.blank[i/metric.Tile]>>(i%metric.Tile)&1 == 1 {
			b.black = append(b.black, int32(i))
		}
	}
	if ix.grid.cells > 1 {
		for v := range b.screens {
			b.screens[v] = metric.PackPoints(b.views[v].images, images.N, b.views[v].sums())
		}
	}
	return b
}

// newMasses returns a buffer for project.
func (ix *Index) newMasses() []int64 {
	longest := 0
	for _, a := range ix.axes {
		longest = max(longest, a.sums())
	}
	return make([]int64, longest+2)
}

// Nearest returns, for each query, its k nearest images, or all if there are fewer; none if k is
// not positive. The result is (queries.N, min(k, images)), each row sorted by (distance, index). It
// does not depend on the blocks. Bounds only save work, and rounding decides no order. As in the
// original, a black image, which has no weights, is at distance 0 from every other.
//
// Nearest returns an error if the queries differ from the images in size, or if there is no memory
// for the result and for the distances of the projections, on each core of four queries to all
// images. progress, unless nil, is called after each query, never twice at a time.
func (ix *Index) Nearest(queries *imageset.Images[uint8], k int,
	progress func(done, total int)) ([]Neighbour, error) {

	if err := ix.set.Check(queries.Rows, queries.Cols); err != nil {
		return nil, err
	}
	k = ix.set.Most(k)
	if err := ix.checkSearch(queries.N, k); err != nil {
		return nil, err
	}
	lists := make([]Neighbour, queries.N*k)
	if len(lists) == 0 {
		return lists, nil
	}
	nearest.Fill(lists)
	var lock sync.Mutex
	done := 0
	answered := func() {
		if progress != nil {
			lock.Lock()
			done++
			progress(done, queries.N)
			lock.Unlock()
		}
	}
	quads := (queries.N + metric.Quad - 1) / metric.Quad
	parallel.Do(quads, func(jobs iter.Seq[int]) {
		s := ix.newSearch()
		for quad := range jobs {
			from, to := quad*metric.Quad, min(queries.N, (quad+1)*metric.Quad)
			s.ask(queries, from, to)
			for i, b := range ix.blocks {
				s.screen(b)
				for q := from; q < to; q++ {
					s.nearest(q-from, lists[q*k:(q+1)*k])
					if i == len(ix.blocks)-1 {
						answered()
					}
				}
			}
		}
	})
	return lists, nil
}

// checkSearch returns an error if there is no memory for a search.
func (ix *Index) checkSearch(queries, k int) error {
	const neighbour, candidate = 16, 16
	quads := (queries + metric.Quad - 1) / metric.Quad
	workers := float64(min(quads, runtime.GOMAXPROCS(0)))
	images := float64(ix.tiles() * metric.Tile)
	// The list of candidates may grow to twice its size while it is copied.
	each := float64((screens*metric.Quad*4+3./8+3*candidate)*images) + solverSize(ix.grid)
	need := float64(neighbour*float64(queries)*float64(k)) + float64(workers*each)
	return memory.Check(need, "searching %d queries at a time among %.0f images needs",
		min(queries, int(workers)*metric.Quad), images)
}

// tiles returns the number of tiles of the largest block.
func (ix *Index) tiles() int {
	tiles := 0
	for _, b := range ix.blocks {
		tiles = max(tiles, len(b.blank))
	}
	return tiles
}

// A search finds the neighbours of up to metric.Quad queries in one block after the other, then
// those of the next queries.
type search struct {
	*Index
	*block  // the present one
	solver  *solver
	queries [metric.Quad]struct {
		levels []int32 // in cells
		total  int32
	}
	sums   [][]uint16 // for each pair of axes, (metric.Quad, sums) of the queries
	masses []int64    // buffer
	levels []int32    // of an image

	// (metric.Quad, tiles, metric.Tile): distances between the views of queries and images
	sieves [screens][]uint32

	query       int         // the present one, 0 to metric.Quad-1
	best        []Neighbour // of the present query, sorted
	seen        []uint32    // set of images, as blank, that were measured or need not be
	candidates  []candidate // buffer
	set, within []uint32    // buffers for sets
}

// A candidate is an image that may be nearer than the best.
type candidate struct {
	index int32   // in the block
	bound float64 // of its distance in cells
}

func (ix *Index) newSearch() *search {
	s := &search{
		Index:  ix,
		solver: newSolver(ix.grid),
		masses: ix.newMasses(),
		levels: make([]int32, ix.grid.cells),
	}
	for q := range s.queries {
		s.queries[q].levels = make([]int32, ix.grid.cells)
	}
	for _, a := range ix.axes {
		s.sums = append(s.sums, make([]uint16, metric.Quad*a.sums()))
	}
	tiles := ix.tiles()
	for v := range s.sieves {
		s.sieves[v] = make([]uint32, metric.Quad*tiles*metric.Tile)
	}
	for _, set := range []*[]uint32{&s.seen, &s.set, &s.within} {
		*set = make([]uint32, tiles)
	}
	return s
}

// ask projects the queries from to to-1.
func (s *search) ask(queries *imageset.Images[uint8], from, to int) {
	for q := range to - from {
		query := &s.queries[q]
		query.total = s.grid.levels(query.levels, queries.At(from+q))
		if query.total == 0 {
			continue
		}
		for a := range s.axes {
			s.axes[a].project(s.projected(a, q), query.levels, query.total, s.masses)
		}
	}
}

// screen makes b the present block, and measures the queries against it in the first views.
func (s *search) screen(b *block) {
	s.block = b
	n := len(b.blank)
	s.seen, s.set, s.within = s.seen[:n], s.set[:n], s.within[:n]
	if s.grid.cells == 1 {
		return
	}
	for v, points := range b.screens {
		packed := metric.PackQueries(s.sums[v], metric.Quad, points.Dim)
		s.sieves[v] = s.sieves[v][:metric.Quad*n*metric.Tile]
		points.Distances(s.sieves[v], packed, 0, 0, n)
	}
}

// projected returns a query's projections on one pair of axes.
func (s *search) projected(axes, query int) []uint16 {
	n := s.axes[axes].sums()
	return s.sums[axes][query*n : (query+1)*n]
}

// sieve returns the distances between one view of the present query and those of all images.
func (s *search) sieve(v int) []uint32 {
	n := len(s.blank) * metric.Tile
	return s.sieves[v][s.query*n : (s.query+1)*n]
}

// nearest brings the images of the block into best, the list of one of the queries.
func (s *search) nearest(query int, best []Neighbour) {
	s.query, s.best = query, best
	if s.queries[query].total == 0 || s.grid.cells == 1 {
		for i := range min(s.images.N, len(best)) {
			s.insert(int32(i), 0)
		}
		return
	}
	for _, i := range s.black {
		s.insert(i, 0)
	}
	copy(s.seen, s.blank)

	// The first neighbours come from the images that look nearest in one view. Their distances
	// limit what the others may look like.
	metric.Within(s.set, s.sieve(screens-1), s.seedLimit())
	s.take(s.set)
	for i := range s.set {
		s.set[i] = math.MaxUint32
	}
	for v := range screens {
		metric.Within(s.within, s.sieve(v), s.views[v].reach(s.worst()))
		for i, in := range s.within {
			s.set[i] &= in
		}
	}
	s.take(s.set)
}

// insert puts an image of the block into the best if it is near enough.
func (s *search) insert(image int32, distance float64) {
	nearest.Insert(s.best, Neighbour{Index: s.first + int64(image), Distance: distance})
}

// tolerance bounds how far rounding can put a computed distance below a computed bound. It covers
// the rounding of the costs between cells (fixedLength) and of the bounds.
const tolerance = 1e-8

// worst returns the distance in cells that one more neighbour may have.
func (s *search) worst() float64 {
	return s.best[len(s.best)-1].Distance/float64(s.grid.cell) + tolerance
}

// seedLimit returns a limit for the last screening view: the median of the least distances in
// groups of images. At least len(s.best) images keep it, usually some hundred.
func (s *search) seedLimit() uint32 {
	const most = 256 // groups
	sieve := s.sieve(screens - 1)
	size := (len(s.blank) + most - 1) / most * metric.Tile
	var least [most]uint32
	groups := least[:0]
	for group := range slices.Chunk(sieve, size) {
		groups = append(groups, metric.Smallest(group))
	}
	slices.Sort(groups)
	if middle := len(groups) / 2; len(s.best) <= middle {
		return groups[middle]
	}
	return math.MaxUint32
}

// take measures the images in a set that were not taken before.
func (s *search) take(set []uint32) {
	s.candidates = s.candidates[:0]
	for word, bit := range set {
		bit &^= s.seen[word]
		s.seen[word] |= bit
		for ; bit != 0; bit &= bit - 1 {
			index := int32(word*metric.Tile + bits.TrailingZeros32(bit))
			s.candidates = append(s.candidates, candidate{index: index})
		}
	}
	// Each view drops candidates for the next.
	for v := range s.views {
		view, query, worst := &s.views[v], s.projected(v, s.query), s.worst()
		left := s.candidates[:0]
		for _, c := range s.candidates {
			if bound := view.bound(query, view.of(int(c.index))); bound <= worst {
				left = append(left, candidate{c.index, max(c.bound, bound)})
			}
		}
		s.candidates = left
	}
	slices.SortFunc(s.candidates, func(a, b candidate) int { return cmp.Compare(a.bound, b.bound) })
	query := &s.queries[s.query]
	for _, c := range s.candidates {
		if c.bound > s.worst() {
			break
		}
		total := s.grid.levels(s.levels, s.images.At(int(c.index)))
		distance := s.solver.distance(query.levels, query.total, s.levels, total)
		s.insert(c.index, distance*float64(s.grid.cell))
	}
}
