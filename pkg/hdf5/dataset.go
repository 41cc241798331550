package hdf5

import (
	"fmt"
)

// Stored returns the number of bytes that the values of data set o take in the file. It is 0 if
// they were never written.
func (o *Object) Stored() (int64, error) {
	l, err := o.layout()
	if err != nil {
		return 0, err
	}
	n := int64(l.size)
	for _, ch := range l.chunks {
		n += int64(ch.stored)
	}
	return n, nil
}

// Memory returns the most bytes that Float32s allocates for data set o: four for each value and a
// constant. It reads no values, so that a caller can compare the need with a budget before.
func (o *Object) Memory() (int64, error) {
	l, err := o.layout()
	if err != nil {
		return 0, err
	}
	n := 4*int64(l.n) + scratch
	if l.class == layoutChunked {
		n += chunkScratch
		for _, f := range l.filters {
			if f.id == filterShuffle {
				n += 2*min(int64(l.chunkBytes), maxShuffleBuffer) + 8
			}
		}
	}
	return n, nil
}

// Float32s returns the values of data set o, row-major. It converts half and double precision.
// Values that were never written are zero. More than a million of those are an error.
func (o *Object) Float32s() ([]float32, error) {
	l, err := o.layout()
	if err != nil {
		return nil, err
	}
	decode := l.datatype.decoder()
	if decode == nil {
		return nil, o.unsupported(
			"a data set of %v of %d bytes, expected IEEE half, single or double precision",
			l.datatype, l.datatype.size)
	}
	if l.class == layoutChunked {
		return o.readChunks(l, decode)
	}
	values := make([]float32, l.n)
	switch {
	case l.class == layoutCompact:
		fill(values, l.compact, l.datatype.size, decode)
	case l.size > 0:
		err = o.readContiguous(l, decode, values)
	}
	if err != nil {
		return nil, err
	}
	return values, nil
}

// fill decodes the elements in b into values.
func fill(values []float32, b []byte, size int, decode func([]byte) float32) {
	for i := range values {
		values[i] = decode(b[i*size : (i+1)*size])
	}
}

// scratch is the number of bytes in which values are read.
const scratch = 1 << 17

func (o *Object) readContiguous(l *layout, decode func([]byte) float32, values []float32) error {
	piece := scratch / l.datatype.size // elements read at a time
	b := make([]byte, min(piece, len(values))*l.datatype.size)
	at := o.file.base + int64(l.addr)
	for len(values) > 0 {
		part := values[:min(piece, len(values))]
		b = b[:len(part)*l.datatype.size]
		if err := readAt(o.file.r, b, at); err != nil {
			return fmt.Errorf("%s: %s: %w", o.file.name, shown(o.Path), err)
		}
		fill(part, b, l.datatype.size, decode)
		values = values[len(part):]
		at += int64(len(b))
	}
	return nil
}

// Layout classes (IV.A.2.i).
const (
	layoutCompact    = 0
	layoutContiguous = 1
	layoutChunked    = 2
)

// A layout describes the place of a data set's values. It is checked: they are in the file, and
// complete.
type layout struct {
	datatype   datatype
	n          int // elements
	class      uint8
	addr       uint64 // contiguous
	size       uint64 // bytes stored, compact and contiguous
	compact    []byte
	chunk      []int // shape of a chunk
	chunkBytes int   // of a chunk without filters
	chunks     []chunk
	filters    []filter
}

// layout returns the layout of data set o, and reads it only once.
func (o *Object) layout() (*layout, error) {
	if o.stored == nil {
		l, err := o.readLayout()
		if err != nil {
			return nil, err
		}
		o.stored = l
	}
	return o.stored, nil
}

func (o *Object) readLayout() (*layout, error) {
	if !o.Dataset {
		return nil, fmt.Errorf("%s: %s is a group, expected a data set", o.file.name, shown(o.Path))
	}
	space, err := o.one(msgDataspace, "dataspace")
	if err != nil {
		return nil, err
	}
	n := readDataspace(space).n
	if space.err != nil {
		return nil, space.err
	}
	c, err := o.one(msgDatatype, "datatype")
	if err != nil {
		return nil, err
	}
	l := &layout{datatype: readDatatype(c), n: int(n)}
	if c.err != nil {
		return nil, c.err
	}
	if o.has(msgExternal) {
		return nil, o.unsupported("values in an external file")
	}
	if c, err = o.one(msgLayout, "data layout"); err != nil {
		return nil, err
	}
	version, class := c.u8(), c.u8()
	if c.err == nil && version != 3 && version != 4 {
		return nil, o.unsupported("a data layout of version %d", version)
	}
	// This does not overflow: readDataspace and readDatatype bound both.
	need := n * uint64(l.datatype.size)
	l.class = class
	switch class {
	case layoutCompact:
		l.size = uint64(c.u16())
		l.compact = c.bytes(int(l.size))
	case layoutContiguous:
		l.addr, l.size = c.u64(), c.u64()
		if l.addr == undefined {
			l.size = 0
			return l, o.checkUnwritten(l)
		}
		if c.err == nil && (l.addr > uint64(o.file.end) || l.size > uint64(o.file.end)-l.addr) {
			c.fail("the values of %s, %d bytes at address %#x, lie outside the file",
				shown(o.Path), l.size, l.addr)
		}
	case layoutChunked:
		if version == 4 {
			return nil, o.unsupported("%s", newChunkIndex(c))
		}
		return l, o.readChunkedLayout(l, c)
	default:
		return nil, o.unsupported("a data layout of class %d", class)
	}
	if c.err == nil && l.size < need {
		c.fail("%s has %d bytes of values, expected %d elements of %d bytes",
			shown(o.Path), l.size, l.n, l.datatype.size)
	}
	return l, c.err
}

// newChunkIndex returns the name of the chunk index of a layout of version 4.
func newChunkIndex(c *cursor) string {
	c.skip(1)
	rank, width := int(c.u8()), int(c.u8())
	c.skip(rank * width)
	names := []string{
		"single chunk", "implicit", "fixed array", "extensible array", "version 2 B-tree",
	}
	kind := int(c.u8())
	if c.err != nil || kind < 1 || kind > len(names) {
		return "a chunk index of an unknown kind"
	}
	return "a chunk index of kind " + names[kind-1]
}

// maxUnwritten bounds the number of values that have no bytes in the file.
const maxUnwritten = 1 << 20

// checkUnwritten returns an error if a data set without values has many elements, or if their fill
// value is not zero (IV.A.2.f).
func (o *Object) checkUnwritten(l *layout) error {
	if l.n > maxUnwritten {
		return o.unsupported("%d values that were never written", l.n)
	}
	if !o.has(msgFillValue) {
		return nil
	}
	c, err := o.one(msgFillValue, "fill value")
	if err != nil {
		return err
	}
	var size uint32
	switch version := c.u8(); version {
	case 1, 2:
		c.skip(2)
		if defined := c.u8(); defined != 0 && (version == 1 || c.left() > 0) {
			size = c.u32()
		}
	case 3:
		if flags := c.u8(); flags&0x20 != 0 {
			size = c.u32()
		}
	default:
		c.fail("a fill value of version %d, expected 1 to 3", version)
	}
	for range size {
		if v := c.u8(); v != 0 && c.err == nil {
			return o.unsupported("values that were never written, with a fill value other than zero")
		}
		if c.err != nil {
			break
		}
	}
	return c.err
}
