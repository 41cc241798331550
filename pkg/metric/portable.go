package metric

import (
	"encoding/binary"
	"math"
)

// The portable forms of the kernels run on every processor. The tests compare the others with them.

// differences subtracts eight bytes of two vectors in lanes of 16 bits. With d = 256+a-b, bit 8 of
// a lane tells whether a >= b, and then d's low byte is a-b. A lane adds up two bytes: over has
// max(a-b, 0), at most 510, and all has d, at most 1022.
func differences(a, b uint64) (over, all uint64) {
	const (
		lanes = 0x00ff00ff00ff00ff
		bit8  = 0x0100010001000100
		bit0  = 0x0001000100010001
	)
	d := (a&lanes | bit8) - b&lanes
	e := (a>>8&lanes | bit8) - b>>8&lanes
	return d&(d>>8&bit0*0xff) + e&(e>>8&bit0*0xff), d + e
}

// maxDifferences is the number of differences that can be added up before a lane overflows.
const maxDifferences = math.MaxUint16 / 1022

// absolute returns Σ|a-b| from the sums of n differences: |a-b| = 2·max(a-b, 0) - (a-b).
func absolute(over, all uint64, n int) int64 {
	return 2*addLanes(over) - addLanes(all) + int64(n*byteStep*256)
}

// addLanes returns the sum of the four lanes of x.
func addLanes(x uint64) int64 {
	return int64(x&0xffff + x>>16&0xffff + x>>32&0xffff + x>>48)
}

func rowPortable(a, b []uint8) int64 {
	var sum int64
	for len(a) > 0 {
		var over, all uint64
		n := min(len(a)/byteStep, maxDifferences)
		for range n {
			o, d := differences(binary.LittleEndian.Uint64(a), binary.LittleEndian.Uint64(b))
			over += o
			all += d
			a, b = a[byteStep:], b[byteStep:]
		}
		sum += absolute(over, all, n)
	}
	return sum
}

func byteTilesPortable(dst []uint32, quad, points []uint8) {
	w, n := len(quad)/Quad, len(dst)/Quad
	clear(dst)
	for i := 0; i < len(dst); i += Tile {
		query, tile, sums := quad[i/n*w:][:w], points[i%n*w:][:Tile*w], dst[i:][:Tile]
		for len(query) > 0 {
			var over, all [Tile]uint64
			steps := min(len(query)/byteStep, maxDifferences)
			for range steps {
				x, row := binary.LittleEndian.Uint64(query), tile[:Tile*byteStep]
				for j := range Tile {
					o, d := differences(x, binary.LittleEndian.Uint64(row))
					over[j] += o
					all[j] += d
					row = row[byteStep:]
				}
				query, tile = query[byteStep:], tile[Tile*byteStep:]
			}
			for j := range sums {
				sums[j] += uint32(absolute(over[j], all[j], steps))
			}
		}
	}
}

func wordTilesPortable(dst []uint32, quad, points []uint16) {
	w, n := len(quad)/Quad, len(dst)/Quad
	clear(dst)
	for i := 0; i < len(dst); i += Tile {
		query, tile, sums := quad[i/n*w:][:w], points[i%n*w:][:Tile*w], dst[i:][:Tile]
		for len(query) > 0 {
			x, y := query[0], query[1]
			for j := range sums {
				p, q := tile[2*j], tile[2*j+1]
				sums[j] += uint32(max(x, p)-min(x, p)) + uint32(max(y, q)-min(y, q))
			}
			query, tile = query[wordStep:], tile[Tile*wordStep:]
		}
	}
}

func withinPortable(bits, distance []uint32, limit uint32) {
	for i := range bits {
		var b uint32
		for j, d := range distance[i*Tile:][:Tile] {
			if d <= limit {
				b |= 1 << j
			}
		}
		bits[i] = b
	}
}

func smallestPortable(distance []uint32) uint32 {
	least := uint32(math.MaxUint32)
	for _, d := range distance {
		least = min(least, d)
	}
	return least
}
