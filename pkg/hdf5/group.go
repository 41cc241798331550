package hdf5

import (
	"fmt"
	"maps"
	"slices"

	"imagesimilarity/pkg/quote"
)

// Names returns the names of the members of group o in the order of their bytes.
func (o *Object) Names() ([]string, error) {
	if err := o.readLinks(); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(o.links)), nil
}

// readLinks reads the members of group o, once.
func (o *Object) readLinks() error {
	if o.links != nil {
		return nil
	}
	if o.Dataset {
		return fmt.Errorf("%s: %s is a data set, expected a group", o.file.name, shown(o.Path))
	}
	o.links = map[string]uint64{}
	err := o.collectLinks()
	if err != nil {
		o.links = nil
	}
	return err
}

func (o *Object) collectLinks() error {
	if o.has(msgSymbolTable) {
		c, err := o.one(msgSymbolTable, "symbol table")
		if err != nil {
			return err
		}
		tree, heapAddr := c.u64(), c.u64()
		if c.err != nil {
			return c.err
		}
		heap, err := o.file.localHeap(heapAddr)
		if err != nil {
			return err
		}
		return o.readSymbolTree(tree, heap, -1)
	}
	for _, m := range o.messages {
		if m.kind == msgLink {
			if m.flags&flagShared != 0 {
				return o.unsupported("a shared link")
			}
			body := *m.body
			if err := o.addLinkMessage(&body); err != nil {
				return err
			}
		}
	}
	if !o.has(msgLinkInfo) {
		return nil
	}
	c, err := o.one(msgLinkInfo, "link info")
	if err != nil {
		return err
	}
	c.expectVersion(0)
	if c.u8()&1 != 0 {
		c.skip(8) // largest order of creation
	}
	heap, tree := c.u64(), c.u64()
	if c.err != nil || heap == undefined {
		return c.err
	}
	return o.dense(heap, tree, linkRecord, o.addLinkMessage)
}

func (o *Object) addLink(c *cursor, name string, addr uint64) error {
	if c.err != nil {
		return c.err
	}
	// Names may overlap in the heap.
	if c.charge(int64(len(name))); c.err != nil {
		return c.err
	}
	if err := checkName(name); err != nil {
		c.fail("in %s: %w", shown(o.Path), err)
	} else if _, twice := o.links[name]; twice {
		c.fail("%s has two members with the name %s", shown(o.Path), quote.Short(name))
	}
	o.links[name] = addr
	return c.err
}

// localHeap fetches the names of an old-style group (III.D).
func (f *File) localHeap(addr uint64) (*cursor, error) {
	c := f.block(addr, 32, "local heap")
	c.expect("HEAP")
	c.expectVersion(0)
	c.skip(3)
	size := c.u64()
	c.skip(8)
	data := c.u64()
	if c.err != nil {
		return nil, c.err
	}
	heap := f.block(data, size, "local heap's data")
	return heap, heap.err
}

// readSymbolTree reads a node of the B-tree of an old-style group (III.A.1) and all below it.
// The level is the one that follows from the parent's, -1 for the root.
func (o *Object) readSymbolTree(addr uint64, heap *cursor, level int) error {
	c := o.file.block(addr, 24, "group's B-tree node")
	c.expect("TREE")
	if kind := c.u8(); kind != 0 {
		c.fail("the B-tree node has type %d, expected 0 (group)", kind)
	}
	got, n := int(c.u8()), int(c.u16())
	if level >= 0 && got != level {
		c.fail("the B-tree node has level %d, expected %d", got, level)
	}
	if c.err != nil {
		return c.err
	}
	// The keys between the children are for searches only.
	c = o.file.block(addr+24, uint64(16*n), "group's B-tree node")
	for range n {
		c.skip(8)
		child := c.u64()
		if c.err != nil {
			return c.err
		}
		var err error
		if got == 0 {
			err = o.readSymbolNode(child, heap)
		} else {
			err = o.readSymbolTree(child, heap, got-1)
		}
		if err != nil {
			return err
		}
	}
	return c.err
}

// Cache types of a symbol table entry.
const cacheSoftLink = 2

// readSymbolNode reads a leaf of the tree (III.B, III.C).
func (o *Object) readSymbolNode(addr uint64, heap *cursor) error {
	c := o.file.block(addr, 8, "symbol table node")
	c.expect("SNOD")
	c.expectVersion(1)
	c.skip(1)
	n := int(c.u16())
	if c.err != nil {
		return c.err
	}
	c = o.file.block(addr+8, uint64(40*n), "symbol table node")
	for range n {
		at, object, cache := c.u64(), c.u64(), c.u32()
		c.skip(20)
		if c.err != nil {
			return c.err
		}
		if at >= uint64(len(heap.b)) {
			c.fail("a name at byte %d of a heap of %d bytes", at, len(heap.b))
			return c.err
		}
		if cache == cacheSoftLink {
			object = undefined
		}
		names := *heap
		names.pos = int(at)
		if err := o.addLink(&names, names.text(), object); err != nil {
			return err
		}
	}
	return c.err
}

// addLinkMessage reads a link of a new-style group (IV.A.2.g).
func (o *Object) addLinkMessage(c *cursor) error {
	c.what = "link"
	c.expectVersion(1)
	flags := c.u8()
	kind := uint8(0)
	if flags&0x08 != 0 {
		kind = c.u8()
	}
	if flags&0x04 != 0 {
		c.skip(8) // order of creation
	}
	if flags&0x10 != 0 {
		c.skip(1) // character set
	}
	size := c.uint(1 << (flags & 3))
	if size > uint64(c.left()) {
		c.fail("the name of a link has %d bytes, more than are there", size)
		return c.err
	}
	name := string(c.bytes(int(size)))
	addr := uint64(undefined)
	if kind == 0 {
		addr = c.u64()
	}
	return o.addLink(c, name, addr)
}
