package main

import "math"

// columns writes the loop over the values of x, whose parameters repeat with the length of period,
// column by column: for each vector of the period before once, then body for the values of the
// column from index i on, then after.
func (a *asm) columns(x, period string, before func(j reg), body func(i reg, k *part),
	after func(j reg)) {
	n, repeat := a.length(x), a.length(period)
	full, j, i, lanes, address := a.reg(), a.reg(), a.reg(), a.reg(), a.reg()
	column, vector := a.label("column"), a.label("vector")
	tail, next := a.label("tail"), a.label("next")
	a.ins("SUB", "$4, %v, %v", n, full) // the last index of a whole vector
	a.ins("MOVD", "ZR, %v", j)
	a.at(column)
	a.scope(func() { before(j) })
	a.ins("MOVD", "%v, %v", j, i)
	a.at(vector)
	a.ins("CMP", "%v, %v", full, i)
	a.ins("BGT", "%s", tail)
	a.scope(func() { body(i, nil) })
	a.ins("ADD", "%v, %v", repeat, i)
	a.ins("B", "%s", vector)
	a.at(tail)
	a.ins("SUBS", "%v, %v, %v", i, n, lanes)
	a.ins("BLE", "%s", next)
	a.scope(func() { body(i, &part{lanes, address}) })
	a.at(next)
	a.scope(func() { after(j) })
	a.ins("ADD", "$4, %v", j)
	a.ins("CMP", "%v, %v", repeat, j)
	a.ins("BLT", "%s", column)
	a.ret()
}

// values writes the loop over n values: body for those from index i on.
func (a *asm) values(n reg, body func(i reg, k *part)) {
	full, i, address := a.reg(), a.reg(), a.reg()
	vector, tail, end := a.label("vector"), a.label("tail"), a.label("end")
	a.ins("SUB", "$4, %v, %v", n, full)
	a.ins("MOVD", "ZR, %v", i)
	a.at(vector)
	a.ins("CMP", "%v, %v", full, i)
	a.ins("BGT", "%s", tail)
	a.scope(func() { body(i, nil) })
	a.ins("ADD", "$4, %v", i)
	a.ins("B", "%s", vector)
	a.at(tail)
	a.ins("SUBS", "%v, %v", i, n)
	a.ins("BLE", "%s", end)
	a.scope(func() { body(i, &part{n, address}) })
	a.at(end)
	a.ret()
}

// A column is a vector that a loop over columns reads from the slice at base.
type column struct {
	base reg
	v    vec
}

// newColumns returns the columns of slices.
func (a *asm) newColumns(slices ...string) []column {
	c := make([]column, len(slices))
	for i, name := range slices {
		c[i] = column{a.load(name), a.vec()}
	}
	return c
}

// getColumns reads the vectors at index j.
func (a *asm) getColumns(j reg, k *part, columns ...column) {
	for _, c := range columns {
		a.scope(func() { a.getTo(a.address(c.base, j), 0, k, c.v) })
	}
}

// putColumns writes the vectors at index j.
func (a *asm) putColumns(j reg, columns ...column) {
	for _, c := range columns {
		a.scope(func() { a.put(c.v, a.address(c.base, j), nil) })
	}
}

func (a *asm) addTo() {
	a.function("addToNEON", "out, x []float32", "", 0, "addToNEON adds x to out.")
	out, x := a.load("out"), a.load("x")
	a.values(a.length("x"), func(i reg, k *part) {
		to := a.address(out, i)
		a.put(a.add(a.get(to, k), a.getAt(x, i, k)), to, k)
	})
}

func (a *asm) sum() {
	a.function("sumNEON", "acc, x []float32", "", 0, "sumNEON adds x[i] to acc[i%len(acc)].")
	x, acc := a.load("x"), a.newColumns("acc")
	s := acc[0].v
	a.columns("x", "acc",
		func(j reg) { a.getColumns(j, nil, acc...) },
		func(i reg, k *part) { a.fadd(s, s, a.getAt(x, i, k)) },
		func(j reg) { a.putColumns(j, acc...) })
}

func (a *asm) squares() {
	a.function("squaresNEON", "acc, x, mean []float32", "", 0,
		"squaresNEON adds (x-mean)² to acc, as sum does.")
	x, c := a.load("x"), a.newColumns("acc", "mean")
	s, mean := c[0].v, c[1].v
	a.columns("x", "acc",
		func(j reg) { a.getColumns(j, nil, c...) },
		func(i reg, k *part) {
			d := a.sub(a.getAt(x, i, k), mean)
			a.fmul(d, d, d)
			a.keep(d, k)
			a.fadd(s, s, d)
		},
		func(j reg) { a.putColumns(j, c[0]) })
}

func (a *asm) normalise() {
	a.function("normaliseNEON", "out, x, mean, scale, beta []float32", "", 0,
		"normaliseNEON sets out to (x-mean)*scale+beta.")
	out, x, c := a.load("out"), a.load("x"), a.newColumns("mean", "scale", "beta")
	mean, scale, beta := c[0].v, c[1].v, c[2].v
	a.columns("x", "mean",
		func(j reg) { a.getColumns(j, nil, c...) },
		func(i reg, k *part) {
			v := a.add(a.mul(a.sub(a.getAt(x, i, k), mean), scale), beta)
			a.put(v, a.address(out, i), k)
		},
		func(reg) {})
}

func (a *asm) gradSums() {
	a.function("gradSumsNEON", "sums, dots, grad, x, mean []float32", "", 0,
		"gradSumsNEON adds grad to sums and grad*(x-mean) to dots, as sum does.")
	grad, x, c := a.load("grad"), a.load("x"), a.newColumns("sums", "dots", "mean")
	sums, dots, mean := c[0].v, c[1].v, c[2].v
	a.columns("x", "sums",
		func(j reg) { a.getColumns(j, nil, c...) },
		func(i reg, k *part) {
			v := a.getAt(grad, i, k)
			a.fadd(sums, sums, v)
			product := a.mul(v, a.sub(a.getAt(x, i, k), mean))
			a.keep(product, k)
			a.fadd(dots, dots, product)
		},
		func(j reg) { a.putColumns(j, c[:2]...) })
}

func (a *asm) backward() {
	a.function("backwardNEON",
		"out, grad, x, mean, ofGrad, ofX, rest []float32, floor float32", "", 0,
		"backwardNEON sets out to grad*ofGrad+((x-mean)*ofX+rest) if x > floor, else to 0.")
	out, grad, x, floor := a.load("out"), a.load("grad"), a.load("x"), a.broadcast("floor")
	c := a.newColumns("mean", "ofGrad", "ofX", "rest")
	mean, ofGrad, ofX, rest := c[0].v, c[1].v, c[2].v, c[3].v
	a.columns("x", "mean",
		func(j reg) { a.getColumns(j, nil, c...) },
		func(i reg, k *part) {
			v := a.getAt(x, i, k)
			d := a.add(a.mul(a.getAt(grad, i, k), ofGrad), a.add(a.mul(a.sub(v, mean), ofX), rest))
			a.fcmgt(v, v, floor)
			a.and(d, d, v)
			a.put(d, a.address(out, i), k)
		},
		func(reg) {})
}

// constant fills a new vector register with a number.
func (a *asm) constant(f float32) vec { return a.integer(math.Float32bits(f)) }

// integer fills a new vector register with a 32-bit integer.
func (a *asm) integer(n uint32) vec {
	v := a.vec()
	a.scope(func() {
		r := a.reg()
		a.ins("MOVD", "$0x%08x, %v", n, r)
		a.ins("VDUP", "%v, %s", r, v.s4())
	})
	return v
}

func (a *asm) rmsprop() {
	a.function("rmspropNEON", "w, grad, second []float32, rate, keep, take, epsilon float32", "", 0,
		"rmspropNEON sets second to second*keep + grad²*take and subtracts",
		"grad*rate/sqrt(second+epsilon) from w.")
	w, grad, second := a.load("w"), a.load("grad"), a.load("second")
	rate, epsilon := a.broadcast("rate"), a.broadcast("epsilon")
	keep, take := a.broadcast("keep"), a.broadcast("take")
	a.values(a.length("w"), func(i reg, k *part) {
		g, secondAt, wAt := a.getAt(grad, i, k), a.address(second, i), a.address(w, i)
		v := a.add(a.mul(a.get(secondAt, k), keep), a.mul(a.mul(g, g), take))
		a.put(v, secondAt, k)
		a.fadd(v, v, epsilon)
		a.fsqrt(v, v)
		step := a.mul(g, rate)
		a.fdiv(step, step, v)
		a.put(a.sub(a.get(wAt, k), step), wAt, k)
	})
}

func (a *asm) adam() {
	a.function("adamNEON",
		"w, grad, first, second []float32, rate, takeFirst, takeSecond, epsilon float32", "", 0,
		"adamNEON moves first towards grad and second towards grad², by the given shares, and",
		"subtracts first*rate/(sqrt(second)+epsilon) from w.")
	w, grad, first, second := a.load("w"), a.load("grad"), a.load("first"), a.load("second")
	rate, epsilon := a.broadcast("rate"), a.broadcast("epsilon")
	takeFirst, takeSecond := a.broadcast("takeFirst"), a.broadcast("takeSecond")
	a.values(a.length("w"), func(i reg, k *part) {
		g, wAt := a.getAt(grad, i, k), a.address(w, i)
		firstAt, secondAt := a.address(first, i), a.address(second, i)
		m, v := a.get(firstAt, k), a.get(secondAt, k)
		m = a.add(m, a.mul(a.sub(g, m), takeFirst))
		a.put(m, firstAt, k)
		v = a.add(v, a.mul(a.sub(a.mul(g, g), v), takeSecond))
		a.put(v, secondAt, k)
		a.fsqrt(v, v)
		a.fadd(v, v, epsilon)
		step := a.mul(m, rate)
		a.fdiv(step, step, v)
		a.put(a.sub(a.get(wAt, k), step), wAt, k)
	})
}
