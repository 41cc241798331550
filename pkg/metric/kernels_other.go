//go:build !amd64 || purego

package metric

func row(a, b []uint8) int64                        { return rowPortable(a, b) }
func byteTiles(dst []uint32, quad, points []uint8)  { byteTilesPortable(dst, quad, points) }
func wordTiles(dst []uint32, quad, points []uint16) { wordTilesPortable(dst, quad, points) }
func within(bits, distance []uint32, limit uint32)  { withinPortable(bits, distance, limit) }
func smallest(distance []uint32) uint32             { return smallestPortable(distance) }
