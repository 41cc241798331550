package imageset

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"
)

// A Set is images of one size that need not fit into memory. A pass visits them block by block. A
// set that is kept in memory is one block.
type Set[P uint8 | uint16] struct {
	N, Rows, Cols int

	whole  *Images[P]  // nil if the images stay where they are
	mapped *Mapping[P] // nil unless passes see the file itself
	read   Reader[P]
	close  func() error
	block  int // most images of a block
	passes atomic.Int64

	mu    sync.Mutex
	spare [][]P // blocks of the last pass, for the next one
}

// A Reader reads consecutive images into dst, from image first on. Several goroutines may call it.
type Reader[P uint8 | uint16] func(dst []P, first int) error

// NewSet returns a set of n images of rows x cols values, which are read in blocks of at most block
// images.
func NewSet[P uint8 | uint16](n, rows, cols, block int, read Reader[P]) *Set[P] {
	return &Set[P]{N: n, Rows: rows, Cols: cols, read: read, block: block}
}

// A Mapping is the values of all images in memory that the system fills from their file when they
// are looked at. So a pass copies nothing.
type Mapping[P uint8 | uint16] struct {
	Values []P
	// Check returns an error if the file has changed.
	Check func() error
	// Fault returns the error that the value at an index could not be filled.
	Fault func(value int) error
}

// Map lets passes see the values of a mapping, and returns s. Read still uses the reader.
func (s *Set[P]) Map(m *Mapping[P]) *Set[P] {
	s.mapped = m
	return s
}

// Set returns the images as a set that is kept in memory.
func (m *Images[P]) Set() *Set[P] {
	return &Set[P]{N: m.N, Rows: m.Rows, Cols: m.Cols, whole: m, block: max(1, m.N)}
}

// OnClose lets Close call close, and returns s.
func (s *Set[P]) OnClose(close func() error) *Set[P] {
	s.close = close
	return s
}

// Close closes the file of a set that is not kept in memory. Its images, and those of its parts,
// can no longer be read. The garbage collector closes the file of a set that is not closed.
func (s *Set[P]) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// Dim returns the number of values of one image.
func (s *Set[P]) Dim() int { return s.Rows * s.Cols }

// Whole returns all images if they are kept in memory, and nil if not.
func (s *Set[P]) Whole() *Images[P] { return s.whole }

// Block returns the most images of a block.
func (s *Set[P]) Block() int { return s.block }

// PassSize returns the bytes that a pass takes in memory. It is 0 if the images are kept or mapped.
func (s *Set[P]) PassSize() float64 {
	if s.whole != nil || s.mapped != nil {
		return 0
	}
	images := float64(min(s.block, s.N))
	return float64(buffers * images * float64(s.Dim()) * float64(unsafe.Sizeof(P(0))))
}

// Passes returns how often the images were read from beginning to end. It is 0 if they are kept.
func (s *Set[P]) Passes() int { return int(s.passes.Load()) }

// Each calls visit for each block of images in ascending order; first is the index of the first
// image of the block. The images may change as soon as visit returns, unless the set is kept: then
// they are the set's own. While a block is visited, the next one is read. Each returns the first
// error of visit or of reading.
func (s *Set[P]) Each(visit func(block *Images[P], first int) error) error {
	switch {
	case s.whole != nil && s.N == 0:
		return nil
	case s.whole != nil:
		return visit(s.whole, 0)
	case s.mapped != nil:
		err := s.eachMapped(visit)
		if err == nil {
			s.passes.Add(1)
		}
		return err
	}
	type read struct {
		pix   []P
		first int
		err   error
	}
	dim := s.Dim()
	free, full := make(chan []P, buffers), make(chan read)
	stop := make(chan struct{})
	reader := make(chan struct{})
	defer func() { close(stop); <-reader }() // nobody reads after the pass
	go func() {
		defer close(reader)
		defer close(full)
		for first := 0; first < s.N; first += s.block {
			var r read
			select {
			case r.pix = <-free:
			case <-stop:
				return
			}
			n := min(s.block, s.N-first)
			r.pix, r.first = r.pix[:n*dim], first
			r.err = s.read(r.pix, first)
			select {
			case full <- r:
			case <-stop:
				return
			}
		}
	}()
	blocks := s.blocks()
	for _, b := range blocks {
		free <- b
	}
	for r := range full {
		if r.err != nil {
			return r.err
		}
		block := &Images[P]{N: len(r.pix) / dim, Rows: s.Rows, Cols: s.Cols, Pix: r.pix}
		if err := visit(block, r.first); err != nil {
			return err
		}
		free <- r.pix
	}
	s.passes.Add(1)
	s.mu.Lock()
	s.spare = blocks // if another pass runs meanwhile, one of the two keeps its blocks
	s.mu.Unlock()
	return nil
}

// buffers is the number of blocks in memory during a pass: one is visited, one is read.
const buffers = 2

// blocks returns the memory for the blocks of a pass: that of the last pass, if none runs.
func (s *Set[P]) blocks() [][]P {
	s.mu.Lock()
	blocks := s.spare
	s.spare = nil
	s.mu.Unlock()
	for len(blocks) < buffers {
		blocks = append(blocks, make([]P, min(s.block, s.N)*s.Dim()))
	}
	return blocks
}

// Read reads consecutive images into dst, from image first on. Several goroutines may call it.
func (s *Set[P]) Read(dst []P, first int) error {
	if s.whole != nil {
		copy(dst, s.whole.Pix[first*s.Dim():])
		return nil
	}
	return s.read(dst, first)
}

// SelectFrom returns a copy of the images of a set at index, in that order. Several goroutines may
// call it.
func SelectFrom[P uint8 | uint16, I int | int32 | int64](s *Set[P], index []I) (*Images[P], error) {
	dim := s.Dim()
	some := &Images[P]{N: len(index), Rows: s.Rows, Cols: s.Cols, Pix: make([]P, len(index)*dim)}
	for i, k := range index {
		if err := s.Read(some.At(i), int(k)); err != nil {
			return nil, err
		}
	}
	return some, nil
}

// Part returns the images from first to end-1 as a set of their own, which shares the memory or the
// file of s. Their indices count from 0.
func (s *Set[P]) Part(first, end int) *Set[P] {
	if first < 0 || end < first || end > s.N {
		panic(fmt.Sprintf("imageset: images %d to %d of %d", first, end, s.N))
	}
	if s.whole != nil {
		return s.whole.Part(first, end).Set()
	}
	return NewSet(end-first, s.Rows, s.Cols, s.block, func(dst []P, from int) error {
		return s.read(dst, first+from)
	})
}
