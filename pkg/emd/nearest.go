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
	"slices"
	"sort"
	"sync"

	"imagesimilarity/pkg/idx"
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
	grid    *grid
	images  *idx.Images[uint8]
	black   []int32 // images without any grey level, ascending
	upright upright
	slanted []slanted
}

// New makes an index of images cut into square cells of cell pixels; it keeps the images. It is an error where the cells do not divide the images,
// where they are more than 1,024, or where there are no images.
func New(data *idx.Images[uint8], cell int) (*Index, error) {
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
	ix := &Index{grid: g, images: data, upright: upright{axes: newAxes(g, 1, 0, uprightScale(g))}}
	blocks := (data.N + blockImages - 1) / blockImages
	ix.upright.images = make([]uint64, blocks*ix.upright.sums()*blockWords)
	for _, direction := range [][2]int{{1, 1}, {2, 1}, {1, 2}} {
		s := slanted{axes: newAxes(g, direction[0], direction[1], math.MaxUint16)}
		s.images = make([]uint16, data.N*s.sums())
		ix.slanted = append(ix.slanted, s)
	}

	black := make([]bool, data.N)
	parallel.Do(blocks, func(jobs iter.Seq[int]) {
		p := ix.newProjection()
		for b := range jobs {
			for i := b * blockImages; i < min(data.N, (b+1)*blockImages); i++ {
				if black[i] = !p.make(ix, data.At(i)); black[i] {
					continue
				}
				ix.upright.set(i, p.upright)
				for s := range ix.slanted {
					copy(ix.slanted[s].of(i), p.slanted[s])
				}
			}
		}
	})
	for i, b := range black {
		if b {
			ix.black = append(ix.black, int32(i))
		}
	}
	return ix, nil
}

// A projection is what the bounds know of one image.
type projection struct {
	levels  []int32
	total   int32
	upright []uint16
	slanted [][]uint16
	masses  []int64 // buffer
}

func (ix *Index) newProjection() *projection {
	p := &projection{levels: make([]int32, ix.grid.cells), upright: make([]uint16, ix.upright.sums())}
	longest := ix.upright.sums()
	for _, s := range ix.slanted {
		p.slanted = append(p.slanted, make([]uint16, s.sums()))
		longest = max(longest, s.sums())
	}
	p.masses = make([]int64, longest+2)
	return p
}

// make projects an image; false where it is black and has no projection.
func (p *projection) make(ix *Index, image []uint8) bool {
	p.total = ix.grid.levels(p.levels, image)
	if p.total == 0 {
		return false
	}
	ix.upright.project(p.upright, p.levels, p.total, p.masses)
	for s := range ix.slanted {
		ix.slanted[s].project(p.slanted[s], p.levels, p.total, p.masses)
	}
	return true
}

// Nearest finds, for each query, its k nearest images by Earth Mover's Distance, or all where there are fewer than k.
// The result is (queries.N, min(k, images)), each row by (distance, index): bounds only save work, and rounding decides no order.
// A black image, which has no weights, is at distance 0 from every other, as in the original.
//
// progress, where it is not nil, is called after each query, never twice at a time. It is an error where the queries are not as large as the images.
func (ix *Index) Nearest(queries *idx.Images[uint8], k int, progress func(done, total int)) ([]Neighbour, error) {
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
	parallel.Do(queries.N, func(jobs iter.Seq[int]) {
		s := ix.newSearch()
		for q := range jobs {
			s.nearest(queries.At(q), nearest[q*k:(q+1)*k])
			if progress != nil {
				lock.Lock()
				done++
				progress(done, queries.N)
				lock.Unlock()
			}
		}
	})
	return nearest, nil
}

// A search finds the neighbours of one query after the other.
type search struct {
	*Index
	solver     *solver
	query      *projection
	levels     []int32     // of an image
	squares    []int32     // (blocks, blockImages): upright squares
	candidates []candidate // buffer
	best       []Neighbour // sorted; distances in cells
}

// A candidate is an image that may be nearer than the best.
type candidate struct {
	index int32
	bound float64 // of its distance in cells
}

// tolerance is what a distance may fall short of a bound by rounding: that of the costs between cells (fixedLength) and of the bounds.
const tolerance = 1e-8

// seeds is the number of images, those of the lowest upright bounds, from which the first neighbours come.
const seeds = 256

// taken is a square that no images have.
const taken = math.MaxInt32

func (ix *Index) newSearch() *search {
	return &search{
		Index:   ix,
		solver:  newSolver(ix.grid),
		query:   ix.newProjection(),
		levels:  make([]int32, ix.grid.cells),
		squares: make([]int32, (ix.images.N+blockImages-1)/blockImages*blockImages),
	}
}

// nearest fills best with the nearest images.
func (s *search) nearest(query []uint8, best []Neighbour) {
	s.best = best
	for i := range best {
		best[i] = Neighbour{math.MaxInt32, math.Inf(1)}
	}
	if !s.query.make(s.Index, query) {
		for i := range best {
			best[i] = Neighbour{int32(i), 0}
		}
		return
	}
	s.upright.squares(s.squares, s.query.upright)
	for _, i := range s.black {
		s.add(Neighbour{i, 0})
		s.squares[i] = taken
	}
	squares := s.squares[:s.images.N]
	s.candidates = s.candidates[:0]
	for _, i := range lowest(squares, max(seeds, len(best))) {
		s.consider(i)
		squares[i] = taken
	}
	s.measure()

	s.candidates = s.candidates[:0]
	limit := int32(min(s.upright.reach(s.worst()), taken-1))
	for i, square := range squares {
		if square <= limit {
			s.consider(int32(i))
		}
	}
	s.measure()
	for i := range best {
		best[i].Distance *= float64(s.grid.cell)
	}
}

func (s *search) consider(i int32) {
	s.candidates = append(s.candidates, candidate{i, s.upright.bound(float64(s.squares[i]))})
}

// worst is the distance in cells that a further neighbour may have.
func (s *search) worst() float64 { return s.best[len(s.best)-1].Distance + tolerance }

// measure puts the candidates among the best, as far as they belong there. Bounds on further axes drop most of them;
// the others are solved in the order of their bounds.
func (s *search) measure() {
	for a := range s.slanted {
		axes, query := &s.slanted[a], s.query.slanted[a]
		limit := axes.reach(s.worst())
		left := s.candidates[:0]
		for _, c := range s.candidates {
			if square := axes.square(query, int(c.index)); square <= limit {
				c.bound = max(c.bound, axes.bound(square))
				left = append(left, c)
			}
		}
		s.candidates = left
	}
	slices.SortFunc(s.candidates, func(a, b candidate) int { return cmp.Compare(a.bound, b.bound) })
	for _, c := range s.candidates {
		if c.bound > s.worst() {
			break
		}
		total := s.grid.levels(s.levels, s.images.At(int(c.index)))
		s.add(Neighbour{c.index, s.solver.distance(s.query.levels, s.query.total, s.levels, total)})
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

// lowest are the images with the n lowest squares, but none that is taken.
func lowest(squares []int32, n int) []int32 {
	var low []int32
	limit := int32(taken)
	for i, square := range squares {
		if square >= limit {
			continue
		}
		at := sort.Search(len(low), func(j int) bool { return square < squares[low[j]] })
		low = slices.Insert(low, at, int32(i))
		if len(low) > n {
			low = low[:n]
		}
		if len(low) == n {
			limit = squares[low[n-1]]
		}
	}
	return low
}
