// Package hdf5 reads and writes the part of HDF5 that Keras model files use: groups, text
// attributes and arrays of floating-point numbers. It follows the HDF5 File Format Specification,
// version 3.0 (https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html). The Roman
// numerals in comments are sections of it.
//
// Files may come from anyone. The package trusts no number in them. It checks the bounds of every
// part that it fetches, and every checksum that the file has. A File reads metadata (all but the
// values of data sets) only up to a bound that follows from the size of the file, so that loops
// and structures with shared parts end in an error.
package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"imagesimilarity/pkg/infile"
)

// ErrNotFound is wrapped by the errors of lookups that find no such object or attribute.
var ErrNotFound = errors.New("not in the file")

// A FormatError reports that a file is damaged or no HDF5 file.
type FormatError struct {
	File   string
	Offset int64 // byte in the file near which the fault was seen
	Err    error // what is wrong
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: byte %d: %v", e.File, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// An UnsupportedError reports that a file uses a feature of HDF5 that this package does not read.
type UnsupportedError struct {
	File    string
	Path    string // object that uses the feature
	Feature string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s: %s: %s: this feature of HDF5 is not supported",
		e.File, shown(e.Path), e.Feature)
}

// undefined is the address of a thing that is not there.
const undefined = 1<<64 - 1

const (
	// maxMetadata bounds the bytes of metadata that are read from one file. A Keras file has a few
	// kilobytes for each layer.
	maxMetadata = 24 << 20
	// readCost is added for every piece of metadata, so that many small ones are bounded too.
	readCost = 64
	// maxSpare plus the size of the file bounds the bytes of chunks that hold no values: those at
	// the borders of data sets, and those of a data set that was made to grow. They take time to
	// inflate, and compressed they take next to nothing in the file.
	maxSpare = 8 << 20
)

// A File is an open HDF5 file.
type File struct {
	Root *Object
	Size int64 // bytes

	name   string
	r      io.ReaderAt
	base   int64 // offset of the superblock, behind a user block; addresses count from here
	end    int64 // bytes from base to the end of the file
	budget int64 // bytes of metadata that may still be read
	spare  int64 // bytes of chunks without values that may still be read
	// heaps holds the objects of the global heaps read so far, by address and index.
	heaps map[uint64]map[uint16][]byte
}

// Open reads an HDF5 file of the given size from r, which must stay usable as long as the File is.
// The name is for error messages.
func Open(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{
		Size:   size,
		name:   name,
		r:      r,
		budget: min(1<<16+8*size, maxMetadata),
		spare:  maxSpare + size,
		heaps:  map[uint64]map[uint16][]byte{},
	}
	root, err := f.superblock()
	if err != nil {
		return nil, err
	}
	f.Root, err = f.object(root, "/")
	return f, err
}

// damaged returns a FormatError at a byte of the file. The arguments are those of fmt.Errorf.
func (f *File) damaged(at int64, format string, args ...any) error {
	return &FormatError{f.name, at, fmt.Errorf(format, args...)}
}

// foreign returns the error of a file that is no HDF5 file.
func (f *File) foreign() error {
	start := make([]byte, min(f.Size, infile.Peek))
	if err := readAt(f.r, start, 0); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	kind := infile.KindOf(start)
	if kind.Name == "" {
		return f.damaged(0, "no HDF5 file: the signature is missing")
	}
	return f.damaged(0, "no HDF5 file: the signature is missing; this is %s%s", kind.Name, kind.Hint())
}

const signature = "\x89HDF\r\n\x1a\n"

// superblock finds and reads the superblock (II.A) and returns the address of the root group's
// object header.
func (f *File) superblock() (root uint64, err error) {
	// The signature is at byte 0, or behind a user block of 512, 1024, 2048, ... bytes.
	for start := int64(0); ; start = max(512, 2*start) {
		if start+int64(len(signature)) > f.Size {
			return 0, f.foreign()
		}
		var b [len(signature)]byte
		if err := readAt(f.r, b[:], start); err != nil {
			return 0, fmt.Errorf("%s: %w", f.name, err)
		}
		if string(b[:]) == signature {
			f.base, f.end = start, f.Size-start
			break
		}
	}
	c := f.block(0, 9, "superblock")
	c.skip(8)
	version := c.u8()
	var offsetSize, lengthSize uint8
	var base, end uint64
	switch version {
	case 0, 1:
		size := uint64(96)
		if version == 1 {
			size = 100
		}
		c = f.block(0, size, "superblock")
		c.skip(13)
		offsetSize, lengthSize = c.u8(), c.u8()
		c.skip(9) // reserved, sizes of nodes (this reader takes them from the nodes), flags
		if version == 1 {
			c.skip(4)
		}
		base = c.u64()
		c.skip(8)
		end = c.u64()
		c.skip(16) // driver information; the root entry's name
		root = c.u64()
	case 2, 3:
		c = f.checked(0, 48, signature, "superblock")
		c.skip(1)
		offsetSize, lengthSize = c.u8(), c.u8()
		c.skip(1)
		base = c.u64()
		c.skip(8)
		end = c.u64()
		root = c.u64()
	default:
		return 0, &UnsupportedError{f.name, "/", fmt.Sprintf("superblock version %d", version)}
	}
	switch {
	case c.err != nil:
		return 0, c.err
	case offsetSize != 8 || lengthSize != 8:
		return 0, &UnsupportedError{f.name, "/", fmt.Sprintf(
			"addresses of %d bytes and lengths of %d bytes", offsetSize, lengthSize)}
	case base != uint64(f.base):
		return 0, f.damaged(f.base, "the base address is %d, expected %d", base, f.base)
	case end > uint64(f.Size):
		// Unlike all other addresses, this one counts from the start of the file.
		return 0, f.damaged(f.Size, "the file ends here, expected %d bytes: it is cut off", end)
	}
	return root, nil
}

// readAt fills b from off. Unlike r.ReadAt it returns no error if it filled b up to the last byte
// of the file.
func readAt(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// block fetches n bytes of metadata at addr. The name `what` is for errors. If it fails, the cursor
// has the error.
func (f *File) block(addr, n uint64, what string) *cursor {
	c := &cursor{file: f, what: what}
	if addr > uint64(f.end) || n > uint64(f.end)-addr {
		c.err = f.damaged(f.base, "the %s of %d bytes at address %#x lies outside the file",
			what, n, addr)
		return c
	}
	c.start = f.base + int64(addr)
	if c.charge(int64(n)); c.err != nil {
		return c
	}
	c.b = make([]byte, n)
	if err := readAt(f.r, c.b, c.start); err != nil {
		c.b, c.err = nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return c
}

// checked fetches n bytes of metadata at addr that begin with a signature and end with a checksum,
// and verifies both. The cursor is behind the signature and ends before the checksum.
func (f *File) checked(addr, n uint64, signature, what string) *cursor {
	c := f.block(addr, n, what)
	c.expect(signature)
	if c.err == nil {
		data := len(c.b) - 4
		c.verify(c.b[:data], binary.LittleEndian.Uint32(c.b[data:]))
		c.b = c.b[:data]
	}
	return c
}

// A cursor takes little-endian fields from a piece of metadata. After the first failure all further
// fields are zero.
type cursor struct {
	file  *File
	what  string
	start int64 // offset of b in the file
	b     []byte
	pos   int
	err   error
}

// fail sets the error, unless there is one.
func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = c.file.damaged(c.start+int64(c.pos), format, args...)
	}
}

// verify compares the checksum of the bytes with the stored one. A difference is an error at the
// start of c.
func (c *cursor) verify(data []byte, stored uint32) {
	if sum := lookup3(data); c.err == nil && sum != stored {
		c.pos = 0
		c.fail("the %s of %d bytes is damaged: %w: lookup3 of the bytes is %08x, stored is %08x",
			c.what, len(c.b), errChecksum, sum, stored)
	}
}

// charge takes n bytes of metadata, read or made, off the file's budget.
func (c *cursor) charge(n int64) {
	if n+readCost > c.file.budget {
		c.fail("the %s: more metadata than a file of %d bytes can need", c.what, c.file.Size)
		return
	}
	c.file.budget -= n + readCost
}

// left returns the number of bytes not yet taken.
func (c *cursor) left() int { return len(c.b) - c.pos }

// bytes takes n bytes.
func (c *cursor) bytes(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n < 0 || n > c.left() {
		c.fail("the %s ends after %d bytes, expected %d more", c.what, len(c.b), n)
		return nil
	}
	c.pos += n
	return c.b[c.pos-n : c.pos : c.pos]
}

func (c *cursor) skip(n int) { c.bytes(n) }

// sub takes n bytes as a cursor of their own.
func (c *cursor) sub(n int, what string) *cursor {
	start := c.start + int64(c.pos)
	b := c.bytes(n)
	return &cursor{file: c.file, what: what, start: start, b: b, err: c.err}
}

// uint takes an unsigned number of 0 to 8 bytes.
func (c *cursor) uint(size int) uint64 {
	var b [8]byte
	copy(b[:], c.bytes(size))
	return binary.LittleEndian.Uint64(b[:])
}

func (c *cursor) u8() uint8   { return uint8(c.uint(1)) }
func (c *cursor) u16() uint16 { return uint16(c.uint(2)) }
func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }
func (c *cursor) u64() uint64 { return c.uint(8) }

// expect takes the signature of a structure.
func (c *cursor) expect(signature string) {
	at := c.pos
	if got := c.bytes(len(signature)); c.err == nil && string(got) != signature {
		c.pos = at
		c.fail("the %s starts with %q, expected %q", c.what, got, signature)
	}
}

// expectVersion takes the version byte of a structure that has only one version.
func (c *cursor) expectVersion(want uint8) {
	if v := c.u8(); c.err == nil && v != want {
		c.fail("the %s has version %d, expected %d", c.what, v, want)
	}
}

// text takes a text and the NUL byte that ends it.
func (c *cursor) text() string {
	for i := c.pos; i < len(c.b); i++ {
		if c.b[i] == 0 {
			s := string(c.b[c.pos:i])
			c.pos = i + 1
			return s
		}
	}
	c.fail("a text in the %s has no end", c.what)
	return ""
}

// bytesFor returns the number of bytes that HDF5 takes for a number up to limit.
func bytesFor(limit uint64) int { return max(1, (bits.Len64(limit)+7)/8) }
