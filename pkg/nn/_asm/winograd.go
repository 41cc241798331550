package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileRow writes the loop over the channels of a row of tiles, a vector of channels at a time: begin with the place of its
// first channel, in bytes, then body for every tile.
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

// byteCount is a parameter that counts values, in bytes.
func byteCount(name string) reg.GPVirtual {
	r := Load(Param(name), GP64()).(reg.GPVirtual)
	SHLQ(U8(2), r)
	return r
}

// columns4 are four elements from base on, step bytes apart; step3 is three times step.
func columns4(base, step, step3 reg.Register) [4]Mem {
	return [4]Mem{{Base: base}, {Base: base, Index: step, Scale: 1}, {Base: base, Index: step, Scale: 2}, {Base: base, Index: step3, Scale: 1}}
}

func (s isa) winogradIn() {
	TEXT("winogradIn"+s.name, NOSPLIT, "func(v, x *float32, line, plane, c, tiles int)")
	Doc("winogradIn"+s.name+" writes the transforms of a row of tiles of x, which has line values in a line; those of",
		"an element of the tiles are plane values from those of the next.")
	line, plane, pixel, pixel3 := byteCount("line"), byteCount("plane"), byteCount("c"), GP64()
	LEAQ(Mem{Base: pixel, Index: pixel, Scale: 2}, pixel3)
	tile, out := GP64(), GP64()
	s.tileRow(
		func(j reg.GPVirtual, _ *mask) {
			Load(Param("x"), tile)
			ADDQ(j, tile)
			Load(Param("v"), out)
			ADDQ(j, out)
		},
		func(k *mask) {
			rows := [4]reg.GPVirtual{tile, GP64(), GP64(), GP64()}
			for i := 1; i < 4; i++ {
				MOVQ(rows[i-1], rows[i])
				ADDQ(line, rows[i])
			}
			at := GP64()
			MOVQ(out, at)
			for i := range 4 {
				var t [4]reg.VecVirtual
				row := func(i, column int) reg.VecVirtual { return s.load(columns4(rows[i], pixel, pixel3)[column], k) }
				for column := range t {
					switch i {
					case 0:
						t[column] = s.sub(row(0, column), row(2, column))
					case 1:
						t[column] = s.add(row(1, column), row(2, column))
					case 2:
						t[column] = s.sub(row(2, column), row(1, column))
					case 3:
						t[column] = s.sub(row(1, column), row(3, column))
					}
				}
				for _, v := range []reg.VecVirtual{s.sub(t[0], t[2]), s.add(t[1], t[2]), s.sub(t[2], t[1]), s.sub(t[1], t[3])} {
					s.store(v, Mem{Base: at}, k)
					ADDQ(plane, at)
				}
			}
			LEAQ(Mem{Base: tile, Index: pixel, Scale: 2}, tile)
			ADDQ(pixel, out)
		})
}

func (s isa) winogradOut() {
	TEXT("winogradOut"+s.name, NOSPLIT, "func(y, m, bias *float32, floor float32, line, plane, c, tiles int)")
	Doc("winogradOut"+s.name+" writes to a row of tiles of y, which has line values in a line, what the transforms m stand for,",
		"with bias added and at least floor.")
	line, plane, pixel, plane3 := byteCount("line"), byteCount("plane"), byteCount("c"), GP64()
	LEAQ(Mem{Base: plane, Index: plane, Scale: 2}, plane3)
	tile, in := GP64(), GP64()
	b, floor := s.vec(), s.broadcast(param("floor"))
	s.tileRow(
		func(j reg.GPVirtual, k *mask) {
			Load(Param("y"), tile)
			ADDQ(j, tile)
			Load(Param("m"), in)
			ADDQ(j, in)
			bias := pointer("bias")
			ADDQ(j, bias)
			s.loadInto(Mem{Base: bias}, k, b)
		},
		func(k *mask) {
			rows := [4]reg.GPVirtual{in, GP64(), GP64(), GP64()}
			for i := 1; i < 4; i++ {
				LEAQ(Mem{Base: rows[i-1], Index: plane, Scale: 4}, rows[i])
			}
			out := GP64()
			MOVQ(tile, out)
			for i := range 2 {
				var t [4]reg.VecVirtual
				for column := range t {
					row := func(i int) reg.VecVirtual { return s.load(columns4(rows[i], plane, plane3)[column], k) }
					if i == 0 {
						t[column] = s.add(s.add(row(0), row(1)), row(2))
					} else {
						t[column] = s.sub(s.sub(row(1), row(2)), row(3))
					}
				}
				first, second := s.add(s.add(t[0], t[1]), t[2]), s.sub(s.sub(t[1], t[2]), t[3])
				for _, pixelOut := range []struct {
					v reg.VecVirtual
					m Mem
				}{{first, Mem{Base: out}}, {second, Mem{Base: out, Index: pixel, Scale: 1}}} {
					VADDPS(b, pixelOut.v, pixelOut.v)
					VMAXPS(pixelOut.v, floor, pixelOut.v)
					s.store(pixelOut.v, pixelOut.m, k)
				}
				ADDQ(line, out)
			}
			LEAQ(Mem{Base: tile, Index: pixel, Scale: 2}, tile)
			ADDQ(pixel, in)
		})
}
