//go:build !purego

package metric

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// instructionSets returns the implementations of this architecture, the fastest first.
func instructionSets() []implementation {
	avx2 := portable
	avx2.name, avx2.has = "AVX2", cpu.X86.HasAVX2
	avx2.row = func(a, b []uint8) int64 { return rowAVX2(&a[0], &b[0], len(a)) }
	avx2.byteTiles = tiles(byteTilesAVX2)
	avx2.wordTiles = tiles(wordTilesAVX2)
	avx2.within = func(bits, distance []uint32, limit uint32) {
		withinAVX2(&bits[0], &distance[0], len(bits), limit)
	}
	avx2.smallest = func(distance []uint32) uint32 {
		return smallestAVX2(&distance[0], len(distance)/Tile)
	}

	avx512 := portable
	avx512.name = "AVX-512"
	avx512.has = avx2.has && cpu.X86.HasBMI2 &&
		cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ
	avx512.row = func(a, b []uint8) int64 { return rowAVX512(&a[0], &b[0], len(a)) }
	avx512.byteTiles = tiles(byteTilesAVX512)
	avx512.wordTiles = tiles(wordTilesAVX512)
	avx512.within = func(bits, distance []uint32, limit uint32) {
		withinAVX512(&bits[0], &distance[0], len(bits), limit)
	}
	avx512.smallest = func(distance []uint32) uint32 {
		return smallestAVX512(&distance[0], len(distance)/Tile)
	}
	return []implementation{avx512, avx2}
}

// tiles makes a kernel on slices of one on pointers, which takes strides in bytes.
func tiles[P uint8 | uint16](kernel func(dst *uint32, dstStride int, query *P, queryStride int,
	points *P, steps, tiles int)) func(dst []uint32, quad, points []P) {

	return func(dst []uint32, quad, points []P) {
		n, width := len(dst)/Quad, len(quad)/Quad
		kernel(&dst[0], 4*n, &quad[0], width*size[P](), &points[0], width/step[P](), n/Tile)
	}
}

// size returns the bytes of a value.
func size[P uint8 | uint16]() int {
	var value P
	return int(unsafe.Sizeof(value))
}
