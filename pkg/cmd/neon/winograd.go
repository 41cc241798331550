package main

// A transform computes T*v for a column v of vectors, as the function of that name in package
// kernel does.
type transform func(v []vec) []vec

// timesBT is Bᵀ*d.
func (a *asm) timesBT() transform {
	four := a.constant(4)
	return func(d []vec) []vec {
		p, q := a.sub(d[4], a.mul(d[2], four)), a.sub(d[3], a.mul(d[1], four))
		r, t := a.sub(d[4], d[2]), a.sub(d[3], d[1])
		t = a.add(t, t)
		return []vec{
			a.add(a.mul(a.sub(d[0], d[2]), four), r),
			a.add(p, q), a.sub(p, q), a.add(r, t), a.sub(r, t),
			a.sub(a.sub(d[5], d[3]), a.add(t, t)),
		}
	}
}

// timesAT is Aᵀ*m.
func (a *asm) timesAT() transform {
	four, eight := a.constant(4), a.constant(8)
	return func(m []vec) []vec {
		s, b := a.add(m[1], m[2]), a.sub(m[1], m[2])
		c, d := a.add(m[3], m[4]), a.sub(m[3], m[4])
		return []vec{
			a.add(a.add(m[0], s), c),
			a.add(b, a.add(d, d)),
			a.add(s, a.mul(c, four)),
			a.add(a.add(b, a.mul(d, eight)), m[5]),
		}
	}
}

// timesA is A*y.
func (a *asm) timesA() transform {
	four := a.constant(4)
	return func(y []vec) []vec {
		s, b := a.add(y[0], y[2]), a.add(y[1], y[3])
		c, d := a.add(y[0], a.mul(y[2], four)), a.add(y[1], a.mul(y[3], four))
		d = a.add(d, d)
		return []vec{y[0], a.add(s, b), a.sub(s, b), a.add(c, d), a.sub(c, d), y[3]}
	}
}

// timesG is G*w.
func (a *asm) timesG() transform {
	quarter, four := a.constant(0.25), a.constant(4)
	sixth, part := a.constant(-1./6), a.constant(1./24)
	return func(w []vec) []vec {
		s, b, c := a.add(w[0], w[2]), a.add(w[0], a.mul(w[2], four)), a.add(w[1], w[1])
		return []vec{
			a.mul(w[0], quarter),
			a.mul(a.add(s, w[1]), sixth), a.mul(a.sub(s, w[1]), sixth),
			a.mul(a.add(b, c), part), a.mul(a.sub(b, c), part),
			w[2],
		}
	}
}

// timesGT is Gᵀ*u.
func (a *asm) timesGT() transform {
	quarter, sixth := a.constant(0.25), a.constant(1./6)
	twelfth, part := a.constant(1./12), a.constant(1./24)
	return func(u []vec) []vec {
		s, b := a.mul(a.add(u[1], u[2]), sixth), a.mul(a.sub(u[2], u[1]), sixth)
		c, d := a.add(u[3], u[4]), a.sub(u[3], u[4])
		return []vec{
			a.add(a.sub(a.mul(u[0], quarter), s), a.mul(c, part)),
			a.add(b, a.mul(d, twelfth)),
			a.add(a.sub(a.mul(c, sixth), s), u[5]),
		}
	}
}

// roomBytes is the frame of the functions that transform a tile: room for 36 vectors.
const roomBytes = 36 * 16

// room returns the address of that room.
func (a *asm) room() reg {
	r := a.reg()
	a.ins("MOVD", "$room-%d(SP), %v", roomBytes, r)
	return r
}

// both writes T*tile*Tᵀ. get loads a vector of the tile, (n,n), column after column; put stores a
// vector of the result, (m,m), row after row. room has room for m*n vectors.
func (a *asm) both(n, m int, times transform, room reg, get func(i, j int) vec,
	put func(i, j int, v vec)) {
	at := func(i, j int) int { return 16 * (i*n + j) }
	for j := range n {
		a.scope(func() {
			column := make([]vec, n)
			for i := range column {
				column[i] = get(i, j)
			}
			for i, v := range times(column) {
				a.putTo(v, room, at(i, j), nil)
			}
		})
	}
	for i := range m {
		a.scope(func() {
			row := a.vectors(n)
			for j := 0; j < n; j += 2 {
				if j+1 < n {
					a.ins("FLDPQ", "%d(%v), (%s, %s)", at(i, j), room, row[j].full(), row[j+1].full())
				} else {
					a.getTo(room, at(i, j), nil, row[j])
				}
			}
			for j, v := range times(row) {
				put(i, j, v)
			}
		})
	}
}

// getter loads the vectors of a tile: its columns lie step bytes apart and its rows distance bytes.
// at is the address of the first.
func (a *asm) getter(at, step, distance reg, k *part) func(i, j int) vec {
	row := a.reg()
	return func(i, j int) vec {
		if i > 0 {
			a.ins("ADD", "%v, %v", distance, row)
		} else {
			if j > 0 {
				a.ins("ADD", "%v, %v", step, at)
			}
			a.ins("MOVD", "%v, %v", at, row)
		}
		return a.get(row, k)
	}
}

// putter stores vectors one after the other, step bytes apart.
func (a *asm) putter(at, step reg, k *part) func(i, j int, v vec) {
	return func(i, j int, v vec) {
		a.put(v, at, k)
		a.ins("ADD", "%v, %v", step, at)
	}
}

// byteCount loads a parameter that counts values and returns it in bytes.
func (a *asm) byteCount(name string) reg {
	r := a.load(name)
	a.ins("LSL", "$2, %v", r)
	return r
}

// tileRow writes the loop over the channels of a row of tiles, a vector of channels at a time:
// begin with the place of its first channel, in bytes, then body for every tile.
func (a *asm) tileRow(begin func(j reg, k *part), body func(k *part)) {
	c, j, address := a.load("c"), a.reg(), a.reg()
	channels, tail, end := a.label("channels"), a.label("tail"), a.label("end")
	one := func(k *part) {
		a.scope(func() { begin(j, k) })
		a.scope(func() {
			count, tile := a.load("tiles"), a.label("tile")
			a.at(tile)
			a.scope(func() { body(k) })
			a.ins("SUBS", "$1, %v", count)
			a.ins("BNE", "%s", tile)
		})
	}
	a.ins("MOVD", "ZR, %v", j)
	a.at(channels)
	a.ins("CMP", "$4, %v", c)
	a.ins("BLT", "%s", tail)
	one(nil)
	a.ins("ADD", "$16, %v", j)
	a.ins("SUB", "$4, %v", c)
	a.ins("B", "%s", channels)
	a.at(tail)
	a.ins("CBZ", "%v, %s", c, end)
	one(&part{c, address})
	a.at(end)
	a.ret()
}

// slicePlace loads the address of a slice's first value and adds the place j.
func (a *asm) slicePlace(slice string, j, to reg) {
	a.loadTo(slice, to)
	a.ins("ADD", "%v, %v", j, to)
}

func (a *asm) winogradIn() {
	a.function("winogradInNEON", "v, x []float32, line, plane, c, tiles int", "", roomBytes,
		"winogradInNEON writes Bᵀ*tile*B for a row of tiles of 6x6 pixels of x, whose lines have",
		"line values. An element of a tile lies plane values from the one before it.")
	a.tilesInto("x", 6, a.timesBT())
}

func (a *asm) winogradGradIn() {
	a.function("winogradGradInNEON", "v, dy []float32, line, plane, c, tiles int", "", roomBytes,
		"winogradGradInNEON writes A*tile*Aᵀ for a row of tiles of 4x4 pixels of dy.")
	a.tilesInto("dy", 4, a.timesA())
}

// tilesInto transforms tiles of n by n pixels to elements of 6x6.
func (a *asm) tilesInto(image string, n int, times transform) {
	line, plane, pixel := a.byteCount("line"), a.byteCount("plane"), a.byteCount("c")
	room := a.room()
	tile, out, from, to := a.reg(), a.reg(), a.reg(), a.reg()
	a.tileRow(
		func(j reg, _ *part) {
			a.slicePlace(image, j, tile)
			a.slicePlace("v", j, out)
		},
		func(k *part) {
			a.ins("MOVD", "%v, %v", tile, from)
			a.ins("MOVD", "%v, %v", out, to)
			a.both(n, 6, times, room, a.getter(from, pixel, line, k), a.putter(to, plane, k))
			a.ins("ADD", "%v<<2, %v", pixel, tile)
			a.ins("ADD", "%v, %v", pixel, out)
		})
}

func (a *asm) winogradOut() {
	a.function("winogradOutNEON",
		"y, m, bias []float32, floor float32, line, plane, c, tiles int", "", roomBytes,
		"winogradOutNEON writes max(Aᵀ*m*A+bias, floor) to a row of tiles of 4x4 pixels of y,",
		"whose lines have line values.")
	line, plane, pixel := a.byteCount("line"), a.byteCount("plane"), a.byteCount("c")
	plane6 := a.reg()
	a.ins("ADD", "%v<<1, %v, %v", plane, plane, plane6)
	a.ins("LSL", "$1, %v", plane6)
	times, room := a.timesAT(), a.room()
	tile, in, from, row, to := a.reg(), a.reg(), a.reg(), a.reg(), a.reg()
	bias, floor := a.vec(), a.broadcast("floor")
	a.tileRow(
		func(j reg, k *part) {
			a.slicePlace("y", j, tile)
			a.slicePlace("m", j, in)
			b := a.reg()
			a.slicePlace("bias", j, b)
			a.getTo(b, 0, k, bias)
		},
		func(k *part) {
			a.ins("MOVD", "%v, %v", in, from)
			a.ins("MOVD", "%v, %v", tile, row)
			a.both(6, 4, times, room, a.getter(from, plane, plane6, k), func(i, j int, v vec) {
				if j == 0 {
					a.ins("MOVD", "%v, %v", row, to)
					a.ins("ADD", "%v, %v", line, row)
				}
				a.fadd(v, v, bias)
				a.greater(v, floor)
				a.put(v, to, k)
				a.ins("ADD", "%v, %v", pixel, to)
			})
			a.ins("ADD", "%v<<2, %v", pixel, tile)
			a.ins("ADD", "%v, %v", pixel, in)
		})
}

func (a *asm) winogradFilter() {
	a.function("winogradFilterNEON", "u, w []float32, plane, size, n int", "", roomBytes,
		"winogradFilterNEON writes G*w*Gᵀ for n filters of 3x3. An element of u lies plane",
		"values from the one before it, an element of w size values.")
	a.filters("w", "size", 3, "u", "plane", 6, a.timesG(), false)
}

func (a *asm) winogradFilterGrad() {
	a.function("winogradFilterGradNEON", "w, u []float32, size, plane, n int", "", roomBytes,
		"winogradFilterGradNEON adds Gᵀ*u*G to w, for n filters.")
	a.filters("u", "plane", 6, "w", "size", 3, a.timesGT(), true)
}

// filters transforms n tiles of rows by rows elements to outRows by outRows, and writes the results
// or adds them to out. Elements of a tile lie at the given distances.
func (a *asm) filters(in, inDistance string, rows int, out, outDistance string, outRows int,
	times transform, add bool) {
	inStep, outStep, row := a.byteCount(inDistance), a.byteCount(outDistance), a.reg()
	a.ins("ADD", "%v<<1, %v, %v", inStep, inStep, row) // the distance of rows
	if rows == 6 {
		a.ins("LSL", "$1, %v", row)
	}
	room, from, to := a.room(), a.reg(), a.reg()
	first, result := a.load(in), a.load(out)
	a.values(a.load("n"), func(i reg, k *part) {
		a.ins("ADD", "%v<<2, %v, %v", i, first, from)
		a.ins("ADD", "%v<<2, %v, %v", i, result, to)
		put := a.putter(to, outStep, k)
		a.both(rows, outRows, times, room, a.getter(from, inStep, row, k), func(i, j int, v vec) {
			if add {
				a.fadd(v, a.get(to, k), v)
			}
			put(i, j, v)
		})
	})
}
