package main

// Indices in functionConstants.
const (
	functionTwo = iota
	functionHalf
	functionTwenty
	functionRootHalf
	functionErf                      // p and five coefficients
	functionArtanh = functionErf + 6 // eight coefficients
)

// tables give the vectors of constants that functions need. Those of exp are in registers.
type tables struct {
	*asm
	lowest, highest, log2e, shift, high, low vec
	taylor                                   []vec // all coefficients but the last, which is 1
	one, zero, exponent                      vec

	functions reg // address of functionConstants
}

func (a *asm) newTables() *tables {
	t := &tables{asm: a, functions: a.reg()}
	a.ins("MOVD", "$·expConstants(SB), %v", t.functions)
	c := a.vectors(14)
	for _, v := range c {
		a.ins("VLD1R.P", "4(%v), [%s]", t.functions, v.s4())
	}
	t.lowest, t.highest, t.log2e, t.shift, t.high, t.low = c[0], c[1], c[2], c[3], c[4], c[5]
	t.taylor, t.one = c[6:13], c[13]
	t.zero, t.exponent = a.vec(), a.integer(127)
	a.zero(t.zero)
	a.ins("MOVD", "$·functionConstants(SB), %v", t.functions)
	return t
}

// of returns a constant of functionConstants in a new register.
func (t *tables) of(index int) vec {
	v := t.vec()
	t.ins("FMOVS", "%d(%v), %s", 4*index, t.functions, v.full())
	t.ins("VDUP", "%v.S[0], %s", v, v.s4())
	return v
}

// expParts returns what the function of that name in package kernel returns.
func (t *tables) expParts(x vec) (q, scale vec) {
	q, scale = t.vec(), t.vec()
	t.scope(func() {
		v := t.vec()
		t.ins("VMOV", "%s, %s", x.b16(), v.b16())
		t.greater(v, t.lowest)
		t.less(v, t.highest)
		t.fmul(scale, v, t.log2e)
		t.fadd(scale, scale, t.shift)
		whole := t.sub(scale, t.shift)
		r := t.sub(t.sub(v, t.mul(whole, t.high)), t.mul(whole, t.low))
		t.fmul(q, t.taylor[0], r)
		for _, c := range t.taylor[1:] {
			t.fadd(q, q, c)
			t.fmul(q, q, r)
		}
		t.ins("VADD", "%s, %s, %s", t.exponent.s4(), scale.s4(), scale.s4())
		t.ins("VSHL", "$23, %s, %s", scale.s4(), scale.s4())
	})
	return q, scale
}

func (t *tables) exp(x vec) vec {
	q, scale := t.expParts(x)
	t.fadd(q, q, t.one)
	t.fmul(q, q, scale)
	return q
}

func (t *tables) expm1(x vec) vec {
	q, scale := t.expParts(x)
	t.fmul(q, q, scale)
	t.fsub(scale, scale, t.one)
	t.fadd(q, q, scale)
	return q
}

// polynomial returns the polynomial of x whose coefficients begin at an index.
func (t *tables) polynomial(x vec, index, coefficients int) vec {
	p := t.of(index)
	for i := 1; i < coefficients; i++ {
		t.fmul(p, p, x)
		t.scope(func() { t.fadd(p, p, t.of(index+i)) })
	}
	return p
}

// apart returns x and 0 in the lanes where x is positive, else 0 and x.
func (a *asm) apart(x, zero vec) (positive, negative vec) {
	positive, negative = a.vec(), a.vec()
	a.fcmgt(positive, x, zero)
	a.bic(negative, x, positive)
	a.and(positive, positive, x)
	return positive, negative
}

// div returns n/m in a new register.
func (a *asm) div(n, m vec) vec { v := a.vec(); a.fdiv(v, n, m); return v }

// functions writes the kernels that compute each value from that in the same place.
func (a *asm) functions() {
	for _, f := range []struct {
		name, does string
		of         func(t *tables, x vec) vec
	}{
		{"sigmoid", "1/(1+exp(-x))", func(t *tables, x vec) vec {
			return t.div(t.one, t.add(t.exp(t.sub(t.zero, x)), t.one))
		}},
		{"exp", "exp(x)", (*tables).exp},
		{"tanh", "the hyperbolic tangent of x", func(t *tables, x vec) vec {
			e := t.expm1(t.add(x, x))
			return t.div(e, t.add(e, t.of(functionTwo)))
		}},
		{"swish", "x/(1+exp(-x))", func(t *tables, x vec) vec {
			return t.div(x, t.add(t.exp(t.sub(t.zero, x)), t.one))
		}},
		{"softsign", "x/(1+|x|)", func(t *tables, x vec) vec {
			positive, negative := t.apart(x, t.zero)
			size := t.add(t.sub(positive, negative), t.one)
			return t.div(t.add(positive, negative), size)
		}},
		{"softplus", "log(1+exp(x))", func(t *tables, x vec) vec {
			positive, negative := t.apart(x, t.zero)
			e := t.exp(t.sub(negative, positive))
			z := t.div(e, t.add(e, t.of(functionTwo)))
			p := t.mul(t.polynomial(t.mul(z, z), functionArtanh, 8), z)
			return t.add(positive, t.add(p, p))
		}},
		{"mish", "x*tanh(log(1+exp(x)))", func(t *tables, x vec) vec {
			bounded, two := t.vec(), t.of(functionTwo)
			t.ins("VMOV", "%s, %s", x.b16(), bounded.b16())
			t.less(bounded, t.of(functionTwenty))
			e := t.exp(bounded)
			n := t.mul(e, t.add(e, two))
			return t.mul(x, t.div(n, t.add(n, two)))
		}},
		{"gelu", "x times the share of the normal distribution below x", func(t *tables, x vec) vec {
			positive, a := t.apart(x, t.zero)
			t.fsub(a, a, positive)
			z, p := t.mul(a, t.of(functionRootHalf)), t.vec()
			t.scope(func() {
				s := t.div(t.one, t.sub(t.one, t.mul(z, t.of(functionErf))))
				t.fmul(p, t.polynomial(s, functionErf+1, 5), s)
			})
			e := t.exp(t.sub(t.zero, t.mul(z, z)))
			return t.add(positive, t.mul(a, t.mul(t.mul(p, e), t.of(functionHalf))))
		}},
	} {
		name := f.name + "NEON"
		a.function(name, "out, x []float32", "", 0,
			name+" sets out to "+f.does+", with the constants of the portable kernel.")
		out, x := a.load("out"), a.load("x")
		t := a.newTables()
		a.values(a.length("x"), func(i reg, k *part) {
			a.put(f.of(t, a.getAt(x, i, k)), a.address(out, i), k)
		})
	}
}

func (a *asm) elu() {
	a.function("eluNEON", "out, x []float32, alpha, scale float32", "", 0,
		"eluNEON sets out to x*scale, and to (exp(x)-1)*alpha if x is not positive.")
	out, x := a.load("out"), a.load("x")
	alpha, scale := a.broadcast("alpha"), a.broadcast("scale")
	t := a.newTables()
	a.values(a.length("x"), func(i reg, k *part) {
		positive, negative := a.apart(a.getAt(x, i, k), t.zero)
		e := t.expm1(negative)
		a.put(a.add(a.mul(positive, scale), a.mul(e, alpha)), a.address(out, i), k)
	})
}

func (a *asm) clip() {
	a.function("clipNEON", "out, x []float32, low, high float32", "", 0,
		"clipNEON sets out to the value in [low,high] that is nearest to x.")
	out, x, low, high := a.load("out"), a.load("x"), a.broadcast("low"), a.broadcast("high")
	a.values(a.length("x"), func(i reg, k *part) {
		v := a.getAt(x, i, k)
		a.greater(v, low)
		a.less(v, high)
		a.put(v, a.address(out, i), k)
	})
}

func (a *asm) leak() {
	a.function("leakNEON", "out, x, slopes []float32", "", 0,
		"leakNEON sets out to x, and to x times its slope if x is not positive.")
	out, x, slopes, zero := a.load("out"), a.load("x"), a.newColumns("slopes"), a.vec()
	a.zero(zero)
	a.columns("x", "slopes",
		func(j reg) { a.getColumns(j, nil, slopes...) },
		func(i reg, k *part) {
			positive, negative := a.apart(a.getAt(x, i, k), zero)
			a.put(a.add(positive, a.mul(negative, slopes[0].v)), a.address(out, i), k)
		},
		func(reg) {})
}

func (a *asm) maxTo() {
	a.function("maxToNEON", "out, x []float32", "", 0,
		"maxToNEON sets out to the greater of out and x.")
	out, x := a.load("out"), a.load("x")
	a.values(a.length("x"), func(i reg, k *part) {
		to := a.address(out, i)
		v := a.get(to, k)
		a.greater(v, a.getAt(x, i, k))
		a.put(v, to, k)
	})
}

func (a *asm) mulTo() {
	a.function("mulToNEON", "out, x []float32", "", 0, "mulToNEON multiplies out by x.")
	out, x := a.load("out"), a.load("x")
	a.values(a.length("x"), func(i reg, k *part) {
		to := a.address(out, i)
		a.put(a.mul(a.get(to, k), a.getAt(x, i, k)), to, k)
	})
}
