package hdf5

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"imagesimilarity/pkg/quote"
)

// A Group is a group to be written. Its zero value is an empty one.
type Group struct {
	attributes []newAttribute
	groups     map[string]*Group
	data       map[string]data
}

// data is a data set to be written.
type data struct {
	shape  []int
	values []float32
}

// newAttribute is an attribute to be written: one text or a list.
type newAttribute struct {
	name  string
	list  bool
	texts []string
}

// Group returns the group at the path below g, with '/' between the names. It adds groups that are
// missing.
func (g *Group) Group(path string) (*Group, error) {
	for name := range strings.SplitSeq(path, "/") {
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("hdf5: the path %s: %w", quote.Short(path), err)
		}
		if _, taken := g.data[name]; taken {
			return nil, fmt.Errorf("hdf5: the path %s: %s is a data set already",
				quote.Short(path), quote.Short(name))
		}
		next := g.groups[name]
		if next == nil {
			next = &Group{}
			if g.groups == nil {
				g.groups = map[string]*Group{}
			}
			g.groups[name] = next
		}
		g = next
	}
	return g, nil
}

const badShape = "hdf5: the number of values is not the product of the shape"

// Float32s adds a data set at the path below g. It keeps the values and does not copy them.
func (g *Group) Float32s(path string, shape []int, values []float32) error {
	n := 1
	for _, d := range shape {
		n *= d
	}
	if n != len(values) {
		panic(badShape)
	}
	name := path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		var err error
		if g, err = g.Group(path[:i]); err != nil {
			return err
		}
		name = path[i+1:]
	}
	if err := checkName(name); err != nil {
		return fmt.Errorf("hdf5: the path %s: %w", quote.Short(path), err)
	}
	if _, taken := g.data[name]; taken || g.groups[name] != nil {
		return fmt.Errorf("hdf5: there is something at the path %s already", quote.Short(path))
	}
	if g.data == nil {
		g.data = map[string]data{}
	}
	g.data[name] = data{slices.Clone(shape), values}
	return nil
}

// Text adds an attribute of one text, of any length.
func (g *Group) Text(name, text string) error {
	return g.attribute(newAttribute{name, false, []string{text}})
}

// Strings adds an attribute of a list of texts. The number of texts times the length of the longest
// must be at most 65,000 bytes.
func (g *Group) Strings(name string, list []string) error {
	return g.attribute(newAttribute{name, true, slices.Clone(list)})
}

// maxFixed is the most bytes of text that an attribute holds itself. Its message has at most 65,535
// bytes.
const maxFixed = 65000

func (g *Group) attribute(a newAttribute) error {
	if a.name == "" || len(a.name) > 255 ||
		strings.ContainsRune(a.name, 0) || !utf8.ValidString(a.name) {
		return fmt.Errorf("hdf5: an attribute cannot have the name %s", quote.Short(a.name))
	}
	for _, old := range g.attributes {
		if old.name == a.name {
			return fmt.Errorf("hdf5: a second attribute with the name %s", quote.Short(a.name))
		}
	}
	for _, s := range a.texts {
		// The padding is NUL bytes. A reader could not tell them from NUL bytes of the text.
		if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
			return fmt.Errorf("hdf5: the attribute %s holds a NUL byte or invalid UTF-8",
				quote.Short(a.name))
		}
	}
	if a.list && len(a.texts)*longest(a.texts) > maxFixed {
		return fmt.Errorf("hdf5: the list %s has more than %d bytes", quote.Short(a.name), maxFixed)
	}
	g.attributes = append(g.attributes, a)
	return nil
}

// longest returns the length of the longest text, at least 1.
func longest(texts []string) int {
	n := 1
	for _, s := range texts {
		n = max(n, len(s))
	}
	return n
}

// Encode returns the file whose root group is g. The same content gives the same bytes.
//
// The file has the structures that the HDF5 library writes by default (superblock 0, symbol-table
// groups, object headers of version 1), one header block per object and texts of fixed length, so
// that every reader takes it.
func (g *Group) Encode() []byte {
	var e encoder
	e.b = make([]byte, superblockSize)
	header, tree, heap := e.group(g)

	b := append([]byte(signature), 0, 0, 0, 0, 0, 8, 8, 0)
	b = le.AppendUint16(b, leafK)
	b = le.AppendUint16(b, internalK)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, 0)         // base address
	b = le.AppendUint64(b, undefined) // free space
	b = le.AppendUint64(b, uint64(len(e.b)))
	b = le.AppendUint64(b, undefined) // driver information
	b = appendEntry(b, entry{header: header, group: true, tree: tree, heap: heap})
	copy(e.b, b)
	return e.b
}

var le = binary.LittleEndian

const (
	superblockSize = 96
	leafK          = 4  // a symbol table node has room for 2*leafK entries
	internalK      = 16 // a B-tree node has room for 2*internalK children
)

// An encoder appends structures to b. The address of each is its place in b, a multiple of 8.
type encoder struct{ b []byte }

func (e *encoder) add(block []byte) (addr uint64) {
	addr = uint64(len(e.b))
	e.b = append(e.b, block...)
	e.b = pad8(e.b)
	return addr
}

func pad8(b []byte) []byte {
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

// An entry is one line of a symbol table (III.C).
type entry struct {
	name       uint64 // place in the local heap
	header     uint64
	group      bool
	tree, heap uint64 // of a group
}

func appendEntry(b []byte, x entry) []byte {
	b = le.AppendUint64(b, x.name)
	b = le.AppendUint64(b, x.header)
	cache := uint64(0)
	if x.group {
		cache = 1
	}
	b = le.AppendUint64(b, cache)
	b = le.AppendUint64(b, x.tree)
	return le.AppendUint64(b, x.heap)
}

// group writes the members of g, then its names, tree and header.
func (e *encoder) group(g *Group) (header, tree, heap uint64) {
	names := slices.Sorted(maps.Keys(g.groups))
	names = append(names, slices.Collect(maps.Keys(g.data))...)
	slices.Sort(names)

	heapData := make([]byte, 8) // the empty name
	var entries []entry
	for _, name := range names {
		x := entry{name: uint64(len(heapData))}
		if sub := g.groups[name]; sub != nil {
			x.group = true
			x.header, x.tree, x.heap = e.group(sub)
		} else {
			x.header = e.data(g.data[name])
		}
		entries = append(entries, x)
		heapData = pad8(append(append(heapData, name...), 0))
	}

	dataAddr := e.add(heapData)
	b := append([]byte("HEAP"), 0, 0, 0, 0)
	b = le.AppendUint64(b, uint64(len(heapData)))
	b = le.AppendUint64(b, 1) // no free list
	heap = e.add(le.AppendUint64(b, dataAddr))

	tree = e.tree(entries)
	message := le.AppendUint64(nil, tree)
	messages := []newMessage{{msgSymbolTable, 0, le.AppendUint64(message, heap)}}
	for _, a := range g.attributes {
		messages = append(messages, e.attribute(a))
	}
	return e.header(messages), tree, heap
}

// A child is a node below a B-tree node, with the place of its largest name.
type child struct{ addr, lastName uint64 }

// tree writes the symbol table nodes and above them the B-tree (III.A.1), with as many levels as it
// needs.
func (e *encoder) tree(entries []entry) uint64 {
	var nodes []child
	for part := range slices.Chunk(entries, 2*leafK) {
		b := append([]byte("SNOD"), 1, 0)
		b = le.AppendUint16(b, uint16(len(part)))
		for _, x := range part {
			b = appendEntry(b, x)
		}
		b = append(b, make([]byte, 40*(2*leafK-len(part)))...)
		nodes = append(nodes, child{e.add(b), part[len(part)-1].name})
	}
	for level := uint8(0); ; level++ {
		const size = 24 + 8*(2*2*internalK+1)
		first := uint64(len(e.b))
		var parents []child
		left, key := uint64(undefined), uint64(0)
		for len(parents) == 0 || len(nodes) > 0 {
			part := nodes[:min(2*internalK, len(nodes))]
			nodes = nodes[len(part):]
			b := append([]byte("TREE"), 0, level)
			b = le.AppendUint16(b, uint16(len(part)))
			b = le.AppendUint64(b, left)
			right := uint64(undefined)
			if len(nodes) > 0 {
				right = first + uint64(len(parents)+1)*size
			}
			b = le.AppendUint64(b, right)
			b = le.AppendUint64(b, key)
			for _, n := range part {
				key = n.lastName
				b = le.AppendUint64(b, n.addr)
				b = le.AppendUint64(b, key)
			}
			b = append(b, make([]byte, size-len(b))...)
			left = e.add(b)
			parents = append(parents, child{left, key})
		}
		if len(parents) == 1 {
			return parents[0].addr
		}
		nodes = parents
	}
}

// A newMessage is an object header message to be written.
type newMessage struct {
	kind  uint16
	flags uint8
	body  []byte
}

const constant = 1 // message flag: does not change while the object lives

// header writes an object header of version 1 with one block.
func (e *encoder) header(messages []newMessage) uint64 {
	var block []byte
	for _, m := range messages {
		body := pad8(m.body)
		block = le.AppendUint16(block, m.kind)
		block = le.AppendUint16(block, uint16(len(body)))
		block = append(block, m.flags, 0, 0, 0)
		block = append(block, body...)
	}
	b := []byte{1, 0}
	b = le.AppendUint16(b, uint16(len(messages)))
	b = le.AppendUint32(b, 1) // references
	b = le.AppendUint32(b, uint32(len(block)))
	b = append(b, 0, 0, 0, 0)
	return e.add(append(b, block...))
}

// singleType and doubleType are the datatypes of little-endian IEEE single-precision and
// double-precision numbers.
var (
	singleType = []byte{0x11, 0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0}
	doubleType = []byte{0x11, 0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0}
)

func spaceMessage(shape []int) []byte {
	b := []byte{1, byte(len(shape)), 0, 0, 0, 0, 0, 0}
	for _, d := range shape {
		b = le.AppendUint64(b, uint64(d))
	}
	return b
}

// data writes the values and the header of a data set, contiguous.
func (e *encoder) data(d data) uint64 {
	addr := uint64(undefined)
	if len(d.values) > 0 {
		addr = uint64(len(e.b))
		e.b = slices.Grow(e.b, 4*len(d.values)+8)
		for _, v := range d.values {
			e.b = le.AppendUint32(e.b, math.Float32bits(v))
		}
		e.b = pad8(e.b)
	}
	layout := le.AppendUint64([]byte{3, layoutContiguous}, addr)
	layout = le.AppendUint64(layout, uint64(4*len(d.values)))
	// Fill value: allocated late, written if set, default (IV.A.2.f).
	fill := []byte{2, 2, 2, 1, 0, 0, 0, 0}
	return e.header([]newMessage{
		{msgDataspace, 0, spaceMessage(d.shape)},
		{msgDatatype, constant, slices.Clone(singleType)},
		{msgFillValue, constant, fill},
		{msgLayout, 0, layout},
	})
}

// attribute returns an attribute message of version 1.
func (e *encoder) attribute(a newAttribute) newMessage {
	shape := []int(nil)
	if a.list {
		shape = []int{len(a.texts)}
	}
	size := longest(a.texts)
	var datatype, values []byte
	switch {
	case len(a.texts) == 0:
		// NumPy, and so Keras, stores an empty list with this type.
		datatype = slices.Clone(doubleType)
	case len(a.texts)*size > maxFixed:
		datatype = variableType(a.texts)
		values = le.AppendUint32(nil, uint32(len(a.texts[0])))
		values = le.AppendUint64(values, e.globalHeap(a.texts[0]))
		values = le.AppendUint32(values, 1)
	default:
		datatype = textType(a.texts, size)
		for _, s := range a.texts {
			values = append(values, s...)
			values = append(values, make([]byte, size-len(s))...)
		}
	}
	space := spaceMessage(shape)
	b := []byte{1, 0}
	b = le.AppendUint16(b, uint16(len(a.name)+1))
	b = le.AppendUint16(b, uint16(len(datatype)))
	b = le.AppendUint16(b, uint16(len(space)))
	b = pad8(append(append(b, a.name...), 0))
	b = pad8(append(b, datatype...))
	b = pad8(append(b, space...))
	return newMessage{msgAttribute, 0, append(b, values...)}
}

// charset returns 0 if all characters of the texts are ASCII, and otherwise 1 for UTF-8.
func charset(texts []string) byte {
	for _, s := range texts {
		if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return 1
		}
	}
	return 0
}

// textType returns the datatype of texts of fixed length, padded with NUL bytes.
func textType(texts []string, size int) []byte {
	return le.AppendUint32([]byte{0x10 | classString, charset(texts)<<4 | 1, 0, 0}, uint32(size))
}

// variableType returns the datatype of texts of variable length.
func variableType(texts []string) []byte {
	b := []byte{0x10 | classVariable, 1, charset(texts), 0, 16, 0, 0, 0}
	return append(b, 0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0) // of bytes
}

// globalHeap writes a collection (III.E) with the text as its object 1.
func (e *encoder) globalHeap(text string) uint64 {
	object := le.AppendUint64([]byte{1, 0, 1, 0, 0, 0, 0, 0}, uint64(len(text)))
	object = pad8(append(object, text...))
	size := max(4096, 16+len(object)+16)
	b := le.AppendUint64([]byte{'G', 'C', 'O', 'L', 1, 0, 0, 0}, uint64(size))
	b = append(b, object...)
	free := size - len(b)
	b = le.AppendUint64(append(b, make([]byte, 8)...), uint64(free))
	return e.add(append(b, make([]byte, size-len(b))...))
}
