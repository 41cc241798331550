// Package kernel has the loops in which training and prediction spend their time, for several
// instruction sets.
//
// The portable kernels, in Go, define the results. All others give the same to the last bit: they
// add in the same order and round every product before it is added.
//
// An image is a row of values, channel by channel, pixel by pixel. Most kernels take parameters by
// channel, such as a mean; they come as Period(channels) values, see Repeat.
package kernel

import "math"

//go:generate go run -C _asm . -out ../kernels_amd64.s -stubs ../kernels_stubs_amd64.go -pkg kernel
//go:generate go run imagesimilarity/pkg/cmd/neon kernel

// A Set is a table of kernels for one instruction set. What the set does not bring is portable.
// The methods check the operands' lengths, so that no entry reads or writes beyond an end.
type Set struct {
	Name string

	// For at most halfLanes values side by side, half is used: wide vectors with an empty half are
	// slower than narrow ones that are full. It is nil if there is none.
	half      *Set
	halfLanes int

	matmul func(p *Product, a, b, c, bias []float32)

	addTo     func(out, x []float32)
	maxTo     func(out, x []float32)
	mulTo     func(out, x []float32)
	clip      func(out, x []float32, low, high float32)
	leak      func(out, x, slopes []float32)
	depthwise func(out, x, w, bias []float32, p *Window)
	sum       func(acc, x []float32)
	squares   func(acc, x, mean []float32)
	normalise func(out, x, mean, scale, beta []float32)
	gradSums  func(sums, dots, grad, x, mean []float32)
	backward  func(out, grad, x, mean, ofGrad, ofX, rest []float32, floor float32)
	pool2x2   func(out, best, x, mean, scale, beta []float32, line, c, windows int)
	unpool2x2 func(d, grad, best, x, mean, ofGrad, ofX, rest []float32, floor float32,
		dLine, line, c, windows int)

	winogradIn         func(v, x []float32, line, plane, c, tiles int)
	winogradGradIn     func(v, dy []float32, line, plane, c, tiles int)
	winogradOut        func(y, m, bias []float32, floor float32, line, plane, c, tiles int)
	winogradFilter     func(u, w []float32, plane, size, n int)
	winogradFilterGrad func(w, u []float32, size, plane, n int)

	sigmoid  func(out, x []float32)
	exp      func(out, x []float32)
	tanh     func(out, x []float32)
	swish    func(out, x []float32)
	softplus func(out, x []float32)
	softsign func(out, x []float32)
	mish     func(out, x []float32)
	gelu     func(out, x []float32)
	elu      func(out, x []float32, alpha, scale float32)

	rmsprop func(w, grad, second []float32, rate, keep, take, epsilon float32)
	adam    func(w, grad, first, second []float32, rate, takeFirst, takeSecond, epsilon float32)
}

// portable is the set of kernels that every processor can run.
var portable = Set{
	Name:   "portable",
	matmul: (*Product).portable,

	maxTo: maxTo, mulTo: mulTo, clip: clip, leak: leak, depthwise: depthwise,
	addTo: addTo, sum: sum, squares: squares,
	normalise: normalise, gradSums: gradSums, backward: backward,
	pool2x2: pool2x2, unpool2x2: unpool2x2,

	winogradIn: winogradIn, winogradGradIn: winogradGradIn, winogradOut: winogradOut,
	winogradFilter: winogradFilter, winogradFilterGrad: winogradFilterGrad,

	sigmoid: sigmoid, exp: expTo, tanh: tanh, swish: swish, softplus: softplus,
	softsign: softsign, mish: mish, gelu: gelu, elu: elu,

	rmsprop: rmsprop, adam: adam,
}

// Implementations are the sets that this processor can run, the fastest first, the portable one
// last.
var Implementations = append(accelerated(), &portable)

// narrow returns the set for c values side by side.
func (s *Set) narrow(c int) *Set {
	if s.half != nil && c <= s.halfLanes {
		return s.half
	}
	return s
}

// vectorLanes is a number of values that whole vectors of every instruction set fill.
const vectorLanes = 16

// Period returns the number of values after which both the channels and the vectors of every
// instruction set begin anew.
func Period(channels int) int {
	a, b := channels, vectorLanes
	for b > 0 {
		a, b = b, a%b
	}
	return channels * (vectorLanes / a)
}

// Lanes returns n rounded up to whole vectors of every instruction set.
func Lanes(n int) int { return (n + vectorLanes - 1) / vectorLanes * vectorLanes }

// Repeat fills dst with copies of src.
func Repeat(dst, src []float32) {
	for len(dst) > 0 {
		dst = dst[copy(dst, src):]
	}
}

// Fold adds up in dst what Sum and the like gathered in Period(len(dst)) places.
func Fold(dst, acc []float32) {
	copy(dst, acc)
	for acc = acc[len(dst):]; len(acc) > 0; acc = acc[len(dst):] {
		for i, v := range acc[:len(dst)] {
			dst[i] += v
		}
	}
}

// AddTo adds x to out.
func (s *Set) AddTo(out, x []float32) { s.addTo(out, x[:len(out)]) }

// MaxTo sets out to the greater of out and x.
func (s *Set) MaxTo(out, x []float32) { s.maxTo(out, x[:len(out)]) }

// MulTo multiplies out by x.
func (s *Set) MulTo(out, x []float32) { s.mulTo(out, x[:len(out)]) }

// Clip sets out to the value in [low,high] that is nearest to x.
func (s *Set) Clip(out, x []float32, low, high float32) { s.clip(out[:len(x)], x, low, high) }

// Leak sets out to x, and to x[i]*slopes[i%len(slopes)] if x is not positive; len(slopes) is a
// Period.
func (s *Set) Leak(out, x, slopes []float32) { s.leak(out[:len(x)], x, slopes) }

// A Window tells how the windows of a row of pixels lie in an image.
type Window struct {
	C          int // channels
	Pixel      int // values from a window to the next
	Rows, Cols int // elements of a window
	Line, Step int // values from a row or column of it to the next
}

// Depthwise computes, for each channel of the pixels of out, the sum of the products of a window of
// x with w, (Rows,Cols,C), row by row, and adds bias, (C), which may be nil.
func (s *Set) Depthwise(out, x, w, bias []float32, p *Window) {
	pixels := len(out) / p.C
	x = x[:(pixels-1)*p.Pixel+(p.Rows-1)*p.Line+(p.Cols-1)*p.Step+p.C]
	w = w[:p.Rows*p.Cols*p.C]
	if bias != nil {
		bias = bias[:p.C]
	}
	s.depthwise(out[:pixels*p.C], x, w, bias, p)
}

// Sum adds x[i] to acc[i%len(acc)]; len(acc) is a Period.
func (s *Set) Sum(acc, x []float32) { s.sum(acc, x) }

// Squares adds (x-mean)² to acc, as Sum does.
func (s *Set) Squares(acc, x, mean []float32) { s.squares(acc, x, mean[:len(acc)]) }

// A Normalisation is (x-Mean)*Scale+Beta by channel; each has Period values.
type Normalisation struct{ Mean, Scale, Beta []float32 }

// Normalise sets out to the normalised x.
func (s *Set) Normalise(out, x []float32, p *Normalisation) {
	n := len(p.Mean)
	s.normalise(out[:len(x)], x, p.Mean, p.Scale[:n], p.Beta[:n])
}

// GradSums adds grad to sums and grad*(x-mean) to dots, as Sum does.
func (s *Set) GradSums(sums, dots, grad, x, mean []float32) {
	s.gradSums(sums, dots[:len(sums)], grad[:len(x)], x, mean[:len(sums)])
}

// A Slope is the way of a gradient back through ReLU and normalisation: it becomes
// grad*OfGrad + ((x-Mean)*OfX+Rest) if x > Floor, else 0. Each has Period values.
type Slope struct {
	Mean, OfGrad, OfX, Rest []float32
	Floor                   float32
}

// Backward sets out to what becomes of the gradient.
func (s *Set) Backward(out, grad, x []float32, p *Slope) {
	n := len(p.Mean)
	s.backward(out[:len(x)], grad[:len(x)], x,
		p.Mean, p.OfGrad[:n], p.OfX[:n], p.Rest[:n], p.Floor)
}

// A Pooling tells how the windows of a row lie in an image.
type Pooling struct {
	Line   int    // values in a line of the image
	Window [2]int // lines and pixels
	C      int    // channels
}

// span returns the number of values from the first of n windows to the last, if a line of the image
// has line values.
func (g Pooling) span(line, n int) int { return (g.Window[0]-1)*line + n*g.Window[1]*g.C }

// PoolRow normalises and pools a row of windows; x begins with the first value in them. best
// becomes the value that is greatest after normalisation, out the normalised value.
func (s *Set) PoolRow(out, best, x []float32, p *Normalisation, g Pooling) {
	windows := len(out) / g.C
	best, x = best[:len(out)], x[:g.span(g.Line, windows)]
	mean, scale, beta := p.Mean[:g.C], p.Scale[:g.C], p.Beta[:g.C]
	if g.Window == [2]int{2, 2} {
		s.narrow(g.C).pool2x2(out, best, x, mean, scale, beta, g.Line, g.C, windows)
		return
	}
	pool(out, best, x, mean, scale, beta, g)
}

// UnpoolRow sets d as Backward does for a row of windows of x; a line of d has dLine values. The
// gradient of a window belongs to the first of its values that equals best.
func (s *Set) UnpoolRow(d []float32, dLine int, grad, best, x []float32, p *Slope, g Pooling) {
	windows := len(grad) / g.C
	best, x, d = best[:len(grad)], x[:g.span(g.Line, windows)], d[:g.span(dLine, windows)]
	mean, ofGrad, ofX, rest := p.Mean[:g.C], p.OfGrad[:g.C], p.OfX[:g.C], p.Rest[:g.C]
	if g.Window == [2]int{2, 2} {
		s.narrow(g.C).unpool2x2(d, grad, best, x, mean, ofGrad, ofX, rest, p.Floor,
			dLine, g.Line, g.C, windows)
		return
	}
	unpool(d, grad, best, x, mean, ofGrad, ofX, rest, p.Floor, dLine, g)
}

// Sigmoid sets out to 1/(1+exp(-x)).
func (s *Set) Sigmoid(out, x []float32) { s.sigmoid(out[:len(x)], x) }

// Exp sets out to e to the x, for x within [-87,88]; beyond, to that of the nearer bound.
func (s *Set) Exp(out, x []float32) { s.exp(out[:len(x)], x) }

// Tanh sets out to the hyperbolic tangent of x.
func (s *Set) Tanh(out, x []float32) { s.tanh(out[:len(x)], x) }

// Swish sets out to x/(1+exp(-x)).
func (s *Set) Swish(out, x []float32) { s.swish(out[:len(x)], x) }

// Softplus sets out to log(1+exp(x)).
func (s *Set) Softplus(out, x []float32) { s.softplus(out[:len(x)], x) }

// Softsign sets out to x/(1+|x|).
func (s *Set) Softsign(out, x []float32) { s.softsign(out[:len(x)], x) }

// Mish sets out to x*tanh(log(1+exp(x))).
func (s *Set) Mish(out, x []float32) { s.mish(out[:len(x)], x) }

// GELU sets out to x times the share of the normal distribution below x (Hendrycks and Gimpel
// 2016). The share is right to 1e-7.
func (s *Set) GELU(out, x []float32) { s.gelu(out[:len(x)], x) }

// ELU sets out to x*scale, and to (exp(x)-1)*alpha if x is not positive.
func (s *Set) ELU(out, x []float32, alpha, scale float32) {
	s.elu(out[:len(x)], x, alpha, scale)
}

// RMSprop sets second to second*keep + grad²*take and subtracts grad*rate/sqrt(second+epsilon)
// from w.
func (s *Set) RMSprop(w, grad, second []float32, rate, keep, take, epsilon float32) {
	s.rmsprop(w, grad[:len(w)], second[:len(w)], rate, keep, take, epsilon)
}

// Adam moves first towards grad and second towards grad², by the shares takeFirst and takeSecond,
// and subtracts first*rate/(sqrt(second)+epsilon) from w.
func (s *Set) Adam(w, grad, first, second []float32,
	rate, takeFirst, takeSecond, epsilon float32) {
	n := len(w)
	s.adam(w, grad[:n], first[:n], second[:n], rate, takeFirst, takeSecond, epsilon)
}

// NoFloor is a floor that every number passes.
var NoFloor = float32(math.Inf(-1))
