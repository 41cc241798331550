package metric

import (
	"math"
	"unsafe"
)

// Tile is the number of points whose distances the kernels compute together, and Quad the number of
// queries. The sums of 4 queries and 32 points of bytes fill 16 of the 32 registers of AVX-512.
const (
	Tile = 32
	Quad = 4
)

// The kernels take a point in steps of 8 bytes or 2 words.
const (
	byteStep = 8
	wordStep = 2
)

// step returns the number of values in a step.
func step[P uint8 | uint16]() int {
	if ^P(0) == math.MaxUint8 {
		return byteStep
	}
	return wordStep
}

// MaxDim returns the largest dimension in which every distance fits into 32 bits.
func MaxDim[P uint8 | uint16]() int {
	return int(math.MaxUint32 / uint64(^P(0)))
}

// Points are vectors in the kernels' order: tile after tile, and in a tile the first step of all
// its points, then the second, and so on.
type Points[P uint8 | uint16] struct {
	N, Dim int
	packed []P // (tiles, steps, Tile, step), zero beyond N and Dim
}

// Queries are vectors to measure from, row by row.
type Queries[P uint8 | uint16] struct {
	N, Dim int
	rows   []P // (quads·Quad, steps·step), zero beyond N and Dim
}

const (
	badShape = "metric: vectors do not have the size that is asked for"
	badRange = "metric: points, queries or results outside those that there are"
)

// Tiles returns the number of tiles that n points fill.
func Tiles(n int) int { return (n + Tile - 1) / Tile }

// width returns the number of values of a padded vector.
func width[P uint8 | uint16](dim int) int {
	return (dim + step[P]() - 1) / step[P]() * step[P]()
}

// bytesOf returns the bytes of n padded vectors.
func bytesOf[P uint8 | uint16](n, dim int) float64 {
	return float64(float64(n) * float64(width[P](dim)*int(unsafe.Sizeof(P(0)))))
}

// PointsSize returns the bytes of n packed points.
func PointsSize[P uint8 | uint16](n, dim int) float64 {
	return bytesOf[P](Tiles(n)*Tile, dim)
}

// QueriesSize returns the bytes of n packed queries.
func QueriesSize[P uint8 | uint16](n, dim int) float64 {
	return bytesOf[P]((n+Quad-1)/Quad*Quad, dim)
}

// PackPoints copies pix, (n, dim). It panics if dim is not in 1 to MaxDim or if pix has
// another size.
func PackPoints[P uint8 | uint16](pix []P, n, dim int) *Points[P] {
	if len(pix) != n*dim {
		panic(badShape)
	}
	p := &Points[P]{}
	p.Resize(n, dim)
	for i := range n {
		p.Set(i, pix[i*dim:(i+1)*dim])
	}
	return p
}

// Resize makes room for n vectors of dim values, in the memory that p has if it suffices. They have
// no meaning before Set. Resize panics if dim is not in 1 to MaxDim.
func (p *Points[P]) Resize(n, dim int) {
	if dim < 1 || dim > MaxDim[P]() {
		panic(badShape)
	}
	size := Tiles(n) * Tile * width[P](dim)
	if dim != p.Dim || size > cap(p.packed) {
		p.packed = make([]P, size)
	}
	p.N, p.Dim, p.packed = n, dim, p.packed[:size]
	clear(p.packed[n/Tile*Tile*width[P](dim):]) // Set does not write beyond point n
}

// Set copies a vector to point i. Several goroutines may set different points at a time.
func (p *Points[P]) Set(i int, vector []P) {
	if len(vector) != p.Dim || i >= p.N {
		panic(badShape)
	}
	step := step[P]()
	to := p.packed[i/Tile*Tile*width[P](p.Dim)+i%Tile*step:]
	for len(vector) > step {
		// Array assignments of a known size are single moves.
		if step == byteStep {
			*(*[byteStep]P)(to) = [byteStep]P(vector)
		} else {
			*(*[wordStep]P)(to) = [wordStep]P(vector)
		}
		vector, to = vector[step:], to[Tile*step:]
	}
	copy(to, vector)
}

// PackQueries copies pix, (n, dim). It panics if dim is not in 1 to MaxDim or if pix has
// another size.
func PackQueries[P uint8 | uint16](pix []P, n, dim int) *Queries[P] {
	if len(pix) != n*dim {
		panic(badShape)
	}
	q := NewQueries[P](n, dim)
	for i := range n {
		copy(q.At(i), pix[i*dim:(i+1)*dim])
	}
	return q
}

// NewQueries returns n vectors of dim zeros. It panics if dim is not in 1 to MaxDim.
func NewQueries[P uint8 | uint16](n, dim int) *Queries[P] {
	if dim < 1 || dim > MaxDim[P]() {
		panic(badShape)
	}
	return &Queries[P]{N: n, Dim: dim, rows: make([]P, (n+Quad-1)/Quad*Quad*width[P](dim))}
}

// At returns vector i, which shares its memory with q.
func (q *Queries[P]) At(i int) []P {
	at := i * width[P](q.Dim)
	return q.rows[at : at+q.Dim : at+q.Dim]
}

// Distances writes Σ|query-point| to dst, (Quad, (to-from)·Tile), for the quad of queries that
// begins with number first, a multiple of Quad, and the points of the tiles from to to-1. The
// values for queries and points beyond the last have no meaning. Distances panics if there are no
// such queries, tiles or results.
func (p *Points[P]) Distances(dst []uint32, q *Queries[P], first, from, to int) {
	w := width[P](p.Dim)
	if p.Dim != q.Dim || len(dst) != Quad*(to-from)*Tile ||
		first < 0 || first%Quad != 0 || first >= q.N ||
		from < 0 || from > to || to > Tiles(p.N) {
		panic(badRange)
	}
	if from == to {
		return
	}
	quad, points := q.rows[first*w:(first+Quad)*w], p.packed[from*Tile*w:to*Tile*w]
	switch quad := any(quad).(type) {
	case []uint8:
		kernels.byteTiles(dst, quad, any(points).([]uint8))
	case []uint16:
		kernels.wordTiles(dst, quad, any(points).([]uint16))
	}
}

// Within sets bit i%32 of bits[i/32] to distance[i] <= limit. It panics unless there are 32
// distances for each element of bits.
func Within(bits, distance []uint32, limit uint32) {
	if len(distance) != len(bits)*Tile {
		panic(badRange)
	}
	if len(bits) > 0 {
		kernels.within(bits, distance, limit)
	}
}

// Smallest returns the smallest of distances. It panics unless there are 32 or a multiple of them.
func Smallest(distance []uint32) uint32 {
	if len(distance) == 0 || len(distance)%Tile != 0 {
		panic(badRange)
	}
	return kernels.smallest(distance)
}
