package opencl

import "imagesimilarity/pkg/nn"

// A tile is how a product of matrices is cut: a group of work-items computes rows x columns of it,
// and each of them a part of high x wide.
type tile struct{ rows, columns, high, wide int }

// step is how many rows and columns of the operands a group has in local memory at a time.
const step = 16

// enough is the number of groups with which a large device is busy: some for each of its units.
const enough = 264

// tiles are the shapes by their columns. Larger ones read less for a product, smaller ones give
// more groups.
var tiles = []tile{
	{128, 16, 4, 4}, {64, 16, 4, 4}, {32, 16, 4, 4},
	{128, 32, 8, 4}, {64, 32, 4, 4}, {32, 32, 4, 4},
	{128, 64, 8, 8}, {64, 64, 8, 4}, {32, 64, 4, 4},
	{128, 128, 8, 8}, {64, 128, 8, 8}, {32, 128, 4, 8},
}

// groups returns the groups that a product of that size has.
func (t tile) groups(rows, columns int) (int, int) {
	return ceilDiv(rows, t.rows), ceilDiv(columns, t.columns)
}

// tileFor returns the largest tile that keeps a device busy.
func tileFor(rows, columns int) (best tile) {
	for _, t := range tiles {
		if t.columns < min(columns, 128) {
			continue
		}
		if best.columns != 0 && t.columns != best.columns {
			break
		}
		best = t
		if a, b := t.groups(rows, columns); a*b >= enough {
			break
		}
	}
	return best
}

// A matmul is a product of matrices of a kernel's text: what product.cl wants to know.
type matmul struct {
	files                string // with the functions that the loads call; product or dot follows
	rows, columns, inner int    // for a whole batch
	ofRows, ofInner      string // the same for n samples
	loadA, loadB, store  string
	alongA, alongB       bool
	slices               int // 0 for none: as many as are good, up to the ones given by most
}

// multiply adds the launch of a product.
func (s *network) multiply(p matmul, d defines, a, b, out *memory) {
	t := tileFor(p.rows, p.columns)
	high, wide := t.groups(p.rows, p.columns)
	slices := max(p.slices, 1)
	d = append(d[:len(d):len(d)],
		"ROWS", p.ofRows, "COLUMNS", p.columns, "INNER", p.ofInner,
		"LOADA(row,k)", p.loadA, "LOADB(k,column)", p.loadB, "STORE(row,column,value)", p.store)
	const few, long = 64, 256
	if p.slices == 0 && high*wide < few && p.inner >= long {
		const threads = 64
		s.add(p.files+" dot", append(d, "THREADS", threads),
			[3]int{p.rows * p.columns, 1, 1}, [3]int{threads, 1, 1}, s.head, a, b, out)
		return
	}
	d = append(d, "BM", t.rows, "BN", t.columns, "TM", t.high, "TN", t.wide, "BK", step,
		"SLICE", ceilDiv(ceilDiv(p.inner, slices), step)*step,
		"ALONG_A", p.alongA, "ALONG_B", p.alongB)
	s.add(p.files+" product", d, [3]int{high, wide, slices},
		[3]int{t.rows / t.high * (t.columns / t.wide), 1, 1}, s.head, a, b, out)
}

// slicesFor returns in how many slices a product is computed whose results are many sums of few
// values each: enough to keep a device busy, each of some length, and no more than fit into a
// limited memory.
func slicesFor(rows, columns, inner int) int {
	const busy, shortest, most = 2 * enough, 8 * step, 1 << 24
	high, wide := tileFor(rows, columns).groups(rows, columns)
	n := min(ceilDiv(busy, high*wide), ceilDiv(inner, shortest), most/(rows*columns))
	return max(n, 1)
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
		return "out[(row) * F + (column)]"
	}
	return "out[(row) / (OH * OW) * YN + (row) % (OH * OW) / OW * YR + (row) % OW * YQ + " +
		"(column) * YC]"
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
	return "ACT(value + b[BIAS + (column)])"
}

// convolve adds a convolution of x with filters that begin at a place of the weights, and an
// activation, an expression of v. groups part channels and filters; then g.c are the channels of a
// group.
func (n *network) convolve(g geometry, groups int, x *memory, at, bias int, act string) *memory {
	y := n.take(n.batch * g.oh * g.ow * g.f)
	d := append(g.defines(), "AT", at, "BIAS", bias, "GROUPS", groups, "ACT(v)", act)
	store := g.place() + " = " + biased(bias)
	const few = 8 // filters; with fewer most of a tile would be empty
	if groups > 1 || g.f < few {
		d = append(d, "STORE(row,column,value)", store)
		n.each("direct", d, n.batch*g.oh*g.ow*g.f, n.head, x, n.weights.memory, y)
		return y
	}
	n.multiply(matmul{
		files: "windows", rows: n.batch * g.oh * g.ow, columns: g.f, inner: g.window(),
		ofRows: "n * (OH * OW)", ofInner: "(KH * KW * C)",
		loadA: "NAME(window)(a, row, k)", loadB: "b[AT + (k) * F + (column)]", store: store,
		alongA: g.x[3] == 1, alongB: false,
	}, d, x, n.weights.memory, y)
	return y
}

// transpose adds the way back through a convolution: dx from dy, or the output of a transposed
// convolution from its input. The image that comes out has the geometry's x. bias and act are as
// for convolve.
func (n *network) transpose(g geometry, dy *memory, at, bias int, act string) *memory {
	dx := n.take(n.batch * g.h * g.w * g.c)
	store := "out[(row) * C + (column)] = "
	if g.x[3] != 1 {
		store = "out[(row) / (H * W) * XN + (row) % (H * W) / W * XR + (row) % W * XQ + " +
			"(column) * XC] = "
	}
	n.multiply(matmul{
		files: "spread", rows: n.batch * g.h * g.w, columns: g.c,
		inner:  g.up[0] * g.up[1] * g.size[0] * g.size[1] * g.f,
		ofRows: "n * (H * W)", ofInner: "(UPH * UPW * KH * KW * F)",
		loadA:  "NAME(spread)(a, row, k)",
		loadB:  "b[AT + ((k) / F % (KH * KW) * C + (column)) * F + (k) % F]",
		store:  store + biased(bias),
		alongA: g.y[3] == 1, alongB: true,
	}, append(g.defines(), "AT", at, "BIAS", bias, "ACT(v)", act), dy, n.weights.memory, dx)
	return dx
}

// filterGradient adds the gradients of filters and, after them, of the biases: their input is 1.
func (n *network) filterGradient(g geometry, x, dy *memory, at int) {
	rows, inner := g.window()+1, n.batch*g.oh*g.ow
	slices := slicesFor(rows, g.f, inner)
	from := n.gradient(at, rows*g.f, slices)
	n.multiply(matmul{
		files: "windows", rows: rows, columns: g.f, inner: inner, slices: slices,
		ofRows: "(KH * KW * C + 1)", ofInner: "n * (OH * OW)",
		loadA: "((row) == KH * KW * C ? 1 : NAME(window)(a, k, row))", loadB: "b[(k) * F + (column)]",
		store: "out[TO + (slice * (KH * KW * C + 1) + (row)) * F + (column)] = value",
	}, append(g.defines(), "TO", from), x, dy, n.gradients)
}

// dense adds a matrix product with weights (in,units) for each of the rows of a sample.
func (n *network) dense(rows, in, units int, x *memory, at, bias int, act string) *memory {
	y := n.take(n.batch * rows * units)
	n.multiply(matmul{
		rows: n.batch * rows, columns: units, inner: in, ofRows: "n * PARTS", ofInner: "IN",
		loadA: "a[(row) * IN + (k)]", loadB: "b[AT + (k) * UNITS + (column)]",
		store:  "out[(row) * UNITS + (column)] = " + biased(bias),
		alongA: true,
	}, defines{
		"PARTS", rows, "IN", in, "UNITS", units, "AT", at, "BIAS", bias, "ACT(v)", act,
	}, x, n.weights.memory, y)
	return y
}

// denseBack adds the way of a gradient back through a dense layer.
func (n *network) denseBack(in, units int, dy *memory, at int) *memory {
	dx := n.take(n.batch * in)
	n.multiply(matmul{
		rows: n.batch, columns: in, inner: units, ofRows: "n", ofInner: "UNITS",
		loadA: "a[(row) * UNITS + (k)]", loadB: "b[AT + (column) * UNITS + (k)]",
		store: "out[(row) * IN + (column)] = value", alongA: true, alongB: true,
	}, defines{"IN", in, "UNITS", units, "AT", at}, dy, n.weights.memory, dx)
	return dx
}

// denseGradient adds the gradients of a dense layer's weights and, after them, of its biases.
func (n *network) denseGradient(in, units int, x, dy *memory, at int) {
	slices := slicesFor(in+1, units, n.batch)
	from := n.gradient(at, (in+1)*units, slices)
	n.multiply(matmul{
		rows: in + 1, columns: units, inner: n.batch, slices: slices,
		ofRows: "(IN + 1)", ofInner: "n",
		loadA: "((row) == IN ? 1 : a[(k) * IN + (row)])", loadB: "b[(k) * UNITS + (column)]",
		store: "out[TO + (slice * (IN + 1) + (row)) * UNITS + (column)] = value",
	}, defines{"IN", in, "UNITS", units, "TO", from}, x, dy, n.gradients)
}
