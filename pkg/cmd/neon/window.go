package main

import "math"

// channels writes the loop over the channels of a row of 2x2 windows, a vector of channels at a
// time: before once for those from j on, then body for every window. small is the index of the
// pixel that a window becomes; large and large2 are the indices of the window's pixels in a line.
func (a *asm) channels(before func(j reg, k *part), body func(small, large, large2 reg, k *part)) {
	c, j, left, address := a.load("c"), a.reg(), a.reg(), a.reg()
	channels, tail, end := a.label("channels"), a.label("tail"), a.label("end")
	one := func(k *part) {
		a.scope(func() { before(j, k) })
		a.scope(func() {
			small, large, large2, count := a.reg(), a.reg(), a.reg(), a.load("windows")
			a.ins("MOVD", "%v, %v", j, small)
			a.ins("MOVD", "%v, %v", j, large)
			a.ins("ADD", "%v, %v, %v", c, j, large2)
			window := a.label("window")
			a.at(window)
			a.scope(func() { body(small, large, large2, k) })
			a.ins("ADD", "%v, %v", c, small)
			a.ins("ADD", "%v<<1, %v", c, large)
			a.ins("ADD", "%v<<1, %v", c, large2)
			a.ins("SUBS", "$1, %v", count)
			a.ins("BNE", "%s", window)
		})
	}
	a.ins("MOVD", "ZR, %v", j)
	a.at(channels)
	a.ins("SUB", "%v, %v, %v", j, c, left)
	a.ins("CMP", "$4, %v", left)
	a.ins("BLT", "%s", tail)
	one(nil)
	a.ins("ADD", "$4, %v", j)
	a.ins("B", "%s", channels)
	a.at(tail)
	a.ins("CBZ", "%v, %s", left, end)
	one(&part{left, address})
	a.at(end)
	a.ret()
}

// lines returns the addresses of the first values in the first two lines of an image; a line has as
// many values as the parameter holds.
func (a *asm) lines(image, line string) (first, second reg) {
	first = a.load(image)
	n := a.load(line)
	second = a.address(first, n)
	a.free(n)
	return first, second
}

func (a *asm) pool2x2() {
	a.function("pool2x2NEON",
		"out, best, x, mean, scale, beta []float32, line, c, windows int", "", 0,
		"pool2x2NEON pools a row of windows of x, whose lines have line values: best becomes",
		"the value of a window that is greatest after normalisation, out its normalised value.")
	out, best := a.load("out"), a.load("best")
	x0, x1 := a.lines("x", "line")
	p := a.newColumns("mean", "scale", "beta")
	mean, scale, beta := p[0].v, p[1].v, p[2].v
	sign, minus := a.vec(), a.constant(float32(math.Copysign(0, -1)))
	a.channels(
		func(j reg, k *part) {
			a.getColumns(j, k, p...)
			a.and(sign, scale, minus)
		},
		func(small, large, large2 reg, k *part) {
			// With a negative scale the least value is the greatest in the end.
			v := a.getAt(x0, large, k)
			a.xor(v, v, sign)
			for _, place := range [][2]reg{{x0, large2}, {x1, large}, {x1, large2}} {
				a.scope(func() {
					w := a.getAt(place[0], place[1], k)
					a.xor(w, w, sign)
					a.greater(v, w)
				})
			}
			a.xor(v, v, sign)
			a.put(v, a.address(best, small), k)
			a.put(a.add(a.mul(a.sub(v, mean), scale), beta), a.address(out, small), k)
		})
}

func (a *asm) unpool2x2() {
	a.function("unpool2x2NEON",
		"d, grad, best, x, mean, ofGrad, ofX, rest []float32, floor float32, "+
			"dLine, line, c, windows int", "", 0,
		"unpool2x2NEON sets d, whose lines have dLine values, as backward does. The gradient of a",
		"window belongs to the first value in x, whose lines have line values, that equals best.")
	d0, d1 := a.lines("d", "dLine")
	x0, x1 := a.lines("x", "line")
	grad, best, floor := a.load("grad"), a.load("best"), a.broadcast("floor")
	p := a.newColumns("mean", "ofGrad", "ofX", "rest")
	mean, ofGrad, ofX, rest := p[0].v, p[1].v, p[2].v, p[3].v
	a.channels(
		func(j reg, k *part) { a.getColumns(j, k, p...) },
		func(small, large, large2 reg, k *part) {
			left := a.getAt(grad, small, k)
			a.fmul(left, left, ofGrad)
			b := a.getAt(best, small, k)
			for _, place := range []struct{ x, d, i reg }{
				{x0, d0, large}, {x0, d0, large2}, {x1, d1, large}, {x1, d1, large2},
			} {
				a.scope(func() {
					v, mask, taken := a.getAt(place.x, place.i, k), a.vec(), a.vec()
					a.fcmeq(mask, v, b)
					a.and(taken, left, mask)
					a.bic(left, left, mask)
					d := a.add(taken, a.add(a.mul(a.sub(v, mean), ofX), rest))
					a.fcmgt(mask, v, floor)
					a.and(d, d, mask)
					a.put(d, a.address(place.d, place.i), k)
				})
			}
		})
}
