package hdf5

import (
	"fmt"
)

// Stored is the number of bytes that the values of data set o take in the file; 0 where they were never written.
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

// Float32s is the values of data set o, row-major. Half and double precision are converted.
// Values that were never written are zero; more than a million of those are an error.
func (o *Object) Float32s() ([]float32, error) {
	l, err := o.layout()
	if err != nil {
		return nil, err
	}
	decode := l.datatype.decoder()
	if decode == nil {
		return nil, o.unsupported("a data set of %v of %d bytes, expected IEEE half, single or double precision", l.datatype, l.datatype.size)
	}
	values := make([]float32, l.n)
	switch {
	case l.class == layoutChunked:
		err = o.readChunks(l, decode, values)
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

func (o *Object) readContiguous(l *layout, decode func([]byte) float32, values []float32) error {
	const piece = 1 << 14 // elements read at a time
	b := make([]byte, min(piece, len(values))*l.datatype.size)
	at := o.file.base + int64(l.addr)
	for len(values) > 0 {
		part := values[:min(piece, len(values))]
		b = b[:len(part)*l.datatype.size]
		if err := readAt(o.file.r, b, at); err != nil {
			return fmt.Errorf("%s: %s: %w", o.file.name, o.Path, err)
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

// A layout tells where the values of a data set lie. It is checked: what it tells is in the file and complete.
type layout struct {
	datatype datatype
	n        int // elements
	class    uint8
	addr     uint64 // contiguous
	size     uint64 // bytes stored, compact and contiguous
	compact  []byte
	chunk    []int // shape of a chunk
	chunks   []chunk
	filters  []filter
}

func (o *Object) layout() (*layout, error) {
	if !o.Dataset {
		return nil, fmt.Errorf("%s: %s is a group, expected a data set", o.file.name, o.Path)
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
	need := n * uint64(l.datatype.size) // no overflow: readDataspace and readDatatype bound both
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
			c.fail("the values of %s, %d bytes at address %#x, lie outside the file", o.Path, l.size, l.addr)
		}
	case layoutChunked:
		if version == 4 {
			return nil, o.unsupported("%s", newChunkIndex(c))
		}
		err := o.readChunkedLayout(l, c)
		return l, err
	default:
		return nil, o.unsupported("a data layout of class %d", class)
	}
	if c.err == nil && l.size < need {
		c.fail("%s has %d bytes of values, expected %d elements of %d bytes", o.Path, l.size, l.n, l.datatype.size)
	}
	return l, c.err
}

// newChunkIndex names the chunk index of a layout of version 4.
func newChunkIndex(c *cursor) string {
	c.skip(1)
	rank, width := int(c.u8()), int(c.u8())
	c.skip(rank * width)
	names := []string{"single chunk", "implicit", "fixed array", "extensible array", "version 2 B-tree"}
	kind := int(c.u8())
	if c.err != nil || kind < 1 || kind > len(names) {
		return "a chunk index of an unknown kind"
	}
	return "a chunk index of kind " + names[kind-1]
}

// maxUnwritten bounds the values that no byte in the file stands for.
const maxUnwritten = 1 << 20

// checkUnwritten checks that a data set without values has few elements, and that they are zero (IV.A.2.f).
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
