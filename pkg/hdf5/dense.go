package hdf5

import (
	"encoding/binary"
	"math/bits"
)

// A recordKind is a kind of record in the B-trees that index dense storage (III.A.2).
type recordKind struct {
	kind     uint8
	size     int // bytes of a record
	idOffset int // of the heap ID in the record
	idSize   int
}

var (
	linkRecord      = recordKind{kind: 5, size: 11, idOffset: 4, idSize: 7}
	attributeRecord = recordKind{kind: 8, size: 17, idOffset: 0, idSize: 8}
)

// dense calls visit with every link or attribute in the fractal heap that the B-tree lists, in the
// order of the tree.
func (o *Object) dense(heapAddr, treeAddr uint64, kind recordKind,
	visit func(*cursor) error) error {
	heap, err := o.fractalHeap(heapAddr)
	if err != nil {
		return err
	}
	return o.records(treeAddr, kind, func(record []byte) error {
		c, err := heap.object(record[kind.idOffset : kind.idOffset+kind.idSize])
		if err != nil {
			return err
		}
		return visit(c)
	})
}

// records calls visit with every record of a B-tree of version 2 (III.A.2).
func (o *Object) records(addr uint64, kind recordKind, visit func([]byte) error) error {
	c := o.file.checked(addr, 38, "BTHD", "B-tree header")
	c.expectVersion(0)
	gotKind := c.u8()
	nodeSize, recordSize, depth := uint64(c.u32()), int(c.u16()), int(c.u16())
	c.skip(2)
	root, n := c.u64(), int(c.u16())
	if c.err == nil && (gotKind != kind.kind || recordSize != kind.size) {
		c.fail("the B-tree has records of type %d and %d bytes, expected type %d and %d bytes",
			gotKind, recordSize, kind.kind, kind.size)
	}
	// A node holds a signature, version, type and checksum: 10 bytes. It has at least one record, and
	// a level has at least twice the records of the level below.
	if nodeSize < uint64(10+recordSize) || depth > 32 {
		c.fail("a B-tree of depth %d with nodes of %d bytes", depth, nodeSize)
	}
	if c.err != nil {
		return c.err
	}
	if root == undefined {
		return nil
	}
	// A pointer to a child has the address, the number of records, and above the lowest inner level
	// the number of records of the whole subtree. The widths of the numbers follow from what a node
	// can hold.
	most := (nodeSize - 10) / uint64(recordSize) // records of a leaf
	countWidth := bytesFor(most)
	totalWidth := make([]int, depth+1) // of the subtree below a child at this level
	total := most
	for level := 1; level <= depth; level++ {
		pointer := uint64(8 + countWidth + totalWidth[level-1])
		if nodeSize < 10+pointer {
			c.fail("a B-tree of depth %d with nodes of %d bytes", depth, nodeSize)
			return c.err
		}
		m := (nodeSize - 10 - pointer) / (uint64(recordSize) + pointer)
		hi, lo := bits.Mul64(m+1, total)
		sum, carry := bits.Add64(lo, m, 0)
		if hi != 0 || carry != 0 {
			c.fail("a B-tree of depth %d with nodes of %d bytes", depth, nodeSize)
			return c.err
		}
		total = sum
		totalWidth[level] = bytesFor(total)
	}

	var node func(addr uint64, n, level int) error
	node = func(addr uint64, n, level int) error {
		signature, size := "BTLF", n*recordSize
		if level > 0 {
			signature = "BTIN"
			size += (n + 1) * (8 + countWidth + totalWidth[level-1])
		}
		c := o.file.checked(addr, uint64(6+size+4), signature, "B-tree node")
		c.expectVersion(0)
		c.skip(1)
		list := c.bytes(n * recordSize)
		if c.err != nil {
			return c.err
		}
		for i := range n {
			if err := visit(list[i*recordSize : (i+1)*recordSize]); err != nil {
				return err
			}
		}
		if level == 0 {
			return nil
		}
		for range n + 1 {
			child, m := c.u64(), c.uint(countWidth)
			c.skip(totalWidth[level-1])
			if c.err != nil {
				return c.err
			}
			if m > most {
				c.fail("a B-tree node of %d records, at most %d fit", m, most)
				return c.err
			}
			if err := node(child, int(m), level-1); err != nil {
				return err
			}
		}
		return nil
	}
	return node(root, n, depth)
}

// A fractalHeap holds many small objects in blocks (III.G). The root is a direct block, or an
// indirect block: rows of blocks. All blocks of a row have the same size. It is the same in the
// first two rows, and then doubles from row to row.
type fractalHeap struct {
	owner       *Object
	addr        uint64
	checksums   bool // direct blocks have checksums, too
	root        uint64
	rows        int    // of the root; 0 if it is a direct block
	width       uint64 // blocks of a row
	start       uint64 // bytes of a block in the first two rows
	largest     uint64 // bytes of the largest direct block; larger ones are indirect
	offsetWidth int    // bytes of an offset in the heap's IDs
	lengthWidth int    // bytes of a length in the heap's IDs
	blocks      map[heapBlock][]byte
}

// A heapBlock identifies a block that was read and verified.
type heapBlock struct {
	signature  string
	addr, size uint64
}

func (o *Object) fractalHeap(addr uint64) (*fractalHeap, error) {
	// The header is longer if the heap has filters, which are not supported.
	c := o.file.block(addr, 9, "fractal heap")
	c.expect("FRHP")
	c.expectVersion(0)
	c.skip(2)
	if filters := c.u16(); c.err == nil && filters != 0 {
		return nil, o.unsupported("a fractal heap with filters")
	}
	if c.err != nil {
		return nil, c.err
	}
	c = o.file.checked(addr, 146, "FRHP", "fractal heap")
	c.skip(5)
	flags := c.u8()
	maxObject := uint64(c.u32())
	c.skip(96) // fields for writers, and huge and tiny objects
	h := &fractalHeap{
		owner:     o,
		addr:      addr,
		checksums: flags&2 != 0,
		blocks:    map[heapBlock][]byte{},
	}
	h.width, h.start, h.largest = uint64(c.u16()), c.u64(), c.u64()
	maxHeap := int(c.u16()) // bits of an offset
	c.skip(2)
	h.root, h.rows = c.u64(), int(c.u16())
	power := func(n uint64) bool { return n <= 1<<32 && bits.OnesCount64(n) == 1 }
	if c.err == nil && (!power(h.width) || !power(h.start) || !power(h.largest) ||
		h.largest < h.start || maxHeap > 64 || h.rows > 32) {
		c.fail("a fractal heap with rows of %d blocks from %d to %d bytes, %d rows",
			h.width, h.start, h.largest, h.rows)
	}
	h.offsetWidth = (maxHeap + 7) / 8
	h.lengthWidth = min((bits.Len64(h.largest)+6)/8, bytesFor(maxObject))
	return h, c.err
}

// object fetches the object with a heap ID.
func (h *fractalHeap) object(id []byte) (*cursor, error) {
	f := h.owner.file
	c := &cursor{file: f, what: "heap ID", start: f.base + int64(h.addr), b: id}
	if flags := c.u8(); flags>>4 != 0 {
		return nil, h.owner.unsupported(
			"dense storage of kind %#x (a huge, tiny or newer object)", flags>>4)
	}
	offset, length := c.uint(h.offsetWidth), c.uint(h.lengthWidth)
	if c.err != nil {
		return nil, c.err
	}
	addr, rows, size := h.root, h.rows, h.start
	for rows > 0 {
		// Find the block of this indirect block in which the offset falls.
		row, before := 0, uint64(0)
		for size = h.start; offset/size >= h.width; row++ {
			if row+1 >= rows {
				c.fail("a heap ID beyond the heap")
				return nil, c.err
			}
			offset -= h.width * size
			before += h.width
			if row > 0 {
				size *= 2
			}
		}
		before += offset / size
		offset %= size
		block := h.indirectBlock(addr, rows)
		block.skip(int(8 * before))
		if addr = block.u64(); block.err != nil {
			return nil, block.err
		}
		rows = 0
		if size > h.largest {
			// An inner indirect block has the rows that fill its size, fewer than its parent has.
			rows = bits.Len64(size / (h.start * h.width))
		}
	}
	block := h.directBlock(addr, size)
	if block.err == nil && (offset > size || length > size-offset) {
		block.fail("a heap ID of %d bytes at byte %d of a block of %d bytes", length, offset, size)
	}
	if block.err != nil {
		return nil, block.err
	}
	// Objects may overlap in the heap.
	if block.charge(int64(length)); block.err != nil {
		return nil, block.err
	}
	return &cursor{
		file:  f,
		what:  "object in a fractal heap",
		start: block.start + int64(offset),
		b:     block.b[offset : offset+length : offset+length],
	}, nil
}

// indirectBlock fetches an indirect block. The cursor is at the addresses of its blocks.
func (h *fractalHeap) indirectBlock(addr uint64, rows int) *cursor {
	const signature = "FHIB"
	head := 13 + h.offsetWidth
	// A row has at most 1<<32 blocks, and there are at most 32 rows.
	size := uint64(head) + 8*h.width*uint64(rows) + 4
	c := h.block(signature, addr, size, func() *cursor {
		return h.owner.file.checked(addr, size, signature, "fractal heap's indirect block")
	})
	c.skip(head)
	return c
}

// directBlock fetches a direct block. The cursor is at its start, for offsets count from there.
func (h *fractalHeap) directBlock(addr, size uint64) *cursor {
	const signature = "FHDB"
	return h.block(signature, addr, size, func() *cursor {
		c := h.owner.file.block(addr, size, "fractal heap's direct block")
		c.expect(signature)
		if h.checksums {
			// The checksum is that of the block with zeros in its place.
			c.skip(9 + h.offsetWidth)
			sum := c.bytes(4)
			if c.err == nil {
				stored := binary.LittleEndian.Uint32(sum)
				clear(sum)
				c.verify(c.b, stored)
			}
		}
		return c
	})
}

// block returns a block that was read before, or reads it. The cursor is at its start.
func (h *fractalHeap) block(signature string, addr, size uint64, read func() *cursor) *cursor {
	key := heapBlock{signature, addr, size}
	b, ok := h.blocks[key]
	if !ok {
		c := read()
		if c.err != nil {
			return c
		}
		b = c.b
		h.blocks[key] = b
	}
	f := h.owner.file
	return &cursor{file: f, what: "fractal heap's block", start: f.base + int64(addr), b: b}
}
