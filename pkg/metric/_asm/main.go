// Command asm writes the vector kernels of package metric. `make asm` runs it.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Package metric documents this layout: tiles of 32 points, side by side in steps of 8 bytes or of
// 2 words.
const (
	queries  = 4  // at a time
	tile     = 32 // points
	byteStep = 8 * tile
	wordStep = 4 * tile
)

// An isa is one of the two instruction sets. The kernels differ in the width of a vector and in the
// number of registers (32 and 16).
type isa struct {
	name  string
	width int // bytes of a vector
}

var avx512, avx2 = isa{"AVX512", 64}, isa{"AVX2", 32}

func main() {
	ConstraintExpr("amd64,!purego")
	for _, s := range []isa{avx512, avx2} {
		row(s)
		byteTiles(s)
		wordTiles(s)
		within(s)
		smallest(s)
	}
	Generate()
}

func (s isa) vector() reg.VecVirtual {
	if s == avx512 {
		return ZMM()
	}
	return YMM()
}

func (s isa) vectors(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = s.vector()
	}
	return v
}

func (s isa) load(m Mem, v reg.VecVirtual) {
	if s == avx512 {
		VMOVDQU64(m, v)
	} else {
		VMOVDQU(m, v)
	}
}

func (s isa) store(v reg.VecVirtual, m Mem) {
	if s == avx512 {
		VMOVDQU64(v, m)
	} else {
		VMOVDQU(v, m)
	}
}

func (s isa) xor(a, b, to reg.VecVirtual) {
	if s == avx512 {
		VPXORD(a, b, to)
	} else {
		VPXOR(a, b, to)
	}
}

func (s isa) zero(vs ...reg.VecVirtual) {
	for _, v := range vs {
		s.xor(v, v, v)
	}
}

// broadcast32 fills v with the 32 bits of a general register.
func (s isa) broadcast32(r reg.GPVirtual, v reg.VecVirtual) {
	if s == avx512 {
		VPBROADCASTD(r, v)
	} else {
		VMOVD(r, v.AsX())
		VPBROADCASTD(v.AsX(), v)
	}
}

// pointers returns the addresses of the four queries, stride bytes apart.
func pointers(base, stride reg.Register) []reg.GPVirtual {
	p := make([]reg.GPVirtual, queries)
	for i := range p {
		p[i] = GP64()
		if i == 0 {
			MOVQ(base, p[i])
		} else {
			LEAQ(Mem{Base: p[i-1], Index: stride, Scale: 1}, p[i])
		}
	}
	return p
}

// row writes the kernel of Σ|a-b|. Four sums hide the latency of the additions.
func row(s isa) {
	TEXT("row"+s.name, NOSPLIT, "func(a, b *uint8, n int) int64")
	Pragma("noescape")
	Doc("row" + s.name + " returns Σ|a-b| of n bytes. n is a multiple of 8.")
	a, b := Load(Param("a"), GP64()), Load(Param("b"), GP64())
	n := Load(Param("n"), GP64())
	sums := s.vectors(4)
	s.zero(sums...)

	Label("four")
	CMPQ(n, U32(4*s.width))
	JLT(LabelRef("one"))
	for i, sum := range sums {
		t := s.vector()
		s.load(Mem{Base: a, Disp: i * s.width}, t)
		VPSADBW(Mem{Base: b, Disp: i * s.width}, t, t)
		VPADDQ(t, sum, sum)
	}
	ADDQ(U32(4*s.width), a)
	ADDQ(U32(4*s.width), b)
	SUBQ(U32(4*s.width), n)
	JMP(LabelRef("four"))

	Label("one")
	CMPQ(n, U32(s.width))
	JLT(LabelRef("rest"))
	t := s.vector()
	s.load(Mem{Base: a}, t)
	VPSADBW(Mem{Base: b}, t, t)
	VPADDQ(t, sums[0], sums[0])
	ADDQ(U32(s.width), a)
	ADDQ(U32(s.width), b)
	SUBQ(U32(s.width), n)
	JMP(LabelRef("one"))

	Label("rest")
	if s == avx512 {
		// The mask has a bit for each 8 bytes that are left.
		SHRQ(U8(3), n)
		bits, all := GP64(), GP64()
		MOVQ(I32(-1), all)
		BZHIQ(n, all, bits)
		k := K()
		KMOVB(bits.As32(), k)
		x, y := ZMM(), ZMM()
		VMOVDQU64_Z(Mem{Base: a}, k, x)
		VMOVDQU64_Z(Mem{Base: b}, k, y)
		VPSADBW(x, y, x)
		VPADDQ(x, sums[1], sums[1])
	} else {
		CMPQ(n, U32(16))
		JLT(LabelRef("eight"))
		x := XMM()
		VMOVDQU(Mem{Base: a}, x)
		VPSADBW(Mem{Base: b}, x, x)
		VPADDQ(x.AsY(), sums[1], sums[1]) // the upper half of x is zero
		ADDQ(U32(16), a)
		ADDQ(U32(16), b)
		SUBQ(U32(16), n)
		Label("eight")
		TESTQ(n, n)
		JEQ(LabelRef("add"))
		x, y := XMM(), XMM()
		VMOVQ(Mem{Base: a}, x)
		VMOVQ(Mem{Base: b}, y)
		VPSADBW(x, y, x)
		VPADDQ(x.AsY(), sums[2], sums[2])
		Label("add")
	}
	VPADDQ(sums[1], sums[0], sums[0])
	VPADDQ(sums[3], sums[2], sums[2])
	VPADDQ(sums[2], sums[0], sums[0])
	half := sums[0].AsY()
	if s == avx512 {
		u := YMM()
		VEXTRACTI64X4(U8(1), sums[0], u)
		VPADDQ(u, half, half)
	}
	u := XMM()
	VEXTRACTI128(U8(1), half, u)
	VPADDQ(sums[0].AsX(), u, u)
	v := XMM()
	VPSRLDQ(U8(8), u, v)
	VPADDQ(v, u, u)
	r := GP64()
	VMOVQ(u, r)
	Store(r, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// tilesHeader declares a kernel that measures 4 queries against tiles of points.
func tilesHeader(name, value, step string) {
	TEXT(name, NOSPLIT, fmt.Sprintf("func(dst *uint32, dstStride int, "+
		"query *%[1]s, queryStride int, points *%[1]s, steps, tiles int)", value))
	Pragma("noescape")
	Doc(name+" writes the distances of 4 queries to the points of some tiles, at least one.",
		"Strides are in bytes. steps is the number of "+step+" in a point, at least 1.")
}

// byteTiles writes a kernel that holds the sums of 4 queries x 32 points (AVX-512) or x 8 points
// (AVX2, four passes over a tile) in registers, a lane of 64 bits for each point.
func byteTiles(s isa) {
	tilesHeader("byteTiles"+s.name, "uint8", "8 bytes")
	dst, dstStride := Load(Param("dst"), GP64()), Load(Param("dstStride"), GP64())
	q := pointers(Load(Param("query"), GP64()), Load(Param("queryStride"), GP64()))
	p := Load(Param("points"), GP64())
	tiles := Load(Param("tiles"), GP64())

	vectors := tile / (s.width / 8) // of a step of a tile
	group := vectors                // of them at a time
	if s == avx2 {
		group = 2
	}
	sums := s.vectors(queries * group)
	qv := s.vectors(queries)
	pass, offset, left, to := GP64(), GP64(), GP64(), GP64()

	Label("tile")
	for g := 0; g < vectors; g += group {
		MOVQ(p, pass)
		XORQ(offset, offset)
		Load(Param("steps"), left)
		s.zero(sums...)
		loop := fmt.Sprintf("step%d", g)
		Label(loop)
		for i := range qv {
			VPBROADCASTQ(Mem{Base: q[i], Index: offset, Scale: 1}, qv[i])
		}
		for j := range group {
			x := s.vector()
			s.load(Mem{Base: pass, Disp: (g + j) * s.width}, x)
			for i := range qv {
				t := s.vector()
				VPSADBW(x, qv[i], t)
				VPADDQ(t, sums[i*group+j], sums[i*group+j])
			}
		}
		ADDQ(U32(byteStep), pass)
		ADDQ(U8(8), offset)
		SUBQ(U8(1), left)
		JNE(LabelRef(loop))

		// Sums are below 2³²: keep the lower half of each lane.
		MOVQ(dst, to)
		for i := range queries {
			if i > 0 {
				ADDQ(dstStride, to)
			}
			if s == avx512 {
				for j := range group {
					VPMOVQD(sums[i*group+j], Mem{Base: to, Disp: 32 * j})
				}
			} else {
				lo, hi := sums[i*group], sums[i*group+1]
				VSHUFPS(U8(0x88), hi, lo, lo)
				VPERMQ(U8(0xd8), lo, lo)
				s.store(lo, Mem{Base: to, Disp: 16 * g})
			}
		}
	}
	MOVQ(pass, p) // past the last step
	ADDQ(U32(4*tile), dst)
	SUBQ(U8(1), tiles)
	JNE(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// wordTiles writes a kernel that holds the sums of 4 queries x 32 points (AVX-512) or x 16 points
// (AVX2, two passes over a tile) in registers, a lane of 32 bits for each point. |x-y| of two
// words, max - min, needs all 16 bits, but the instruction that adds neighbouring words takes them
// as signed. So it gets |x-y| - 2¹⁵, and the sums start with the 2¹⁶ a step that this takes
// away.
func wordTiles(s isa) {
	tilesHeader("wordTiles"+s.name, "uint16", "2 words")
	dst, dstStride := Load(Param("dst"), GP64()), Load(Param("dstStride"), GP64())
	q := pointers(Load(Param("query"), GP64()), Load(Param("queryStride"), GP64()))
	p := Load(Param("points"), GP64())
	tiles := Load(Param("tiles"), GP64())

	const group = 2 // vectors of a step at a time
	vectors := tile / (s.width / 4)
	sums := s.vectors(queries * group)
	one, bias := s.vector(), s.vector()
	r := GP32()
	MOVL(U32(0x00010001), r)
	s.broadcast32(r, one)
	MOVL(U32(0x80008000), r)
	s.broadcast32(r, bias)
	pass, offset, left, to := GP64(), GP64(), GP64(), GP64()

	Label("tile")
	for g := 0; g < vectors; g += group {
		MOVQ(p, pass)
		XORQ(offset, offset)
		Load(Param("steps"), left)
		start := GP32()
		MOVL(left.As32(), start)
		SHLL(U8(16), start)
		s.broadcast32(start, sums[0])
		for _, sum := range sums[1:] {
			if s == avx512 {
				VMOVDQA64(sums[0], sum)
			} else {
				VMOVDQA(sums[0], sum)
			}
		}
		loop := fmt.Sprintf("step%d", g)
		Label(loop)
		x := s.vectors(group)
		for j := range x {
			s.load(Mem{Base: pass, Disp: (g + j) * s.width}, x[j])
		}
		for i := range queries {
			y := s.vector()
			VPBROADCASTD(Mem{Base: q[i], Index: offset, Scale: 1}, y)
			for j := range x {
				t, u := s.vector(), s.vector()
				VPMAXUW(x[j], y, t)
				VPMINUW(x[j], y, u)
				VPSUBW(u, t, t)
				s.xor(bias, t, t)
				VPMADDWD(one, t, t)
				VPADDD(t, sums[i*group+j], sums[i*group+j])
			}
		}
		ADDQ(U32(wordStep), pass)
		ADDQ(U8(4), offset)
		SUBQ(U8(1), left)
		JNE(LabelRef(loop))

		MOVQ(dst, to)
		for i := range queries {
			if i > 0 {
				ADDQ(dstStride, to)
			}
			for j := range group {
				s.store(sums[i*group+j], Mem{Base: to, Disp: (g + j) * s.width})
			}
		}
	}
	MOVQ(pass, p)
	ADDQ(U32(4*tile), dst)
	SUBQ(U8(1), tiles)
	JNE(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// within writes a kernel that compares 32 numbers at a time and sets the bits of one tile.
func within(s isa) {
	TEXT("within"+s.name, NOSPLIT, "func(bits, distance *uint32, tiles int, limit uint32)")
	Pragma("noescape")
	Doc("within"+s.name+" sets bit i of bits to distance[i] <= limit for the points of some tiles,",
		"at least one.")
	bits, d := Load(Param("bits"), GP64()), Load(Param("distance"), GP64())
	tiles := Load(Param("tiles"), GP64())
	r := GP32()
	Load(Param("limit"), r)
	limit := s.vector()
	s.broadcast32(r, limit)

	Label("tile")
	all := GP32()
	lanes := s.width / 4
	for i := 0; i < tile/lanes; i++ {
		x := s.vector()
		part := GP32()
		if i == 0 {
			part = all
		}
		s.load(Mem{Base: d, Disp: i * s.width}, x)
		if s == avx512 {
			k := K()
			VPCMPUD(U8(2), limit, x, k) // x <= limit
			KMOVW(k, part)
		} else {
			t := YMM()
			VPMINUD(limit, x, t)
			VPCMPEQD(x, t, t)
			VMOVMSKPS(t, part)
		}
		if i > 0 {
			SHLL(U8(i*lanes), part)
			ORL(part, all)
		}
	}
	MOVL(all, Mem{Base: bits})
	ADDQ(U8(4), bits)
	ADDQ(U32(4*tile), d)
	SUBQ(U8(1), tiles)
	JNE(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// smallest writes a kernel with two minima, which hide the latency of the comparisons.
func smallest(s isa) {
	TEXT("smallest"+s.name, NOSPLIT, "func(distance *uint32, tiles int) uint32")
	Pragma("noescape")
	Doc("smallest"+s.name+" returns the smallest distance to the points of some tiles,",
		"at least one.")
	d, tiles := Load(Param("distance"), GP64()), Load(Param("tiles"), GP64())
	least := s.vectors(2)
	for i := range least {
		s.load(Mem{Base: d, Disp: i * s.width}, least[i])
	}
	Label("tile")
	for i := 0; i < tile/(s.width/4); i++ {
		VPMINUD(Mem{Base: d, Disp: i * s.width}, least[i%2], least[i%2])
	}
	ADDQ(U32(4*tile), d)
	SUBQ(U8(1), tiles)
	JNE(LabelRef("tile"))

	VPMINUD(least[1], least[0], least[0])
	half := least[0].AsY()
	if s == avx512 {
		u := YMM()
		VEXTRACTI64X4(U8(1), least[0], u)
		VPMINUD(u, half, half)
	}
	u := XMM()
	VEXTRACTI128(U8(1), half, u)
	VPMINUD(least[0].AsX(), u, u)
	for _, bytes := range []int{8, 4} {
		v := XMM()
		VPSRLDQ(U8(bytes), u, v)
		VPMINUD(v, u, u)
	}
	r := GP32()
	VMOVD(u, r)
	Store(r, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
