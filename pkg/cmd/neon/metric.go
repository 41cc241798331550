package main

// Package metric documents this layout: tiles of 32 points, side by side in steps of 8 bytes or of
// 2 words.
const (
	queries  = 4  // at a time
	tile     = 32 // points
	byteStep = 8 * tile
	wordStep = 4 * tile

	// block is the number of pairs of differences of bytes that a lane of 16 bits can hold:
	// 128·510 < 2¹⁶.
	block = 128
)

func metric(a *asm) {
	row(a)
	byteTiles(a)
	wordTiles(a)
	within(a)
	smallest(a)
}

// group is the number of vectors of points whose sums lie in registers at a time. A vector has 2
// points of bytes or 4 of words.
const group = 4

// A tiles is what the kernels of bytes and of words have in common.
type tiles struct {
	dst, dstStride, points, steps, count reg

	first, stride reg   // of the queries
	query         []reg // where they are read
	at, left      reg   // of the points, and the steps that are left
	groups        reg   // that are left in the tile
	to            reg

	sums []vec // (queries, group)
	x    []vec // (group): points
	q    []vec // (queries): a step of each, over and over
	d    []vec // (group): differences
}

// tilesHeader begins a kernel that measures 4 queries against tiles of points.
func tilesHeader(a *asm, name, value, step string) *tiles {
	a.function(name, "dst *uint32, dstStride int, query *"+value+", queryStride int, points *"+value+
		", steps, tiles int", "", 0,
		name+" writes the distances of 4 queries to the points of some tiles, at least one.",
		"Strides are in bytes. steps is the number of "+step+" in a point, at least 1.")
	return &tiles{
		dst: a.load("dst"), dstStride: a.load("dstStride"),
		first: a.load("query"), stride: a.load("queryStride"),
		points: a.load("points"), steps: a.load("steps"), count: a.load("tiles"),
		query: a.registers(queries), at: a.reg(), left: a.reg(), groups: a.reg(), to: a.reg(),
		sums: a.vectors(queries * group), x: a.vectors(group), q: a.vectors(queries),
		d: a.vectors(group),
	}
}

// rewind sets the places of queries and points to the first step of a group.
func (t *tiles) rewind(a *asm) {
	a.ins("MOVD", "%v, %v", t.points, t.at)
	a.ins("MOVD", "%v, %v", t.steps, t.left)
	a.ins("MOVD", "%v, %v", t.first, t.query[0])
	for i := 1; i < queries; i++ {
		a.ins("ADD", "%v, %v, %v", t.stride, t.query[i-1], t.query[i])
	}
}

// loadPoints reads the points of a step, of which a tile has step bytes.
func (t *tiles) loadPoints(a *asm, step int) {
	a.ins("FLDPQ", "(%v), (%s, %s)", t.at, t.x[0].full(), t.x[1].full())
	a.ins("FLDPQ", "32(%v), (%s, %s)", t.at, t.x[2].full(), t.x[3].full())
	a.ins("ADD", "$%d, %v", step, t.at)
}

// differences adds the differences of all queries and points to the sums.
func (t *tiles) differences(uabd func(d, n, m vec), uadalp func(d, n vec)) {
	for i, q := range t.q {
		for j, x := range t.x {
			uabd(t.d[j], x, q)
		}
		for j, d := range t.d {
			uadalp(t.sums[i*group+j], d)
		}
	}
}

// next goes on to the next group and the next tile. A vector has n points.
func (t *tiles) next(a *asm, n int, groupLabel, tileLabel string) {
	const vector = 16 // bytes
	a.ins("ADD", "$%d, %v", vector*group, t.points)
	a.ins("ADD", "$%d, %v", 4*group*n, t.dst)
	a.ins("SUBS", "$1, %v", t.groups)
	a.ins("BNE", "%s", groupLabel)
	// The last group of a tile ended where the next tile would have its last group.
	a.ins("SUB", "$%d, %v, %v", vector*(tile/n-group), t.at, t.points)
	a.ins("SUBS", "$1, %v", t.count)
	a.ins("BNE", "%s", tileLabel)
	a.ret()
}

// byteTiles writes the kernel of bytes. A lane of 16 bits has the sum of pairs of differences; four
// lanes make up a point. After each block the sums go to memory before a lane overflows.
func byteTiles(a *asm) {
	const points = 2 // of a vector
	t := tilesHeader(a, "byteTilesNEON", "uint8", "8 bytes")
	n, added := a.reg(), a.reg()
	tileLabel, groupLabel, blockLabel := a.label("tile"), a.label("group"), a.label("block")
	stepLabel, store := a.label("step"), a.label("store")

	a.at(tileLabel)
	a.ins("MOVD", "$%d, %v", tile/(group*points), t.groups)
	a.at(groupLabel)
	t.rewind(a)
	a.ins("MOVD", "ZR, %v", added) // whether memory has sums of an earlier block
	a.at(blockLabel)
	a.ins("MOVD", "$%d, %v", block, n)
	a.ins("CMP", "%v, %v", n, t.left)
	a.ins("CSEL", "LT, %v, %v, %v", t.left, n, n)
	a.ins("SUB", "%v, %v", n, t.left)
	a.zero(t.sums...)
	a.at(stepLabel)
	t.loadPoints(a, byteStep)
	for i, q := range t.q {
		a.ins("VLD1R.P", "8(%v), [%s]", t.query[i], q.d2())
	}
	t.differences(a.uabdB, a.uadalpB)
	a.ins("SUBS", "$1, %v", n)
	a.ins("BNE", "%s", stepLabel)

	for _, s := range t.sums {
		a.uaddlpH(s, s)
	}
	// sums of a query: those of 4 vectors become 2 vectors of 4 points.
	pair := func(i, j int) vec { return t.sums[i*group+j] }
	for i := range queries {
		for j := range group / 2 {
			a.ins("VADDP", "%s, %s, %s", pair(i, 2*j+1).s4(), pair(i, 2*j).s4(), pair(i, j).s4())
		}
	}
	a.ins("MOVD", "%v, %v", t.dst, t.to)
	a.ins("CBZ", "%v, %s", added, store)
	for i := range queries {
		a.ins("FLDPQ", "(%v), (%s, %s)", t.to, t.x[0].full(), t.x[1].full())
		a.ins("ADD", "%v, %v", t.dstStride, t.to)
		for j := range group / 2 {
			a.ins("VADD", "%s, %s, %s", t.x[j].s4(), pair(i, j).s4(), pair(i, j).s4())
		}
	}
	a.ins("MOVD", "%v, %v", t.dst, t.to)
	a.at(store)
	for i := range queries {
		a.ins("FSTPQ", "(%s, %s), (%v)", pair(i, 0).full(), pair(i, 1).full(), t.to)
		a.ins("ADD", "%v, %v", t.dstStride, t.to)
	}
	a.ins("MOVD", "$1, %v", added)
	a.ins("CBNZ", "%v, %s", t.left, blockLabel)
	t.next(a, points, groupLabel, tileLabel)
}

// wordTiles writes the kernel of words. A lane of 32 bits has the sum of a point.
func wordTiles(a *asm) {
	const points = 4 // of a vector
	t := tilesHeader(a, "wordTilesNEON", "uint16", "2 words")
	tileLabel, groupLabel, stepLabel := a.label("tile"), a.label("group"), a.label("step")

	a.at(tileLabel)
	a.ins("MOVD", "$%d, %v", tile/(group*points), t.groups)
	a.at(groupLabel)
	t.rewind(a)
	a.zero(t.sums...)
	a.at(stepLabel)
	t.loadPoints(a, wordStep)
	for i, q := range t.q {
		a.ins("VLD1R.P", "4(%v), [%s]", t.query[i], q.s4())
	}
	t.differences(a.uabdH, a.uadalpH)
	a.ins("SUBS", "$1, %v", t.left)
	a.ins("BNE", "%s", stepLabel)

	a.ins("MOVD", "%v, %v", t.dst, t.to)
	for i := range queries {
		s := t.sums[i*group:]
		a.ins("FSTPQ", "(%s, %s), (%v)", s[0].full(), s[1].full(), t.to)
		a.ins("FSTPQ", "(%s, %s), 32(%v)", s[2].full(), s[3].full(), t.to)
		a.ins("ADD", "%v, %v", t.dstStride, t.to)
	}
	t.next(a, points, groupLabel, tileLabel)
}

// row writes the kernel of Σ|a-b|. Four sums hide the latency of the additions.
func row(a *asm) {
	a.function("rowNEON", "a, b *uint8, n int", "int64", 0,
		"rowNEON returns Σ|a-b| of n bytes. n is a multiple of 8.")
	x, y, n := a.load("a"), a.load("b"), a.load("n")
	k, most := a.reg(), a.reg()
	const width = 4
	total := a.vec()
	sums, u, v := a.vectors(width), a.vectors(width), a.vectors(width)
	a.zero(total)
	a.zero(sums...)
	blocks, four, rest := a.label("blocks"), a.label("four"), a.label("rest")
	eight, done := a.label("eight"), a.label("done")
	flush := func() {
		for _, s := range sums {
			a.uaddlpH(s, s)
			a.uadalpS(total, s)
		}
	}

	a.at(blocks)
	a.ins("LSR", "$6, %v, %v", n, k) // four vectors have 64 bytes
	a.ins("CBZ", "%v, %s", k, rest)
	a.ins("MOVD", "$%d, %v", block-8, most) // the rest adds at most 7 to a lane
	a.ins("CMP", "%v, %v", most, k)
	a.ins("CSEL", "GT, %v, %v, %v", most, k, k)
	a.ins("SUB", "%v<<6, %v", k, n)
	a.at(four)
	for i := 0; i < width; i += 2 {
		a.ins("FLDPQ.P", "32(%v), (%s, %s)", x, u[i].full(), u[i+1].full())
		a.ins("FLDPQ.P", "32(%v), (%s, %s)", y, v[i].full(), v[i+1].full())
	}
	for i := range sums {
		a.uabdB(u[i], u[i], v[i])
	}
	for i := range sums {
		a.uadalpB(sums[i], u[i])
	}
	a.ins("SUBS", "$1, %v", k)
	a.ins("BNE", "%s", four)
	a.ins("CMP", "$64, %v", n)
	a.ins("BLT", "%s", rest)
	flush()
	a.zero(sums...)
	a.ins("B", "%s", blocks)

	a.at(rest) // at most 56 bytes
	a.ins("CBZ", "%v, %s", n, done)
	a.at(eight)
	a.ins("FMOVD.P", "8(%v), %s", x, u[0].full())
	a.ins("FMOVD.P", "8(%v), %s", y, v[0].full())
	a.uabdB(u[0], u[0], v[0])
	a.uadalpB(sums[0], u[0])
	a.ins("SUBS", "$8, %v", n)
	a.ins("BNE", "%s", eight)
	a.at(done)
	flush()
	a.ins("VADDP", "%s, %s, %s", total.d2(), total.d2(), total.d2())
	a.ins("VMOV", "%v.D[0], %v", total, k)
	a.ins("MOVD", "%v, %v", k, a.param("ret"))
	a.ret()
}

// loadTile reads the 32 numbers of a tile.
func loadTile(a *asm, from reg, x []vec) {
	for i := 0; i < len(x); i += 2 {
		a.ins("FLDPQ.P", "32(%v), (%s, %s)", from, x[i].full(), x[i+1].full())
	}
}

// within writes a kernel that compares 32 numbers at a time and sets the bits of one tile.
func within(a *asm) {
	a.function("withinNEON", "bits, distance *uint32, tiles int, limit uint32", "", 0,
		"withinNEON sets bit i of bits to distance[i] <= limit for the points of some tiles,",
		"at least one.")
	bits, d, n := a.load("bits"), a.load("distance"), a.load("tiles")
	r := a.reg()
	limit, weight := a.broadcast("limit"), a.vec()
	a.ins("MOVD", "$0x8040201008040201, %v", r) // a bit for each of 8 bytes
	a.ins("VDUP", "%v, %s", r, weight.d2())
	x := a.vectors(8)
	loop := a.label("tile")
	a.at(loop)
	loadTile(a, d, x)
	for _, v := range x {
		a.cmhs(v, limit, v)
	}
	// The lower half of each lane, twice, leaves a byte of ones or zeros of each.
	for i := 0; i < 8; i += 2 {
		a.ins("VUZP1", "%s, %s, %s", x[i+1].h8(), x[i].h8(), x[i].h8())
	}
	for i := 0; i < 8; i += 4 {
		a.ins("VUZP1", "%s, %s, %s", x[i+2].b16(), x[i].b16(), x[i].b16())
		a.and(x[i], x[i], weight)
	}
	a.ins("VADDP", "%s, %s, %s", x[4].b16(), x[0].b16(), x[0].b16())
	a.ins("VADDP", "%s, %s, %s", x[0].b16(), x[0].b16(), x[0].b16())
	a.ins("VADDP", "%s, %s, %s", x[0].b16(), x[0].b16(), x[0].b16())
	a.ins("FMOVS.P", "%s, 4(%v)", x[0].full(), bits)
	a.ins("SUBS", "$1, %v", n)
	a.ins("BNE", "%s", loop)
	a.ret()
}

// smallest writes a kernel with four minima, which hide the latency of the comparisons.
func smallest(a *asm) {
	a.function("smallestNEON", "distance *uint32, tiles int", "uint32", 0,
		"smallestNEON returns the smallest distance to the points of some tiles,",
		"at least one.")
	d, n, r := a.load("distance"), a.load("tiles"), a.reg()
	least, x := a.vectors(4), a.vectors(8)
	for _, v := range least {
		a.ins("VMOVI", "$255, %s", v.b16())
	}
	smaller := func(d, n vec) { a.ins("VUMIN", "%s, %s, %s", n.s4(), d.s4(), d.s4()) }
	loop := a.label("tile")
	a.at(loop)
	loadTile(a, d, x)
	for i, v := range x {
		smaller(least[i%4], v)
	}
	a.ins("SUBS", "$1, %v", n)
	a.ins("BNE", "%s", loop)
	smaller(least[0], least[1])
	smaller(least[2], least[3])
	smaller(least[0], least[2])
	for _, bytes := range []int{8, 4} {
		v := least[0]
		a.ins("VEXT", "$%d, %s, %s, %s", bytes, v.b16(), v.b16(), least[1].b16())
		smaller(v, least[1])
	}
	a.ins("VMOV", "%v.S[0], %v", least[0], r)
	a.ins("MOVW", "%v, %v", r, a.param("ret"))
	a.ret()
}
