package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Byte offsets of the fields of strides.
const (
	fieldOuter = 8 * iota
	fieldMiddle
	fieldInner
	fieldARow
	fieldAInner
	fieldBInner
	fieldCRow
	fieldAMiddle
	fieldBMiddle
	fieldAOuter
	fieldBOuter
	fieldReLU
)

// tiles writes the tiles of up to 14x2 vectors with AVX-512 and 6x2 with AVX2: as many as fit in
// the registers.
func (s isa) tiles() {
	most := 14
	if s.width == 8 {
		most = 6
	}
	for vectors := 1; vectors <= 2; vectors++ {
		for rows := 1; rows <= most; rows++ {
			s.tile(rows, vectors)
		}
	}
}

// tile writes the part of Matmul's loop for some rows and vectors of columns, of which the last has
// lanes lanes. The first half of the rows, rounded up, begins at a and c, the other at a2 and c2.
func (s isa) tile(rows, vectors int) {
	name := fmt.Sprintf("tile%dx%d%s", rows, vectors, s.name)
	function(name, NOSPLIT, "func(p *int, a, a2, b, c, c2, bias *float32, lanes int)",
		name+" computes a tile of a Matmul; p points to the first of its strides.")
	pointer := func(name string) reg.Register { return Load(Param(name), GP64()) }
	p := pointer("p")
	lanes := Load(Param("lanes"), GP64()).(reg.GPVirtual)
	last := s.spill(s.firstLanes(lanes))
	of := func(j int) *mask {
		if j == vectors-1 {
			return last
		}
		return nil
	}
	field := func(offset int) Mem { return Mem{Base: p, Disp: offset} }
	load := func(offset int) reg.GPVirtual {
		r := GP64()
		MOVQ(field(offset), r)
		return r
	}

	acc := make([][]reg.VecVirtual, rows)
	half := (rows + 1) / 2
	eachRow := func(first, second string, stride reg.GPVirtual, do func(i int, row reg.Register)) {
		row := pointer(first)
		for i := range rows {
			if i == half {
				row = pointer(second)
			} else if i > 0 {
				ADDQ(stride, row)
			}
			do(i, row)
		}
	}
	for i := range acc {
		acc[i] = make([]reg.VecVirtual, vectors)
		for j := range acc[i] {
			acc[i][j] = s.zero()
		}
	}
	columns := make([]reg.VecVirtual, vectors)
	for j := range columns {
		columns[j] = s.vec()
	}
	a, b := pointer("a"), pointer("b")
	var a2 reg.Register
	if rows > 1 {
		a2 = pointer("a2")
	}
	stride, aInner, bInner := load(fieldARow), load(fieldAInner), load(fieldBInner)
	var stride3, stride5 reg.GPVirtual
	if half > 3 {
		stride3 = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	}
	if half > 5 {
		stride5 = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 4}, stride5)
	}
	element := func(i int) Mem {
		base := a
		if i >= half {
			base, i = a2, i-half
		}
		switch i {
		case 0:
			return Mem{Base: base}
		case 3:
			return Mem{Base: base, Index: stride3, Scale: 1}
		case 5:
			return Mem{Base: base, Index: stride5, Scale: 1}
		case 6:
			return Mem{Base: base, Index: stride3, Scale: 2}
		}
		return Mem{Base: base, Index: stride, Scale: uint8(i)}
	}
	// The outer counters lie on the stack: they are needed seldom, and registers are short.
	outer, middle := AllocLocal(8), AllocLocal(8)
	inner, count := load(fieldInner), GP64()
	MOVQ(field(fieldOuter), count)
	MOVQ(count, outer)
	Label("outer")
	MOVQ(field(fieldMiddle), count)
	MOVQ(count, middle)
	Label("middle")
	MOVQ(inner, count)
	Label("inner")
	for j := range columns {
		s.loadInto(Mem{Base: b, Disp: j * s.bytes()}, of(j), columns[j])
	}
	for i := range rows {
		s.multiply(element(i), columns, func(j int, product reg.VecVirtual) {
			VADDPS(product, acc[i][j], acc[i][j])
		})
	}
	ADDQ(aInner, a)
	if rows > 1 {
		ADDQ(aInner, a2)
	}
	ADDQ(bInner, b)
	DECQ(count)
	JNZ(LabelRef("inner"))
	for _, loop := range []struct {
		label string
		count Mem
		a, b  int
	}{{"middle", middle, fieldAMiddle, fieldBMiddle}, {"outer", outer, fieldAOuter, fieldBOuter}} {
		ADDQ(field(loop.a), a)
		if rows > 1 {
			ADDQ(field(loop.a), a2)
		}
		ADDQ(field(loop.b), b)
		DECQ(loop.count)
		JNZ(LabelRef(loop.label))
	}

	bias := pointer("bias")
	TESTQ(bias, bias)
	JZ(LabelRef("biased"))
	for j := range vectors {
		s.loadInto(Mem{Base: bias, Disp: j * s.bytes()}, of(j), columns[j])
		for i := range rows {
			VADDPS(columns[j], acc[i][j], acc[i][j])
		}
	}
	Label("biased")
	CMPB(field(fieldReLU), U8(0))
	JE(LabelRef("store"))
	zero := columns[0]
	s.clear(zero)
	for i := range rows {
		for j := range vectors {
			VMAXPS(acc[i][j], zero, acc[i][j])
		}
	}
	Label("store")
	store := func(storeLast func(v reg.VecVirtual, m Mem)) {
		eachRow("c", "c2", load(fieldCRow), func(i int, row reg.Register) {
			for j, v := range acc[i] {
				m := Mem{Base: row, Disp: j * s.bytes()}
				if j < vectors-1 {
					s.store(v, m, nil)
				} else {
					storeLast(v, m)
				}
			}
		})
		done()
	}
	// Stores under a mask are slow: full vectors and half vectors of AVX-512 are stored without one.
	Load(Param("lanes"), count)
	CMPQ(count, U32(uint32(s.width)))
	JNE(LabelRef("part"))
	store(func(v reg.VecVirtual, m Mem) { s.store(v, m, nil) })
	Label("part")
	if s.width == 16 {
		CMPQ(count, U32(8))
		JNE(LabelRef("masked"))
		store(func(v reg.VecVirtual, m Mem) { VMOVUPS(v.AsY(), m) })
		Label("masked")
	}
	store(func(v reg.VecVirtual, m Mem) { s.store(v, m, last) })
}

// multiply multiplies the columns by a number in memory.
func (s isa) multiply(m Mem, columns []reg.VecVirtual, do func(j int, product reg.VecVirtual)) {
	if s.width == 16 {
		// AVX-512 broadcasts in the multiplication itself. A broadcast of its own would cost as much
		// as a multiplication.
		for j := range columns {
			product := s.vec()
			VMULPS_BCST(m, columns[j], product)
			do(j, product)
		}
		return
	}
	v := s.broadcast(m)
	for j := range columns {
		product := v
		if j < len(columns)-1 {
			product = s.vec()
		}
		VMULPS(v, columns[j], product)
		do(j, product)
	}
}
