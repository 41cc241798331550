package metric

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

func naive[P uint8 | uint16](a, b []P) int64 {
	var sum int64
	for i := range a {
		d := int64(a[i]) - int64(b[i])
		sum += max(d, -d)
	}
	return sum
}

// vectors draws values of the full range. Every third time it draws only the smallest and the
// largest.
func vectors[P uint8 | uint16](r *rand.Rand, n int) []P {
	v := make([]P, n)
	extremes := r.IntN(3) == 0
	for i := range v {
		v[i] = P(r.Uint32())
		if extremes {
			v[i] = -(v[i] & 1)
		}
	}
	return v
}

func panics(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	f()
}

// eachImplementation runs test with each form of the kernels, and skips those that this processor
// lacks.
func eachImplementation(t *testing.T, test func(t *testing.T)) {
	defer func(k implementation) { kernels = k }(kernels)
	for _, i := range implementations {
		t.Run(i.name, func(t *testing.T) {
			if !i.has {
				t.Skipf("%s: not tested, this processor lacks it", i.name)
			}
			kernels = i
			test(t)
		})
	}
}

func benchmarkEach(b *testing.B, run func(b *testing.B)) {
	defer func(k implementation) { kernels = k }(kernels)
	for _, i := range implementations {
		if i.has {
			kernels = i
			b.Run(i.name, run)
		}
	}
}

// REQUIRE_KERNELS lists instruction sets whose kernels must not go untested, such as AVX-512,AVX2.
func TestRequiredKernels(t *testing.T) {
	required := os.Getenv("REQUIRE_KERNELS")
	if required == "" {
		return
	}
	for _, name := range strings.Split(required, ",") {
		if !slices.ContainsFunc(implementations, func(i implementation) bool {
			return i.name == name && i.has
		}) {
			t.Errorf("there are no kernels for %q in this run", name)
		}
	}
}

func testManhattan[P uint8 | uint16](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 301 {
		for offset := range 9 {
			// What stands around the vectors must not count.
			a, b := vectors[P](r, offset+n+64), vectors[P](r, 2*offset+n+64)
			x, y := a[offset:][:n:n], b[2*offset:][:n:n]
			if got, want := Manhattan(x, y), naive(x, y); got != want {
				t.Fatalf("length %d, offset %d: %d, want %d", n, offset, got, want)
			}
		}
	}
	// As far apart as can be, and long enough for every lane to overflow that is too narrow.
	black, white := make([]P, 100_003), make([]P, 100_003)
	for i := range white {
		white[i] = ^P(0)
	}
	want := int64(len(white)) * int64(^P(0))
	if got := Manhattan(white, black); got != want {
		t.Errorf("white from black: %d, want %d", got, want)
	}
	if got := Manhattan(black, white); got != want {
		t.Errorf("black from white: %d, want %d", got, want)
	}
}

func TestManhattan(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		t.Run("uint8", testManhattan[uint8])
		t.Run("uint16", testManhattan[uint16])
	})
	panics(t, differentLengths, func() { Manhattan(make([]uint8, 3), make([]uint8, 4)) })
}

// Points in the memory of others are as new ones, whatever stood there.
func testResize[P uint8 | uint16](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	p := &Points[P]{}
	for _, c := range []struct{ n, dim int }{
		{100, 5}, {33, 5}, {64, 5}, {1, 5}, {0, 5}, {90, 5}, {200, 5}, {40, 9}, {70, 3}, {300, 9},
	} {
		pix := vectors[P](r, c.n*c.dim)
		p.Resize(c.n, c.dim)
		for i := range c.n {
			p.Set(i, pix[i*c.dim:(i+1)*c.dim])
		}
		want := PackPoints(pix, c.n, c.dim)
		if p.N != c.n || p.Dim != c.dim || !slices.Equal(p.packed, want.packed) {
			t.Errorf("%d points of %d values differ from new ones", c.n, c.dim)
		}
	}
	panics(t, badShape, func() { p.Set(300, make([]P, 9)) })
	panics(t, badShape, func() { p.Set(0, make([]P, 8)) })
	panics(t, badShape, func() { p.Resize(1, 0) })
}

func TestResize(t *testing.T) {
	t.Run("uint8", testResize[uint8])
	t.Run("uint16", testResize[uint16])
}

func testDistances[P uint8 | uint16](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	dims := []int{100, 255, 783, 784, 785, 3000}
	for dim := 1; dim <= 70; dim++ {
		dims = append(dims, dim)
	}
	for _, dim := range dims {
		for _, n := range []int{1, 31, 32, 33, 97} {
			nq := 1 + r.IntN(9)
			pix, query := vectors[P](r, n*dim), vectors[P](r, nq*dim)
			points, queries := PackPoints(pix, n, dim), PackQueries(query, nq, dim)
			from := r.IntN(Tiles(n) + 1)
			to := from + r.IntN(Tiles(n)+1-from)
			size := (to - from) * Tile
			for first := 0; first < nq; first += Quad {
				const guard = 0xdeadbeef
				memory := slices.Repeat([]uint32{guard}, Quad*size+2*Tile)
				dst := memory[Tile:][:Quad*size]
				points.Distances(dst, queries, first, from, to)
				for i, d := range memory {
					if (i < Tile || i >= Tile+len(dst)) && d != guard {
						t.Fatalf("dim %d, %d points, tiles %d to %d: wrote outside, at %d of %d",
							dim, n, from, to, i-Tile, len(dst))
					}
				}
				for q := first; q < min(nq, first+Quad); q++ {
					for p := from * Tile; p < min(n, to*Tile); p++ {
						want := naive(query[q*dim:][:dim], pix[p*dim:][:dim])
						if got := dst[(q-first)*size+p-from*Tile]; int64(got) != want {
							t.Fatalf("dim %d, query %d, point %d of %d: %d, want %d",
								dim, q, p, n, got, want)
						}
					}
				}
			}
		}
	}
}

func TestDistances(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		t.Run("uint8", testDistances[uint8])
		t.Run("uint16", testDistances[uint16])
		t.Run("largest", func(t *testing.T) {
			dim := MaxDim[uint16]()
			points := PackPoints(slices.Repeat([]uint16{math.MaxUint16}, dim), 1, dim)
			dst := make([]uint32, Quad*Tile)
			points.Distances(dst, PackQueries(make([]uint16, dim), 1, dim), 0, 0, 1)
			if dst[0] != math.MaxUint32 {
				t.Errorf("white from black in dimension %d: %d, want %d", dim, dst[0], uint32(math.MaxUint32))
			}
		})
	})
}

func TestDistancesRefuses(t *testing.T) {
	points, queries := PackPoints(make([]uint8, 40*5), 40, 5), PackQueries(make([]uint8, 6*5), 6, 5)
	dst := func(tiles int) []uint32 { return make([]uint32, tiles*Quad*Tile) }
	for name, f := range map[string]func(){
		"another dimension": func() {
			points.Distances(dst(1), PackQueries(make([]uint8, 4), 1, 4), 0, 0, 1)
		},
		"query within a quad":   func() { points.Distances(dst(1), queries, 1, 0, 1) },
		"query beyond the last": func() { points.Distances(dst(1), queries, 8, 0, 1) },
		"query below the first": func() { points.Distances(dst(1), queries, -4, 0, 1) },
		"tile beyond the last":  func() { points.Distances(dst(1), queries, 0, 2, 3) },
		"tile below the first":  func() { points.Distances(dst(1), queries, 0, -1, 0) },
		"tiles in wrong order":  func() { points.Distances(dst(0), queries, 0, 1, 0) },
		"too few results":       func() { points.Distances(dst(1), queries, 0, 0, 2) },
		"too many results":      func() { points.Distances(dst(3), queries, 0, 0, 2) },
		"too few bits":          func() { Within(make([]uint32, 1), make([]uint32, 64), 0) },
		"bits of a broken tile": func() { Within(make([]uint32, 1), make([]uint32, 31), 0) },
		"smallest of none":      func() { Smallest(nil) },
		"smallest of a part":    func() { Smallest(make([]uint32, 33)) },
	} {
		t.Run(name, func(t *testing.T) { panics(t, badRange, f) })
	}
	for name, f := range map[string]func(){
		"dimension 0":             func() { PackPoints([]uint8{}, 0, 0) },
		"queries of dimension 0":  func() { PackQueries([]uint8{}, 0, 0) },
		"too few points":          func() { PackPoints(make([]uint8, 9), 2, 5) },
		"too many queries":        func() { PackQueries(make([]uint8, 11), 2, 5) },
		"dimension above 32 bits": func() { PackPoints([]uint16{}, 0, MaxDim[uint16]()+1) },
	} {
		t.Run(name, func(t *testing.T) { panics(t, badShape, f) })
	}
}

func TestWithinAndSmallest(t *testing.T) {
	eachImplementation(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 3))
		for tiles := 1; tiles <= 20; tiles++ {
			distance := make([]uint32, tiles*Tile)
			for i := range distance {
				distance[i] = r.Uint32() >> r.IntN(32)
			}
			least := slices.Min(distance)
			if got := Smallest(distance); got != least {
				t.Errorf("%d tiles: smallest %d, want %d", tiles, got, least)
			}
			some := distance[r.IntN(len(distance))]
			for _, limit := range []uint32{0, least, some, 1 << 31, math.MaxUint32} {
				const guard = 0xdeadbeef
				memory := slices.Repeat([]uint32{guard}, tiles+2)
				Within(memory[1:tiles+1], distance, limit)
				if memory[0] != guard || memory[tiles+1] != guard {
					t.Fatalf("%d tiles: wrote outside", tiles)
				}
				for i, d := range distance {
					if got := memory[1+i/Tile]>>(i%Tile)&1 == 1; got != (d <= limit) {
						t.Fatalf("%d tiles: %d within %d is %v", tiles, d, limit, got)
					}
				}
			}
		}
	})
	Within(nil, nil, 0)
}

func FuzzManhattan(f *testing.F) {
	f.Add([]byte("vectors of some length, cut in two halves"))
	f.Fuzz(func(t *testing.T, pix []byte) {
		a, b := pix[:len(pix)/2], pix[len(pix)/2:][:len(pix)/2]
		if got, want := Manhattan(a, b), naive(a, b); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	})
}

func FuzzDistances(f *testing.F) {
	f.Add(uint16(10), []byte("a query and then some points of that dimension, as bytes and as words"))
	f.Fuzz(func(t *testing.T, d uint16, pix []byte) {
		if dim := int(d); dim > 0 && len(pix) >= dim {
			fuzzDistances(t, pix[:dim], pix[dim:])
		}
		words := make([]uint16, len(pix)/2)
		for i := range words {
			words[i] = binary.LittleEndian.Uint16(pix[2*i:])
		}
		if dim := int(d); dim > 0 && len(words) >= dim {
			fuzzDistances(t, words[:dim], words[dim:])
		}
	})
}

func fuzzDistances[P uint8 | uint16](t *testing.T, query, pix []P) {
	dim := len(query)
	n := len(pix) / dim
	dst := make([]uint32, Quad*Tiles(n)*Tile)
	PackPoints(pix[:n*dim], n, dim).Distances(dst, PackQueries(query, 1, dim), 0, 0, Tiles(n))
	for i := range n {
		if want := naive(query, pix[i*dim:][:dim]); int64(dst[i]) != want {
			t.Errorf("dimension %d, point %d of %d: %d, want %d", dim, i, n, dst[i], want)
		}
	}
}

func BenchmarkManhattan(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 4))
	x, y := vectors[uint8](r, 784), vectors[uint8](r, 784)
	benchmarkEach(b, func(b *testing.B) {
		b.SetBytes(784)
		for b.Loop() {
			Manhattan(x, y)
		}
	})
}

// The bytes are those of differences: queries x points x size of a vector.
func BenchmarkDistances(b *testing.B) {
	b.Run("uint8", benchmarkDistances[uint8])
	b.Run("uint16", benchmarkDistances[uint16])
}

func benchmarkDistances[P uint8 | uint16](b *testing.B) {
	dims, size := []int{784, 49}, 1
	if ^P(0) > math.MaxUint8 {
		dims, size = []int{10, 20}, 2
	}
	const n = 512
	for _, dim := range dims {
		b.Run(fmt.Sprint("dim", dim), func(b *testing.B) {
			benchmarkEach(b, func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 5))
				points := PackPoints(vectors[P](r, n*dim), n, dim)
				queries := PackQueries(vectors[P](r, Quad*dim), Quad, dim)
				dst := make([]uint32, Quad*n)
				b.SetBytes(int64(Quad * n * dim * size))
				for b.Loop() {
					points.Distances(dst, queries, 0, 0, Tiles(n))
				}
			})
		})
	}
}

func BenchmarkWithin(b *testing.B) {
	distance, bits := make([]uint32, 512), make([]uint32, 512/Tile)
	benchmarkEach(b, func(b *testing.B) {
		b.SetBytes(4 * 512)
		for b.Loop() {
			Within(bits, distance, 7)
		}
	})
}

func BenchmarkSmallest(b *testing.B) {
	distance := make([]uint32, 512)
	benchmarkEach(b, func(b *testing.B) {
		b.SetBytes(4 * 512)
		for b.Loop() {
			Smallest(distance)
		}
	})
}

// Packing happens once a data set.
func BenchmarkPackPoints(b *testing.B) {
	const n = 1000
	pix := make([]uint8, n*784)
	b.SetBytes(n * 784)
	b.ReportAllocs()
	for b.Loop() {
		PackPoints(pix, n, 784)
	}
}
