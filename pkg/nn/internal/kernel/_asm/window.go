package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// channels writes the loop over the channels of a row of 2x2 windows, a vector of channels at a
// time: before once for those from j on, then body for every window. small is the index of the
// pixel that a window becomes; large and large2 are the indices of the window's pixels in a line.
func (s isa) channels(before func(j reg.GPVirtual, k *mask),
	body func(small, large, large2 reg.GPVirtual, k *mask)) {
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

// lines returns the places of the first values in the first two lines of an image; a line has as
// many values as the parameter says.
func lines(image, line string) (first, second reg.Register) {
	first, second = begin(image), GP64()
	Load(Param(line), second)
	LEAQ(at(first, second), second)
	return first, second
}

func (s isa) pool2x2() {
	function("pool2x2"+s.name, NOSPLIT,
		"func(out, best, x, mean, scale, beta []float32, line, c, windows int)",
		"pool2x2"+s.name+" pools a row of windows of x, whose lines have line values: best becomes",
		"the value of a window that is greatest after normalisation, out its normalised value.")
	out, best := begin("out"), begin("best")
	x0, x1 := lines("x", "line")
	mean, scale, beta := begin("mean"), begin("scale"), begin("beta")
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

func (s isa) unpool2x2() {
	function("unpool2x2"+s.name, NOSPLIT,
		"func(d, grad, best, x, mean, ofGrad, ofX, rest []float32, floor float32, "+
			"dLine, line, c, windows int)",
		"unpool2x2"+s.name+" sets d, whose lines have dLine values, as backward does. The gradient of a",
		"window belongs to the first value in x, whose lines have line values, that equals best.")
	d0, d1 := lines("d", "dLine")
	x0, x1 := lines("x", "line")
	grad, best := begin("grad"), begin("best")
	m, cg, cx, r := s.vec(), s.vec(), s.vec(), s.vec()
	floor := s.broadcast(param("floor"))
	s.channels(
		func(j reg.GPVirtual, k *mask) {
			for _, p := range []struct {
				name string
				v    reg.VecVirtual
			}{{"mean", m}, {"ofGrad", cg}, {"ofX", cx}, {"rest", r}} {
				s.loadInto(at(begin(p.name), j), k, p.v)
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
