package hdf5

import (
	"math/bits"
)

// A recordKind is a kind of record in the B-trees that index dense storage (III.A.2).
type recordKind struct {
	kind     uint8
	size     int // bytes of a record
	idOffset int // where the heap ID stands
	idSize   int
}

var (
	linkRecord      = recordKind{kind: 5, size: 11, idOffset: 4, idSize: 7}
	attributeRecord = recordKind{kind: 8, size: 17, idOffset: 0, idSize: 8}
)

// dense calls visit with every link or attribute in the fractal heap that the B-tree lists, in the tree's order.
func (o *Object) dense(heapAddr, treeAddr uint64, kind recordKind, visit func(*cursor) error) error {
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
	c := o.file.block(addr, 34, "B-tree header")
	c.expect("BTHD")
	c.expectVersion(0)
	gotKind := c.u8()
	nodeSize, recordSize, depth := uint64(c.u32()), int(c.u16()), int(c.u16())
	c.skip(2)
	root, n := c.u64(), int(c.u16())
	if c.err == nil && (gotKind != kind.kind || recordSize != kind.size) {
		c.fail("the B-tree has records of type %d and %d bytes, expected type %d and %d bytes", gotKind, recordSize, kind.kind, kind.size)
	}
	// A node holds a signature, version, type and checksum: 10 bytes. It has one record at least, each level twice the
	// records of the one below.
	if nodeSize < uint64(10+recordSize) || depth > 32 {
		c.fail("a B-tree of depth %d with nodes of %d bytes", depth, nodeSize)
	}
	if c.err != nil {
		return c.err
	}
	if root == undefined {
		return nil
	}
	// Children are told as address, number of records, and, above the lowest inner level, records of the whole
	// subtree; the widths of the numbers follow from what a node can hold.
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
		c := o.file.block(addr, uint64(6+size), "B-tree node")
		c.expect(signature)
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

// A fractalHeap holds many small objects in blocks (III.G). The root is one direct block, or an indirect block: rows of
// blocks whose size is the same in the first two rows and then doubles from row to row.
type fractalHeap struct {
	owner       *Object
	root        uint64
	rows        int    // of the root; 0 where it is a direct block
	width       uint64 // blocks of a row
	start       uint64 // bytes of a block in the first two rows
	largest     uint64 // bytes of the largest direct block; larger ones are indirect
	offsetWidth int    // bytes of an offset in the heap's IDs
	lengthWidth int    // bytes of a length in the heap's IDs
}

func (o *Object) fractalHeap(addr uint64) (*fractalHeap, error) {
	c := o.file.block(addr, 142, "fractal heap")
	c.expect("FRHP")
	c.expectVersion(0)
	c.skip(2)
	filters := c.u16()
	c.skip(1)
	maxObject := uint64(c.u32())
	c.skip(96) // what only a writer needs, and huge and tiny objects
	h := &fractalHeap{owner: o}
	h.width, h.start, h.largest = uint64(c.u16()), c.u64(), c.u64()
	maxHeap := int(c.u16()) // bits of an offset
	c.skip(2)
	h.root, h.rows = c.u64(), int(c.u16())
	power := func(n uint64) bool { return n <= 1<<32 && bits.OnesCount64(n) == 1 }
	switch {
	case c.err != nil:
	case filters != 0:
		return nil, o.unsupported("a fractal heap with filters")
	case !power(h.width) || !power(h.start) || !power(h.largest) || h.largest < h.start || maxHeap > 64 || h.rows > 32:
		c.fail("a fractal heap with rows of %d blocks from %d to %d bytes, %d rows", h.width, h.start, h.largest, h.rows)
	}
	h.offsetWidth = (maxHeap + 7) / 8
	h.lengthWidth = min((bits.Len64(h.largest)+6)/8, bytesFor(maxObject))
	return h, c.err
}

// object fetches the object that a heap ID tells.
func (h *fractalHeap) object(id []byte) (*cursor, error) {
	f := h.owner.file
	c := &cursor{file: f, what: "heap ID", b: id}
	if flags := c.u8(); flags>>4 != 0 {
		return nil, h.owner.unsupported("dense storage of kind %#x (a huge, tiny or newer object)", flags>>4)
	}
	offset, length := c.uint(h.offsetWidth), c.uint(h.lengthWidth)
	if c.err != nil {
		return nil, c.err
	}
	addr, rows := h.root, h.rows
	for rows > 0 {
		// Find the block of this indirect block in which the offset falls.
		at := uint64(13 + h.offsetWidth)
		row, size := 0, h.start
		for ; offset/size >= h.width; row++ {
			if row+1 >= rows {
				c.fail("a heap ID beyond the heap")
				return nil, c.err
			}
			offset -= h.width * size
			at += 8 * h.width
			if row > 0 {
				size *= 2
			}
		}
		at += 8 * (offset / size)
		offset %= size
		block := f.block(addr, 4, "fractal heap's indirect block")
		block.expect("FHIB")
		if block.err != nil {
			return nil, block.err
		}
		pointer := f.block(addr+at, 8, "fractal heap's indirect block")
		if addr = pointer.u64(); pointer.err != nil {
			return nil, pointer.err
		}
		rows = 0
		if size > h.largest {
			// An inner indirect block has the rows that fill its size; that is fewer than its parent has.
			rows = bits.Len64(size / (h.start * h.width))
		}
	}
	block := f.block(addr, 4, "fractal heap's direct block")
	block.expect("FHDB")
	if block.err != nil {
		return nil, block.err
	}
	object := f.block(addr+offset, length, "object in a fractal heap")
	return object, object.err
}
