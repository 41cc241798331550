package cpu

import (
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// A convolution is a Conv2D layer with padding "same" and stride 1, on an image that UpSampling2D
// may have enlarged. The enlarged image is never made: if pixels are repeated, so are products, and
// it is cheaper to add up elements of the filter.
//
// A pixel p of the input x meets, in the output y and in y's gradient, the window of spanH x spanW
// pixels that begins at p*up - before; see spread. A pixel p*up + phase of y meets the pixels of x
// from p + phase.low on; see phases.
type convolution struct {
	repetition
	kh, kw           int // the filter
	f                int // filters
	top, left        int // zeros around the image: Keras puts (k-1)/2 before, the rest after
	beforeH, beforeW int
	spanH, spanW     int

	in, out frame // x and y
	x, y    frame // x, and the gradient of y, with zeros around them

	elements, pixels [][]int // see meetings
	phases           []phase
	forward          []*kernel.Product
	inputGrad        []*kernel.Product
	kernelGrad       []*kernel.Product // for groupSize images

	// Winograd's filtering replaces the products if it is faster: fast for the output and the
	// gradient of the kernel, fastInputGrad for the gradient of the input. Both or none are nil.
	fast, fastInputGrad *winograd
	noBias              []float32 // (C)
}

// A phase is one of the pixels that a pixel of the input becomes: the offsets of the input's pixels
// that the filter meets there.
type phase struct{ y, x, lowH, lowW, countH, countW int }

func newConvolution(in []int, up [2]int, l *nn.Layer) *convolution {
	v := newPlainConvolution(in, up, l)
	if v.kh == 3 && v.kw == 3 && v.upH*v.upW == 1 {
		v.fast, v.fastInputGrad = newWinograd(v.h, v.w, v.c, v.f), newWinograd(v.h, v.w, v.f, v.c)
	}
	if v.fast != nil {
		v.x.lines, v.x.line = v.fast.lines(), v.fast.line()
		v.y.lines, v.y.line = v.x.lines, v.x.line
		v.noBias = make([]float32, v.c)
		v.forward, v.inputGrad, v.kernelGrad = nil, nil, nil // these are for other frames
	}
	return v
}

// newPlainConvolution returns a convolution that computes the plain products.
func newPlainConvolution(in []int, up [2]int, l *nn.Layer) *convolution {
	v := &convolution{
		repetition: newRepetition(in, up),
		kh:         l.Kernel[0], kw: l.Kernel[1], f: l.Output[2],
	}
	v.top, v.left = (v.kh-1)/2, (v.kw-1)/2
	v.beforeH, v.beforeW = v.kh-1-v.top, v.kw-1-v.left
	v.spanH, v.spanW = v.kh-1+v.upH, v.kw-1+v.upW
	before := func(zeros, up int) int { return ceilDiv(zeros, up) }
	after := func(zeros, up int) int { return (up - 1 + zeros) / up }
	v.x = frame{h: v.inH, w: v.inW, c: v.c, top: before(v.top, v.upH), left: before(v.left, v.upW)}
	v.x.lines = v.x.top + v.inH + after(v.beforeH, v.upH)
	v.x.line = v.x.left + v.inW + after(v.beforeW, v.upW)
	v.y = frame{
		h: v.h, w: v.w, c: v.f, top: v.beforeH, left: v.beforeW,
		lines: v.h + v.kh - 1, line: v.w + v.kw - 1,
	}
	v.in, v.out = plain(v.inH, v.inW, v.c), plain(v.h, v.w, v.f)
	v.elements, v.pixels = v.meetings()
	for py := range v.upH {
		for px := range v.upW {
			p := phase{y: py, x: px, lowH: floorDiv(py-v.top, v.upH), lowW: floorDiv(px-v.left, v.upW)}
			p.countH = (py+v.beforeH)/v.upH - p.lowH + 1
			p.countW = (px+v.beforeW)/v.upW - p.lowW + 1
			v.phases = append(v.phases, p)
		}
	}
	v.forward = v.outputProducts(l.Activation == nn.ReLU)
	v.inputGrad = v.inputGradProducts()
	v.kernelGrad = v.kernelGradProducts(groupSize)
	return v
}

// floorDiv returns a/b rounded down; a may be negative.
func floorDiv(a, b int) int {
	if a < 0 {
		a -= b - 1
	}
	return a / b
}

// segments calls do for the longest runs of lines [first,last) with the same bounds.
func segments(lines int, bounds func(line int) [2]int, do func(first, last int, b [2]int)) {
	for first := 0; first < lines; {
		last, b := first+1, bounds(first)
		for last < lines && bounds(last) == b {
			last++
		}
		do(first, last, b)
		first = last
	}
}

// oneFilter reports that there is one filter, so that a pixel of the output has no values to
// compute side by side. Then the elements of the filter lie side by side: each pixel of the input
// is multiplied by all of them, and gather adds up the products.
func (v *convolution) oneFilter() bool { return v.f == 1 }

// oneChannel reports the same of the input, for the gradient of the kernel.
func (v *convolution) oneChannel() bool { return v.c == 1 && v.f > 1 && v.upH*v.upW == 1 }

// arrangedSize returns the number of values that arrange writes.
func (v *convolution) arrangedSize() int {
	if v.oneFilter() {
		return v.spanH * v.spanW * v.c
	}
	if v.fast != nil {
		return v.fast.arrangedSize()
	}
	if len(v.phases) == 1 {
		return 0
	}
	var size int
	for _, p := range v.phases {
		size += p.countH * p.countW * v.c * v.f
	}
	return size
}

// spreadSize returns the number of values that spread writes.
func (v *convolution) spreadSize() int {
	size := v.windowSize()
	if v.fastInputGrad != nil {
		size += v.fastInputGrad.arrangedSize()
	}
	return size
}

// windowSize returns the size of a kernel that is spread over the window.
func (v *convolution) windowSize() int { return v.spanH * v.spanW * v.c * v.f }

// scratch returns the number of values that apply and the gradients need.
func (v *convolution) scratch() int {
	switch {
	case v.oneFilter():
		return v.inH * v.inW * v.spanH * v.spanW
	case v.oneChannel():
		return groupSize * v.x.size()
	case v.fast != nil:
		return v.imagesPerCall()*v.x.size() + max(v.fast.scratch(), v.fastInputGrad.scratch())
	}
	return v.x.size()
}

// outputProducts returns the products that compute y from x in its frame, kernels as arranged.
func (v *convolution) outputProducts(relu bool) []*kernel.Product {
	if v.oneFilter() {
		n := v.spanH * v.spanW
		return []*kernel.Product{kernel.Matmul{
			M: v.inH * v.inW, N: n, Inner: v.c,
			A: kernel.Rows(v.c), B: kernel.Right{Inner: n}, C: kernel.Result{Row: n},
		}.Prepare()}
	}
	var products []*kernel.Product
	arranged := 0
	for _, p := range v.phases {
		// The filter's lines that lie on the image.
		bounds := func(y int) [2]int {
			return [2]int{max(0, -y-p.lowH), min(p.countH, v.inH-y-p.lowH)}
		}
		line := p.countW * v.c
		segments(v.inH, bounds, func(first, last int, b [2]int) {
			x := v.x.from(first+p.lowH+b[0], p.lowW)
			y := v.out.from(first*v.upH+p.y, p.x).every(v.upH, v.upW)
			products = append(products, kernel.Matmul{
				Lines: last - first, M: v.inW, N: v.f, Outer: b[1] - b[0], Inner: line,
				A:    v.x.windows(x),
				B:    filterRows(arranged, b[0], line, v.f),
				C:    y.result(),
				ReLU: relu,
			}.Prepare())
		})
		arranged += p.countH * line * v.f
	}
	return products
}

// inputGradProducts returns the products that compute the gradient of x from that of y in its
// frame, with kernels as spread.
func (v *convolution) inputGradProducts() []*kernel.Product {
	var products []*kernel.Product
	line := v.spanW * v.f
	bounds := func(p int) [2]int {
		return [2]int{max(0, v.beforeH-p*v.upH), min(v.spanH, v.h+v.beforeH-p*v.upH)}
	}
	segments(v.inH, bounds, func(first, last int, b [2]int) {
		y := v.y.from(first*v.upH+b[0]-v.beforeH, -v.beforeW).every(v.upH, v.upW)
		products = append(products, kernel.Matmul{
			Lines: last - first, M: v.inW, N: v.c, Outer: b[1] - b[0], Inner: line,
			A: v.y.windows(y),
			B: filterRows(0, b[0], line, v.c),
			C: v.in.from(first, 0).result(),
		}.Prepare())
	})
	return products
}

// kernelGradProducts returns the products that add up the gradient of the kernel over images. A is
// x and B the gradient of y in its frame; with one filter they change places. The result is for a
// spread kernel, see collect; with one channel it is for the kernel itself.
func (v *convolution) kernelGradProducts(images int) []*kernel.Product {
	switch {
	case v.oneFilter():
		y := v.y.from(-v.beforeH, -v.beforeW).every(v.upH, v.upW)
		return []*kernel.Product{kernel.Matmul{
			Lines: v.spanH, M: v.spanW, N: v.c, Outer: images, Middle: v.inH, Inner: v.inW,
			A: v.y.shifts(y),
			B: v.in.pixels(v.in.from(0, 0)),
			C: plain(v.spanH, v.spanW, v.c).from(0, 0).result(),
		}.Prepare()}
	case v.oneChannel():
		return []*kernel.Product{kernel.Matmul{
			Lines: v.kh, M: v.kw, N: v.f, Outer: images, Middle: v.h, Inner: v.w,
			A: v.x.shifts(v.x.from(-v.top, -v.left)),
			B: v.y.pixels(v.y.from(0, 0)),
			C: plain(v.kh, v.kw, v.f).from(0, 0).result(),
		}.Prepare()}
	}
	// For each pixel of the window, the pixels of x whose window has that pixel on the image.
	bounds := func(pixel, before, size, in, up int) (first, last int) {
		return ceilDiv(max(0, before-pixel), up), min(in, ceilDiv(size+before-pixel, up))
	}
	var products []*kernel.Product
	for i := range v.spanH {
		top, bottom := bounds(i, v.beforeH, v.h, v.inH, v.upH)
		for j := range v.spanW {
			left, right := bounds(j, v.beforeW, v.w, v.inW, v.upW)
			if top >= bottom || left >= right {
				continue
			}
			y := v.y.from(top*v.upH+i-v.beforeH, left*v.upW+j-v.beforeW).every(v.upH, v.upW)
			products = append(products, kernel.Matmul{
				M: v.c, N: v.f, Outer: images, Middle: bottom - top, Inner: right - left,
				A: v.in.channels(v.in.from(top, left)),
				B: v.y.pixels(y),
				C: kernel.Result{At: (i*v.spanW + j) * v.c * v.f, Row: v.f},
			}.Prepare())
		}
	}
	return products
}

// meetings lists for every pixel of the window, (spanH,spanW), the elements of the filter that meet
// it, and for every element, (KH,KW), the pixels that it meets.
func (v *convolution) meetings() (elements, pixels [][]int) {
	elements, pixels = make([][]int, v.spanH*v.spanW), make([][]int, v.kh*v.kw)
	for t := range v.kh {
		for s := range v.kw {
			for r := range v.upH {
				for q := range v.upW {
					element, pixel := t*v.kw+s, (r+v.kh-1-t)*v.spanW+q+v.kw-1-s
					elements[pixel] = append(elements[pixel], element)
					pixels[element] = append(pixels[element], pixel)
				}
			}
		}
	}
	return elements, pixels
}

// arranged returns the kernel (KH,KW,C,F) as apply takes it: for each phase (countH,countW,C,F),
// the sums of the elements that meet the same pixel of x; with one filter (C,spanH,spanW); or
// transformed. The tasks of arrange have written it to dst, which has arrangedSize values.
func (v *convolution) arranged(dst, weight []float32) []float32 {
	if v.arrangeTasks() == 0 {
		return weight
	}
	return dst
}

// arrangeBlock is the number of values that a task of arrange adds up: it takes microseconds.
const arrangeBlock = 1 << 10

// arrangeTasks returns the number of tasks of arrange, which may run at once.
func (v *convolution) arrangeTasks() int {
	switch {
	case v.fast != nil:
		return v.c
	case v.oneFilter():
		return 1
	case len(v.phases) == 1:
		return 0
	}
	return ceilDiv(v.c*v.f, arrangeBlock)
}

// arrange writes a part of what arranged returns.
func (v *convolution) arrange(k *kernel.Set, dst, weight []float32, task int) {
	if v.fast != nil {
		v.fast.transform(k, dst, weight, task)
		return
	}
	if v.oneFilter() {
		clear(dst[:v.arrangedSize()])
		for pixel, elements := range v.elements {
			for _, e := range elements {
				for c, w := range weight[e*v.c : (e+1)*v.c] {
					dst[c*len(v.elements)+pixel] += w
				}
			}
		}
		return
	}
	size, at := v.c*v.f, 0
	from, to := task*arrangeBlock, min((task+1)*arrangeBlock, size)
	for _, p := range v.phases {
		for i := range p.countH * p.countW {
			clear(dst[at+i*size:][from:to])
		}
		for t := range v.kh {
			a := floorDiv(p.y+t-v.top, v.upH) - p.lowH
			for s := range v.kw {
				b := floorDiv(p.x+s-v.left, v.upW) - p.lowW
				k.AddTo(dst[at+(a*p.countW+b)*size:][from:to], weight[(t*v.kw+s)*size:][from:to])
			}
		}
		at += p.countH * p.countW * size
	}
}

// spreadOut returns the kernel as inputGradient takes it, (spanH,spanW,F,C): for each pixel of the
// window the sum of the elements that meet the pixel; or transformed. The tasks of spread have
// written it to dst, which has spreadSize values.
func (v *convolution) spreadOut(dst []float32) []float32 {
	if v.fastInputGrad != nil {
		return dst[v.windowSize():]
	}
	return dst
}

// spreadBlock is the number of filters of a task of spread. With 128 channels and filters, all at a
// time take 1.5 times as long; 4 to 64 are alike.
const spreadBlock = 8

// spreadTasks returns the number of tasks of spread, which may run at once.
func (v *convolution) spreadTasks() int { return ceilDiv(v.f, spreadBlock) }

// spread writes a part of what spreadOut returns.
func (v *convolution) spread(k *kernel.Set, dst, weight []float32, task int) {
	size, first, last := v.c*v.f, task*spreadBlock, min((task+1)*spreadBlock, v.f)
	for pixel, elements := range v.elements {
		d := dst[pixel*size : (pixel+1)*size]
		clear(d[first*v.c : last*v.c])
		for _, e := range elements {
			s := weight[e*size : (e+1)*size]
			for c := range v.c {
				for f := first; f < last; f++ {
					d[f*v.c+c] += s[c*v.f+f]
				}
			}
		}
	}
	if v.fastInputGrad != nil {
		for f := first; f < last; f++ {
			v.fastInputGrad.transform(k, dst[v.windowSize():], dst, f)
		}
	}
}

// collectBlock is the number of values of a spread kernel's gradient that a task of collect adds up
// over the groups: 8 KiB, which stay in the first-level cache.
const collectBlock = 1 << 11

// collected returns the number of values that a task of collect writes of each element, and the
// number of tasks. Where the window is the filter, all elements are taken as one.
func (v *convolution) collected() (values, tasks int) {
	if v.collectsAsIs() {
		return collectBlock, ceilDiv(v.windowSize(), collectBlock)
	}
	values = ceilDiv(collectBlock, len(v.elements))
	return values, ceilDiv(v.c*v.f, values)
}

// collectsAsIs reports that kernelGradient computes the gradient of the kernel itself.
func (v *convolution) collectsAsIs() bool { return v.oneChannel() || v.fast != nil }

// collect writes a part of the gradient of the kernel, given those of the spread kernel over groups
// of images, which lie one after the other in sums. It changes them.
func (v *convolution) collect(k *kernel.Set, grad, sums []float32, groups, task int) {
	values, _ := v.collected()
	size, whole := v.c*v.f, v.windowSize()
	if v.collectsAsIs() {
		size = whole
	}
	from, to := task*values, min((task+1)*values, size)
	for at := 0; at < whole; at += size {
		for i := 1; i < groups; i++ {
			k.AddTo(sums[at:][from:to], sums[i*whole+at:][from:to])
		}
	}
	if v.collectsAsIs() {
		copy(grad[from:to], sums[from:to])
		return
	}
	for e, pixels := range v.pixels {
		g := grad[e*size:][from:to]
		clear(g)
		for _, pixel := range pixels {
			k.AddTo(g, sums[pixel*size:][from:to])
		}
	}
}

// imagesPerCall returns the most images that a call of apply takes.
func (v *convolution) imagesPerCall() int {
	if v.fast != nil {
		return v.fast.imagesPerCall
	}
	return 1
}

// apply computes the outputs y of images x, at most imagesPerCall; kernel is as arrange returns it.
func (v *convolution) apply(k *kernel.Set, y, x, filters, bias, scratch []float32,
	relu bool, images int) {
	xSize, ySize := v.in.size(), v.out.size()
	if v.fast != nil {
		for i := range images {
			v.x.fill(scratch[i*v.x.size():], x[i*xSize:(i+1)*xSize])
		}
		floor := kernel.NoFloor
		if relu {
			floor = 0
		}
		v.fast.run(k, y, scratch, filters, bias, scratch[images*v.x.size():], floor, images)
		return
	}
	for i := range images {
		x, y := x[i*xSize:(i+1)*xSize], y[i*ySize:(i+1)*ySize]
		if v.oneFilter() {
			products := scratch[:v.inH*v.inW*v.spanH*v.spanW]
			k.Matmul(v.forward[0], x, filters, products, nil)
			v.gather(y, products, bias[0], relu)
			continue
		}
		v.x.fill(scratch, x)
		for _, p := range v.forward {
			k.Matmul(p, scratch, filters, y, bias)
		}
	}
}

// gather adds up, for each pixel of the output, the products (spanH,spanW) of the input's pixels in
// whose window it lies.
func (v *convolution) gather(y, products []float32, bias float32, relu bool) {
	span := v.spanH * v.spanW
	for row := range v.h {
		out := y[row*v.w : (row+1)*v.w]
		clear(out)
		// The window of line p begins at line p*up-before.
		first := max(0, ceilDiv(row+v.beforeH-v.spanH+1, v.upH))
		last := min(v.inH-1, (row+v.beforeH)/v.upH)
		for p := first; p <= last; p++ {
			line := products[p*v.inW*span+(row+v.beforeH-p*v.upH)*v.spanW:]
			for j := range v.spanW {
				// The pixels q with q*up+j-before in the image.
				q := ceilDiv(max(0, v.beforeW-j), v.upW)
				count := min(v.inW, ceilDiv(v.w+v.beforeW-j, v.upW)) - q
				x, at := q*v.upW+j-v.beforeW, q*span+j
				for range count {
					out[x] += line[at]
					x += v.upW
					at += span
				}
			}
		}
		for x, s := range out {
			s += bias
			if relu && s < 0 {
				s = 0
			}
			out[x] = s
		}
	}
}

// inputGradient computes the gradients dx of images from dy, those of their outputs in frames.
// filters are as spread returns them.
func (v *convolution) inputGradient(k *kernel.Set, dx, dy, filters, scratch []float32, images int) {
	if v.fastInputGrad != nil {
		v.fastInputGrad.run(k, dx, dy, filters, v.noBias, scratch, kernel.NoFloor, images)
		return
	}
	for i := range images {
		for _, p := range v.inputGrad {
			k.Matmul(p, dy[i*v.y.size():], filters, dx[i*v.in.size():], nil)
		}
	}
}

// kernelGradient computes the gradient of the kernel over images x from dy, the gradients of their
// outputs in frames; collect takes it.
func (v *convolution) kernelGradient(k *kernel.Set, grad, x, dy, scratch []float32, images int) {
	a, b := x, dy
	switch {
	case v.fast != nil:
		v.fast.gradient(k, grad, x, dy, v.x, v.y, scratch, images)
		return
	case v.oneFilter():
		a, b = dy, x
	case v.oneChannel():
		a = scratch
		for i := range images {
			v.x.fill(scratch[i*v.x.size():], x[i*v.in.size():(i+1)*v.in.size()])
		}
	}
	products := v.kernelGrad
	if images != groupSize {
		products = v.kernelGradProducts(images)
	}
	for _, p := range products {
		k.Matmul(p, a, b, grad, nil)
	}
}
