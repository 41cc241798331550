package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The byte offsets of the constants in functionConstants.
const (
	functionTwo = 4 * iota
	functionHalf
	functionTwenty
	functionRootHalf
	functionErf                       // p and five coefficients
	functionArtanh = functionErf + 24 // eight coefficients
)

// tables give the vectors of constants that functions need.
type tables struct {
	isa
	exp, functions reg.Register // places of expConstants and functionConstants
	exponent       reg.VecVirtual
}

func (s isa) tables() tables {
	c := tables{isa: s, exp: GP64(), functions: GP64(), exponent: s.vec()}
	LEAQ(NewDataAddr(Symbol{Name: "·expConstants"}, 0), c.exp)
	LEAQ(NewDataAddr(Symbol{Name: "·functionConstants"}, 0), c.functions)
	bias := GP32()
	MOVL(U32(127), bias)
	if s.width == 16 {
		VPBROADCASTD(bias, c.exponent)
	} else {
		t := XMM()
		VMOVD(bias, t)
		VPBROADCASTD(t, c.exponent)
	}
	return c
}

func (c tables) ofExp(offset int) reg.VecVirtual {
	return c.broadcast(Mem{Base: c.exp, Disp: offset})
}

func (c tables) of(offset int) reg.VecVirtual {
	return c.broadcast(Mem{Base: c.functions, Disp: offset})
}

func (c tables) one() reg.VecVirtual { return c.ofExp(expTaylor + 4*7) }

// expParts returns what the function of that name returns.
func (c tables) expParts(x reg.VecVirtual) (q, scale reg.VecVirtual) {
	v := c.vec()
	VMAXPS(x, c.ofExp(expLowest), v)
	VMINPS(v, c.ofExp(expHighest), v)
	shift := c.ofExp(expShift)
	shifted := c.add(c.mul(v, c.ofExp(expLog2E)), shift)
	whole := c.sub(shifted, shift)
	r := c.sub(c.sub(v, c.mul(whole, c.ofExp(expHigh))), c.mul(whole, c.ofExp(expLow)))
	q = c.ofExp(expTaylor)
	for i := 1; i < 7; i++ {
		VMULPS(r, q, q)
		VADDPS(c.ofExp(expTaylor+4*i), q, q)
	}
	VMULPS(r, q, q)
	VPADDD(c.exponent, shifted, shifted)
	VPSLLD(U8(23), shifted, shifted)
	return q, shifted
}

func (c tables) expOf(x reg.VecVirtual) reg.VecVirtual {
	q, scale := c.expParts(x)
	VADDPS(c.one(), q, q)
	VMULPS(scale, q, q)
	return q
}

func (c tables) expm1(x reg.VecVirtual) reg.VecVirtual {
	q, scale := c.expParts(x)
	VMULPS(scale, q, q)
	VSUBPS(c.one(), scale, scale)
	VADDPS(scale, q, q)
	return q
}

// polynomial returns the polynomial of x whose coefficients begin at an offset.
func (c tables) polynomial(x reg.VecVirtual, offset, coefficients int) reg.VecVirtual {
	p := c.of(offset)
	for i := 1; i < coefficients; i++ {
		VMULPS(x, p, p)
		VADDPS(c.of(offset+4*i), p, p)
	}
	return p
}

// apart returns x and 0 in the lanes where x is positive, else 0 and x.
func (s isa) apart(x reg.VecVirtual) (positive, negative reg.VecVirtual) {
	zero := s.zero()
	positive = s.split(x, s.compare(greater, x, zero))
	return positive, x
}

// div returns a/b in a new vector.
func (s isa) div(a, b reg.VecVirtual) reg.VecVirtual {
	v := s.vec()
	VDIVPS(b, a, v)
	return v
}

// functions writes the kernels that compute each value from that in the same place.
func (s isa) functions() {
	for _, f := range []struct {
		name, does string
		of         func(c tables, x reg.VecVirtual) reg.VecVirtual
	}{
		{"exp", "exp(x)", tables.expOf},
		{"tanh", "the hyperbolic tangent of x", func(c tables, x reg.VecVirtual) reg.VecVirtual {
			e := c.expm1(c.add(x, x))
			return c.div(e, c.add(e, c.of(functionTwo)))
		}},
		{"swish", "x/(1+exp(-x))", func(c tables, x reg.VecVirtual) reg.VecVirtual {
			return c.div(x, c.add(c.expOf(c.sub(c.zero(), x)), c.one()))
		}},
		{"softsign", "x/(1+|x|)", func(c tables, x reg.VecVirtual) reg.VecVirtual {
			positive, negative := c.apart(x)
			size := c.add(c.sub(positive, negative), c.one())
			return c.div(c.add(positive, negative), size)
		}},
		{"softplus", "log(1+exp(x))", func(c tables, x reg.VecVirtual) reg.VecVirtual {
			positive, negative := c.apart(x)
			e := c.expOf(c.sub(negative, positive))
			z := c.div(e, c.add(e, c.of(functionTwo)))
			p := c.mul(c.polynomial(c.mul(z, z), functionArtanh, 8), z)
			return c.add(positive, c.add(p, p))
		}},
		{"mish", "x*tanh(log(1+exp(x)))", func(c tables, x reg.VecVirtual) reg.VecVirtual {
			bounded, two := c.vec(), c.of(functionTwo)
			VMINPS(x, c.of(functionTwenty), bounded)
			e := c.expOf(bounded)
			n := c.mul(e, c.add(e, two))
			return c.mul(x, c.div(n, c.add(n, two)))
		}},
		{"gelu", "x times the share of the normal distribution below x",
			func(c tables, x reg.VecVirtual) reg.VecVirtual {
				positive, negative := c.apart(x)
				a := c.sub(negative, positive)
				z := c.mul(a, c.of(functionRootHalf))
				t := c.div(c.one(), c.sub(c.one(), c.mul(z, c.of(functionErf))))
				p := c.mul(c.polynomial(t, functionErf+4, 5), t)
				e := c.expOf(c.sub(c.zero(), c.mul(z, z)))
				beyond := c.mul(c.mul(p, e), c.of(functionHalf))
				return c.add(positive, c.mul(a, beyond))
			}},
	} {
		function(f.name+s.name, NOSPLIT, "func(out, x []float32)",
			f.name+s.name+" sets out to "+f.does+", with the constants of the portable kernel.")
		out, x := begin("out"), begin("x")
		c := s.tables()
		s.vectors(length("x"), func(i reg.GPVirtual, k *mask) {
			s.store(f.of(c, s.load(at(x, i), k)), at(out, i), k)
		})
	}
}

func (s isa) elu() {
	function("elu"+s.name, NOSPLIT, "func(out, x []float32, alpha, scale float32)",
		"elu"+s.name+" sets out to x*scale, and to (exp(x)-1)*alpha if x is not positive.")
	out, x := begin("out"), begin("x")
	alpha, scale := s.broadcast(param("alpha")), s.broadcast(param("scale"))
	c := s.tables()
	s.vectors(length("x"), func(i reg.GPVirtual, k *mask) {
		positive, negative := s.apart(s.load(at(x, i), k))
		e := c.expm1(negative)
		s.store(s.add(s.mul(positive, scale), s.mul(e, alpha)), at(out, i), k)
	})
}

func (s isa) clip() {
	function("clip"+s.name, NOSPLIT, "func(out, x []float32, low, high float32)",
		"clip"+s.name+" sets out to the value in [low,high] that is nearest to x.")
	out, x := begin("out"), begin("x")
	low, high := s.broadcast(param("low")), s.broadcast(param("high"))
	s.vectors(length("x"), func(i reg.GPVirtual, k *mask) {
		v := s.load(at(x, i), k)
		VMAXPS(v, low, v)
		VMINPS(v, high, v)
		s.store(v, at(out, i), k)
	})
}

func (s isa) leak() {
	function("leak"+s.name, NOSPLIT, "func(out, x, slopes []float32)",
		"leak"+s.name+" sets out to x, and to x times its slope if x is not positive.")
	out, x, slopes := begin("out"), begin("x"), begin("slopes")
	slope := s.vec()
	s.columns("x", "slopes",
		func(j reg.GPVirtual) { VMOVUPS(at(slopes, j), slope) },
		func(i reg.GPVirtual, k *mask) {
			positive, negative := s.apart(s.load(at(x, i), k))
			s.store(s.add(positive, s.mul(negative, slope)), at(out, i), k)
		}, nil)
}

func (s isa) maxTo() {
	function("maxTo"+s.name, NOSPLIT, "func(out, x []float32)",
		"maxTo"+s.name+" sets out to the greater of out and x.")
	out, x := begin("out"), begin("x")
	s.vectors(length("x"), func(i reg.GPVirtual, k *mask) {
		v := s.load(at(x, i), k)
		VMAXPS(s.load(at(out, i), k), v, v)
		s.store(v, at(out, i), k)
	})
}

func (s isa) mulTo() {
	function("mulTo"+s.name, NOSPLIT, "func(out, x []float32)",
		"mulTo"+s.name+" multiplies out by x.")
	out, x := begin("out"), begin("x")
	s.vectors(length("x"), func(i reg.GPVirtual, k *mask) {
		s.store(s.mul(s.load(at(out, i), k), s.load(at(x, i), k)), at(out, i), k)
	})
}

// The byte offsets of the fields of Window.
const (
	windowC = 8 * iota
	windowPixel
	windowRows
	windowCols
	windowLine
	windowStep
)

// depthwise computes a vector of channels at a time for all pixels, four pixels at a time.
func (s isa) depthwise() {
	function("depthwise"+s.name, NOSPLIT, "func(out, x, w, bias []float32, p *int)",
		"depthwise"+s.name+" computes the sums of the products of windows of x with w, and adds bias;",
		"p points to the first field of a Window.")
	p := Load(Param("p"), GP64())
	field := func(offset int) Mem { return Mem{Base: p, Disp: offset} }
	bytes := func(offset int) reg.GPVirtual {
		r := GP64()
		MOVQ(field(offset), r)
		SHLQ(U8(2), r)
		return r
	}
	c, pixel := bytes(windowC), bytes(windowPixel)
	j := GP64() // byte offset of the channels
	XORQ(j, j)
	block := func(suffix string, k *mask) {
		out, x, count := GP64(), GP64(), GP64() // pixels left
		Load(Param("out").Base(), out)
		ADDQ(j, out)
		Load(Param("x").Base(), x)
		ADDQ(j, x)
		Load(Param("out").Len(), count) // counts values
		pixels := func(n int, label string) {
			label += suffix
			sums := make([]reg.VecVirtual, n)
			for i := range sums {
				sums[i] = s.zero()
			}
			w, first, rows := GP64(), GP64(), GP64()
			Load(Param("w").Base(), w)
			ADDQ(j, w)
			MOVQ(x, first)
			MOVQ(field(windowRows), rows)
			Label(label + "Row")
			place, cols := GP64(), GP64()
			MOVQ(first, place)
			MOVQ(field(windowCols), cols)
			Label(label + "Column")
			weight := s.load(Mem{Base: w}, k)
			at := GP64()
			for i := range n {
				m := Mem{Base: place}
				switch i {
				case 1:
					m.Index, m.Scale = pixel, 1
				case 2:
					m.Index, m.Scale = pixel, 2
				case 3:
					LEAQ(Mem{Base: place, Index: pixel, Scale: 2}, at)
					m = Mem{Base: at, Index: pixel, Scale: 1}
				}
				product := s.mul(s.load(m, k), weight)
				VADDPS(product, sums[i], sums[i])
			}
			ADDQ(c, w)
			step := GP64()
			MOVQ(field(windowStep), step)
			LEAQ(Mem{Base: place, Index: step, Scale: 4}, place)
			DECQ(cols)
			JNZ(LabelRef(label + "Column"))
			MOVQ(field(windowLine), step)
			LEAQ(Mem{Base: first, Index: step, Scale: 4}, first)
			DECQ(rows)
			JNZ(LabelRef(label + "Row"))
			bias := GP64()
			Load(Param("bias").Len(), bias)
			TESTQ(bias, bias)
			JZ(LabelRef(label + "Store"))
			Load(Param("bias").Base(), bias)
			b := s.load(Mem{Base: bias, Index: j, Scale: 1}, k)
			for _, sum := range sums {
				VADDPS(b, sum, sum)
			}
			Label(label + "Store")
			for _, sum := range sums {
				s.store(sum, Mem{Base: out}, k)
				ADDQ(c, out)
				ADDQ(pixel, x)
				SUBQ(field(windowC), count)
			}
		}
		Label("four" + suffix)
		four := GP64()
		MOVQ(field(windowC), four)
		SHLQ(U8(2), four)
		CMPQ(count, four)
		JLT(LabelRef("one" + suffix))
		pixels(4, "four")
		JMP(LabelRef("four" + suffix))
		Label("one" + suffix)
		TESTQ(count, count)
		JZ(LabelRef("done" + suffix))
		pixels(1, "one")
		JMP(LabelRef("one" + suffix))
		Label("done" + suffix)
	}
	left := GP64()
	Label("channels")
	MOVQ(c, left)
	SUBQ(j, left)
	CMPQ(left, U32(uint32(s.bytes())))
	JLT(LabelRef("tail"))
	block("", nil)
	ADDQ(U32(uint32(s.bytes())), j)
	JMP(LabelRef("channels"))
	Label("tail")
	SHRQ(U8(2), left)
	JZ(LabelRef("end"))
	block("Tail", s.firstLanes(left))
	Label("end")
	done()
}
