package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// errChecksum is wrapped by the errors of blocks and chunks whose stored checksum does not match
// their bytes.
var errChecksum = errors.New("the checksum does not match")

// lookup3 computes the checksum of metadata: Bob Jenkins' hash function of that name
// (https://burtleburtle.net/bob/c/lookup3.c, hashlittle) with an initial value of 0.
func lookup3(data []byte) uint32 {
	a := 0xdeadbeef + uint32(len(data))
	b, c := a, a
	if len(data) == 0 {
		return c
	}
	add := func(block []byte) {
		a += binary.LittleEndian.Uint32(block)
		b += binary.LittleEndian.Uint32(block[4:])
		c += binary.LittleEndian.Uint32(block[8:])
	}
	for ; len(data) > 12; data = data[12:] {
		add(data)
		a = (a - c) ^ bits.RotateLeft32(c, 4)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 6)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 8)
		b += a
		a = (a - c) ^ bits.RotateLeft32(c, 16)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 19)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 4)
		b += a
	}
	var last [12]byte
	copy(last[:], data)
	add(last[:])
	c = (c ^ b) - bits.RotateLeft32(b, 14)
	a = (a ^ c) - bits.RotateLeft32(c, 11)
	b = (b ^ a) - bits.RotateLeft32(a, 25)
	c = (c ^ b) - bits.RotateLeft32(b, 16)
	a = (a ^ c) - bits.RotateLeft32(c, 4)
	b = (b ^ a) - bits.RotateLeft32(a, 14)
	return (c ^ b) - bits.RotateLeft32(b, 24)
}

// fletcherSums are the two sums of the fletcher32 filter. They add big-endian 16-bit words modulo
// 65535. An odd last byte is the high byte of a word.
type fletcherSums struct {
	s1, s2 uint32
	high   uint32 // first byte of a word whose second is still to come, shifted to its place
	odd    bool   // there is such a byte
}

// add adds the next bytes of the data.
func (f *fletcherSums) add(b []byte) {
	if f.odd && len(b) > 0 {
		f.word(f.high | uint32(b[0]))
		f.odd = false
		b = b[1:]
	}
	// After this many words the second sum still fits into 32 bits.
	const words = 256
	for len(b) > 1 {
		block := b[:min(len(b)&^1, 2*words)]
		b = b[len(block):]
		for ; len(block) > 1; block = block[2:] {
			f.s1 += uint32(block[0])<<8 | uint32(block[1])
			f.s2 += f.s1
		}
		f.s1 %= 65535
		f.s2 %= 65535
	}
	if len(b) > 0 {
		f.high, f.odd = uint32(b[0])<<8, true
	}
}

// word adds one word.
func (f *fletcherSums) word(w uint32) {
	f.s1 = (f.s1 + w) % 65535
	f.s2 = (f.s2 + f.s1) % 65535
}

// check compares the sums with a stored checksum. The HDF5 library stores 65535 for a sum of 0 if
// not all words are 0, so that both stand for the same sum.
func (f *fletcherSums) check(stored uint32) error {
	if f.odd {
		f.word(f.high)
		f.odd = false
	}
	if f.s1 != stored&0xffff%65535 || f.s2 != stored>>16%65535 {
		return fmt.Errorf("%w: fletcher32 of the bytes is %04x%04x, stored is %08x",
			errChecksum, f.s2, f.s1, stored)
	}
	return nil
}

// A fletcherReader reads n bytes from r, and then the checksum that follows them. A checksum that
// does not match is an error in place of io.EOF.
type fletcherReader struct {
	r    io.Reader
	n    int64
	sums fletcherSums
	done bool
}

func (f *fletcherReader) Read(b []byte) (int, error) {
	if f.n > 0 {
		n, err := f.r.Read(b[:min(int64(len(b)), f.n)])
		f.n -= int64(n)
		f.sums.add(b[:n])
		if err == io.EOF {
			err = nil // the checksum is still to come, and misses
			if n == 0 {
				err = io.ErrUnexpectedEOF
			}
		}
		return n, err
	}
	if !f.done {
		var stored [4]byte
		if _, err := io.ReadFull(f.r, stored[:]); err != nil {
			return 0, fmt.Errorf("the checksum of fletcher32: %w", err)
		}
		if err := f.sums.check(binary.LittleEndian.Uint32(stored[:])); err != nil {
			return 0, err
		}
		f.done = true
	}
	return 0, io.EOF
}
