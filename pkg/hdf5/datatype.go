package hdf5

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A dataspace has the shape of a data set or attribute (IV.A.2.b).
type dataspace struct {
	shape []int
	n     uint64 // elements: the product of the shape, 1 for a single value
}

const (
	maxRank     = 32
	maxElements = math.MaxInt32 // so that int has it on every processor
)

func readDataspace(c *cursor) dataspace {
	version, rank, _ := c.u8(), int(c.u8()), c.u8()
	s := dataspace{n: 1}
	switch version {
	case 1:
		c.skip(5)
	case 2:
		if c.u8() == 2 { // no value at all
			return dataspace{shape: []int{0}}
		}
	default:
		c.fail("a dataspace of version %d, expected 1 or 2", version)
	}
	if rank > maxRank {
		c.fail("a dataspace of %d dimensions, expected at most %d", rank, maxRank)
	}
	for range rank {
		d := c.u64()
		if d > maxElements || d > 0 && s.n > maxElements/d {
			c.fail("a dimension of %d makes more than %d elements", d, maxElements)
		}
		if c.err != nil {
			return s
		}
		s.n *= d
		s.shape = append(s.shape, int(d))
	}
	return s
}

// Classes of datatypes (IV.A.2.d) that this package knows by name.
const (
	classInteger  = 0
	classFloat    = 1
	classString   = 3
	classVariable = 9
)

var classNames = [...]string{
	"integers", "floating-point numbers", "times", "texts", "bit fields", "opaque values",
	"compounds", "references", "enumerations", "lists of variable length", "arrays",
}

// A datatype describes one element.
type datatype struct {
	class     uint8
	size      int
	bigEndian bool  // numbers
	padding   uint8 // texts: 0 ends with a NUL byte, 1 padded with NUL bytes, 2 with spaces
	text      bool  // lists of variable length: they are texts
	ieee      bool  // floating-point: exactly half, single or double
}

func (t datatype) String() string {
	if int(t.class) < len(classNames) {
		return classNames[t.class]
	}
	return fmt.Sprintf("values of class %d", t.class)
}

func readDatatype(c *cursor) datatype {
	head := c.u8()
	field := uint32(c.uint(3))
	size := c.u32()
	t := datatype{class: head & 15, size: int(size)}
	if v := head >> 4; c.err == nil && (v < 1 || v > 5) {
		c.fail("a datatype of version %d, expected 1 to 5", v)
	}
	if c.err == nil && (size == 0 || size > 1<<30) {
		c.fail("a datatype of %d bytes", size)
	}
	switch t.class {
	case classFloat:
		t.bigEndian = field&1 != 0
		// Bit offset, precision, and where exponent and mantissa lie.
		type layout struct {
			offset, precision                       uint16
			exponentAt, exponentSize, mantissaAt, m uint8
			bias                                    uint32
		}
		got := layout{c.u16(), c.u16(), c.u8(), c.u8(), c.u8(), c.u8(), c.u32()}
		const implied = 0x20 // the mantissa's first bit is 1 and not stored
		switch t.size {
		case 2:
			t.ieee = got == layout{0, 16, 10, 5, 0, 10, 15} && field&^1 == implied|15<<8
		case 4:
			t.ieee = got == layout{0, 32, 23, 8, 0, 23, 127} && field&^1 == implied|31<<8
		case 8:
			t.ieee = got == layout{0, 64, 52, 11, 0, 52, 1023} && field&^1 == implied|63<<8
		}
	case classString:
		t.padding = uint8(field & 15)
	case classVariable:
		t.text = field&15 == 1
	}
	return t
}

// decoder returns the conversion of one element to float32. It returns nil if the type is none of
// the numbers that this package reads.
func (t datatype) decoder() func(b []byte) float32 {
	if t.class != classFloat || !t.ieee {
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if t.bigEndian {
		order = binary.BigEndian
	}
	switch t.size {
	case 2:
		return func(b []byte) float32 { return halfToSingle(order.Uint16(b)) }
	case 4:
		return func(b []byte) float32 { return math.Float32frombits(order.Uint32(b)) }
	default:
		return func(b []byte) float32 { return float32(math.Float64frombits(order.Uint64(b))) }
	}
}

// halfToSingle returns the value of an IEEE half-precision number.
func halfToSingle(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent := uint32(h>>10) & 31
	mantissa := uint32(h & 0x3ff)
	switch exponent {
	case 0: // zero and the numbers below 2^-14
		f := float32(mantissa) * (1.0 / (1 << 24))
		return math.Float32frombits(sign | math.Float32bits(f))
	case 31: // infinity, not a number
		return math.Float32frombits(sign | 0xff<<23 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
}
