package hdf5

// A chunk is a block of a data set that is stored, and perhaps filtered, by itself.
type chunk struct {
	index  int    // in row-major order of the chunks
	addr   uint64 // of the stored bytes
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

// deflateRatio bounds the compression of deflate: 258 bytes take at least two bits.
const deflateRatio = 1032

// readChunkedLayout reads the chunk index and the filters. It checks that every chunk is there and
// can hold its values.
func (o *Object) readChunkedLayout(l *layout, c *cursor) error {
	rank := int(c.u8()) - 1
	tree := c.u64()
	if c.err == nil && rank != len(o.Shape) {
		c.fail("%s has chunks of %d dimensions, expected %d", shown(o.Path), rank, len(o.Shape))
	}
	count, bytes := uint64(1), uint64(l.datatype.size)
	for i := range o.Shape {
		d := uint64(c.u32())
		if c.err != nil {
			return c.err
		}
		if d == 0 || d > 1<<30 {
			c.fail("%s has a chunk dimension of %d", shown(o.Path), d)
			return c.err
		}
		// Neither product overflows: count is at most the number of elements, and bytes is checked
		// after each step.
		count *= (uint64(o.Shape[i]) + d - 1) / d
		if bytes *= d; bytes > 1<<30 {
			c.fail("%s has chunks of %d bytes or more", shown(o.Path), bytes)
			return c.err
		}
		l.chunk = append(l.chunk, int(d))
	}
	if size := int(c.u32()); c.err == nil && size != l.datatype.size {
		c.fail("%s has chunks of elements of %d bytes, expected %d",
			shown(o.Path), size, l.datatype.size)
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
		c.fail("%s has %d chunks, expected %d", shown(o.Path), len(l.chunks), count)
		return c.err
	}
	l.chunkBytes = int(bytes)
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
			c.fail("a chunk of %s is stored in %d bytes, which cannot hold %d",
				shown(o.Path), ch.stored, bytes)
		}
		if seen[ch.index] {
			c.fail("%s has chunk %d twice", shown(o.Path), ch.index)
		}
		seen[ch.index] = true
		total += uint64(ch.stored)
	}
	if total > uint64(o.file.end) {
		c.fail("the chunks of %s have %d bytes, more than the file", shown(o.Path), total)
	}
	return c.err
}

// readChunkTree reads a node of the B-tree of chunks (III.A.1) and all below it.
// The level is the one that follows from the parent's, -1 for the root.
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
				c.fail("%s has a chunk at element %d of dimension %d", shown(o.Path), at, i)
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
			c.fail("a chunk of %s, %d bytes at address %#x, lies outside the file",
				shown(o.Path), ch.stored, ch.addr)
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
				// The list may be long.
				c.fail("a shuffle filter of %v bytes, expected elements of %d bytes",
					f.values[:min(1, len(f.values))], l.datatype.size)
			}
		default:
			return o.unsupported("filter %d", f.id)
		}
		// The same filter twice makes no sense. Deflate twice would break the bound on the size of a
		// chunk.
		for _, other := range l.filters {
			if other.id == f.id {
				c.fail("filter %d twice", f.id)
			}
		}
		l.filters = append(l.filters, f)
	}
	return c.err
}
