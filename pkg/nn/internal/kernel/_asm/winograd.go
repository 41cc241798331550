package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A transform computes T*v for a column v of vectors, as the function of that name in
// ../winograd.go does.
type transform func(v []reg.VecVirtual) []reg.VecVirtual

// constants are the vectors of which every lane is one number.
func (s isa) constants(of ...float32) []reg.VecVirtual {
	v := make([]reg.VecVirtual, len(of))
	for i, f := range of {
		m, ok := numbers[f]
		if !ok {
			m = GLOBL(fmt.Sprintf("number%08x", math.Float32bits(f)), RODATA|NOPTR)
			DATA(0, U32(math.Float32bits(f)))
			numbers[f] = m
		}
		v[i] = s.broadcast(m)
	}
	return v
}

var numbers = map[float32]Mem{}

// timesBT is Bᵀ*d.
func (s isa) timesBT() transform {
	four := s.constants(4)[0]
	return func(d []reg.VecVirtual) []reg.VecVirtual {
		p, q := s.sub(d[4], s.mul(d[2], four)), s.sub(d[3], s.mul(d[1], four))
		r, t := s.sub(d[4], d[2]), s.sub(d[3], d[1])
		t = s.add(t, t)
		return []reg.VecVirtual{
			s.add(s.mul(s.sub(d[0], d[2]), four), r),
			s.add(p, q), s.sub(p, q), s.add(r, t), s.sub(r, t),
			s.sub(s.sub(d[5], d[3]), s.add(t, t)),
		}
	}
}

// timesAT is Aᵀ*m.
func (s isa) timesAT() transform {
	c := s.constants(4, 8)
	four, eight := c[0], c[1]
	return func(m []reg.VecVirtual) []reg.VecVirtual {
		a, b := s.add(m[1], m[2]), s.sub(m[1], m[2])
		c, d := s.add(m[3], m[4]), s.sub(m[3], m[4])
		return []reg.VecVirtual{
			s.add(s.add(m[0], a), c),
			s.add(b, s.add(d, d)),
			s.add(a, s.mul(c, four)),
			s.add(s.add(b, s.mul(d, eight)), m[5]),
		}
	}
}

// timesA is A*y.
func (s isa) timesA() transform {
	four := s.constants(4)[0]
	return func(y []reg.VecVirtual) []reg.VecVirtual {
		a, b := s.add(y[0], y[2]), s.add(y[1], y[3])
		c, d := s.add(y[0], s.mul(y[2], four)), s.add(y[1], s.mul(y[3], four))
		d = s.add(d, d)
		return []reg.VecVirtual{y[0], s.add(a, b), s.sub(a, b), s.add(c, d), s.sub(c, d), y[3]}
	}
}

// timesG is G*w.
func (s isa) timesG() transform {
	c := s.constants(0.25, 4, -1./6, 1./24)
	quarter, four, sixth, part := c[0], c[1], c[2], c[3]
	return func(w []reg.VecVirtual) []reg.VecVirtual {
		a, b, c := s.add(w[0], w[2]), s.add(w[0], s.mul(w[2], four)), s.add(w[1], w[1])
		return []reg.VecVirtual{
			s.mul(w[0], quarter), s.mul(s.add(a, w[1]), sixth), s.mul(s.sub(a, w[1]), sixth),
			s.mul(s.add(b, c), part), s.mul(s.sub(b, c), part), w[2],
		}
	}
}

// timesGT is Gᵀ*u.
func (s isa) timesGT() transform {
	c := s.constants(0.25, 1./6, 1./12, 1./24)
	quarter, sixth, twelfth, part := c[0], c[1], c[2], c[3]
	return func(u []reg.VecVirtual) []reg.VecVirtual {
		a, b := s.mul(s.add(u[1], u[2]), sixth), s.mul(s.sub(u[2], u[1]), sixth)
		c, d := s.add(u[3], u[4]), s.sub(u[3], u[4])
		return []reg.VecVirtual{
			s.add(s.sub(s.mul(u[0], quarter), a), s.mul(c, part)),
			s.add(b, s.mul(d, twelfth)),
			s.add(s.sub(s.mul(c, sixth), a), u[5]),
		}
	}
}

// both writes T*tile*Tᵀ. get loads a vector of the tile, (n,n), column after column; put stores a
// vector of the result, (m,m), row after row. room has room for m*n vectors.
func (s isa) both(n, m int, times transform, room reg.Register,
	get func(i, j int) reg.VecVirtual, put func(i, j int, v reg.VecVirtual)) {
	at := func(i, j int) Mem { return Mem{Base: room, Disp: (i*n + j) * s.bytes()} }
	for j := range n {
		column := make([]reg.VecVirtual, n)
		for i := range column {
			column[i] = get(i, j)
		}
		for i, v := range times(column) {
			VMOVUPS(v, at(i, j))
		}
	}
	for i := range m {
		row := make([]reg.VecVirtual, n)
		for j := range row {
			row[j] = s.load(at(i, j), nil)
		}
		for j, v := range times(row) {
			put(i, j, v)
		}
	}
}

// room returns room for 36 vectors on the stack. A vector lies in one line of the cache.
func (s isa) room() reg.Register {
	r := GP64()
	LEAQ(AllocLocal(37*s.bytes()), r)
	ADDQ(Imm(uint64(s.bytes()-1)), r)
	ANDQ(I32(int32(-s.bytes())), r)
	return r
}

// A walk is a pointer to values that lie at equal distances.
type walk struct {
	at, step reg.GPVirtual
	steps    [6]reg.GPVirtual // multiples of another distance; nil where a factor will do
}

// column returns the place i distances further.
func (w walk) column(i int) Mem {
	switch i {
	case 0:
		return Mem{Base: w.at}
	case 3, 5:
		return Mem{Base: w.at, Index: w.steps[i], Scale: 1}
	}
	return Mem{Base: w.at, Index: w.steps[1], Scale: uint8(i)}
}

// newWalk returns a walk with that step whose columns have n values at that distance, in bytes.
func newWalk(step, distance reg.GPVirtual, n int) walk {
	w := walk{at: GP64(), step: step}
	w.steps[1] = distance
	for _, i := range []int{3, 5} {
		if i < n {
			w.steps[i] = GP64()
			LEAQ(Mem{Base: distance, Index: distance, Scale: uint8(i - 1)}, w.steps[i])
		}
	}
	return w
}

// getter loads the vectors of a tile, (n,n): its rows lie the walk's distance apart, its columns
// the walk's step.
func (s isa) getter(w walk, k *mask) func(i, j int) reg.VecVirtual {
	return func(i, j int) reg.VecVirtual {
		if i == 0 && j > 0 {
			ADDQ(w.step, w.at)
		}
		return s.load(w.column(i), k)
	}
}

// putter stores vectors one after the other, step bytes apart.
func (s isa) putter(at, step reg.GPVirtual, k *mask) func(i, j int, v reg.VecVirtual) {
	return func(i, j int, v reg.VecVirtual) {
		s.store(v, Mem{Base: at}, k)
		ADDQ(step, at)
	}
}

// tileRow writes the loop over the channels of a row of tiles, a vector of channels at a time:
// begin with the place of its first channel, in bytes, then body for every tile.
func (s isa) tileRow(begin func(j reg.GPVirtual, k *mask), body func(k *mask)) {
	c := Load(Param("c"), GP64()).(reg.GPVirtual)
	j := GP64()
	XORQ(j, j)
	one := func(suffix string, k *mask) {
		begin(j, k)
		count := GP64()
		Load(Param("tiles"), count)
		Label("tile" + suffix)
		body(k)
		DECQ(count)
		JNZ(LabelRef("tile" + suffix))
	}
	Label("channels")
	CMPQ(c, U32(uint32(s.width)))
	JLT(LabelRef("tail"))
	one("", nil)
	ADDQ(U32(uint32(s.bytes())), j)
	SUBQ(U32(uint32(s.width)), c)
	JMP(LabelRef("channels"))
	Label("tail")
	TESTQ(c, c)
	JZ(LabelRef("end"))
	one("Tail", s.firstLanes(c))
	Label("end")
	done()
}

// byteCount loads a parameter that counts values and returns it in bytes.
func byteCount(name string) reg.GPVirtual {
	r := Load(Param(name), GP64()).(reg.GPVirtual)
	SHLQ(U8(2), r)
	return r
}

// place loads a pointer and adds the place j.
func place(name string, j, to reg.GPVirtual) {
	Load(Param(name).Base(), to)
	ADDQ(j, to)
}

func (s isa) winogradIn() {
	function("winogradIn"+s.name, 0, "func(v, x []float32, line, plane, c, tiles int)",
		"winogradIn"+s.name+" writes Bᵀ*tile*B for a row of tiles of 6x6 pixels of x, whose lines have",
		"line values. An element of a tile lies plane values from the one before it.")
	s.tilesInto("x", 6, s.timesBT())
}

func (s isa) winogradGradIn() {
	function("winogradGradIn"+s.name, 0, "func(v, dy []float32, line, plane, c, tiles int)",
		"winogradGradIn"+s.name+" writes A*tile*Aᵀ for a row of tiles of 4x4 pixels of dy.")
	s.tilesInto("dy", 4, s.timesA())
}

// tilesInto transforms tiles of n by n pixels to elements of 6x6.
func (s isa) tilesInto(image string, n int, times transform) {
	line, plane, pixel := byteCount("line"), byteCount("plane"), byteCount("c")
	room := s.room()
	tile, out := GP64(), GP64()
	from := newWalk(pixel, line, n)
	s.tileRow(
		func(j reg.GPVirtual, _ *mask) {
			place(image, j, tile)
			place("v", j, out)
		},
		func(k *mask) {
			MOVQ(tile, from.at)
			to := GP64()
			MOVQ(out, to)
			s.both(n, 6, times, room, s.getter(from, k), s.putter(to, plane, k))
			LEAQ(Mem{Base: tile, Index: pixel, Scale: 4}, tile)
			ADDQ(pixel, out)
		})
}

func (s isa) winogradOut() {
	function("winogradOut"+s.name, 0,
		"func(y, m, bias []float32, floor float32, line, plane, c, tiles int)",
		"winogradOut"+s.name+" writes max(Aᵀ*m*A+bias, floor) to a row of tiles of 4x4 pixels of y,",
		"whose lines have line values.")
	line, plane, plane6, pixel := byteCount("line"), byteCount("plane"), GP64(), byteCount("c")
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, plane6)
	ADDQ(plane6, plane6)
	times, room := s.timesAT(), s.room()
	tile, in := GP64(), GP64()
	from := newWalk(plane, plane6, 6)
	b, floor := s.vec(), s.broadcast(param("floor"))
	s.tileRow(
		func(j reg.GPVirtual, k *mask) {
			place("y", j, tile)
			place("m", j, in)
			bias := GP64()
			place("bias", j, bias)
			s.loadInto(Mem{Base: bias}, k, b)
		},
		func(k *mask) {
			MOVQ(in, from.at)
			row, to := GP64(), GP64()
			MOVQ(tile, row)
			s.both(6, 4, times, room, s.getter(from, k), func(i, j int, v reg.VecVirtual) {
				if j == 0 {
					MOVQ(row, to)
					ADDQ(line, row)
				}
				VADDPS(b, v, v)
				VMAXPS(v, floor, v)
				s.store(v, Mem{Base: to}, k)
				ADDQ(pixel, to)
			})
			LEAQ(Mem{Base: tile, Index: pixel, Scale: 4}, tile)
			ADDQ(pixel, in)
		})
}

func (s isa) winogradFilter() {
	function("winogradFilter"+s.name, 0, "func(u, w []float32, plane, size, n int)",
		"winogradFilter"+s.name+" writes G*w*Gᵀ for n filters of 3x3. An element of u lies plane",
		"values from the one before it, an element of w size values.")
	s.filters("w", "size", 3, "u", "plane", 6, s.timesG(), false)
}

func (s isa) winogradFilterGrad() {
	function("winogradFilterGrad"+s.name, 0, "func(w, u []float32, size, plane, n int)",
		"winogradFilterGrad"+s.name+" adds Gᵀ*u*G to w, for n filters.")
	s.filters("u", "plane", 6, "w", "size", 3, s.timesGT(), true)
}

// filters transforms n tiles of a by a elements to b by b, and writes the results or adds them to
// out. Elements of a tile lie at the given distances.
func (s isa) filters(in, inDistance string, a int, out, outDistance string, b int,
	times transform, add bool) {
	inStep, outStep, row := byteCount(inDistance), byteCount(outDistance), GP64()
	LEAQ(Mem{Base: inStep, Index: inStep, Scale: 2}, row) // the distance of rows
	if a == 6 {
		ADDQ(row, row)
	}
	room := s.room()
	from, to := newWalk(inStep, row, a), GP64()
	first, result := begin(in), begin(out)
	s.vectors(Load(Param("n"), GP64()).(reg.GPVirtual), func(i reg.GPVirtual, k *mask) {
		LEAQ(at(first, i), from.at)
		LEAQ(at(result, i), to)
		put := s.putter(to, outStep, k)
		s.both(a, b, times, room, s.getter(from, k), func(i, j int, v reg.VecVirtual) {
			if add {
				v = s.add(s.load(Mem{Base: to}, k), v)
			}
			put(i, j, v)
		})
	})
}
