package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
)

// A chunk is a block of a data set that is stored, and perhaps filtered, by itself.
type chunk struct {
	index  int    // in row-major order of the chunks
	addr   uint64 // where it is stored
	stored uint32 // bytes
	mask   uint32 // bit i: filter i was left out
}

// A filter is one step between the values of a chunk and its stored bytes.
type filter struct {
	id     uint16
	values []uint32
}

// Filters (IV.A.2.l).
const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
)

// deflateRatio bounds how far deflate can compress: 258 bytes take at least two bits.
const deflateRatio = 1032

// readChunkedLayout reads the chunk index and the filters, and checks that every chunk is there and can hold its values.
func (o *Object) readChunkedLayout(l *layout, c *cursor) error {
	rank := int(c.u8()) - 1
	tree := c.u64()
	if c.err == nil && rank != len(o.Shape) {
		c.fail("%s has chunks of %d dimensions, expected %d", o.Path, rank, len(o.Shape))
	}
	count, bytes := uint64(1), uint64(l.datatype.size)
	for i := range o.Shape {
		d := uint64(c.u32())
		if c.err != nil {
			return c.err
		}
		if d == 0 || d > 1<<30 {
			c.fail("%s has a chunk dimension of %d", o.Path, d)
			return c.err
		}
		// Neither product overflows: count stays below the number of elements, bytes is checked after each step.
		count *= (uint64(o.Shape[i]) + d - 1) / d
		if bytes *= d; bytes > 1<<30 {
			c.fail("%s has chunks of %d bytes or more", o.Path, bytes)
			return c.err
		}
		l.chunk = append(l.chunk, int(d))
	}
	if size := int(c.u32()); c.err == nil && size != l.datatype.size {
		c.fail("%s has chunks of elements of %d bytes, expected %d", o.Path, size, l.datatype.size)
	}
	if c.err != nil || l.n == 0 {
		return c.err
	}
	if tree == undefined {
		return o.unsupported("chunks that were never written")
	}
	if o.has(msgFilters) {
		if err := o.readFilters(l); err != nil {
			return err
		}
	}
	if err := o.readChunkTree(l, tree, -1); err != nil {
		return err
	}
	if uint64(len(l.chunks)) < count {
		return o.unsupported("chunks that were never written")
	}
	if uint64(len(l.chunks)) > count {
		c.fail("%s has %d chunks, expected %d", o.Path, len(l.chunks), count)
		return c.err
	}
	seen := make([]bool, count)
	total := uint64(0)
	for _, ch := range l.chunks {
		most := uint64(ch.stored)
		for i, f := range l.filters {
			if f.id == filterDeflate && ch.mask&(1<<i) == 0 {
				most *= deflateRatio
			}
		}
		if most < bytes {
			c.fail("a chunk of %s is stored in %d bytes, which cannot hold %d", o.Path, ch.stored, bytes)
		}
		if seen[ch.index] {
			c.fail("%s has chunk %d twice", o.Path, ch.index)
		}
		seen[ch.index] = true
		total += uint64(ch.stored)
	}
	if total > uint64(o.file.end) {
		c.fail("the chunks of %s have %d bytes, more than the file", o.Path, total)
	}
	return c.err
}

// readChunkTree reads a node of the B-tree of chunks (III.A.1) and all below it.
// The level is the one that the parent implies, -1 for the root.
func (o *Object) readChunkTree(l *layout, addr uint64, level int) error {
	f := o.file
	c := f.block(addr, 24, "chunks' B-tree node")
	c.expect("TREE")
	if kind := c.u8(); kind != 1 {
		c.fail("the B-tree node has type %d, expected 1 (chunks)", kind)
	}
	got, n := int(c.u8()), int(c.u16())
	if level >= 0 && got != level {
		c.fail("the B-tree node has level %d, expected %d", got, level)
	}
	if c.err != nil {
		return c.err
	}
	rank := len(l.chunk)
	c = f.block(addr+24, uint64(n*(8+8*(rank+1)+8)), "chunks' B-tree node")
	for range n {
		ch := chunk{stored: c.u32(), mask: c.u32()}
		for i, d := range l.chunk {
			at := c.u64()
			if got == 0 && c.err == nil && (at >= uint64(o.Shape[i]) || at%uint64(d) != 0) {
				c.fail("%s has a chunk at element %d of dimension %d", o.Path, at, i)
			}
			ch.index = ch.index*((o.Shape[i]+d-1)/d) + int(at)/d
		}
		c.skip(8) // the dimension of the bytes of an element
		ch.addr = c.u64()
		if c.err != nil {
			return c.err
		}
		if got > 0 {
			if err := o.readChunkTree(l, ch.addr, got-1); err != nil {
				return err
			}
			continue
		}
		if ch.addr > uint64(f.end) || uint64(ch.stored) > uint64(f.end)-ch.addr {
			c.fail("a chunk of %s, %d bytes at address %#x, lies outside the file", o.Path, ch.stored, ch.addr)
		}
		l.chunks = append(l.chunks, ch)
	}
	return c.err
}

// readFilters reads the filter pipeline.
func (o *Object) readFilters(l *layout) error {
	c, err := o.one(msgFilters, "filter pipeline")
	if err != nil {
		return err
	}
	version, n := c.u8(), int(c.u8())
	switch version {
	case 1:
		c.skip(6)
	case 2:
	default:
		c.fail("a filter pipeline of version %d, expected 1 or 2", version)
	}
	if n > 32 {
		c.fail("%d filters, expected at most 32", n)
	}
	for range n {
		f := filter{id: c.u16()}
		nameSize := 0
		if version == 1 || f.id >= 256 {
			nameSize = int(c.u16())
		}
		if version == 1 {
			nameSize = (nameSize + 7) &^ 7
		}
		c.skip(2) // flags
		count := int(c.u16())
		c.skip(nameSize)
		for range count {
			f.values = append(f.values, c.u32())
			if c.err != nil {
				break
			}
		}
		if version == 1 && count%2 == 1 {
			c.skip(4)
		}
		if c.err != nil {
			return c.err
		}
		switch f.id {
		case filterDeflate, filterFletcher32:
		case filterShuffle:
			if len(f.values) < 1 || int(f.values[0]) != l.datatype.size {
				c.fail("a shuffle filter of %v bytes, expected elements of %d bytes", f.values, l.datatype.size)
			}
		default:
			return o.unsupported("filter %d", f.id)
		}
		// Twice the same filter makes no sense, and deflate twice would break the bound on the size of a chunk.
		for _, other := range l.filters {
			if other.id == f.id {
				c.fail("filter %d twice", f.id)
			}
		}
		l.filters = append(l.filters, f)
	}
	return c.err
}

// readChunks decodes all chunks into values.
func (o *Object) readChunks(l *layout, decode func([]byte) float32, values []float32) error {
	size := l.datatype.size
	for _, d := range l.chunk {
		size *= d
	}
	spare := int64(len(l.chunks))*int64(size) - int64(len(values))*int64(l.datatype.size)
	if o.file.spare -= spare; o.file.spare < 0 {
		return &FormatError{o.file.name, o.file.base, fmt.Sprintf("%s has %d chunks of %d bytes for %d values: more room than a file of %d bytes can need",
			o.Path, len(l.chunks), size, len(values), o.file.Size)}
	}
	at := make([]int, len(o.Shape)) // the first element of a chunk
	for _, ch := range l.chunks {
		stored := make([]byte, ch.stored)
		if err := readAt(o.file.r, stored, o.file.base+int64(ch.addr)); err != nil {
			return fmt.Errorf("%s: %s: %w", o.file.name, o.Path, err)
		}
		b, err := unfilter(stored, l.filters, ch.mask, size)
		if err == nil && len(b) < size {
			err = fmt.Errorf("%d bytes, expected %d", len(b), size)
		}
		if err != nil {
			return &FormatError{o.file.name, o.file.base + int64(ch.addr), fmt.Sprintf("chunk %d of %s: %v", ch.index, o.Path, err)}
		}
		for i, index := len(at)-1, ch.index; i >= 0; i-- {
			chunks := (o.Shape[i] + l.chunk[i] - 1) / l.chunk[i]
			at[i] = index % chunks * l.chunk[i]
			index /= chunks
		}
		scatter(values, o.Shape, b, l.chunk, at, l.datatype.size, decode)
	}
	return nil
}

// scatter decodes a chunk to its place in values. Chunks at the borders reach beyond the shape.
func scatter(values []float32, shape []int, b []byte, chunk, at []int, size int, decode func([]byte) float32) {
	if len(shape) == 0 {
		values[0] = decode(b)
		return
	}
	n := min(chunk[0], shape[0]-at[0])
	inner, innerBytes := 1, size
	for i := 1; i < len(shape); i++ {
		inner *= shape[i]
		innerBytes *= chunk[i]
	}
	for i := range n {
		scatter(values[(at[0]+i)*inner:(at[0]+i+1)*inner], shape[1:], b[i*innerBytes:(i+1)*innerBytes], chunk[1:], at[1:], size, decode)
	}
}

// unfilter undoes the filters of a chunk of at most size bytes, the last first.
func unfilter(b []byte, filters []filter, mask uint32, size int) ([]byte, error) {
	for i := len(filters) - 1; i >= 0; i-- {
		if mask&(1<<i) != 0 {
			continue
		}
		switch f := filters[i]; f.id {
		case filterDeflate:
			z, err := zlib.NewReader(bytes.NewReader(b))
			if err != nil {
				return nil, err
			}
			// A checksum of fletcher32 may have been added before deflate; the fifth byte more is one too many.
			out := make([]byte, size+5)
			n, err := io.ReadFull(z, out)
			if err == nil {
				return nil, fmt.Errorf("it inflates to more than %d bytes", size)
			}
			if err != io.EOF && err != io.ErrUnexpectedEOF {
				return nil, err
			}
			b = out[:n]
		case filterShuffle:
			b = unshuffle(b, int(f.values[0]))
		case filterFletcher32:
			if len(b) < 4 {
				return nil, fmt.Errorf("%d bytes, expected a checksum", len(b))
			}
			sum := binary.LittleEndian.Uint32(b[len(b)-4:])
			b = b[:len(b)-4]
			if got := fletcher32(b); got != sum {
				return nil, fmt.Errorf("its checksum is %08x, expected %08x", got, sum)
			}
		}
	}
	return b, nil
}

// unshuffle puts the bytes of elements together: b has first all first bytes, then all second bytes, and so on.
// Bytes that make no whole element stay at the end.
func unshuffle(b []byte, size int) []byte {
	n := len(b) / size
	out := make([]byte, len(b))
	// The elements come first: a file may give them a size far beyond b.
	for i := range n {
		for j := range size {
			out[i*size+j] = b[j*n+i]
		}
	}
	copy(out[n*size:], b[n*size:])
	return out
}

// fletcher32 is the checksum of HDF5: sums of big-endian 16-bit words modulo 65535, an odd last byte being a high byte.
func fletcher32(b []byte) uint32 {
	var s1, s2 uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		s1 = (s1 + w) % 65535
		s2 = (s2 + s1) % 65535
	}
	return s2<<16 | s1
}
