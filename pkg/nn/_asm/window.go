package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// channels writes the loop over the channels of a row of 2x2 windows, a vector of channels at a time: before once for
// those from j on, then body for every window. small and large are the places of the window's pixel and of its first
// pixel in both rows; next is the distance to the second pixel.
func (s isa) channels(before func(j reg.GPVirtual, k *mask), body func(small, large, large2 reg.GPVirtual, k *mask)) {
	c := Load(Param("c"), GP64()).(reg.GPVirtual)
	j := GP64()
	XORQ(j, j)
	one := func(suffix string, k *mask) {
		before(j, k)
		small, large, large2, count := GP64(), GP64(), GP64(), GP64()
		MOVQ(j, small)
		MOVQ(j, large)
		MOVQ(j, large2)
		ADDQ(c, large2)
		Load(Param("windows"), count)
		Label("window" + suffix)
		body(small, large, large2, k)
		ADDQ(c, small)
		LEAQ(Mem{Base: large, Index: c, Scale: 2}, large)
		LEAQ(Mem{Base: large2, Index: c, Scale: 2}, large2)
		DECQ(count)
		JNZ(LabelRef("window" + suffix))
	}
	left := GP64()
	Label("channels")
	MOVQ(c, left)
	SUBQ(j, left)
	CMPQ(left, U32(uint32(s.width)))
	JLT(LabelRef("tail"))
	one("", nil)
	ADDQ(U32(uint32(s.width)), j)
	JMP(LabelRef("channels"))
	Label("tail")
	TESTQ(left, left)
	JZ(LabelRef("end"))
	one("Tail", s.firstLanes(left))
	Label("end")
	done()
}

func (s isa) poolRow() {
	TEXT("poolRow"+s.name, NOSPLIT, "func(out, best, x0, x1, mean, scale, beta *float32, c, windows int)")
	Doc("poolRow"+s.name+" sets, for every window of two pixels in each of the rows x0 and x1, best to the value that is",
		"greatest after normalisation and out to the normalised value.")
	out, best, x0, x1 := pointer("out"), pointer("best"), pointer("x0"), pointer("x1")
	mean, scale, beta := pointer("mean"), pointer("scale"), pointer("beta")
	m, f, b, sign := s.vec(), s.vec(), s.vec(), s.vec()
	minus := s.vec()
	bits := GP32()
	MOVL(U32(1<<31), bits)
	t := XMM()
	VMOVD(bits, t)
	VPBROADCASTD(t, minus)
	s.channels(
		func(j reg.GPVirtual, k *mask) {
			s.loadInto(at(mean, j), k, m)
			s.loadInto(at(scale, j), k, f)
			s.loadInto(at(beta, j), k, b)
			s.and(f, minus, sign)
		},
		func(small, large, large2 reg.GPVirtual, k *mask) {
			// With a negative scale the least value is the greatest in the end.
			v := s.load(at(x0, large), k)
			s.xor(sign, v, v)
			for _, place := range []Mem{at(x0, large2), at(x1, large), at(x1, large2)} {
				w := s.load(place, k)
				s.xor(sign, w, w)
				VMAXPS(v, w, v)
			}
			s.xor(sign, v, v)
			s.store(v, at(best, small), k)
			s.store(s.add(s.mul(s.sub(v, m), f), b), at(out, small), k)
		})
}

func (s isa) unpoolRow() {
	TEXT("unpoolRow"+s.name, NOSPLIT, "func(d0, d1, grad, best, x0, x1, mean, ofGrad, ofX, rest *float32, floor float32, c, windows int)")
	Doc("unpoolRow"+s.name+" sets the rows d0 and d1 as backward does, where the gradient of a window belongs to the first",
		"pixel in the rows x0 and x1 that equals best.")
	d0, d1, grad, best, x0, x1 := pointer("d0"), pointer("d1"), pointer("grad"), pointer("best"), pointer("x0"), pointer("x1")
	m, cg, cx, r := s.vec(), s.vec(), s.vec(), s.vec()
	floor := s.broadcast(param("floor"))
	s.channels(
		func(j reg.GPVirtual, k *mask) {
			for _, p := range []struct {
				name string
				v    reg.VecVirtual
			}{{"mean", m}, {"ofGrad", cg}, {"ofX", cx}, {"rest", r}} {
				s.loadInto(at(pointer(p.name), j), k, p.v)
			}
		},
		func(small, large, large2 reg.GPVirtual, k *mask) {
			left := s.mul(s.load(at(grad, small), k), cg)
			b := s.load(at(best, small), k)
			for _, place := range []struct{ x, d Mem }{
				{at(x0, large), at(d0, large)}, {at(x0, large2), at(d0, large2)},
				{at(x1, large), at(d1, large)}, {at(x1, large2), at(d1, large2)},
			} {
				v := s.load(place.x, k)
				taken := s.split(left, s.compare(equal, v, b))
				d := s.add(taken, s.add(s.mul(s.sub(v, m), cx), r))
				s.keep(d, s.compare(greater, v, floor))
				s.store(d, place.d, k)
			}
		})
}
