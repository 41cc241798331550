package idx

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
)

// kept is the part of the budget of memory that the images of one file may take if they are kept in
// memory. The rest is for their packed copies, for other files and for answers.
const kept = 1. / 4

const (
	// A block of images that are not kept takes this part of the budget of memory, within bounds.
	// There are two blocks, and what is computed from one takes about as much again.
	blockPart     = 1. / 32
	leastBlock    = 256 << 10 // bytes; shorter blocks cost more time
	greatestBlock = 8 << 20   // longer blocks leave the caches of processors
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
// quarter of the budget of memory. Otherwise they are read from the file when they are wanted,
// until the set is closed; those of a gzip file are unpacked into a nameless file before. On Linux
// and macOS the file is mapped into memory for passes: copies of what the system has there anyway
// would take longer than a pass of k-medians. Bytes after the last image are ignored.
func (f *ImageFile) Set() (*imageset.Set[uint8], error) {
	if f.fit() {
		m, err := f.Read()
		if err != nil {
			return nil, err
		}
		return m.Set(), nil
	}
	values, err := f.stored(1)
	if err != nil {
		return nil, err
	}
	read := func(dst []uint8, first int) error {
		return values.read(dst, int64(first)*int64(f.Rows*f.Cols))
	}
	set := imageset.NewSet(f.N, f.Rows, f.Cols, f.block(1), read)
	mapped, err := mapInto(values.File, values.at+int64(f.count))
	if err != nil {
		return set.OnClose(values.Close), nil // not all files can be mapped: they are read
	}
	unmap := runtime.AddCleanup(set, func(m []byte) { unmapFile(m) }, mapped)
	return set.Map(&imageset.Mapping[uint8]{
		Values: mapped[values.at:], Check: values.check,
		Fault: func(value int) error { return values.fault(int64(value), syscall.EIO) },
	}).OnClose(func() error {
		unmap.Stop()
		return cmp.Or(unmapFile(mapped), values.Close())
	}), nil
}

// Set returns the vectors, as the images' Set does. They are never mapped: the order of their bytes
// is not that of all processors.
func (f *LatentFile) Set() (*imageset.Set[uint16], error) {
	if f.fit() {
		m, err := f.Read()
		if err != nil {
			return nil, err
		}
		return m.Set(), nil
	}
	values, err := f.stored(2)
	if err != nil {
		return nil, err
	}
	read := func(dst []uint16, first int) error {
		b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 2*len(dst))
		if err := values.read(b, 2*int64(first)*int64(f.Rows*f.Cols)); err != nil {
			return err
		}
		toValues(dst, b)
		return nil
	}
	return imageset.NewSet(f.N, f.Rows, f.Cols, f.block(2), read).OnClose(values.Close), nil
}

// mapInto is mapFile. Only tests set it.
var mapInto = mapFile

// toValues sets dst to the big-endian values of b, which may be the memory of dst.
func toValues(dst []uint16, b []byte) {
	for i := range dst {
		dst[i] = binary.BigEndian.Uint16(b[2*i:])
	}
}

// fit reports whether the values are kept in memory.
func (f *File) fit() bool {
	return f.begun != nil ||
		forced.Load() == 0 && float64(f.count) <= kept*float64(memory.Budget())
}

// block returns the number of images in a block of values of width bytes.
func (f *File) block(width int) int {
	if n := forced.Load(); n > 0 {
		return int(n)
	}
	bytes := min(max(int(blockPart*float64(memory.Budget())), leastBlock), greatestBlock)
	return max(1, bytes/(width*f.Rows*f.Cols))
}

// stored are the values of a file that stays open.
type stored struct {
	*os.File
	name   string
	at     int64       // place of the first value in the file
	header int64       // bytes before the first value in the (uncompressed) file of that name
	state  os.FileInfo // of the file when it was opened; nil if nobody else can change it
}

// stored returns the values, of width bytes, of the file, which it unpacks if it is not plain.
func (f *File) stored(width int) (*stored, error) {
	two := 2 * float64(min(f.count, f.block(width)*width*f.Rows*f.Cols))
	if err := memory.Check(two, "%s: two blocks of its %s need", f.Name, f.what); err != nil {
		return nil, err
	}
	if f.unpacked == nil && f.r.size < 0 {
		if err := f.unpack(); err != nil {
			return nil, err
		}
	}
	if f.unpacked != nil {
		return &stored{File: f.unpacked, name: f.Name, header: f.r.offset}, nil
	}
	return &stored{f.r.file, f.Name, f.r.offset, f.r.offset, f.r.state}, nil
}

// read reads bytes of the values, from the one at place from on. It returns an error if the file
// has changed since it was opened.
func (s *stored) read(dst []byte, from int64) error {
	n, err := s.ReadAt(dst, s.at+from)
	if err := s.check(); err != nil {
		return err
	}
	if n == len(dst) {
		return nil
	}
	return s.fault(from+int64(n), err)
}

// check returns an error if the file has changed since it was opened.
func (s *stored) check() error {
	if s.state == nil {
		return nil
	}
	now, err := s.Stat()
	if err != nil || now.Size() == s.state.Size() && now.ModTime().Equal(s.state.ModTime()) {
		return nil
	}
	how := "it was written again"
	if before := s.state.Size(); before != now.Size() {
		how = fmt.Sprintf("%s before, %d now", plural.Of(before, "byte"), now.Size())
	}
	reason := "the file changed while it was read (" + how + ")"
	return &FormatError{s.name, NoPlace, reason, nil}
}

// fault returns the error of the value at a place, which cannot be read because of err.
func (s *stored) fault(place int64, err error) error {
	if err := s.check(); err != nil {
		return err
	}
	reason := told(err)
	if s.state == nil {
		reason = fmt.Sprintf("cannot read its temporary file: %v", err)
	}
	return &FormatError{s.name, s.header + place, reason, early(err)}
}
