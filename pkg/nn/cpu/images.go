package cpu

import (
	"math"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// A filter is a convolution of any class, with its weights, on images.
type filter interface {
	// imagesPerCall returns the most images that apply takes.
	imagesPerCall() int
	// scratch returns the number of values that apply needs besides.
	scratch() int
	// apply computes the outputs y of images x.
	apply(k *kernel.Set, y, x, scratch []float32, images int)
}

// repeatable reports whether a Conv2D can be computed together with an UpSampling2D before it,
// which repeats pixels: with padding "same" and without strides, dilation and groups.
func repeatable(l *nn.Layer) bool {
	one := [2]int{1, 1}
	const elements = 1 << 10 // a larger filter takes too much memory
	return l.Class == nn.Conv2D && l.Strides == one && l.Dilation == one && l.Groups == 1 &&
		(l.Padding == nn.Same || l.Kernel == one) && l.Kernel[0]*l.Kernel[1] <= elements
}

// convolution adds a convolution with its activation and, if they alone follow, BatchNormalization
// and MaxPooling2D. An image goes through all of them while it is in the cache. up, an UpSampling2D
// before the convolution, may be nil.
func (b *builder) convolution(up, l *nn.Layer, x value) {
	x = b.image(x, l.ChannelsFirst)
	out := imageShape(l, l.Output)
	f := b.filter(up, l, x.shape, out)
	size, from := product(out), product(x.shape)

	last := l
	act := elementwise(l)
	if l.PlainReLU() && fusesReLU(f) {
		act = nil
	}
	var normal *kernel.Normalisation
	pooling := kernel.Pooling{Line: out[1] * out[2], Window: [2]int{1, 1}, C: out[2]}
	pooled := out
	if !alongChannels(l) {
		if norm := b.OnlyUser(l, nn.BatchNormalization); norm != nil && onChannels(norm, l) {
			mean, scale, beta := normalisation(norm)
			normal, last = repeated(kernel.Period(out[2]), mean, scale, beta), norm
		}
		pool := b.OnlyUser(last, nn.MaxPooling2D)
		if pool != nil && tiles(pool) && pool.ChannelsFirst == l.ChannelsFirst {
			pooling.Window, pooled, last = pool.Size, imageShape(pool, pool.Output), pool
			if normal == nil {
				wide := kernel.Period(out[2])
				normal = repeated(wide, []float32{0}, []float32{1}, []float32{0})
			}
		}
	}
	images, pooledSize := f.imagesPerCall(), product(pooled)
	scratch := f.scratch()
	if normal != nil {
		scratch += images*size + pooled[1]*pooled[2]
	}
	v := b.add(step{scratch: scratch, run: func(k *kernel.Set, in [][]float32,
		out, scratch []float32, n int) {
		for first := 0; first < n; first += images {
			scratch, count := scratch, min(images, n-first)
			y := out[first*pooledSize : (first+count)*pooledSize]
			if normal != nil {
				y = cut(&scratch, images*size)[:count*size]
			}
			f.apply(k, y, in[0][first*from:(first+count)*from], scratch, count)
			if act != nil {
				act(k, y, y)
			}
			switch {
			case normal == nil:
			case pooling.Window == [2]int{1, 1}:
				k.Normalise(out[first*size:(first+count)*size], y, normal)
			default:
				for i := range count {
					o := out[(first+i)*pooledSize : (first+i+1)*pooledSize]
					poolTiles(k, o, y[i*size:(i+1)*size], scratch, normal, pooling)
				}
			}
		}
	}}, pooled, x)
	v.moved = l.ChannelsFirst
	b.values[l] = v
	if alongChannels(l) {
		b.values[l] = b.activate(l, v)
	}
	b.values[last] = b.values[l]
	for u := l; u != last; {
		u = b.Users[u][0]
		b.values[u] = v
	}
}

// filter returns the filter of a convolution, which turns images of one shape into images of
// another.
func (b *builder) filter(up, l *nn.Layer, in, out []int) filter {
	bias, relu := weightOr(l, "bias", 0, out[2]), l.PlainReLU()
	size := [2]int{1, 1}
	if up != nil {
		size = up.Size
	}
	if repeatable(l) {
		return newRepeating(b.kernels, in, size, l, bias)
	}
	spans := l.Spans(b.Inputs[l][0].Output)
	switch l.Class {
	case nn.Conv2DTranspose:
		return newTransposed(b.kernels, in, l.Spans(l.Output), out[2],
			weight(l, "kernel"), bias, relu)
	case nn.DepthwiseConv2D:
		return newDepthwise(in, spans, l.Multiplier, weight(l, "depthwise_kernel"), bias)
	case nn.SeparableConv2D:
		return newSeparable(in, spans, l.Multiplier, out[2], weight(l, "depthwise_kernel"),
			weight(l, "pointwise_kernel"), bias, relu)
	}
	if l.Groups == in[2] && l.Groups > 1 {
		return newDepthwise(in, spans, out[2]/in[2], weight(l, "kernel"), bias)
	}
	return newSliding(b.kernels, in, spans, l.Groups, out[2], weight(l, "kernel"), bias, relu)
}

// fusesReLU reports whether a filter computes the ReLU of its layer.
func fusesReLU(f filter) bool {
	_, apart := f.(*depthwise)
	return !apart
}

// imageShape returns the shape (H,W,C) of an image that has the given shape in a layer.
func imageShape(l *nn.Layer, shape []int) []int {
	if l.ChannelsFirst {
		return []int{shape[1], shape[2], shape[0]}
	}
	return shape
}

// onChannels reports whether a BatchNormalization normalises the channels of the images of l.
func onChannels(norm, l *nn.Layer) bool {
	if l.ChannelsFirst {
		return norm.Axes[0] == 1
	}
	return norm.Axes[0] == 3
}

// tiles reports whether the windows of a pooling lie side by side in the image.
func tiles(pool *nn.Layer) bool {
	return pool.Strides == pool.Size && pool.Padding == nn.Valid
}

// poolTiles normalises an image y and takes the greatest value of each window.
func poolTiles(k *kernel.Set, out, y, scratch []float32,
	p *kernel.Normalisation, g kernel.Pooling) {
	windows := g.Line / g.C / g.Window[1]
	line := windows * g.C
	for r := range len(out) / line {
		k.PoolRow(out[r*line:(r+1)*line], scratch[:line], y[r*g.Window[0]*g.Line:], p, g)
	}
}

// repeating is a convolution that the training knows, too.
type repeating struct {
	*convolution
	filters, biases []float32
	relu            bool
}

func newRepeating(k *kernel.Set, in []int, up [2]int, l *nn.Layer, bias []float32) filter {
	like := &nn.Layer{Kernel: l.Kernel, Output: []int{0, 0, len(bias)}}
	if l.PlainReLU() {
		like.Activation = nn.ReLU
	}
	v := newConvolution(in, up, like)
	filters := v.arrangeAll(k, weight(l, "kernel"))
	return repeating{v, filters, bias, l.PlainReLU()}
}

// arrangeAll returns a new kernel as apply takes it.
func (v *convolution) arrangeAll(k *kernel.Set, weight []float32) []float32 {
	dst := make([]float32, v.arrangedSize())
	for task := range v.arrangeTasks() {
		v.arrange(k, dst, weight, task)
	}
	return v.arranged(dst, weight)
}

func (v repeating) apply(k *kernel.Set, y, x, scratch []float32, images int) {
	v.convolution.apply(k, y, x, v.filters, v.biases, scratch, v.relu, images)
}

// framed returns the frame in which windows lie on images of shape in.
func framed(in []int, spans [2]nn.Span) frame {
	f := frame{h: in[0], w: in[1], c: in[2], top: spans[0].Before, left: spans[1].Before}
	f.lines = max(f.top+f.h, spans[0].Reach())
	f.line = max(f.left+f.w, spans[1].Reach())
	return f
}

// bare reports whether there are no zeros around the image.
func (f frame) bare() bool { return f.lines == f.h && f.line == f.w }

// within returns the image x in its frame, which may be written to scratch.
func (f frame) within(x, scratch []float32) []float32 {
	if f.bare() {
		return x
	}
	f.fill(scratch, x)
	return scratch
}

// A sliding is a convolution with any strides, dilation, padding and groups.
type sliding struct {
	x        frame
	products []*kernel.Product // by group
	size     int               // of the output
	filters  []float32
	bias     []float32

	fast  *winograd // nil for none
	floor float32
}

func newSliding(k *kernel.Set, in []int, spans [2]nn.Span, groups, f int,
	filters, bias []float32, relu bool) filter {
	rows, cols := spans[0], spans[1]
	v := &sliding{
		x: framed(in, spans), size: rows.Out * cols.Out * f, filters: filters, bias: bias,
		floor: kernel.NoFloor,
	}
	if relu {
		v.floor = 0
	}
	c := in[2]
	if groups == 1 && f > 1 && simple(rows) && simple(cols) && rows.Size == 3 && cols.Size == 3 {
		v.fast = newWinograd(rows.Out, cols.Out, c, f)
	}
	if v.fast != nil {
		v.x.lines, v.x.line = v.fast.lines(), v.fast.line()
		v.filters = make([]float32, v.fast.arrangedSize())
		for channel := range c {
			v.fast.transform(k, v.filters, filters, channel)
		}
		return v
	}
	if f/groups < fewFilters && rows.Stride == 1 && cols.Stride == 1 && groups == 1 &&
		c >= 2*fewFilters {
		return newScattering(in, spans, false, f, filters, bias, relu)
	}
	c, f = c/groups, f/groups
	across := v.x.c // from pixel to pixel
	for g := range groups {
		p := kernel.Matmul{
			Lines: rows.Out, M: cols.Out, N: f,
			Outer: rows.Size, Middle: cols.Size, Inner: c,
			A: kernel.Left{
				At: g * c, Line: rows.Stride * v.x.line * across, Row: cols.Stride * across,
				Outer: rows.Dilation * v.x.line * across, Middle: cols.Dilation * across, Inner: 1,
			},
			B: kernel.Right{
				At: g * f, Outer: cols.Size * c * f * groups, Middle: c * f * groups,
				Inner: f * groups,
			},
			C:    kernel.Result{At: g * f, Line: cols.Out * f * groups, Row: f * groups},
			ReLU: relu,
		}
		if groups == 1 && cols.Dilation == 1 {
			p.Middle, p.Inner = 1, cols.Size*c // they lie side by side
		}
		v.products = append(v.products, p.Prepare())
	}
	return v
}

// simple reports whether windows have neither strides nor dilation.
func simple(s nn.Span) bool { return s.Stride == 1 && s.Dilation == 1 }

func (v *sliding) imagesPerCall() int {
	if v.fast != nil {
		return v.fast.imagesPerCall
	}
	return 1
}

func (v *sliding) scratch() int {
	if v.fast != nil {
		return v.imagesPerCall()*v.x.size() + v.fast.scratch()
	}
	if v.x.bare() {
		return 0
	}
	return v.x.size()
}

func (v *sliding) apply(k *kernel.Set, y, x, scratch []float32, images int) {
	from := v.x.h * v.x.w * v.x.c
	if v.fast != nil {
		frames := cut(&scratch, images*v.x.size())
		for i := range images {
			v.x.fill(frames[i*v.x.size():], x[i*from:(i+1)*from])
		}
		v.fast.run(k, y, frames, v.filters, v.bias, scratch, v.floor, images)
		return
	}
	for i := range images {
		frame := v.x.within(x[i*from:(i+1)*from], scratch)
		for g, p := range v.products {
			k.Matmul(p, frame, v.filters, y[i*v.size:], v.bias[g*p.N:])
		}
	}
}

// A depthwise is a convolution of each channel by itself.
type depthwise struct {
	x          frame
	rows, cols nn.Span
	multiplier int
	filters    []float32 // (multiplier,KH,KW,C)
	bias       []float32 // (multiplier,C); nil for none
	window     kernel.Window
}

func newDepthwise(in []int, spans [2]nn.Span, multiplier int, filters, bias []float32) *depthwise {
	v := &depthwise{x: framed(in, spans), rows: spans[0], cols: spans[1], multiplier: multiplier}
	c, pixel := in[2], v.x.c
	v.window = kernel.Window{
		C: c, Pixel: v.cols.Stride * pixel,
		Rows: v.rows.Size, Cols: v.cols.Size,
		Line: v.rows.Dilation * v.x.line * pixel, Step: v.cols.Dilation * pixel,
	}
	v.filters = apart(filters, multiplier)
	if bias != nil {
		v.bias = apart(bias, multiplier)
	}
	return v
}

// apart returns values that lie in turns one after the other.
func apart(x []float32, turns int) []float32 {
	out := make([]float32, 0, len(x))
	for m := range turns {
		for i := m; i < len(x); i += turns {
			out = append(out, x[i])
		}
	}
	return out
}

func (v *depthwise) imagesPerCall() int { return 1 }

func (v *depthwise) scratch() int {
	s := v.cols.Out * v.x.c
	if !v.x.bare() {
		s += v.x.size()
	}
	return s
}

func (v *depthwise) apply(k *kernel.Set, y, x, scratch []float32, _ int) {
	c, m := v.x.c, v.multiplier
	row := cut(&scratch, v.cols.Out*c)
	frame := v.x.within(x, scratch)
	for r := range v.rows.Out {
		line := frame[r*v.rows.Stride*v.x.line*c:]
		out := y[r*v.cols.Out*c*m:][:v.cols.Out*c*m]
		for i := range m {
			filters := v.filters[i*len(v.filters)/m:][:len(v.filters)/m]
			var bias []float32
			if v.bias != nil {
				bias = v.bias[i*c : (i+1)*c]
			}
			if m == 1 {
				k.Depthwise(out, line, filters, bias, &v.window)
				continue
			}
			k.Depthwise(row, line, filters, bias, &v.window)
			for j, s := range row {
				out[j*m+i] = s
			}
		}
	}
}

// A separable is a depthwise convolution and one with filters of 1x1 on its output.
type separable struct {
	depthwise     *depthwise
	product       *kernel.Product
	filters, bias []float32
}

func newSeparable(in []int, spans [2]nn.Span, multiplier, f int,
	filters, pointwise, bias []float32, relu bool) *separable {
	depth := in[2] * multiplier
	return &separable{
		depthwise: newDepthwise(in, spans, multiplier, filters, nil),
		product: kernel.Matmul{
			M: spans[0].Out * spans[1].Out, N: f, Inner: depth,
			A: kernel.Rows(depth), B: kernel.Right{Inner: f}, C: kernel.Result{Row: f}, ReLU: relu,
		}.Prepare(),
		filters: pointwise, bias: bias,
	}
}

func (v *separable) imagesPerCall() int { return 1 }
func (v *separable) between() int       { return v.product.M * v.product.Inner }
func (v *separable) scratch() int       { return v.depthwise.scratch() + v.between() }

func (v *separable) apply(k *kernel.Set, y, x, scratch []float32, _ int) {
	between := cut(&scratch, v.between())
	v.depthwise.apply(k, between, x, scratch, 1)
	k.Matmul(v.product, between, v.filters, y, v.bias)
}

// fewFilters is a number of filters, side by side, with which vectors are mostly empty.
const fewFilters = 8

// A transposed is a transposed convolution. The pixels of its output fall into phases by their
// coordinates modulo the strides. In each phase it is a convolution of the input with the elements
// of the filter that meet its pixels.
type transposed struct {
	x        frame
	products []*kernel.Product // by phase
	size     int               // of the output
	filters  []float32         // by phase
	bias     []float32
	blank    bool // some pixels meet no element
	floor    float32
}

// newTransposed takes the spans of the output, and filters (KH,KW,F,C).
func newTransposed(k *kernel.Set, in []int, spans [2]nn.Span, f int,
	filters, bias []float32, relu bool) filter {
	rows, cols, c := spans[0], spans[1], in[2]
	if rows.Stride == 1 && cols.Stride == 1 {
		return newTurned(k, in, spans, f, filters, bias, relu)
	}
	if f < fewFilters && c >= 2*f {
		return newScattering(in, spans, true, f, exchanged(filters, f, c), bias, relu)
	}
	v := &transposed{size: rows.In * cols.In * f, bias: bias, floor: kernel.NoFloor}
	if relu {
		v.floor = 0
	}
	tall, wide := newPhases(rows), newPhases(cols)
	v.blank = len(tall) < min(rows.Stride, rows.In) || len(wide) < min(cols.Stride, cols.In)
	v.x = frame{h: in[0], w: in[1], c: c}
	v.x.top, v.x.lines = room(tall, in[0])
	v.x.left, v.x.line = room(wide, in[1])
	for _, p := range tall {
		for _, q := range wide {
			at := len(v.filters)
			for _, t := range p.elements {
				for _, s := range q.elements {
					element := filters[(t*cols.Size+s)*f*c:][:f*c]
					v.filters = append(v.filters, exchanged(element, f, c)...)
				}
			}
			x := v.x.from(p.low, q.low)
			m := kernel.Matmul{
				Lines: p.count, M: q.count, N: f,
				Outer: len(p.elements), Middle: len(q.elements), Inner: c,
				A: kernel.Left{
					At: x.at, Line: x.line, Row: x.pixel,
					Outer: p.step * x.line, Middle: q.step * x.pixel, Inner: 1,
				},
				B: kernel.Right{
					At: at, Outer: len(q.elements) * c * f, Middle: c * f, Inner: f,
				},
				C: kernel.Result{
					At:   (p.first*cols.In + q.first) * f,
					Line: rows.Stride * cols.In * f, Row: cols.Stride * f,
				},
				ReLU: relu,
			}
			if q.step == 1 {
				m.Middle, m.Inner = 1, len(q.elements)*c // they lie side by side
			}
			v.products = append(v.products, m.Prepare())
		}
	}
	return v
}

// exchanged returns filters (…,A,B) as (…,B,A).
func exchanged(x []float32, a, b int) []float32 {
	out := make([]float32, len(x))
	for at := 0; at < len(x); at += a * b {
		for i := range a {
			for j := range b {
				out[at+j*a+i] = x[at+i*b+j]
			}
		}
	}
	return out
}

// A residue is, along one dimension, the pixels first, first+stride, … of the output of a
// transposed convolution. The elements of the filter bring to the i-th of them the pixels i+low,
// i+low+step, … of the input.
type residue struct {
	first, count int
	elements     []int // of the filter
	low, step    int
}

// newPhases returns the phases that meet any element.
func newPhases(s nn.Span) []residue {
	var phases []residue
	of := map[int]int{} // places in phases by first pixel
	for t := s.Size - 1; t >= 0; t-- {
		// Pixel o meets the element with pixel (o+before-t*dilation)/stride.
		shift := s.Before - t*s.Dilation
		first := -shift % s.Stride
		if first < 0 {
			first += s.Stride
		}
		if first >= s.In {
			continue
		}
		low := (first + shift) / s.Stride
		i, ok := of[first]
		if !ok {
			i = len(phases)
			of[first] = i
			count := ceilDiv(s.In-first, s.Stride)
			phases = append(phases, residue{first: first, count: count, low: low, step: 1})
		}
		p := &phases[i]
		if len(p.elements) == 1 {
			p.step = low - p.low
		}
		p.elements = append(p.elements, t)
	}
	return phases
}

// room returns the zeros before n pixels, and the pixels with those before and after, that phases
// need.
func room(phases []residue, n int) (before, all int) {
	after := n
	for _, p := range phases {
		before = max(before, -p.low)
		after = max(after, p.low+(len(p.elements)-1)*p.step+p.count)
	}
	return before, before + after
}

func (v *transposed) imagesPerCall() int { return 1 }

func (v *transposed) scratch() int { return v.x.size() }

func (v *transposed) apply(k *kernel.Set, y, x, scratch []float32, _ int) {
	if v.blank {
		kernel.Repeat(y, v.bias)
		k.Clip(y, y, v.floor, float32(math.Inf(1)))
	}
	frame := v.x.within(x, scratch)
	for _, p := range v.products {
		k.Matmul(p, frame, v.filters, y, v.bias)
	}
}

// newTurned returns a transposed convolution without strides, which is a convolution with the
// filters turned by 180 degrees.
func newTurned(k *kernel.Set, in []int, spans [2]nn.Span, f int,
	filters, bias []float32, relu bool) filter {
	rows, cols, c := spans[0], spans[1], in[2]
	turned := make([]float32, 0, len(filters))
	for element := rows.Size*cols.Size - 1; element >= 0; element-- {
		turned = append(turned, exchanged(filters[element*f*c:][:f*c], f, c)...)
	}
	for i, s := range spans {
		spans[i] = nn.Span{
			In: s.Out, Out: s.In, Size: s.Size, Dilation: s.Dilation, Stride: 1,
			Before: s.Extent() - 1 - s.Before,
		}
	}
	return newSliding(k, in, spans, 1, f, turned, bias, relu)
}

// A scattering is a convolution with few filters. Each pixel of the input is multiplied by all
// elements of the filter, side by side, and each product is added to the pixel of the output to
// which it belongs.
type scattering struct {
	in, out    [3]int
	rows, cols nn.Span
	transposed bool
	product    *kernel.Product
	filters    []float32 // (C,KH,KW,F)
	bias       []float32
	relu       bool
}

// newScattering takes filters (KH,KW,C,F), and the spans of the output of a transposed convolution.
// Those of another must have no strides.
func newScattering(in []int, spans [2]nn.Span, transposed bool, f int,
	filters, bias []float32, relu bool) *scattering {
	rows, cols, c := spans[0], spans[1], in[2]
	h, w := rows.Out, cols.Out
	if transposed {
		h, w = rows.In, cols.In
	}
	elements := rows.Size * cols.Size
	n := elements * f
	v := &scattering{
		in: [3]int(in), out: [3]int{h, w, f}, rows: rows, cols: cols, transposed: transposed,
		product: kernel.Matmul{
			M: in[0] * in[1], N: n, Inner: c,
			A: kernel.Rows(c), B: kernel.Right{Inner: n}, C: kernel.Result{Row: n},
		}.Prepare(),
		filters: make([]float32, len(filters)), bias: bias, relu: relu,
	}
	for e := range elements {
		for i := range c {
			copy(v.filters[i*n+e*f:][:f], filters[(e*c+i)*f:])
		}
	}
	return v
}

func (v *scattering) imagesPerCall() int { return 1 }
func (v *scattering) scratch() int       { return v.product.M * v.product.N }

// place returns the pixel of the output to which the product of pixel i and element t belongs.
func (v *scattering) place(s nn.Span, i, t int) int {
	if v.transposed {
		return i*s.Stride + t*s.Dilation - s.Before
	}
	return i - t*s.Dilation + s.Before
}

func (v *scattering) apply(k *kernel.Set, y, x, scratch []float32, _ int) {
	products := scratch[:v.scratch()]
	k.Matmul(v.product, x, v.filters, products, nil)
	f, n := v.out[2], v.product.N
	clear(y)
	for i := range v.in[0] {
		for t := range v.rows.Size {
			row := v.place(v.rows, i, t)
			if row < 0 || row >= v.out[0] {
				continue
			}
			line := y[row*v.out[1]*f:][:v.out[1]*f]
			for s := range v.cols.Size {
				from := products[i*v.in[1]*n+(t*v.cols.Size+s)*f:]
				for j := range v.in[1] {
					at := v.place(v.cols, j, s)
					if at < 0 || at >= v.out[1] {
						continue
					}
					for g := range f {
						line[at*f+g] += from[j*n+g]
					}
				}
			}
		}
	}
	for at := 0; at < len(y); at += f {
		for g, b := range v.bias {
			s := y[at+g] + b
			if v.relu && s < 0 {
				s = 0
			}
			y[at+g] = s
		}
	}
}

// upSample adds an UpSampling2D.
func (b *builder) upSample(l *nn.Layer, x value) value {
	x = b.image(x, l.ChannelsFirst)
	v := newRepetition(x.shape, l.Size)
	s := step{run: func(_ *kernel.Set, in [][]float32, out, _ []float32, n int) {
		from, to := len(in[0])/n, len(out)/n
		for i := range n {
			v.repeat(out[i*to:(i+1)*to], in[0][i*from:(i+1)*from])
		}
	}}
	if l.Bilinear {
		rows, cols := newBlends(v.inH, v.h), newBlends(v.inW, v.w)
		s.scratch = v.inH * v.w * v.c
		s.run = func(_ *kernel.Set, in [][]float32, out, scratch []float32, n int) {
			from, to := len(in[0])/n, len(out)/n
			for i := range n {
				v.interpolate(out[i*to:(i+1)*to], in[0][i*from:(i+1)*from], scratch, rows, cols)
			}
		}
	}
	y := b.add(s, []int{v.h, v.w, v.c}, x)
	y.moved = l.ChannelsFirst
	return y
}

// A blend is the place of a pixel of a larger image in a smaller: between two pixels, at a share of
// the way from the first to the second.
type blend struct {
	first, second int
	share         float32
}

// newBlends returns those of out pixels in a line of in pixels. Pixels are squares, and the corners
// of the images lie at the same place.
func newBlends(in, out int) []blend {
	blends := make([]blend, out)
	scale := float32(in) / float32(out)
	for i := range blends {
		at := float32((float32(i)+0.5)*scale) - 0.5
		whole := int(at+1) - 1 // rounded down; at is above -1
		blends[i] = blend{max(whole, 0), min(whole+1, in-1), at - float32(whole)}
	}
	return blends
}

// interpolate writes the image x enlarged to dst. wide has room for x with its lines enlarged.
func (v repetition) interpolate(dst, x, wide []float32, rows, cols []blend) {
	for r := range v.inH {
		line := x[r*v.inW*v.c:][:v.inW*v.c]
		for q, col := range cols {
			out := wide[(r*v.w+q)*v.c:][:v.c]
			col.mix(out, line[col.first*v.c:], line[col.second*v.c:])
		}
	}
	line := v.w * v.c
	for r, row := range rows {
		row.mix(dst[r*line:(r+1)*line], wide[row.first*line:], wide[row.second*line:])
	}
}

// mix sets out to the values between a and b.
func (m blend) mix(out, a, b []float32) {
	a, b = a[:len(out)], b[:len(out)]
	for i := range out {
		out[i] = a[i] + float32((b[i]-a[i])*m.share)
	}
}

// frame adds a ZeroPadding2D or Cropping2D.
func (b *builder) frame(l *nn.Layer, x value) value {
	x = b.image(x, l.ChannelsFirst)
	out := imageShape(l, l.Output)
	h, w, c := x.shape[0], x.shape[1], x.shape[2]
	f := frame{h: h, w: w, c: c, lines: out[0], line: out[1]}
	f.top, f.left = l.Border[0][0], l.Border[1][0]
	y := b.sample(x, out, func(_ *kernel.Set, out, x []float32) {
		if l.Class == nn.ZeroPadding2D {
			f.fill(out, x)
			return
		}
		for r := range f.lines {
			line := f.line * c
			copy(out[r*line:(r+1)*line], x[((f.top+r)*w+f.left)*c:])
		}
	})
	y.moved = l.ChannelsFirst
	return y
}

// pool adds a pooling.
func (b *builder) pool(l *nn.Layer, x value) value {
	x = b.image(x, l.ChannelsFirst)
	w, c := x.shape[1], x.shape[2]
	in, out := product(x.shape), imageShape(l, l.Output)
	size := product(out)
	spans := l.Spans(b.Inputs[l][0].Output)
	wide := kernel.Lanes(c)
	identity := repeated(wide, []float32{0}, []float32{1}, []float32{0})
	g := kernel.Pooling{Line: w * c, Window: l.Size, C: c}
	y := b.add(step{scratch: w * c, run: func(k *kernel.Set, x [][]float32,
		out, scratch []float32, n int) {
		for i := range n {
			o, x := out[i*size:(i+1)*size], x[0][i*in:(i+1)*in]
			switch {
			case l.Class == nn.MaxPooling2D && tiles(l):
				poolTiles(k, o, x, scratch, identity, g)
			case l.Class == nn.MaxPooling2D:
				poolWindows(o, x, scratch[:w*c], c, spans, k.MaxTo)
			default:
				poolWindows(o, x, scratch[:w*c], c, spans, k.AddTo)
				average(o, c, spans)
			}
		}
	}}, out, x)
	y.moved = l.ChannelsFirst
	return y
}

// poolWindows puts the values of each window together with f, rows first. What is outside the image
// does not count. row has room for a line of the image.
func poolWindows(out, x, row []float32, c int, spans [2]nn.Span, f func(out, x []float32)) {
	rows, cols := spans[0], spans[1]
	for r := range rows.Out {
		first, last := inside(rows, r)
		copy(row, x[first*len(row):])
		for y := first + 1; y < last; y++ {
			f(row, x[y*len(row):(y+1)*len(row)])
		}
		for q := range cols.Out {
			first, last := inside(cols, q)
			o := out[(r*cols.Out+q)*c:][:c]
			copy(o, row[first*c:])
			for z := first + 1; z < last; z++ {
				f(o, row[z*c:(z+1)*c])
			}
		}
	}
}

// inside returns the pixels of window i that lie on the image: [first,last).
func inside(s nn.Span, i int) (first, last int) {
	first = i*s.Stride - s.Before
	return max(first, 0), min(first+s.Size, s.In)
}

// average divides the sums of windows by the number of their pixels on the image.
func average(out []float32, c int, spans [2]nn.Span) {
	for r := range spans[0].Out {
		top, bottom := inside(spans[0], r)
		for q := range spans[1].Out {
			left, right := inside(spans[1], q)
			count := float32((bottom - top) * (right - left))
			o := out[(r*spans[1].Out+q)*c:][:c]
			for i := range o {
				o[i] /= count
			}
		}
	}
}

// poolAll adds a global pooling.
func (b *builder) poolAll(l *nn.Layer, x value) value {
	x = b.image(x, l.ChannelsFirst)
	c := x.shape[2]
	pixels := float32(x.shape[0] * x.shape[1])
	v := b.sample(x, []int{c}, func(k *kernel.Set, out, x []float32) {
		copy(out, x)
		for at := c; at < len(x); at += c {
			if l.Class == nn.GlobalMaxPooling2D {
				k.MaxTo(out, x[at:at+c])
			} else {
				k.AddTo(out, x[at:at+c])
			}
		}
		if l.Class == nn.GlobalAveragePooling2D {
			for i := range out {
				out[i] /= pixels
			}
		}
	})
	return value{id: v.id, shape: l.Output}
}
