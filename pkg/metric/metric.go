// Package metric measures Manhattan distances: sums of absolute differences of grey levels or latent values.
package metric

import "encoding/binary"

const differentLengths = "metric: vectors of different lengths"

// Manhattan is Σ|a-b|. It panics where the lengths differ.
func Manhattan[P uint8 | uint16](a, b []P) int64 {
	if len(a) != len(b) {
		panic(differentLengths)
	}
	switch a := any(a).(type) {
	case []uint8:
		return bytes(a, any(b).([]uint8))
	case []uint16:
		return words(a, any(b).([]uint16))
	}
	panic("unreachable")
}

// words is Σ|a-b| in the plainest form.
func words(a, b []uint16) int64 {
	var sum int64
	for i, x := range a {
		sum += int64(max(x, b[i]) - min(x, b[i]))
	}
	return sum
}

// bytes is Σ|a-b|, eight bytes a step, each in a lane of 16 bits.
// With d = 256+a-b, bit 8 of a lane says whether a >= b, and then d's low byte is a-b. So
//
//	Σ|a-b| = 2·Σ max(a-b, 0) - Σ (a-b) = 2·Σ (d's low byte where bit 8 is set) - Σ d + 256·lanes
func bytes(a, b []uint8) int64 {
	const (
		lanes = 0x00ff00ff00ff00ff
		bit8  = 0x0100010001000100
		bit0  = 0x0001000100010001
		steps = 64 // both sums stay below 2¹⁶ in a lane: 64 steps, 2 values of at most 511 each
	)
	var sum int64
	for len(a) >= 8 {
		var over, diff uint64
		n := min(len(a)/8, steps)
		for range n {
			x, y := binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b)
			a, b = a[8:], b[8:]

			d := (x&lanes | bit8) - y&lanes
			m := d >> 8 & bit0
			over += d & (m<<8 - m)
			diff += d

			d = (x>>8&lanes | bit8) - y>>8&lanes
			m = d >> 8 & bit0
			over += d & (m<<8 - m)
			diff += d
		}
		sum += 2*addLanes(over) - addLanes(diff) + int64(n*8*256)
	}
	for i, x := range a {
		sum += int64(max(x, b[i]) - min(x, b[i]))
	}
	return sum
}

// addLanes is the sum of the four 16-bit lanes of x.
func addLanes(x uint64) int64 {
	return int64(x&0xffff + x>>16&0xffff + x>>32&0xffff + x>>48)
}
