package nn

// A convolution is a Conv2D layer with padding "same" and stride 1, on an image that UpSampling2D may have made larger. The
// larger image is never made: where pixels are repeated, so are products, and it is cheaper to add up elements of the filter.
//
// In y, the output, and its gradient a pixel p of the input x meets the window of spanH x spanW pixels that begins at
// p*up - before; see spread. Of y a pixel p*up + phase meets the pixels of x from p + phase.low on; see phases.
type convolution struct {
	repetition
	kh, kw           int // the filter
	f                int // filters
	top, left        int // zeros around the image: Keras puts (k-1)/2 before, the rest after
	beforeH, beforeW int
	spanH, spanW     int

	x, y frame // x and the gradient of y with zeros around them

	elements, pixels [][]int // see meetings
	phases           []phase
	forward          []step
	inputGrad        []step
	kernelGrad       []step // for groupSize images

	// In place of the steps where that is faster, for the output and the gradient of the kernel, and for that of the input; both or
	// none are nil.
	fast, fastInputGrad *winograd
	noBias              []float32 // (C)
}

// A frame is an image of h x w pixels within zeros.
type frame struct{ h, w, c, top, left, lines, line int }

// A phase is one of the pixels that a pixel of the input becomes: the offsets of the input's pixels that the filter meets there.
type phase struct{ y, x, lowH, lowW, countH, countW int }

// A step is a matmul and where its operands begin.
type step struct {
	*readyMatmul
	a, b, c int
}

func newConvolution(in []int, up [2]int, l *Layer) *convolution {
	v := newPlainConvolution(in, up, l)
	if v.kh == 3 && v.kw == 3 && v.upH*v.upW == 1 {
		v.fast, v.fastInputGrad = newWinograd(v.h, v.w, v.c, v.f), newWinograd(v.h, v.w, v.f, v.c)
	}
	if v.fast != nil {
		v.x.lines, v.x.line = v.fast.lines(), v.fast.line()
		v.y.lines, v.y.line = v.x.lines, v.x.line
		v.noBias = make([]float32, v.c)
		v.forward, v.inputGrad, v.kernelGrad = nil, nil, nil // they are for other frames
	}
	return v
}

// newPlainConvolution makes a convolution that takes the steps.
func newPlainConvolution(in []int, up [2]int, l *Layer) *convolution {
	v := &convolution{repetition: newRepetition(in, up), kh: l.Kernel[0], kw: l.Kernel[1], f: l.Output[2]}
	v.top, v.left = (v.kh-1)/2, (v.kw-1)/2
	v.beforeH, v.beforeW = v.kh-1-v.top, v.kw-1-v.left
	v.spanH, v.spanW = v.kh-1+v.upH, v.kw-1+v.upW
	before := func(zeros, up int) int { return ceilDiv(zeros, up) }
	after := func(zeros, up int) int { return (up - 1 + zeros) / up }
	v.x = frame{h: v.inH, w: v.inW, c: v.c, top: before(v.top, v.upH), left: before(v.left, v.upW)}
	v.x.lines = v.x.top + v.inH + after(v.beforeH, v.upH)
	v.x.line = v.x.left + v.inW + after(v.beforeW, v.upW)
	v.y = frame{h: v.h, w: v.w, c: v.f, top: v.beforeH, left: v.beforeW, lines: v.h + v.kh - 1, line: v.w + v.kw - 1}
	v.elements, v.pixels = v.meetings()
	for py := range v.upH {
		for px := range v.upW {
			p := phase{y: py, x: px, lowH: floorDiv(py-v.top, v.upH), lowW: floorDiv(px-v.left, v.upW)}
			p.countH = (py+v.beforeH)/v.upH - p.lowH + 1
			p.countW = (px+v.beforeW)/v.upW - p.lowW + 1
			v.phases = append(v.phases, p)
		}
	}
	v.forward = v.forwardSteps(l.Activation == ReLU)
	v.inputGrad = v.inputGradSteps()
	v.kernelGrad = v.kernelGradSteps(groupSize)
	return v
}

// floorDiv is a/b rounded down; a may be negative.
func floorDiv(a, b int) int {
	if a < 0 {
		a -= b - 1
	}
	return a / b
}

// segments calls do for the longest runs of lines [first,last) for which bounds gives the same result.
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

// oneFilter tells that there is one filter, so that nothing can be done side by side for a pixel of the output. Then the elements
// of the filter are: for each pixel of the input its products with all of them, which gather adds up.
func (v *convolution) oneFilter() bool { return v.f == 1 }

// oneChannel tells the same of the input, for the gradient of the kernel.
func (v *convolution) oneChannel() bool { return v.c == 1 && v.f > 1 && v.upH*v.upW == 1 }

// arrangedSize and spreadSize are the room that arrange and spread need.
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

func (v *convolution) spreadSize() int {
	size := v.windowSize()
	if v.fastInputGrad != nil {
		size += v.fastInputGrad.arrangedSize()
	}
	return size
}

// windowSize is the size of a kernel that is spread over the window.
func (v *convolution) windowSize() int { return v.spanH * v.spanW * v.c * v.f }

// scratch is the number of values that apply and the gradients need.
func (v *convolution) scratch() int {
	switch {
	case v.oneFilter():
		return v.inH * v.inW * v.spanH * v.spanW
	case v.oneChannel():
		return groupSize * v.x.size()
	case v.fast != nil:
		return v.together()*v.x.size() + max(v.fast.scratch(), v.fastInputGrad.scratch())
	}
	return v.x.size()
}

func (v *convolution) forwardSteps(relu bool) []step {
	if v.oneFilter() {
		n := v.spanH * v.spanW
		return []step{{readyMatmul: matmul{M: v.inH * v.inW, N: n, Inner: v.c, AM: v.c, AInner: 1, BInner: n, CM: n}.ready()}}
	}
	var steps []step
	kernel := 0
	for _, p := range v.phases {
		// Of the filter's lines those that lie on the image.
		bounds := func(y int) [2]int { return [2]int{max(0, -y-p.lowH), min(p.countH, v.inH-y-p.lowH)} }
		line := p.countW * v.c
		segments(v.inH, bounds, func(first, last int, b [2]int) {
			steps = append(steps, step{matmul{Lines: last - first, M: v.inW, N: v.f, Outer: b[1] - b[0], Inner: line,
				ALine: v.x.line * v.c, AM: v.c, AOuter: v.x.line * v.c, AInner: 1,
				BOuter: line * v.f, BInner: v.f,
				CLine: v.upH * v.w * v.f, CM: v.upW * v.f, ReLU: relu}.ready(),
				((v.x.top+first+p.lowH+b[0])*v.x.line + v.x.left + p.lowW) * v.c,
				kernel + b[0]*line*v.f,
				((first*v.upH+p.y)*v.w + p.x) * v.f})
		})
		kernel += p.countH * line * v.f
	}
	return steps
}

func (v *convolution) inputGradSteps() []step {
	var steps []step
	line := v.spanW * v.f
	bounds := func(p int) [2]int { return [2]int{max(0, v.beforeH-p*v.upH), min(v.spanH, v.h+v.beforeH-p*v.upH)} }
	segments(v.inH, bounds, func(first, last int, b [2]int) {
		steps = append(steps, step{matmul{Lines: last - first, M: v.inW, N: v.c, Outer: b[1] - b[0], Inner: line,
			ALine: v.upH * v.y.line * v.f, AM: v.upW * v.f, AOuter: v.y.line * v.f, AInner: 1,
			BOuter: line * v.c, BInner: v.c,
			CLine: v.inW * v.c, CM: v.c}.ready(),
			(first*v.upH + b[0]) * v.y.line * v.f,
			b[0] * line * v.c,
			first * v.inW * v.c})
	})
	return steps
}

// kernelGradSteps are the steps that add up the gradient of the kernel over images: a is x and b the gradient of y, but with
// one filter they change places. The result is for a spread kernel, see collect; with one channel for the kernel itself.
func (v *convolution) kernelGradSteps(images int) []step {
	switch {
	case v.oneFilter():
		return []step{{readyMatmul: matmul{Lines: v.spanH, M: v.spanW, N: v.c, Outer: images, Middle: v.inH, Inner: v.inW,
			ALine: v.y.line, AM: 1, AOuter: v.y.size(), AMiddle: v.upH * v.y.line, AInner: v.upW,
			BOuter: v.inH * v.inW * v.c, BMiddle: v.inW * v.c, BInner: v.c, CLine: v.spanW * v.c, CM: v.c}.ready()}}
	case v.oneChannel():
		return []step{{matmul{Lines: v.kh, M: v.kw, N: v.f, Outer: images, Middle: v.h, Inner: v.w,
			ALine: v.x.line, AM: 1, AOuter: v.x.size(), AMiddle: v.x.line, AInner: 1,
			BOuter: v.y.size(), BMiddle: v.y.line * v.f, BInner: v.f, CLine: v.kw * v.f, CM: v.f}.ready(),
			0, v.y.start(), 0}}
	}
	// For each pixel of the window the pixels of x whose window has that pixel on the image.
	bounds := func(pixel, before, size, in, up int) (first, last int) {
		return ceilDiv(max(0, before-pixel), up), min(in, ceilDiv(size+before-pixel, up))
	}
	var steps []step
	for i := range v.spanH {
		top, bottom := bounds(i, v.beforeH, v.h, v.inH, v.upH)
		for j := range v.spanW {
			left, right := bounds(j, v.beforeW, v.w, v.inW, v.upW)
			if top >= bottom || left >= right {
				continue
			}
			steps = append(steps, step{matmul{M: v.c, N: v.f, Outer: images, Middle: bottom - top, Inner: right - left,
				AM: 1, AOuter: v.inH * v.inW * v.c, AMiddle: v.inW * v.c, AInner: v.c,
				BOuter: v.y.size(), BMiddle: v.upH * v.y.line * v.f, BInner: v.upW * v.f, CM: v.f}.ready(),
				(top*v.inW + left) * v.c,
				((top*v.upH+i)*v.y.line + left*v.upW + j) * v.f,
				(i*v.spanW + j) * v.c * v.f})
		}
	}
	return steps
}

// meetings lists for every pixel of the window, (spanH,spanW), the elements of the filter that meet it, and for every element,
// (KH,KW), the pixels that it meets.
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

// arrange returns the kernel (KH,KW,C,F) as apply takes it: for each phase (countH,countW,C,F), the sums of the elements that meet
// the same pixel of x; with one filter (C,spanH,spanW); or transformed. It may write to dst, of arrangedSize values, with the help
// of each, which runs tasks.
func (v *convolution) arrange(k *kernels, dst, kernel []float32, each func(tasks int, do func(task int, _ []float32))) []float32 {
	if v.fast != nil {
		each(v.c, func(c int, _ []float32) { v.fast.transform(k, dst, kernel, c) })
		return dst
	}
	clear(dst)
	if v.oneFilter() {
		for pixel, elements := range v.elements {
			for _, e := range elements {
				for c, w := range kernel[e*v.c : (e+1)*v.c] {
					dst[c*len(v.elements)+pixel] += w
				}
			}
		}
		return dst
	}
	if len(v.phases) == 1 {
		return kernel
	}
	size, at := v.c*v.f, 0
	for _, p := range v.phases {
		for t := range v.kh {
			a := floorDiv(p.y+t-v.top, v.upH) - p.lowH
			for s := range v.kw {
				b := floorDiv(p.x+s-v.left, v.upW) - p.lowW
				sum := dst[at+(a*p.countW+b)*size:]
				for i, w := range kernel[(t*v.kw+s)*size : (t*v.kw+s+1)*size] {
					sum[i] += w
				}
			}
		}
		at += p.countH * p.countW * size
	}
	return dst
}

// spread writes the kernel as inputGradient takes it, (spanH,spanW,F,C): for each pixel of the window the sum of the elements
// that meet the pixel; or transformed. dst has spreadSize values.
func (v *convolution) spread(k *kernels, dst, kernel []float32, each func(tasks int, do func(task int, _ []float32))) []float32 {
	const block = 32 // filters at a time, for the sake of the cache
	size := v.c * v.f
	window := dst[:v.windowSize()]
	each(len(v.elements), func(pixel int, _ []float32) {
		d := window[pixel*size : (pixel+1)*size]
		clear(d)
		for _, e := range v.elements[pixel] {
			s := kernel[e*size : (e+1)*size]
			for first := 0; first < v.f; first += block {
				last := min(first+block, v.f)
				for c := range v.c {
					for f := first; f < last; f++ {
						d[f*v.c+c] += s[c*v.f+f]
					}
				}
			}
		}
	})
	if v.fastInputGrad == nil {
		return window
	}
	transformed := dst[len(window):]
	each(v.f, func(f int, _ []float32) { v.fastInputGrad.transform(k, transformed, window, f) })
	return transformed
}

// collect writes an element of the gradient of the kernel, from that of the spread kernel.
func (v *convolution) collect(k *kernels, grad, spread []float32, element int) {
	size := v.c * v.f
	g := grad[element*size : (element+1)*size]
	if v.oneChannel() || v.fast != nil {
		copy(g, spread[element*size:])
		return
	}
	clear(g)
	for _, pixel := range v.pixels[element] {
		k.addTo(g, spread[pixel*size:])
	}
}

// together is the number of images that apply takes best.
func (v *convolution) together() int {
	if v.fast != nil {
		return v.fast.images
	}
	return 1
}

// apply computes the outputs y of up to together images x; kernel is as arrange returns it.
func (v *convolution) apply(k *kernels, y, x, kernel, bias, scratch []float32, relu bool, images int) {
	xSize, ySize := v.inH*v.inW*v.c, v.h*v.w*v.f
	if v.fast != nil {
		for i := range images {
			v.x.fill(scratch[i*v.x.size():], x[i*xSize:(i+1)*xSize])
		}
		floor := noFloor
		if relu {
			floor = 0
		}
		v.fast.run(k, y, scratch, kernel, bias, scratch[images*v.x.size():], floor, images)
		return
	}
	for i := range images {
		x, y := x[i*xSize:(i+1)*xSize], y[i*ySize:(i+1)*ySize]
		if v.oneFilter() {
			products := scratch[:v.inH*v.inW*v.spanH*v.spanW]
			v.forward[0].run(k, x, kernel, products, nil)
			v.gather(y, products, bias[0], relu)
			continue
		}
		v.x.fill(scratch, x)
		for _, s := range v.forward {
			s.run(k, scratch[s.a:], kernel[s.b:], y[s.c:], bias)
		}
	}
}

// gather adds up, for each pixel of the output, the products (spanH,spanW) of the input's pixels in whose window it lies.
func (v *convolution) gather(y, products []float32, bias float32, relu bool) {
	span := v.spanH * v.spanW
	for row := range v.h {
		out := y[row*v.w : (row+1)*v.w]
		clear(out)
		// The window of line p begins at line p*up-before.
		first, last := max(0, ceilDiv(row+v.beforeH-v.spanH+1, v.upH)), min(v.inH-1, (row+v.beforeH)/v.upH)
		for p := first; p <= last; p++ {
			line := products[p*v.inW*span+(row+v.beforeH-p*v.upH)*v.spanW:]
			for j := range v.spanW {
				// The pixels q for which q*up+j-before is in the image.
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

// inputGradient computes the gradients dx of images from dy, those of their outputs in frames; kernel is as spread returns it.
func (v *convolution) inputGradient(k *kernels, dx, dy, kernel, scratch []float32, images int) {
	size := v.inH * v.inW * v.c
	if v.fastInputGrad != nil {
		v.fastInputGrad.run(k, dx, dy, kernel, v.noBias, scratch, noFloor, images)
		return
	}
	for i := range images {
		for _, s := range v.inputGrad {
			s.run(k, dy[i*v.y.size()+s.a:], kernel[s.b:], dx[i*size+s.c:], nil)
		}
	}
}

// kernelGradient computes the gradient of the kernel over images, x, from the gradients of their outputs in frames, dy; collect
// takes it.
func (v *convolution) kernelGradient(k *kernels, grad, x, dy, scratch []float32, images int) {
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
			v.x.fill(scratch[i*v.x.size():], x[i*v.inH*v.inW:(i+1)*v.inH*v.inW])
		}
	}
	steps := v.kernelGrad
	if images != groupSize {
		steps = v.kernelGradSteps(images)
	}
	for _, s := range steps {
		s.run(k, a[s.a:], b[s.b:], grad[s.c:], nil)
	}
}

// start is the place of the image's first value.
func (f frame) start() int { return (f.top*f.line + f.left) * f.c }

// size is the number of values, zeros included.
func (f frame) size() int { return f.lines * f.line * f.c }

// fill copies an image into its frame.
func (f frame) fill(dst, x []float32) {
	f.zero(dst)
	for y := range f.h {
		copy(dst[f.start()+y*f.line*f.c:], x[y*f.w*f.c:(y+1)*f.w*f.c])
	}
}

// zero writes the zeros around the image.
func (f frame) zero(dst []float32) {
	line := f.line * f.c
	clear(dst[:f.top*line])
	for y := range f.h {
		d := dst[(f.top+y)*line : (f.top+y+1)*line]
		clear(d[:f.left*f.c])
		clear(d[(f.left+f.w)*f.c:])
	}
	clear(dst[(f.top+f.h)*line : f.lines*line])
}
