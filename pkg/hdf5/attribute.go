package hdf5

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"imagesimilarity/pkg/quote"
)

const (
	// maxText bounds the text of one attribute in bytes. A long model_config has some hundred
	// kilobytes.
	maxText = 4 << 20
	// maxTexts bounds the number of texts in a list. Keras splits a list of more than 64,512 bytes.
	maxTexts = 1 << 16
)

// An attribute is a small array with a name.
type attribute struct {
	datatype datatype
	space    dataspace
	data     *cursor
}

// AttributeNames returns the names of the attributes of o in the order of their bytes.
func (o *Object) AttributeNames() ([]string, error) {
	if err := o.readAttributes(); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(o.attributes)), nil
}

// Strings returns an attribute as a list of texts. A single text is a list of one. An empty list
// may have any type. If there is no such attribute, the error is ErrNotFound.
func (o *Object) Strings(name string) ([]string, error) {
	if err := o.readAttributes(); err != nil {
		return nil, err
	}
	a, ok := o.attributes[name]
	if !ok {
		return nil, fmt.Errorf("%s: %s: the attribute %s: %w",
			o.file.name, shown(o.Path), quote.Short(name), ErrNotFound)
	}
	list, err := o.texts(a)
	if err != nil {
		return nil, fmt.Errorf("the attribute %s of %s: %w", quote.Short(name), shown(o.Path), err)
	}
	return list, nil
}

// Text returns an attribute of one text.
func (o *Object) Text(name string) (string, error) {
	list, err := o.Strings(name)
	if err != nil {
		return "", err
	}
	if len(list) != 1 {
		return "", fmt.Errorf("%s: the attribute %s of %s has %d values, expected 1",
			o.file.name, quote.Short(name), shown(o.Path), len(list))
	}
	return list[0], nil
}

// texts decodes the elements of an attribute.
func (o *Object) texts(a attribute) ([]string, error) {
	n := a.space.n
	if n == 0 {
		return nil, nil
	}
	variable := a.datatype.class == classVariable && a.datatype.text && a.datatype.size == 16
	if a.datatype.class != classString && !variable {
		return nil, o.unsupported("an attribute of %v read as text", a.datatype)
	}
	c := *a.data
	if n > maxTexts {
		c.fail("%d texts, expected at most %d", n, maxTexts)
	} else if uint64(c.left())/uint64(a.datatype.size) < n {
		c.fail("%d bytes for %d elements of %d bytes", c.left(), n, a.datatype.size)
	}
	if c.err != nil {
		return nil, c.err
	}
	total := 0
	list := make([]string, n)
	for i := range list {
		b := c.bytes(a.datatype.size)
		if variable {
			var err error
			if b, err = o.file.globalHeapObject(b); err != nil {
				return nil, err
			}
		}
		list[i] = trim(string(b), a.datatype)
		// Many elements may share one long text of the global heap.
		if total += len(list[i]); total > maxText {
			c.fail("more than %d bytes of text", maxText)
		}
		c.charge(int64(len(list[i])))
		if !utf8.ValidString(list[i]) {
			c.fail("element %d is not valid UTF-8", i)
		}
		if c.err != nil {
			return nil, c.err
		}
	}
	return list, nil
}

// trim cuts off the padding of a text.
func trim(s string, t datatype) string {
	if t.class == classString && t.padding == 2 {
		return strings.TrimRight(s, " ")
	}
	if t.class == classString && t.padding == 1 {
		return strings.TrimRight(s, "\x00")
	}
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// readAttributes finds the attributes of o, once.
func (o *Object) readAttributes() error {
	if o.attributes != nil {
		return nil
	}
	o.attributes = map[string]attribute{}
	err := o.collectAttributes()
	if err != nil {
		o.attributes = nil
	}
	return err
}

func (o *Object) collectAttributes() error {
	for _, m := range o.messages {
		if m.kind == msgAttribute {
			if m.flags&flagShared != 0 {
				return o.unsupported("a shared attribute")
			}
			body := *m.body
			if err := o.addAttribute(&body); err != nil {
				return err
			}
		}
	}
	if !o.has(msgAttributeInfo) {
		return nil
	}
	// New-style objects have many or large attributes in dense storage (IV.A.2.v).
	c, err := o.one(msgAttributeInfo, "attribute info")
	if err != nil {
		return err
	}
	c.expectVersion(0)
	if c.u8()&1 != 0 {
		c.skip(2) // largest order of creation
	}
	heap, tree := c.u64(), c.u64()
	if c.err != nil || heap == undefined {
		return c.err
	}
	return o.dense(heap, tree, attributeRecord, o.addAttribute)
}

// addAttribute reads an attribute message (IV.A.2.m).
func (o *Object) addAttribute(c *cursor) error {
	c.what = "attribute"
	version, flags := c.u8(), c.u8()
	nameSize, typeSize, spaceSize := int(c.u16()), int(c.u16()), int(c.u16())
	pad := func(n int) int { return n }
	switch version {
	case 1:
		flags = 0 // reserved
		pad = func(n int) int { return (n + 7) &^ 7 }
	case 2:
	case 3:
		c.skip(1) // character set of the name
	default:
		c.fail("an attribute of version %d, expected 1 to 3", version)
	}
	nameField := c.sub(pad(nameSize), "attribute's name")
	name := nameField.text()
	typeField := c.sub(pad(typeSize), "attribute's datatype")
	spaceField := c.sub(pad(spaceSize), "attribute's dataspace")
	for _, part := range []*cursor{c, nameField} {
		if part.err != nil {
			return part.err
		}
	}
	if flags&3 != 0 {
		return o.unsupported("the attribute %s with a shared datatype or dataspace", quote.Short(name))
	}
	a := attribute{datatype: readDatatype(typeField), space: readDataspace(spaceField), data: c}
	for _, part := range []*cursor{typeField, spaceField} {
		if part.err != nil {
			return part.err
		}
	}
	if _, twice := o.attributes[name]; twice {
		c.fail("%s has two attributes with the name %s", shown(o.Path), quote.Short(name))
	}
	o.attributes[name] = a
	return c.err
}

// globalHeapObject returns the object to which an element of variable length points. The element is
// the length of the object, the address of a collection, and the index there.
func (f *File) globalHeapObject(element []byte) ([]byte, error) {
	c := &cursor{file: f, what: "element of variable length", b: element}
	length, addr, index := c.u32(), c.u64(), c.u32()
	if length == 0 || index == 0 {
		return nil, nil
	}
	heap := f.heaps[addr]
	if heap == nil {
		var err error
		if heap, err = f.globalHeap(addr); err != nil {
			return nil, err
		}
		f.heaps[addr] = heap
	}
	object, ok := heap[uint16(index)]
	if !ok || index > 0xffff || uint64(length) > uint64(len(object)) {
		c.fail("the global heap at %#x has no object %d of %d bytes", addr, index, length)
		return nil, c.err
	}
	return object[:length], nil
}

// globalHeap reads a collection (III.E).
func (f *File) globalHeap(addr uint64) (map[uint16][]byte, error) {
	c := f.block(addr, 16, "global heap")
	c.expect("GCOL")
	c.expectVersion(1)
	c.skip(3)
	size := c.u64()
	if c.err == nil && size < 16 {
		c.fail("a global heap of %d bytes", size)
	}
	if c.err != nil {
		return nil, c.err
	}
	c = f.block(addr+16, size-16, "global heap")
	heap := map[uint16][]byte{}
	for c.left() >= 16 {
		index := c.u16()
		c.skip(6)
		n := c.u64()
		if index == 0 { // the free rest
			break
		}
		if n > uint64(c.left()) {
			c.fail("an object of %d bytes in a global heap with %d left", n, c.left())
			return nil, c.err
		}
		if _, twice := heap[index]; twice {
			c.fail("a global heap has two objects %d", index)
		}
		heap[index] = c.bytes(int(n))
		c.skip(min(int(-n&7), c.left()))
	}
	return heap, c.err
}
