package idx

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"unsafe"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
)

// kept is the part of the budget of memory that the images of one file may take if they are kept in
// memory. The rest is for their packed copies, for other files and for answers.
const kept = 1. / 4

const (
	// A block of images that are not kept takes this part of the budget of memory, within bounds.
	// There are two blocks, and what is computed from one takes about as much again.
	blockPart      = 1. / 32
	leastBlock     = 1 << 20 // bytes; shorter blocks cost more time
	greatestBlock  = 64 << 20
	imagesOfABlock = 1 << 30 // at most: indices within a block have 32 bits
)

// forced is the number of images in each block of every set, or 0. Only tests set it.
var forced atomic.Int64

// InBlocks lets all sets be read from their files in blocks of that many images, even those that
// fit into memory, until restore is called. Tests compare their results with it.
func InBlocks(images int) (restore func()) {
	before := forced.Swap(int64(images))
	return func() { forced.Store(before) }
}

// Set returns the images. They are kept in memory, and the file is closed, if they take at most a
// quarter of the budget of memory; otherwise they are read from the file when they are wanted.
// Bytes after the last image are ignored.
func (f *ImageFile) Set() (*imageset.Set[uint8], error) {
	if f.fit() {
		m, err := f.Read()
		if err != nil {
			return nil, err
		}
		return m.Set(), nil
	}
	values, err := f.stored()
	if err != nil {
		return nil, err
	}
	return imageset.NewSet(f.N, f.Rows, f.Cols, f.block(1), func(dst []uint8, first int) error {
		return values.read(dst, int64(first)*int64(f.Rows*f.Cols))
	}), nil
}

// Set returns the vectors, as the images' Set does.
func (f *LatentFile) Set() (*imageset.Set[uint16], error) {
	if f.fit() {
		m, err := f.Read()
		if err != nil {
			return nil, err
		}
		return m.Set(), nil
	}
	values, err := f.stored()
	if err != nil {
		return nil, err
	}
	return imageset.NewSet(f.N, f.Rows, f.Cols, f.block(2), func(dst []uint16, first int) error {
		b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 2*len(dst))
		if err := values.read(b, 2*int64(first)*int64(f.Rows*f.Cols)); err != nil {
			return err
		}
		toValues(dst, b)
		return nil
	}), nil
}

// toValues sets dst to the big-endian values of b, which may be the memory of dst.
func toValues(dst []uint16, b []byte) {
	for i := range dst {
		dst[i] = binary.BigEndian.Uint16(b[2*i:])
	}
}

// fit reports whether the values are kept in memory.
func (f *File) fit() bool {
	if f.r.size < 0 {
		return true
	}
	return forced.Load() == 0 && float64(f.count) <= kept*float64(memory.Budget())
}

// block returns the number of images in a block of values of width bytes.
func (f *File) block(width int) int {
	if n := forced.Load(); n > 0 {
		return int(n)
	}
	bytes := min(max(int(blockPart*float64(memory.Budget())), leastBlock), greatestBlock)
	return min(max(1, bytes/(width*f.Rows*f.Cols)), imagesOfABlock)
}

// stored are the values of a file that stays open.
type stored struct {
	*reader
	state os.FileInfo // when it was opened
	at    int64       // of the first value
}

// stored returns the values of the file.
func (f *File) stored() (*stored, error) {
	state, err := f.r.file.Stat()
	if err != nil {
		return nil, f.r.fault(0, err, "%s", told(err))
	}
	return &stored{f.r, state, f.r.offset}, nil
}

// read reads bytes of the values, from the one at place from on. It returns an error if the file
// has changed since it was opened.
func (s *stored) read(dst []byte, from int64) error {
	n, err := s.file.ReadAt(dst, s.at+from)
	if now, e := s.file.Stat(); e == nil &&
		(now.Size() < s.state.Size() || now.ModTime() != s.state.ModTime()) {
		return s.fault(0, nil, "the file was changed while it was read: "+
			"it had %d bytes, of %v, and has %d, of %v",
			s.state.Size(), s.state.ModTime(), now.Size(), now.ModTime())
	}
	if n == len(dst) {
		return nil
	}
	return s.fault(s.at+from+int64(n), early(err), "%s", told(err))
}
