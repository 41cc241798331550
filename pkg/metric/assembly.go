//go:build (amd64 || arm64) && !purego

package metric

import "unsafe"

// assembly are the kernels of an instruction set as they are in assembly: they take pointers, and
// strides in bytes.
type assembly struct {
	row       func(a, b *uint8, n int) int64
	byteTiles tileKernel[uint8]
	wordTiles tileKernel[uint16]
	within    func(bits, distance *uint32, tiles int, limit uint32)
	smallest  func(distance *uint32, tiles int) uint32
}

type tileKernel[P uint8 | uint16] func(dst *uint32, dstStride int, query *P, queryStride int,
	points *P, steps, tiles int)

// implementation returns the kernels as they are called.
func (k assembly) implementation(name string, has bool) implementation {
	return implementation{
		name:      name,
		has:       has,
		row:       func(a, b []uint8) int64 { return k.row(&a[0], &b[0], len(a)) },
		byteTiles: k.byteTiles.onSlices,
		wordTiles: k.wordTiles.onSlices,
		within: func(bits, distance []uint32, limit uint32) {
			k.within(&bits[0], &distance[0], len(bits), limit)
		},
		smallest: func(distance []uint32) uint32 {
			return k.smallest(&distance[0], len(distance)/Tile)
		},
	}
}

func (kernel tileKernel[P]) onSlices(dst []uint32, quad, points []P) {
	n, width := len(dst)/Quad, len(quad)/Quad
	kernel(&dst[0], 4*n, &quad[0], width*size[P](), &points[0], width/step[P](), n/Tile)
}

// size returns the bytes of a value.
func size[P uint8 | uint16]() int {
	var value P
	return int(unsafe.Sizeof(value))
}
