//go:build !purego

package metric

import "golang.org/x/sys/cpu"

var (
	useAVX2   = cpu.X86.HasAVX2
	useAVX512 = useAVX2 && cpu.X86.HasBMI2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ
)

// row is Σ|a-b|; the lengths are equal and a multiple of 8, at least 8.
func row(a, b []uint8) int64 {
	switch {
	case useAVX512:
		return rowAVX512(&a[0], &b[0], len(a))
	case useAVX2:
		return rowAVX2(&a[0], &b[0], len(a))
	}
	return rowPortable(a, b)
}

func byteTiles(dst []uint32, quad, points []uint8) {
	width, n := len(quad)/Quad, len(dst)/Quad
	switch {
	case useAVX512:
		byteTilesAVX512(&dst[0], 4*n, &quad[0], width, &points[0], width/byteStep, n/Tile)
	case useAVX2:
		byteTilesAVX2(&dst[0], 4*n, &quad[0], width, &points[0], width/byteStep, n/Tile)
	default:
		byteTilesPortable(dst, quad, points)
	}
}

func wordTiles(dst []uint32, quad, points []uint16) {
	width, n := len(quad)/Quad, len(dst)/Quad
	switch {
	case useAVX512:
		wordTilesAVX512(&dst[0], 4*n, &quad[0], 2*width, &points[0], width/wordStep, n/Tile)
	case useAVX2:
		wordTilesAVX2(&dst[0], 4*n, &quad[0], 2*width, &points[0], width/wordStep, n/Tile)
	default:
		wordTilesPortable(dst, quad, points)
	}
}

func within(bits, distance []uint32, limit uint32) {
	switch {
	case useAVX512:
		withinAVX512(&bits[0], &distance[0], len(bits), limit)
	case useAVX2:
		withinAVX2(&bits[0], &distance[0], len(bits), limit)
	default:
		withinPortable(bits, distance, limit)
	}
}

func smallest(distance []uint32) uint32 {
	switch {
	case useAVX512:
		return smallestAVX512(&distance[0], len(distance)/Tile)
	case useAVX2:
		return smallestAVX2(&distance[0], len(distance)/Tile)
	}
	return smallestPortable(distance)
}
