package hdf5

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"imagesimilarity/pkg/quote"
)

// Kinds of object header messages (IV.A.2).
const (
	msgNil           = 0x00
	msgDataspace     = 0x01
	msgLinkInfo      = 0x02
	msgDatatype      = 0x03
	msgFillValue     = 0x05
	msgLink          = 0x06
	msgExternal      = 0x07
	msgLayout        = 0x08
	msgFilters       = 0x0b
	msgAttribute     = 0x0c
	msgContinuation  = 0x10
	msgSymbolTable   = 0x11
	msgAttributeInfo = 0x15
	msgLast          = 0x18 // the last kind in the specification
)

// Flags of a message.
const (
	flagShared        = 1 << 1 // the body points to the message's real place
	flagFailIfUnknown = 1 << 7
)

// A message is one entry of an object header.
type message struct {
	kind  uint16
	flags uint8
	body  *cursor
}

// An Object is a group or a data set.
type Object struct {
	Path    string // from the root group, with '/' between the names
	Dataset bool   // else a group
	Shape   []int  // of a data set; empty for a single value

	file       *File
	messages   []message
	links      map[string]uint64    // address by name, nil until needed
	attributes map[string]attribute // by name, nil until needed
	stored     *layout              // of a data set, nil until needed
}

// object reads the object header at addr.
func (f *File) object(addr uint64, path string) (*Object, error) {
	o := &Object{Path: path, file: f}
	c := f.block(addr, 4, "object header")
	start := string(c.bytes(4))
	if c.err != nil {
		return nil, c.err
	}
	var err error
	switch {
	case start == "OHDR":
		err = o.readHeader2(addr)
	case start[0] == 1:
		err = o.readHeader1(addr)
	default:
		c.pos = 0
		c.fail("no object header: it starts with %q", start)
		err = c.err
	}
	if err != nil {
		return nil, err
	}
	if o.Dataset = o.has(msgLayout); o.Dataset {
		m, err := o.one(msgDataspace, "dataspace")
		if err != nil {
			return nil, err
		}
		space := readDataspace(m)
		if m.err != nil {
			return nil, m.err
		}
		o.Shape = space.shape
	}
	return o, nil
}

// A span is a part of an object header. In version 1 it holds messages only, in version 2 also
// a signature and a checksum.
type span struct{ addr, size uint64 }

// readHeader1 reads an object header of version 1 (IV.A.1.a).
func (o *Object) readHeader1(addr uint64) error {
	head := o.file.block(addr, 16, "object header")
	head.skip(2)
	count := int(head.u16())
	head.skip(4)
	size := head.u32()
	if head.err != nil {
		return head.err
	}
	// The list grows while it is read. It ends because all that is read is taken off the budget.
	seen := 0
	spans := []span{{addr + 16, uint64(size)}}
	for i := 0; i < len(spans); i++ {
		c := o.file.block(spans[i].addr, spans[i].size, "object header")
		for c.left() >= 8 {
			kind, size, flags := c.u16(), int(c.u16()), c.u8()
			c.skip(3)
			m := message{kind, flags, c.sub(size, "header message")}
			seen++
			if err := o.add(m, &spans); err != nil {
				return err
			}
		}
		if c.err != nil {
			return c.err
		}
	}
	if seen != count {
		head.fail("the object header of %s has %d messages, expected %d",
			shown(o.Path), seen, count)
	}
	return head.err
}

// readHeader2 reads an object header of version 2 (IV.A.1.b).
func (o *Object) readHeader2(addr uint64) error {
	c := o.file.block(addr, 6, "object header")
	c.expect("OHDR")
	c.expectVersion(2)
	headerFlags := c.u8()
	start := uint64(6)
	if headerFlags&0x20 != 0 {
		start += 16 // times
	}
	if headerFlags&0x10 != 0 {
		start += 4 // bounds for dense attribute storage
	}
	if c.err != nil {
		return c.err
	}
	width := 1 << (headerFlags & 3)
	c = o.file.block(addr+start, uint64(width), "object header")
	size := c.uint(width)
	if c.err == nil && size > uint64(o.file.end) {
		c.fail("an object header of %d bytes, more than the file has", size)
	}
	if c.err != nil {
		return c.err
	}
	start += uint64(width)
	c = o.file.checked(addr, start+size+4, "OHDR", "object header")
	c.skip(int(start) - len("OHDR"))

	head := 4
	if headerFlags&0x04 != 0 {
		head = 6 // the order of creation follows the flags
	}
	// As in version 1 the budget bounds the list.
	var spans []span
	for next := 0; ; next++ {
		// Fewer bytes than the head of a message are a gap.
		for c.left() >= head {
			kind, size, flags := uint16(c.u8()), int(c.u16()), c.u8()
			c.skip(head - 4)
			m := message{kind, flags, c.sub(size, "header message")}
			if err := o.add(m, &spans); err != nil {
				return err
			}
		}
		if c.err != nil || next == len(spans) {
			return c.err
		}
		if spans[next].size < 8 {
			c.fail("an object header continues with %d bytes, expected at least 8", spans[next].size)
			return c.err
		}
		c = o.file.checked(spans[next].addr, spans[next].size, "OCHK", "object header continuation")
	}
}

// add keeps a message, or follows it to the next part of the header.
func (o *Object) add(m message, spans *[]span) error {
	switch {
	case m.body.err != nil:
		return m.body.err
	case m.kind == msgNil:
	case m.kind == msgContinuation:
		*spans = append(*spans, span{m.body.u64(), m.body.u64()})
		return m.body.err
	case m.kind > msgLast && m.flags&flagFailIfUnknown != 0:
		return o.unsupported("header message %#x", m.kind)
	default:
		o.messages = append(o.messages, m)
	}
	return nil
}

func (o *Object) has(kind uint16) bool {
	for _, m := range o.messages {
		if m.kind == kind {
			return true
		}
	}
	return false
}

// one returns the body of the only message of a kind.
func (o *Object) one(kind uint16, what string) (*cursor, error) {
	var found *message
	for i, m := range o.messages {
		if m.kind != kind {
			continue
		}
		if found != nil {
			m.body.fail("%s has a second %s", shown(o.Path), what)
			return nil, m.body.err
		}
		found = &o.messages[i]
	}
	switch {
	case found == nil:
		return nil, fmt.Errorf("%s: %s has no %s", o.file.name, shown(o.Path), what)
	case found.flags&flagShared != 0:
		return nil, o.unsupported("a shared %s", what)
	}
	body := *found.body
	body.what = what
	return &body, nil
}

func (o *Object) unsupported(format string, args ...any) error {
	return &UnsupportedError{o.file.name, o.Path, fmt.Sprintf(format, args...)}
}

// Open returns the object at the path below group o, with '/' between the names. If there is none,
// the error is ErrNotFound.
func (o *Object) Open(path string) (*Object, error) {
	for name := range strings.SplitSeq(path, "/") {
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("%s: %s: the path %s: %w",
				o.file.name, shown(o.Path), quote.Short(path), err)
		}
		if err := o.readLinks(); err != nil {
			return nil, err
		}
		addr, ok := o.links[name]
		if !ok {
			return nil, fmt.Errorf("%s: %s: %s: %w",
				o.file.name, shown(o.Path), quote.Short(name), ErrNotFound)
		}
		if addr == undefined {
			return nil, o.unsupported("the soft or external link %s", quote.Short(name))
		}
		next, err := o.file.object(addr, join(o.Path, name))
		if err != nil {
			return nil, err
		}
		o = next
	}
	return o, nil
}

// shown returns a path for an error. It quotes one that is long or not printable.
func shown(path string) string {
	const most = 200
	if len(path) > most || quote.Printable(path) != path {
		return quote.Short(path)
	}
	return path
}

func join(path, name string) string { return strings.TrimSuffix(path, "/") + "/" + name }

// checkName returns an error if a member of a group cannot have the name.
func checkName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%q is not the name of an object", name)
	case strings.ContainsAny(name, "/\x00"):
		return fmt.Errorf("the name %s has a slash or a zero byte", quote.Short(name))
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %s is not valid UTF-8", quote.Short(name))
	}
	return nil
}
