package main

// Byte offsets of the fields of Window in package kernel.
const (
	windowC = 8 * iota
	windowPixel
	windowRows
	windowCols
	windowLine
	windowStep
)

// depthwise computes a vector of channels at a time for all pixels, four pixels at a time.
func (a *asm) depthwise() {
	a.function("depthwiseNEON", "out, x, w, bias []float32, p *int", "", 0,
		"depthwiseNEON computes the sums of the products of windows of x with w, and adds bias;",
		"p points to the first field of a Window.")
	p := a.load("p")
	field := func(offset int) reg {
		r := a.reg()
		a.ins("MOVD", "%d(%v), %v", offset, p, r)
		return r
	}
	bytes := func(offset int) reg {
		r := field(offset)
		a.ins("LSL", "$2, %v", r)
		return r
	}
	c, pixel, step, line := bytes(windowC), bytes(windowPixel), bytes(windowStep), bytes(windowLine)
	windowRows, windowCols := field(windowRows), field(windowCols)
	j, left, address := a.reg(), a.reg(), a.reg() // j is the byte offset of the channels
	out, x, w, count := a.reg(), a.reg(), a.reg(), a.reg()
	first, place, at, rows, cols := a.reg(), a.reg(), a.reg(), a.reg(), a.reg()

	// pixels computes n pixels.
	pixels := func(n int, k *part) {
		sums, v, weight := a.vectors(n), a.vec(), a.vec()
		a.zero(sums...)
		row, column, store := a.label("row"), a.label("column"), a.label("store")
		a.slicePlace("w", j, w)
		a.ins("MOVD", "%v, %v", x, first)
		a.ins("MOVD", "%v, %v", windowRows, rows)
		a.at(row)
		a.ins("MOVD", "%v, %v", first, place)
		a.ins("MOVD", "%v, %v", windowCols, cols)
		a.at(column)
		a.getTo(w, 0, k, weight)
		a.ins("MOVD", "%v, %v", place, at)
		for i, sum := range sums {
			if i > 0 {
				a.ins("ADD", "%v, %v", pixel, at)
			}
			a.getTo(at, 0, k, v)
			a.fmul(v, v, weight)
			a.fadd(sum, sum, v)
		}
		a.ins("ADD", "%v, %v", c, w)
		a.ins("ADD", "%v, %v", step, place)
		a.ins("SUBS", "$1, %v", cols)
		a.ins("BNE", "%s", column)
		a.ins("ADD", "%v, %v", line, first)
		a.ins("SUBS", "$1, %v", rows)
		a.ins("BNE", "%s", row)
		a.loadTo("len bias", at)
		a.ins("CBZ", "%v, %s", at, store)
		a.slicePlace("bias", j, at)
		a.getTo(at, 0, k, v)
		for _, sum := range sums {
			a.fadd(sum, sum, v)
		}
		a.at(store)
		for _, sum := range sums {
			a.put(sum, out, k)
			a.ins("ADD", "%v, %v", c, out)
			a.ins("ADD", "%v, %v", pixel, x)
		}
		a.ins("SUB", "$%d, %v", n, count)
	}
	// block computes the channels from j on.
	block := func(k *part) {
		four, one, done := a.label("four"), a.label("one"), a.label("done")
		a.slicePlace("out", j, out)
		a.slicePlace("x", j, x)
		a.loadTo("len out", count)
		a.ins("LSL", "$2, %v", count)
		a.ins("UDIV", "%v, %v", c, count) // pixels left
		a.at(four)
		a.ins("CMP", "$4, %v", count)
		a.ins("BLT", "%s", one)
		a.scope(func() { pixels(4, k) })
		a.ins("B", "%s", four)
		a.at(one)
		a.ins("CBZ", "%v, %s", count, done)
		a.scope(func() { pixels(1, k) })
		a.ins("B", "%s", one)
		a.at(done)
	}
	channels, tail, end := a.label("channels"), a.label("tail"), a.label("end")
	a.ins("MOVD", "ZR, %v", j)
	a.at(channels)
	a.ins("SUB", "%v, %v, %v", j, c, left)
	a.ins("CMP", "$16, %v", left)
	a.ins("BLT", "%s", tail)
	block(nil)
	a.ins("ADD", "$16, %v", j)
	a.ins("B", "%s", channels)
	a.at(tail)
	a.ins("LSR", "$2, %v", left)
	a.ins("CBZ", "%v, %s", left, end)
	block(&part{left, address})
	a.at(end)
	a.ret()
}
