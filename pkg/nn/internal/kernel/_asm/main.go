// Command asm writes the assembly of package kernel, ../kernels_amd64.s, and its Go declarations,
// ../kernels_stubs_amd64.go; `make asm` runs it. Every kernel is written once and generated for
// AVX-512 and for AVX2. Its portable twin defines the result. Products are never fused with sums:
// all kernels round as the portable ones do.
package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	for _, s := range []isa{{name: "AVX512", width: 16}, {name: "AVX2", width: 8}} {
		s.tiles()
		s.addTo()
		s.sum()
		s.squares()
		s.normalise()
		s.gradSums()
		s.backward()
		s.pool2x2()
		s.unpool2x2()
		s.winogradIn()
		s.winogradOut()
		s.winogradGradIn()
		s.winogradFilter()
		s.winogradFilterGrad()
		s.maxTo()
		s.mulTo()
		s.clip()
		s.leak()
		s.depthwise()
		s.sigmoid()
		s.functions()
		s.elu()
		s.rmsprop()
		s.adam()
	}
	Generate()
}

// An isa is an instruction set; a vector has width float32 lanes.
type isa struct {
	name  string
	width int
}

// vec returns a new vector register.
func (s isa) vec() reg.VecVirtual {
	if s.width == 16 {
		return ZMM()
	}
	return YMM()
}

func (s isa) bytes() int { return 4 * s.width }

func (s isa) zero() reg.VecVirtual {
	v := s.vec()
	s.clear(v)
	return v
}

func (s isa) clear(v reg.VecVirtual) { s.xor(v, v, v) }

// xor sets dst to a xor b.
func (s isa) xor(a, b, dst reg.VecVirtual) {
	if s.width == 16 {
		VPXORD(a, b, dst)
	} else {
		VPXOR(a, b, dst)
	}
}

// and sets dst to a and b.
func (s isa) and(a, b, dst reg.VecVirtual) {
	if s.width == 16 {
		VPANDD(a, b, dst)
	} else {
		VPAND(a, b, dst)
	}
}

// A mask selects lanes; nil selects all. It is an opmask register with AVX-512. With AVX2 it is a
// vector of zeros and ones, which may lie in memory if registers are short.
type mask struct {
	k    reg.OpmaskVirtual
	v    reg.VecVirtual
	slot *Mem
}

// spill moves a mask from its vector register to the stack.
func (s isa) spill(k *mask) *mask {
	if s.width == 16 {
		return k
	}
	slot := AllocLocal(s.bytes())
	VMOVDQU(k.v, slot)
	return &mask{slot: &slot}
}

// firstLanes returns the mask of the first lanes; their number is in a register, 1 to the width.
func (s isa) firstLanes(lanes reg.GPVirtual) *mask {
	if s.width == 16 {
		bits, k := GP64(), K()
		MOVQ(I32(-1), bits)
		BZHIQ(lanes, bits, bits)
		KMOVW(bits.As32(), k)
		return &mask{k: k}
	}
	// A window into eight words of ones and eight of zeros.
	base, back, v := GP64(), GP64(), YMM()
	LEAQ(laneMasks(), base)
	MOVQ(U32(8), back)
	SUBQ(lanes, back)
	VMOVDQU(Mem{Base: base, Index: back, Scale: 4}, v)
	return &mask{v: v}
}

var masks *Mem

func laneMasks() Mem {
	if masks == nil {
		m := GLOBL("laneMasks", RODATA|NOPTR)
		for i := range 8 {
			DATA(8*i, U64(map[bool]uint64{true: 1<<64 - 1}[i < 4]))
		}
		masks = &m
	}
	return *masks
}

// load reads a vector; lanes outside the mask become zero.
func (s isa) load(m Mem, k *mask) reg.VecVirtual {
	v := s.vec()
	s.loadInto(m, k, v)
	return v
}

func (s isa) loadInto(m Mem, k *mask, v reg.VecVirtual) {
	switch {
	case k == nil:
		VMOVUPS(m, v)
	case s.width == 16:
		VMOVUPS_Z(m, k.k, v)
	case k.slot != nil:
		VMOVDQU(*k.slot, v)
		VMASKMOVPS(m, v, v)
	default:
		VMASKMOVPS(m, k.v, v)
	}
}

// store writes the lanes of the mask.
func (s isa) store(v reg.VecVirtual, m Mem, k *mask) {
	switch {
	case k == nil:
		VMOVUPS(v, m)
	case s.width == 16:
		VMOVUPS(v, k.k, m)
	case k.slot != nil:
		selected := s.vec()
		VMOVDQU(*k.slot, selected)
		VMASKMOVPS(v, selected, m)
	default:
		VMASKMOVPS(v, k.v, m)
	}
}

// keep zeroes the lanes outside the mask.
func (s isa) keep(v reg.VecVirtual, k *mask) {
	switch {
	case k == nil:
	case s.width == 16:
		VMOVAPS_Z(v, k.k, v)
	default:
		VPAND(v, k.v, v)
	}
}

func (s isa) broadcast(m Mem) reg.VecVirtual {
	v := s.vec()
	VBROADCASTSS(m, v)
	return v
}

// Predicates of VCMPPS. In Go's order of operands it compares the second source with the first.
const (
	equal   = 0x00 // EQ_OQ
	greater = 0x1e // GT_OQ
)

// compare returns the mask of the lanes in which x predicate y holds.
func (s isa) compare(predicate uint8, x, y reg.VecVirtual) *mask {
	if s.width == 16 {
		k := K()
		VCMPPS(U8(predicate), y, x, k)
		return &mask{k: k}
	}
	v := YMM()
	VCMPPS(U8(predicate), y, x, v)
	return &mask{v: v}
}

// split moves the lanes of the mask from v to a new vector; v keeps the others. Both have zeros
// elsewhere.
func (s isa) split(v reg.VecVirtual, k *mask) reg.VecVirtual {
	taken := s.vec()
	if s.width == 16 {
		not := K()
		VMOVAPS_Z(v, k.k, taken)
		KNOTW(k.k, not)
		VMOVAPS_Z(v, not, v)
	} else {
		VPAND(v, k.v, taken)
		VPANDN(v, k.v, v)
	}
	return taken
}

// sub, mul and add return a-b, a*b and a+b in a new vector. In Go's order of operands VSUBPS
// subtracts the first from the second.
func (s isa) sub(a, b reg.VecVirtual) reg.VecVirtual {
	v := s.vec()
	VSUBPS(b, a, v)
	return v
}

func (s isa) mul(a, b reg.VecVirtual) reg.VecVirtual {
	v := s.vec()
	VMULPS(a, b, v)
	return v
}

func (s isa) add(a, b reg.VecVirtual) reg.VecVirtual {
	v := s.vec()
	VADDPS(a, b, v)
	return v
}

// at returns the place of value i of the float32s at base.
func at(base reg.Register, i reg.Register) Mem { return Mem{Base: base, Index: i, Scale: 4} }

// begin returns the place of a slice's first value.
func begin(slice string) reg.Register { return Load(Param(slice).Base(), GP64()) }

// length returns the number of a slice's values.
func length(slice string) reg.GPVirtual { return Load(Param(slice).Len(), GP64()).(reg.GPVirtual) }

// function begins a function of that signature. Its arguments do not escape.
func function(name string, attributes attr.Attribute, signature string, doc ...string) {
	TEXT(name, attributes, signature)
	Doc(doc...)
	Pragma("noescape")
}

func done() {
	VZEROUPPER()
	RET()
}
