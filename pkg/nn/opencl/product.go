package opencl

import (
	"math"

	"imagesimilarity/pkg/nn"
)

// A tile is how a product of matrices is cut: a group of work-items computes rows x columns of it,
// and each of them a part of high x wide.
type tile struct{ rows, columns, high, wide int }

// step is how many rows and columns of the operands a group has in local memory at a time.
const step = 16

// tiles are those from which one is taken. Large ones read less for a product, small ones keep
// more units busy.
var tiles = []tile{
	{128, 4, 4, 4},
	{128, 16, 4, 4}, {64, 16, 4, 4}, {32, 16, 4, 4},
	{128, 32, 8, 4}, {64, 32, 8, 4}, {64, 32, 4, 4}, {32, 32, 4, 4},
	{128, 64, 8, 8}, {96, 64, 12, 4}, {64, 64, 8, 8}, {64, 64, 8, 4}, {32, 64, 4, 4},
	{64, 128, 8, 8}, {32, 128, 4, 8},
}

func (t tile) threads() int { return t.rows / t.high * (t.columns / t.wide) }

// groups returns the groups that a product of that size has.
func (t tile) groups(rows, columns int) (int, int) {
	return ceilDiv(rows, t.rows), ceilDiv(columns, t.columns)
}

// fits reports whether the work-items of a group can share the left matrix: whether LANESA of
// product.cl, the number of them that move values side by side, divides them. along tells whether
// values lie side by side along the inner axis or along the rows, and wide whether four of them are
// moved at once.
func (t tile) fits(along, wide bool) bool {
	neighbours := t.rows
	if along {
		neighbours = step
	}
	return t.threads()%(neighbours/width(wide)) == 0
}

// cost returns the cost of a product with a tile, in slices along the inner axis: about the cycles
// that the busiest unit of a device takes. In a cycle a unit executes an instruction of four times
// 32 work-items. The numbers of instructions are those that make bench-kernels shows for NVIDIA;
// how long a unit waits, and the bytes that it moves in a cycle, are estimates.
func (d *device) cost(p matmul, t tile, slices int) int {
	const move, others, wait, bytes = 12, 45, 150, 16
	units := max(d.Units, 1)
	moves := ceilDiv(t.rows*step/width(p.wideA), t.threads()) +
		ceilDiv(t.columns*step/width(p.wideB), t.threads())
	instructions := step*(t.high*t.wide+(t.high+t.wide)/4) + move*moves + others
	high, across := t.groups(p.rows, p.columns)
	groups := ceilDiv(high*across*slices, units)
	cost := ceilDiv(ceilDiv(p.inner, slices), step) *
		(ceilDiv(groups*t.threads(), 4*32)*instructions + wait)
	if slices > 1 { // they are written and read again
		cost += 2 * 4 * slices * p.rows * p.columns / (bytes * units)
	}
	return cost
}

// How a group computes a single value: see dot.cl.
const (
	dotThreads = 256
	dotAhead   = 4
)

// dotCost returns the cost, as cost does, of a product that has a group for each value.
func (d *device) dotCost(p matmul) int {
	const loop, others, wait = 75, 150, 600
	groups := ceilDiv(p.rows*p.columns, max(d.Units, 1))
	turns := ceilDiv(p.inner, dotThreads*dotAhead)
	return groups*(dotThreads/(4*32))*(loop*turns+others) + wait*turns
}

// cut returns the cheapest tile for a product, and in how many slices along the inner axis, up to
// most, it is computed (split-K).
func (d *device) cut(p matmul, most int) (best tile, slices int) {
	least := math.MaxInt
	for _, t := range tiles {
		for n := 1; n <= most && t.fits(p.alongA, p.wideA); n++ {
			if cost := d.cost(p, t, n); cost < least {
				least, best, slices = cost, t, n
			}
		}
	}
	return best, slices
}

// cutSums is cut for results that are many sums of few values each: slices have some length, and
// fit into a limited memory.
func (d *device) cutSums(p matmul) (tile, int) {
	const shortest, most = 8 * step, 1 << 24
	return d.cut(p, max(min(ceilDiv(p.inner, shortest), most/(p.rows*p.columns)), 1))
}

// A matmul is a product of matrices of a kernel's text: what product.cl wants to know.
type matmul struct {
	files                string // with the functions that the places call; product or dot follows
	rows, columns, inner int    // for a whole batch
	ofRows, ofInner      string // the same for n samples
	a, b, out            string // the places of (row,k), (k,column) and (row,column)
	ones                 string // a row of the left matrix that is 1 everywhere, or ""
	result               string // of a sum, value, in a column
	alongA, alongB       bool
	wideA, wideB, wideC  bool // whether four neighbours lie side by side, from a multiple of four on

	// A product in slices has a tile, and its result has a part of each sum for each slice. If
	// slices is 0, the product is in one piece, and multiply takes the cheapest tile.
	tile
	slices int
}

// A view is the values of a memory from a place on.
type view struct {
	*memory
	at int
}

// multiply adds the launch of a product. bias is the place in b of the biases that result adds.
func (s *network) multiply(p matmul, d defines, a *memory, b view, bias int, out view) {
	dot := false
	if p.slices == 0 {
		p.tile, p.slices = s.cut(p, 1)
		dot = s.dotCost(p) < s.cost(p, p.tile, 1)
	}
	nowhere := "0"
	if p.ones != "" {
		nowhere = "((row) == " + p.ones + " ? 1 : 0)"
	}
	d = append(d[:len(d):len(d)],
		"ROWS", p.ofRows, "COLUMNS", p.columns, "INNER", p.ofInner, "PLACEA(row,k)", p.a,
		"ELSEA(row)", nowhere,
		"PLACEB(k,column)", p.b, "PLACE(row,column)", p.out, "RESULT(value,column)", p.result)
	if dot {
		s.add(p.files+" dot", append(d, "THREADS", dotThreads, "AHEAD", dotAhead),
			[3]int{p.rows * p.columns, 1, 1}, [3]int{dotThreads, 1, 1},
			s.head, a, b.memory, b.at, bias, out.memory, out.at)
		return
	}
	high, wide := p.groups(p.rows, p.columns)
	d = append(d, "BM", p.tile.rows, "BN", p.tile.columns, "TM", p.high, "TN", p.wide, "BK", step,
		"SLICE", ceilDiv(ceilDiv(p.inner, p.slices), step)*step,
		"ALONG_A", p.alongA, "ALONG_B", p.alongB,
		"WIDEA", width(p.wideA), "WIDEB", width(p.wideB), "WIDE", width(p.wideC))
	s.add(p.files+" product", d, [3]int{high, wide, p.slices}, [3]int{p.threads(), 1, 1},
		s.head, a, b.memory, b.at, bias, out.memory, out.at)
}

// width returns how many values are moved at once.
func width(four bool) int {
	if four {
		return 4
	}
	return 1
}

// fours reports whether all numbers are multiples of four.
func fours(list ...int) bool {
	for _, n := range list {
		if n%4 != 0 {
			return false
		}
	}
	return true
}

// A geometry is a convolution. Its image x of h x w pixels with c channels may be enlarged first;
// its image y has a pixel for each window. x and y have the distances of images, rows, columns and
// channels.
type geometry struct {
	h, w, c, oh, ow, f       int
	up, size, stride, spread [2]int
	before                   [2]int
	x, y                     [4]int
}

// geometryOf returns the geometry of windows on an image with f filters. first says that the
// channels come first.
func geometryOf(spans [2]nn.Span, up [2]int, c, f int, first bool) geometry {
	rows, cols := spans[0], spans[1]
	g := geometry{
		h: rows.In / up[0], w: cols.In / up[1], c: c, oh: rows.Out, ow: cols.Out, f: f, up: up,
	}
	for i, s := range spans {
		g.size[i], g.stride[i], g.spread[i], g.before[i] = s.Size, s.Stride, s.Dilation, s.Before
	}
	g.x, g.y = distances(g.h, g.w, c, first), distances(g.oh, g.ow, f, first)
	return g
}

func distances(h, w, c int, first bool) [4]int {
	if first {
		return [4]int{h * w * c, w, 1, h * w}
	}
	return [4]int{h * w * c, w * c, c, 1}
}

func (g geometry) defines() defines {
	return defines{
		"H", g.h, "W", g.w, "C", g.c, "OH", g.oh, "OW", g.ow, "F", g.f,
		"UPH", g.up[0], "UPW", g.up[1], "KH", g.size[0], "KW", g.size[1],
		"SH", g.stride[0], "SW", g.stride[1], "DH", g.spread[0], "DW", g.spread[1],
		"PH", g.before[0], "PW", g.before[1],
		"XN", g.x[0], "XR", g.x[1], "XQ", g.x[2], "XC", g.x[3],
		"YN", g.y[0], "YR", g.y[1], "YQ", g.y[2], "YC", g.y[3],
	}
}

// place returns where the value of a filter (column) at a pixel of y (row) lies.
func (g geometry) place() string {
	if g.y[3] == 1 {
		return "(row) * F + (column)"
	}
	return "(row) / (OH * OW) * YN + (row) % (OH * OW) / OW * YR + (row) % OW * YQ + (column) * YC"
}

// window returns the number of values in a window.
func (g geometry) window() int { return g.size[0] * g.size[1] * g.c }

// none is the place of a weight that a layer does not have.
const none = -1

// biased returns what becomes of the sum value of a filter or unit: its bias is added, and the
// activation applied.
func biased(bias int) string {
	if bias == none {
		return "ACT(value)"
	}
	return "ACT(value + b[bias + (column)])"
}

// convolve adds a convolution of x with filters that begin at a place of the weights, and an
// activation, an expression of v. groups part channels and filters; then g.c are the channels of a
// group.
func (n *network) convolve(g geometry, groups int, x *memory, at, bias int, act string) *memory {
	y := n.take(n.batch * g.oh * g.ow * g.f)
	d := append(g.defines(), "GROUPS", groups, "ACT(v)", act)
	const few = 8 // filters; with fewer most of a tile would be empty
	if groups > 1 || g.f < few {
		wide := g.x[3] == 1 && fours(g.c)
		const most = 8 // parts
		parts := 1
		for parts < most && 2*parts*width(wide) <= g.c {
			parts *= 2
		}
		n.each("direct", append(d, "PLACE(row,column)", g.place(),
			"RESULT(value,column)", biased(bias), "WIDE", width(wide), "PARTS", parts),
			n.batch*g.oh*g.ow*g.f*parts, n.head, x, n.weights.memory, at, bias, y)
		return y
	}
	n.multiply(matmul{
		files: "windows", rows: n.batch * g.oh * g.ow, columns: g.f, inner: g.window(),
		ofRows: "n * (OH * OW)", ofInner: "(KH * KW * C)",
		a: "window(row, k)", b: "(k) * F + (column)", out: g.place(), result: biased(bias),
		alongA: g.x[3] == 1,
		wideA:  g.x[3] == 1 && fours(g.c), wideB: fours(at, g.f), wideC: g.y[3] == 1 && fours(g.f),
	}, d, x, view{n.weights.memory, at}, bias, view{y, 0})
	return y
}

// transpose adds the way back through a convolution: dx from dy, or the output of a transposed
// convolution from its input. The image that comes out has the geometry's x. bias and act are as
// for convolve.
func (n *network) transpose(g geometry, dy *memory, at, bias int, act string) *memory {
	dx := n.take(n.batch * g.h * g.w * g.c)
	place := "(row) * C + (column)"
	if g.x[3] != 1 {
		place = "(row) / (H * W) * XN + (row) % (H * W) / W * XR + (row) % W * XQ + (column) * XC"
	}
	n.multiply(matmul{
		files: "spread", rows: n.batch * g.h * g.w, columns: g.c,
		inner:  g.up[0] * g.up[1] * g.size[0] * g.size[1] * g.f,
		ofRows: "n * (H * W)", ofInner: "(UPH * UPW * KH * KW * F)",
		a:   "spread(row, k)",
		b:   "((k) / F % (KH * KW) * C + (column)) * F + (k) % F",
		out: place, result: biased(bias),
		alongA: g.y[3] == 1, alongB: true,
		wideA: g.y[3] == 1 && fours(g.f), wideB: fours(at, g.f), wideC: g.x[3] == 1 && fours(g.c),
	}, append(g.defines(), "ACT(v)", act), dy, view{n.weights.memory, at}, bias, view{dx, 0})
	return dx
}

// filterGradient adds the gradients of filters and, after them, of the biases: their input is 1.
func (n *network) filterGradient(g geometry, x, dy *memory, at int) {
	p := matmul{
		files: "windows", rows: g.window() + 1, columns: g.f, inner: n.batch * g.oh * g.ow,
		ofRows: "(KH * KW * C + 1)", ofInner: "n * (OH * OW)",
		a: "((row) == KH * KW * C ? NOWHERE : window(k, row))", ones: "KH * KW * C",
		b:      "(k) * F + (column)",
		out:    "(slice * (KH * KW * C + 1) + (row)) * F + (column)",
		result: "value",
		wideA:  g.x[3] == 1 && fours(g.c), wideB: fours(g.f), wideC: fours(g.f),
	}
	p.tile, p.slices = n.cutSums(p)
	from := n.gradient(at, p.rows*p.columns, p.slices)
	n.multiply(p, g.defines(), x, view{dy, 0}, none, view{n.gradients, from})
}

// dense adds a matrix product with weights (in,units) for each of the rows of a sample.
func (n *network) dense(rows, in, units int, x *memory, at, bias int, act string) *memory {
	y := n.take(n.batch * rows * units)
	n.multiply(matmul{
		rows: n.batch * rows, columns: units, inner: in, ofRows: "n * PARTS", ofInner: "IN",
		a: "(row) * IN + (k)", b: "(k) * UNITS + (column)",
		out: "(row) * UNITS + (column)", result: biased(bias),
		alongA: true,
		wideA:  fours(in), wideB: fours(at, units), wideC: fours(units),
	}, defines{"PARTS", rows, "IN", in, "UNITS", units, "ACT(v)", act},
		x, view{n.weights.memory, at}, bias, view{y, 0})
	return y
}

// denseBack adds the way of a gradient back through a dense layer.
func (n *network) denseBack(in, units int, dy *memory, at int) *memory {
	dx := n.take(n.batch * in)
	n.multiply(matmul{
		rows: n.batch, columns: in, inner: units, ofRows: "n", ofInner: "UNITS",
		a: "(row) * UNITS + (k)", b: "(column) * UNITS + (k)",
		out: "(row) * IN + (column)", result: "value", alongA: true, alongB: true,
		wideA: fours(units), wideB: fours(at, units), wideC: fours(in),
	}, defines{"IN", in, "UNITS", units}, dy, view{n.weights.memory, at}, none, view{dx, 0})
	return dx
}

// denseGradient adds the gradients of a dense layer's weights and, after them, of its biases.
func (n *network) denseGradient(in, units int, x, dy *memory, at int) {
	p := matmul{
		rows: in + 1, columns: units, inner: n.batch, ofRows: "(IN + 1)", ofInner: "n",
		a: "((row) == IN ? NOWHERE : (k) * IN + (row))", ones: "IN", b: "(k) * UNITS + (column)",
		out: "(slice * (IN + 1) + (row)) * UNITS + (column)", result: "value",
		wideA: fours(in), wideB: fours(units), wideC: fours(units),
	}
	p.tile, p.slices = n.cutSums(p)
	from := n.gradient(at, p.rows*p.columns, p.slices)
	n.multiply(p, defines{"IN", in, "UNITS", units}, x, view{dy, 0}, none, view{n.gradients, from})
}
