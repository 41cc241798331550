package main

import "fmt"

// Byte offsets of the fields of strides in package kernel.
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

// A tile of 6x4 vectors leaves 8 of the 32 registers for the columns, elements of A and products.
const mostRows, mostVectors = 6, 4

func matmuls(a *asm) {
	for vectors := 1; vectors <= mostVectors; vectors++ {
		for rows := 1; rows <= mostRows; rows++ {
			matmul(a, rows, vectors)
		}
	}
}

// matmul writes the part of Matmul's loop for some rows and vectors of columns, of which the last
// has lanes lanes. The first half of the rows, rounded up, begins at a and c, the other at a2 and
// c2.
func matmul(g *asm, rows, vectors int) {
	name := fmt.Sprintf("tile%dx%dNEON", rows, vectors)
	g.function(name, "p *int, a, a2, b, c, c2, bias *float32, lanes int", "", 0,
		name+" computes a tile of a Matmul; p points to the first of its strides.")
	half := (rows + 1) / 2
	p := g.load("p")
	k := &part{g.load("lanes"), g.reg()}
	g.ins("AND", "$3, %v", k.n) // 0 if the last vector is full
	field := func(offset int) reg {
		r := g.reg()
		g.ins("MOVD", "%d(%v), %v", offset, p, r)
		return r
	}
	columns := g.vectors(vectors)
	sums := make([][]vec, rows)
	for i := range sums {
		sums[i] = g.vectors(vectors)
		g.zero(sums[i]...)
	}
	x := g.vectors(min(len(g.vecs)-2, 2, rows)) // elements of A
	products := g.vectors(min(len(g.vecs), vectors))

	// whole reads or writes whole vectors at base, two at a time.
	whole := func(load bool, base reg, vs []vec) {
		i := 0
		for ; i+2 <= len(vs); i += 2 {
			if load {
				g.ins("FLDPQ", "%d(%v), (%s, %s)", 16*i, base, vs[i].full(), vs[i+1].full())
			} else {
				g.ins("FSTPQ", "(%s, %s), %d(%v)", vs[i].full(), vs[i+1].full(), 16*i, base)
			}
		}
		switch {
		case i == len(vs):
		case load:
			g.getTo(base, 16*i, nil, vs[i])
		default:
			g.putTo(vs[i], base, 16*i, nil)
		}
	}
	last := vectors - 1
	// move reads or writes all vectors at base, the last of them whole or in part.
	move := func(load bool, base reg, vs []vec) {
		partLabel, done := g.label("part"), g.label("done")
		g.ins("CBNZ", "%v, %s", k.n, partLabel)
		whole(load, base, vs)
		g.ins("B", "%s", done)
		g.at(partLabel)
		whole(load, base, vs[:last])
		if load {
			g.getTo(base, 16*last, k, vs[last])
		} else {
			g.putTo(vs[last], base, 16*last, k)
		}
		g.at(done)
	}

	a, b := g.load("a"), g.load("b")
	left := []reg{a}
	if rows > 1 {
		left = append(left, g.load("a2"))
	}
	stride, aInner, bInner := field(fieldARow), field(fieldAInner), field(fieldBInner)
	stride2 := g.reg()
	if half > 2 {
		g.ins("LSL", "$1, %v, %v", stride, stride2)
	}
	element := func(i int) string {
		base := left[i/half]
		switch i % half {
		case 0:
			return fmt.Sprintf("(%v)", base)
		case 1:
			return fmt.Sprintf("(%v)(%v)", base, stride)
		}
		return fmt.Sprintf("(%v)(%v)", base, stride2)
	}
	advance := func(byA, byB reg) {
		for _, r := range left {
			g.ins("ADD", "%v, %v", byA, r)
		}
		g.ins("ADD", "%v, %v", byB, b)
	}
	inner, outer, middle, count := field(fieldInner), field(fieldOuter), g.reg(), g.reg()
	middles := field(fieldMiddle)
	aMiddle, bMiddle := field(fieldAMiddle), field(fieldBMiddle)
	aOuter, bOuter := field(fieldAOuter), field(fieldBOuter)
	outerLabel, middleLabel, innerLabel := g.label("outer"), g.label("middle"), g.label("inner")
	edgeLabel, loaded := g.label("edge"), g.label("loaded")
	g.at(outerLabel)
	g.ins("MOVD", "%v, %v", middles, middle)
	g.at(middleLabel)
	g.ins("MOVD", "%v, %v", inner, count)
	g.at(innerLabel)
	g.ins("CBNZ", "%v, %s", k.n, edgeLabel)
	whole(true, b, columns)
	g.at(loaded)
	for i := range rows {
		e := x[i%len(x)]
		g.ins("FMOVS", "%s, %s", element(i), e.full())
		for j := 0; j < vectors; j += len(products) {
			n := min(len(products), vectors-j)
			for m := range n {
				g.fmulFirst(products[m], columns[j+m], e)
			}
			for m := range n {
				g.fadd(sums[i][j+m], sums[i][j+m], products[m])
			}
		}
	}
	advance(aInner, bInner)
	g.ins("SUBS", "$1, %v", count)
	g.ins("BNE", "%s", innerLabel)
	advance(aMiddle, bMiddle)
	g.ins("SUBS", "$1, %v", middle)
	g.ins("BNE", "%s", middleLabel)
	advance(aOuter, bOuter)
	g.ins("SUBS", "$1, %v", outer)
	g.ins("BNE", "%s", outerLabel)
	g.free(a, b, stride, stride2, aInner, bInner)

	biased, store := g.label("biased"), g.label("store")
	r := g.load("bias")
	g.ins("CBZ", "%v, %s", r, biased)
	move(true, r, columns)
	for _, row := range sums {
		for j, v := range row {
			g.fadd(v, v, columns[j])
		}
	}
	g.at(biased)
	g.ins("MOVBU", "%d(%v), %v", fieldReLU, p, r)
	g.ins("CBZ", "%v, %s", r, store)
	for _, row := range sums {
		for _, v := range row {
			g.fcmltZero(columns[0], v)
			g.bic(v, v, columns[0])
		}
	}
	g.at(store)
	cRow := field(fieldCRow)
	for i, row := range sums {
		switch i {
		case 0:
			g.loadTo("c", r)
		case half:
			g.loadTo("c2", r)
		default:
			g.ins("ADD", "%v, %v", cRow, r)
		}
		move(false, r, row)
	}
	g.ret()

	// Out of the way of the inner loop: the columns of a tile at the right edge.
	g.at(edgeLabel)
	whole(true, b, columns[:last])
	g.getTo(b, 16*last, k, columns[last])
	g.ins("B", "%s", loaded)
}
