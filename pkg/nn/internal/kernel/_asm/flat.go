package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns writes the loop over the values of x, whose parameters repeat with the length of period,
// column by column: for each vector of the period before once, then body for the values of the
// column from index i on, then after.
func (s isa) columns(x, period string, before func(j reg.GPVirtual),
	body func(i reg.GPVirtual, k *mask), after func(j reg.GPVirtual)) {
	n, repeat := length(x), length(period)
	full := GP64() // the last index of a whole vector
	MOVQ(n, full)
	SUBQ(U32(uint32(s.width)), full)
	j, i := GP64(), GP64()
	XORQ(j, j)
	Label("column")
	before(j)
	MOVQ(j, i)
	Label("vector")
	CMPQ(i, full)
	JGT(LabelRef("tail"))
	body(i, nil)
	ADDQ(repeat, i)
	JMP(LabelRef("vector"))
	Label("tail")
	lanes := GP64()
	MOVQ(n, lanes)
	SUBQ(i, lanes)
	JLE(LabelRef("next"))
	body(i, s.firstLanes(lanes))
	Label("next")
	if after != nil {
		after(j)
	}
	ADDQ(U32(uint32(s.width)), j)
	CMPQ(j, repeat)
	JLT(LabelRef("column"))
	done()
}

func (s isa) sum() {
	function("sum"+s.name, NOSPLIT, "func(acc, x []float32)",
		"sum"+s.name+" adds x[i] to acc[i%len(acc)].")
	acc, x := begin("acc"), begin("x")
	a := s.vec()
	s.columns("x", "acc",
		func(j reg.GPVirtual) { VMOVUPS(at(acc, j), a) },
		func(i reg.GPVirtual, k *mask) { VADDPS(s.load(at(x, i), k), a, a) },
		func(j reg.GPVirtual) { VMOVUPS(a, at(acc, j)) })
}

func (s isa) addTo() {
	function("addTo"+s.name, NOSPLIT, "func(out, x []float32)",
		"addTo"+s.name+" adds x to out.")
	out, x := begin("out"), begin("x")
	s.vectors(length("x"), func(i reg.GPVirtual, k *mask) {
		s.store(s.add(s.load(at(out, i), k), s.load(at(x, i), k)), at(out, i), k)
	})
}

func (s isa) squares() {
	function("squares"+s.name, NOSPLIT, "func(acc, x, mean []float32)",
		"squares"+s.name+" adds (x-mean)² to acc, as sum does.")
	acc, x, mean := begin("acc"), begin("x"), begin("mean")
	a, m := s.vec(), s.vec()
	s.columns("x", "acc",
		func(j reg.GPVirtual) { VMOVUPS(at(acc, j), a); VMOVUPS(at(mean, j), m) },
		func(i reg.GPVirtual, k *mask) {
			d := s.sub(s.load(at(x, i), k), m)
			d = s.mul(d, d)
			s.keep(d, k)
			VADDPS(d, a, a)
		},
		func(j reg.GPVirtual) { VMOVUPS(a, at(acc, j)) })
}

func (s isa) normalise() {
	function("normalise"+s.name, NOSPLIT, "func(out, x, mean, scale, beta []float32)",
		"normalise"+s.name+" sets out to (x-mean)*scale+beta.")
	out, x := begin("out"), begin("x")
	mean, scale, beta := begin("mean"), begin("scale"), begin("beta")
	m, c, b := s.vec(), s.vec(), s.vec()
	s.columns("x", "mean",
		func(j reg.GPVirtual) {
			VMOVUPS(at(mean, j), m)
			VMOVUPS(at(scale, j), c)
			VMOVUPS(at(beta, j), b)
		},
		func(i reg.GPVirtual, k *mask) {
			s.store(s.add(s.mul(s.sub(s.load(at(x, i), k), m), c), b), at(out, i), k)
		}, nil)
}

func (s isa) gradSums() {
	function("gradSums"+s.name, NOSPLIT, "func(sums, dots, grad, x, mean []float32)",
		"gradSums"+s.name+" adds grad to sums and grad*(x-mean) to dots, as sum does.")
	sums, dots := begin("sums"), begin("dots")
	grad, x, mean := begin("grad"), begin("x"), begin("mean")
	a, d, m := s.vec(), s.vec(), s.vec()
	s.columns("x", "sums",
		func(j reg.GPVirtual) {
			VMOVUPS(at(sums, j), a)
			VMOVUPS(at(dots, j), d)
			VMOVUPS(at(mean, j), m)
		},
		func(i reg.GPVirtual, k *mask) {
			v := s.load(at(grad, i), k)
			VADDPS(v, a, a)
			product := s.mul(v, s.sub(s.load(at(x, i), k), m))
			s.keep(product, k)
			VADDPS(product, d, d)
		},
		func(j reg.GPVirtual) { VMOVUPS(a, at(sums, j)); VMOVUPS(d, at(dots, j)) })
}

func (s isa) backward() {
	function("backward"+s.name, NOSPLIT,
		"func(out, grad, x, mean, ofGrad, ofX, rest []float32, floor float32)",
		"backward"+s.name+" sets out to grad*ofGrad+((x-mean)*ofX+rest) if x > floor, else to 0.")
	out, grad, x := begin("out"), begin("grad"), begin("x")
	mean, ofGrad, ofX, rest := begin("mean"), begin("ofGrad"), begin("ofX"), begin("rest")
	f := s.broadcast(param("floor"))
	m, cg, cx, r := s.vec(), s.vec(), s.vec(), s.vec()
	s.columns("x", "mean",
		func(j reg.GPVirtual) {
			VMOVUPS(at(mean, j), m)
			VMOVUPS(at(ofGrad, j), cg)
			VMOVUPS(at(ofX, j), cx)
			VMOVUPS(at(rest, j), r)
		},
		func(i reg.GPVirtual, k *mask) {
			v := s.load(at(x, i), k)
			d := s.add(s.mul(s.load(at(grad, i), k), cg), s.add(s.mul(s.sub(v, m), cx), r))
			s.keep(d, s.compare(greater, v, f))
			s.store(d, at(out, i), k)
		}, nil)
}

// param returns the place of a parameter.
func param(name string) Mem {
	c, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return c.Addr
}

// vectors writes the loop over n values, a register: body for those from index i on.
func (s isa) vectors(n reg.GPVirtual, body func(i reg.GPVirtual, k *mask)) {
	full, i := GP64(), GP64()
	MOVQ(n, full)
	SUBQ(U32(uint32(s.width)), full)
	XORQ(i, i)
	Label("vector")
	CMPQ(i, full)
	JGT(LabelRef("tail"))
	body(i, nil)
	ADDQ(U32(uint32(s.width)), i)
	JMP(LabelRef("vector"))
	Label("tail")
	SUBQ(i, n)
	JLE(LabelRef("end"))
	body(i, s.firstLanes(n))
	Label("end")
	done()
}

// The byte offsets of the constants in expConstants.
const (
	expLowest = 4 * iota
	expHighest
	expLog2E
	expShift
	expHigh
	expLow
	expTaylor // eight coefficients
)

func (s isa) sigmoid() {
	function("sigmoid"+s.name, NOSPLIT, "func(out, x []float32)",
		"sigmoid"+s.name+" sets out to 1/(1+exp(-x)), with expConstants.")
	out, x, constants := begin("out"), begin("x"), GP64()
	LEAQ(NewDataAddr(Symbol{Name: "·expConstants"}, 0), constants)
	constant := func(offset int) reg.VecVirtual {
		return s.broadcast(Mem{Base: constants, Disp: offset})
	}
	lowest, highest := constant(expLowest), constant(expHighest)
	log2e, shift := constant(expLog2E), constant(expShift)
	high, low := constant(expHigh), constant(expLow)
	one := constant(expTaylor + 4*7)
	zero := s.zero()
	exponent := s.vec()
	bias := GP32()
	MOVL(U32(127), bias)
	if s.width == 16 {
		VPBROADCASTD(bias, exponent)
	} else {
		t := XMM()
		VMOVD(bias, t)
		VPBROADCASTD(t, exponent)
	}
	s.vectors(length("x"), func(i reg.GPVirtual, k *mask) {
		v := s.sub(zero, s.load(at(x, i), k))
		VMAXPS(v, lowest, v)
		VMINPS(v, highest, v)
		shifted := s.add(s.mul(v, log2e), shift)
		whole := s.sub(shifted, shift)
		r := s.sub(s.sub(v, s.mul(whole, high)), s.mul(whole, low))
		p := constant(expTaylor)
		for c := 1; c < 8; c++ {
			VMULPS(r, p, p)
			if c < 7 {
				VADDPS(constant(expTaylor+4*c), p, p)
			} else {
				VADDPS(one, p, p)
			}
		}
		VPADDD(exponent, shifted, shifted)
		VPSLLD(U8(23), shifted, shifted)
		VMULPS(shifted, p, p)
		VADDPS(one, p, p)
		VDIVPS(p, one, p)
		s.store(p, at(out, i), k)
	})
}

func (s isa) rmsprop() {
	function("rmsprop"+s.name, NOSPLIT,
		"func(w, grad, second []float32, rate, keep, take, epsilon float32)",
		"rmsprop"+s.name+" sets second to second*keep + grad²*take and subtracts",
		"grad*rate/sqrt(second+epsilon) from w.")
	w, grad, second := begin("w"), begin("grad"), begin("second")
	rate, epsilon := s.broadcast(param("rate")), s.broadcast(param("epsilon"))
	keep, take := s.broadcast(param("keep")), s.broadcast(param("take"))
	s.vectors(length("w"), func(i reg.GPVirtual, k *mask) {
		g := s.load(at(grad, i), k)
		v := s.add(s.mul(s.load(at(second, i), k), keep), s.mul(s.mul(g, g), take))
		s.store(v, at(second, i), k)
		VADDPS(epsilon, v, v)
		VSQRTPS(v, v)
		step := s.mul(g, rate)
		VDIVPS(v, step, step)
		s.store(s.sub(s.load(at(w, i), k), step), at(w, i), k)
	})
}

func (s isa) adam() {
	function("adam"+s.name, NOSPLIT,
		"func(w, grad, first, second []float32, rate, takeFirst, takeSecond, epsilon float32)",
		"adam"+s.name+" moves first towards grad and second towards grad², by the given shares, and",
		"subtracts first*rate/(sqrt(second)+epsilon) from w.")
	w, grad := begin("w"), begin("grad")
	first, second := begin("first"), begin("second")
	rate, epsilon := s.broadcast(param("rate")), s.broadcast(param("epsilon"))
	takeFirst, takeSecond := s.broadcast(param("takeFirst")), s.broadcast(param("takeSecond"))
	s.vectors(length("w"), func(i reg.GPVirtual, k *mask) {
		g := s.load(at(grad, i), k)
		m, v := s.load(at(first, i), k), s.load(at(second, i), k)
		m = s.add(m, s.mul(s.sub(g, m), takeFirst))
		s.store(m, at(first, i), k)
		v = s.add(v, s.mul(s.sub(s.mul(g, g), v), takeSecond))
		s.store(v, at(second, i), k)
		VSQRTPS(v, v)
		VADDPS(epsilon, v, v)
		step := s.mul(m, rate)
		VDIVPS(v, step, step)
		s.store(s.sub(s.load(at(w, i), k), step), at(w, i), k)
	})
}
