package nn

// A convolution is a Conv2D layer with padding "same" and stride 1, and UpSampling2D before it.
type convolution struct {
	repetition
	kh, kw       int   // the filter
	f            int   // filters
	top, left    int   // zeros around the image: Keras puts (k-1)/2 before and the rest after
	line, padded int   // pixels in a line with zeros, and in all lines
	under        []int // with one filter: where the products of a line's pixel begin, by column with zeros

	forward, inputGrad, kernelGrad matmul
}

func newConvolution(in []int, up [2]int, l *Layer) *convolution {
	v := &convolution{repetition: newRepetition(in, up), kh: l.Kernel[0], kw: l.Kernel[1], f: l.Output[2]}
	v.top, v.left = (v.kh-1)/2, (v.kw-1)/2
	v.line = v.w + v.kw - 1
	v.padded = (v.h + v.kh - 1) * v.line
	if v.f == 1 {
		// One filter leaves nothing to do side by side for each pixel of the output, but the elements of the filter are: for
		// each pixel of the input its products with all of them, which taps adds up.
		v.under = make([]int, v.line)
		for x := range v.w {
			v.under[v.left+x] = x / v.upW * v.kh * v.kw
		}
		v.forward = matmul{Lines: 1, M: v.inH * v.inW, N: v.kh * v.kw, Outer: 1, Inner: v.c,
			AM: v.c, AInner: 1, BInner: v.kh * v.kw, CM: v.kh * v.kw}
		// And the filter, turned by half a turn, times each pixel of the input.
		v.kernelGrad = matmul{Lines: v.kh, M: v.kw, N: v.c, Outer: v.h, Inner: v.w, Add: true,
			ALine: v.line, AM: 1, AOuter: v.line, AInner: 1,
			BOuter: v.w * v.c, BInner: v.c, CLine: v.kw * v.c, CM: v.c}
	} else {
		v.forward = matmul{Lines: v.h, M: v.w, N: v.f, Outer: v.kh, Inner: v.kw * v.c,
			ALine: v.line * v.c, AM: v.c, AOuter: v.line * v.c, AInner: 1,
			BOuter: v.kw * v.c * v.f, BInner: v.f, CLine: v.w * v.f, CM: v.f, ReLU: l.Activation == ReLU}
		v.kernelGrad = matmul{Lines: v.kh, M: v.kw * v.c, N: v.f, Outer: v.h, Inner: v.w, Add: true,
			ALine: v.line * v.c, AM: 1, AOuter: v.line * v.c, AInner: v.c,
			BOuter: v.line * v.f, BInner: v.f, CLine: v.kw * v.c * v.f, CM: v.f}
	}
	// The gradient with respect to the input is a convolution of that of the output, with the filters turned by half a turn,
	// where channels and filters, and the zeros before and after, change places.
	v.inputGrad = matmul{Lines: v.h, M: v.w, N: v.c, Outer: v.kh, Inner: v.kw * v.f,
		ALine: v.line * v.f, AM: v.f, AOuter: v.line * v.f, AInner: 1,
		BOuter: v.kw * v.f * v.c, BInner: v.c, CLine: v.w * v.c, CM: v.c}
	return v
}

// scratch is the number of values that apply and gradients need.
func (v *convolution) scratch() int {
	return max(v.padded*v.c, v.inH*v.inW*v.kh*v.kw, v.h*v.w*v.c)
}

// apply computes the output y for the input x. kernel is the layer's, prepared by arrange.
func (v *convolution) apply(k *kernels, y, x, kernel, bias, scratch []float32, relu bool) {
	if v.f == 1 {
		products := scratch[:v.inH*v.inW*v.kh*v.kw]
		v.forward.run(k, x, kernel, products, nil)
		v.taps(y, products, bias[0], relu)
		return
	}
	v.pad(scratch, x)
	v.forward.run(k, scratch, kernel, y, bias)
}

// arrange copies the kernel (KH,KW,C,F) as apply needs it.
func (v *convolution) arrange(dst, kernel []float32) {
	if v.f != 1 {
		copy(dst, kernel)
		return
	}
	taps := v.kh * v.kw
	for t := range taps {
		for c := range v.c {
			dst[c*taps+t] = kernel[t*v.c+c]
		}
	}
}

// turn copies the kernel (KH,KW,C,F) as the gradient of the input needs it: turned, (KH,KW,F,C).
func (v *convolution) turn(dst, kernel []float32) {
	for t := range v.kh * v.kw {
		d, s := dst[t*v.f*v.c:], kernel[(v.kh*v.kw-1-t)*v.c*v.f:]
		for c := range v.c {
			for f := range v.f {
				d[f*v.c+c] = s[c*v.f+f]
			}
		}
	}
}

// taps adds up, for each pixel of the output, the products (KH*KW) of the input's pixels under the only filter.
func (v *convolution) taps(y, products []float32, bias float32, relu bool) {
	taps := v.kh * v.kw
	for row := range v.h {
		out := y[row*v.w : (row+1)*v.w]
		clear(out)
		for a := range v.kh {
			in := row + a - v.top
			if in < 0 || in >= v.h {
				continue
			}
			line := products[in/v.upH*v.inW*taps:]
			for b := range v.kw {
				tap := line[a*v.kw+b:]
				for x := max(0, v.left-b); x < min(v.w, v.w+v.left-b); x++ {
					out[x] += tap[v.under[x+b]]
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

// pad copies the image x to dst, each pixel repeated, with zeros around it.
func (v *convolution) pad(dst, x []float32) {
	v.frame(dst, v.c, v.top, v.left)
	v.repeat(dst[(v.top*v.line+v.left)*v.c:], x, v.line)
}

// frame sets the zeros around an image of c channels that begins in the line top and the column left.
func (v *convolution) frame(dst []float32, c, top, left int) {
	line := v.line * c
	clear(dst[:top*line])
	for y := range v.h {
		d := dst[(top+y)*line : (top+y+1)*line]
		clear(d[:left*c])
		clear(d[(left+v.w)*c:])
	}
	clear(dst[(top+v.h)*line : v.padded*c])
}

// addKernelGrad adds to sum an image's part in the gradient of the kernel. dy is the gradient of the image's output, with zeros
// around it as addFrame makes them. With one filter sum is turned; untwist turns it back.
func (v *convolution) addKernelGrad(k *kernels, sum, x, dy, scratch []float32) {
	if v.f != 1 {
		v.pad(scratch, x)
		v.kernelGrad.run(k, scratch, dy[v.gradStart():], sum, nil)
		return
	}
	if v.upH*v.upW > 1 {
		v.repeat(scratch, x, v.w)
		x = scratch
	}
	v.kernelGrad.run(k, dy, x, sum, nil)
}

// gradStart is the place of the first value in a padded gradient of the output. There the numbers of zeros before and after are
// exchanged.
func (v *convolution) gradStart() int {
	return ((v.kh-1-v.top)*v.line + v.kw - 1 - v.left) * v.f
}

// gradFrame sets the zeros around a gradient of the output.
func (v *convolution) gradFrame(dy []float32) { v.frame(dy, v.f, v.kh-1-v.top, v.kw-1-v.left) }

// untwist copies the sum of addKernelGrad to the gradient of the kernel.
func (v *convolution) untwist(grad, sum []float32) {
	if v.f != 1 {
		copy(grad, sum)
		return
	}
	taps := v.kh * v.kw
	for t := range taps {
		copy(grad[t*v.c:(t+1)*v.c], sum[(taps-1-t)*v.c:])
	}
}

// inputGradient computes the gradient of the input, dx; turned is the kernel as turn makes it.
func (v *convolution) inputGradient(k *kernels, dx, dy, turned, scratch []float32) {
	if v.upH*v.upW == 1 {
		v.inputGrad.run(k, dy, turned, dx, nil)
		return
	}
	v.inputGrad.run(k, dy, turned, scratch, nil)
	v.down(k, dx, scratch)
}
