// Package emd measures the Earth Mover's Distance between images and finds nearest neighbours by it
// (Rubner, Tomasi, Guibas: The Earth Mover's Distance as a Metric for Image Retrieval, 2000).
//
// An image is cut into square cells. The weight of a cell is its share of the image's grey levels, the ground distance between two cells the Euclidean
// one between their centres.
package emd

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"slices"
	"sort"
	"sync"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
)

// A Neighbour is an image of the data set and how far it is from a query.
type Neighbour struct {
	Index    int32   // of the image in the data set
	Distance float64 // Earth Mover's Distance in pixels
}

// before tells whether n is nearer than m; of two equally near, the one with the lower index is.
func (n Neighbour) before(m Neighbour) bool {
	return n.Distance < m.Distance || n.Distance == m.Distance && n.Index < m.Index
}

// An Index is a data set made ready for searching.
type Index struct {
	grid   *grid
	images *imageset.Images[uint8]
	black  []int32  // images without any grey level, ascending
	blank  []uint32 // bit i%32 of word i/32 is set where image i is black, or beyond the last
	views  []view
	// The first views once more, packed: they screen the whole data set for every query.
	screens [screens]*metric.Points[uint16]
}

// directions are those of the views' first axes: along the rows, along a diagonal, and two between.
var directions = [][2]int{{1, 0}, {1, 1}, {2, 1}, {1, 2}}

// screens is how many views screen the data set.
const screens = 2

// New makes an index of images cut into square cells of cell pixels; it keeps the images. It is an error where the cells do not divide the images,
// where they are more than 1,024, or where there are no images.
func New(data *imageset.Images[uint8], cell int) (*Index, error) {
	if data.N == 0 {
		return nil, errors.New("there are no images to search")
	}
	if data.N > math.MaxInt32 {
		return nil, fmt.Errorf("%d images; expected at most %d", data.N, math.MaxInt32)
	}
	g, err := newGrid(data.Rows, data.Cols, cell)
	if err != nil {
		return nil, err
	}
	ix := &Index{grid: g, images: data, blank: make([]uint32, metric.Tiles(data.N))}
	for _, d := range directions {
		ix.views = append(ix.views, newView(g, d[0], d[1], data.N))
	}
	parallel.Do(len(ix.blank), func(jobs iter.Seq[int]) {
		levels, masses := make([]int32, g.cells), ix.newMasses()
		for word := range jobs {
			for i := word * metric.Tile; i < (word+1)*metric.Tile; i++ {
				total := int32(0)
				if i < data.N {
					total = g.levels(levels, data.At(i))
				}
				if total == 0 {
					ix.blank[word] |= 1 << (i % metric.Tile)
					continue
				}
				for v := range ix.views {
					ix.views[v].project(ix.views[v].of(i), levels, total, masses)
				}
			}
		}
	})
	for i := range data.N {
		if ix.blank[i/metric.Tile]>>(i%metric.Tile)&1 == 1 {
			ix.black = append(ix.black, int32(i))
		}
	}
	if g.cells > 1 {
		for v := range ix.screens {
			ix.screens[v] = metric.PackPoints(ix.views[v].images, data.N, ix.views[v].sums())
		}
	}
	return ix, nil
}

// newMasses is a buffer for project.
func (ix *Index) newMasses() []int64 {
	longest := 0
	for v := range ix.views {
		longest = max(longest, ix.views[v].sums())
	}
	return make([]int64, longest+2)
}

// Nearest finds, for each query, its k nearest images by Earth Mover's Distance, or all where there are fewer than k.
// The result is (queries.N, min(k, images)), each row by (distance, index): bounds only save work, and rounding decides no order.
// A black image, which has no weights, is at distance 0 from every other, as in the original.
//
// progress, where it is not nil, is called after each query, never twice at a time. It is an error where the queries are not as large as the images.
func (ix *Index) Nearest(queries *imageset.Images[uint8], k int, progress func(done, total int)) ([]Neighbour, error) {
	if queries.Rows != ix.images.Rows || queries.Cols != ix.images.Cols {
		return nil, fmt.Errorf("queries of %dx%d pixels; expected %dx%d as in the data set", queries.Rows, queries.Cols, ix.images.Rows, ix.images.Cols)
	}
	k = max(0, min(k, ix.images.N))
	nearest := make([]Neighbour, queries.N*k)
	if k == 0 {
		return nearest, nil
	}
	var lock sync.Mutex
	done := 0
	quads := (queries.N + metric.Quad - 1) / metric.Quad
	parallel.Do(quads, func(jobs iter.Seq[int]) {
		s := ix.newSearch()
		for quad := range jobs {
			from, to := quad*metric.Quad, min(queries.N, (quad+1)*metric.Quad)
			s.screen(queries, from, to)
			for q := from; q < to; q++ {
				s.nearest(q-from, nearest[q*k:(q+1)*k])
				if progress != nil {
					lock.Lock()
					done++
					progress(done, queries.N)
					lock.Unlock()
				}
			}
		}
	})
	return nearest, nil
}

// A search finds the neighbours of up to metric.Quad queries, then of the next.
type search struct {
	*Index
	solver  *solver
	queries [metric.Quad]struct {
		levels []int32 // in cells
		total  int32
	}
	sums   [][]uint16        // for each view, (metric.Quad, sums) of the queries
	sieves [screens][]uint32 // (metric.Quad, tiles, metric.Tile): distances between the views of queries and images
	masses []int64           // buffer
	levels []int32           // of an image

	query       int         // the present one, 0 to metric.Quad-1
	best        []Neighbour // of the present query, sorted
	seen        []uint32    // set of images, as blank, that were measured or need not be
	candidates  []candidate // buffer
	set, within []uint32    // buffers for sets
}

// A candidate is an image that may be nearer than the best.
type candidate struct {
	index int32
	bound float64 // of its distance in cells
}

func (ix *Index) newSearch() *search {
	s := &search{Index: ix, solver: newSolver(ix.grid), masses: ix.newMasses(), levels: make([]int32, ix.grid.cells)}
	for q := range s.queries {
		s.queries[q].levels = make([]int32, ix.grid.cells)
	}
	for v := range ix.views {
		s.sums = append(s.sums, make([]uint16, metric.Quad*ix.views[v].sums()))
	}
	for v := range s.sieves {
		s.sieves[v] = make([]uint32, metric.Quad*len(ix.blank)*metric.Tile)
	}
	for _, set := range []*[]uint32{&s.seen, &s.set, &s.within} {
		*set = make([]uint32, len(ix.blank))
	}
	return s
}

// screen measures queries from to to-1 against the whole data set in the first views.
func (s *search) screen(queries *imageset.Images[uint8], from, to int) {
	for q := range to - from {
		query := &s.queries[q]
		query.total = s.grid.levels(query.levels, queries.At(from+q))
		for v := range s.views {
			if query.total > 0 {
				s.views[v].project(s.view(v, q), query.levels, query.total, s.masses)
			}
		}
	}
	if s.grid.cells == 1 {
		return
	}
	for v, points := range s.screens {
		packed := metric.PackQueries(s.sums[v], metric.Quad, points.Dim)
		points.Distances(s.sieves[v], packed, 0, 0, len(s.blank))
	}
}

// view is a query's projections on one pair of axes.
func (s *search) view(v, query int) []uint16 {
	n := s.views[v].sums()
	return s.sums[v][query*n : (query+1)*n]
}

// sieve is the distances between one view of the present query and those of all images.
func (s *search) sieve(v int) []uint32 {
	n := len(s.blank) * metric.Tile
	return s.sieves[v][s.query*n : (s.query+1)*n]
}

// nearest fills best with the images nearest to one of the screened queries.
func (s *search) nearest(query int, best []Neighbour) {
	s.query, s.best = query, best
	if s.queries[query].total == 0 || s.grid.cells == 1 {
		for i := range best {
			best[i] = Neighbour{int32(i), 0}
		}
		return
	}
	for i := range best {
		best[i] = Neighbour{math.MaxInt32, math.Inf(1)}
	}
	for _, i := range s.black {
		s.add(Neighbour{i, 0})
	}
	copy(s.seen, s.blank)

	// The first neighbours come from the images that look nearest in one view; their distances limit what the others may look like.
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

// tolerance is how far rounding can put a computed distance below a computed bound: that of the costs between cells (fixedLength) and of the bounds.
const tolerance = 1e-8

// worst is the distance in cells that one more neighbour may have.
func (s *search) worst() float64 {
	return s.best[len(s.best)-1].Distance/float64(s.grid.cell) + tolerance
}

// seedLimit is a limit for the last screening view that at least len(s.best) and usually some hundred images keep: the median of the least
// distances in groups of images.
func (s *search) seedLimit() uint32 {
	const most = 256
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
			s.candidates = append(s.candidates, candidate{index: int32(word*metric.Tile + bits.TrailingZeros32(bit))})
		}
	}
	// Each view drops candidates for the next.
	for v := range s.views {
		view, query, worst := &s.views[v], s.view(v, s.query), s.worst()
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
		s.add(Neighbour{c.index, distance * float64(s.grid.cell)})
	}
}

// add puts n into the best if it is before the last, which drops out.
func (s *search) add(n Neighbour) {
	last := len(s.best) - 1
	if !n.before(s.best[last]) {
		return
	}
	at := sort.Search(last, func(i int) bool { return n.before(s.best[i]) })
	copy(s.best[at+1:], s.best[at:last])
	s.best[at] = n
}
