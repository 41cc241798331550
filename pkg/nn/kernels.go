package nn

import "math"

// kernels are the loops in which the time is spent, for one instruction set. The loops written out in the methods define
// the results; the assembly in their place, where there is some, gives the same to the last bit, because it adds in the same
// order and rounds every product before it is added.
//
// An image is a row of values, channel by channel, pixel by pixel. Most loops take parameters by channel, such as a mean; they
// come as parameters of period(c) values, see repeat.
type kernels struct {
	name string
	asm  *assembly // nil for the portable kernels
}

// An assembly is the assembly for one instruction set.
type assembly struct {
	lanes    int       // values in a vector
	half     *assembly // for half as many lanes, nil where there is none
	halfRows int       // half the most rows of a tile
	tiles    [2][]tile // of matmul: by vectors of columns and rows, both less one

	addTo     func(out, x *float32, n int)
	sum       func(acc, x *float32, n, period int)
	squares   func(acc, x, mean *float32, n, period int)
	normalise func(out, x, mean, scale, beta *float32, n, period int)
	gradSums  func(sums, dots, g, x, mean *float32, n, period int)
	backward  func(out, g, x, mean, ofGrad, ofX, rest *float32, floor float32, n, period int)
	poolRow   func(out, best, x0, x1, mean, scale, beta *float32, c, windows int)
	unpoolRow func(d0, d1, g, best, x0, x1, mean, ofGrad, ofX, rest *float32, floor float32, c, windows int)

	winogradIn         func(v, x *float32, line, plane, c, tiles int)
	winogradGradIn     func(v, dy *float32, line, plane, c, tiles int)
	winogradOut        func(y, m, bias *float32, floor float32, line, plane, c, tiles int)
	winogradFilter     func(u, w *float32, plane, size, n int)
	winogradFilterGrad func(w, u *float32, size, plane, n int)

	sigmoid func(out, x *float32, constants *[14]float32, n int)
	rmsprop func(w, grad, second *float32, rate, keep, take, epsilon float32, n int)
	adam    func(w, grad, first, second *float32, rate, takeFirst, takeSecond, epsilon float32, n int)
}

// narrow is the assembly for c values side by side: wide vectors of which half stays empty are slower than full ones.
func (a *assembly) narrow(c int) *assembly {
	if a.half != nil && c <= a.half.lanes {
		return a.half
	}
	return a
}

// implementations are the kernels that this processor can run, the fastest first and the portable ones last.
var implementations = append(accelerated(), &kernels{name: "portable"})

// fastest are the kernels that new networks and solvers use.
var fastest = implementations[0]

// period is the number of values after which both the channels and vectors of any width begin anew.
func period(channels int) int {
	a, b := channels, 16
	for b > 0 {
		a, b = b, a%b
	}
	return channels * (16 / a)
}

// repeat fills dst with copies of src.
func repeat(dst, src []float32) {
	for len(dst) > 0 {
		dst = dst[copy(dst, src):]
	}
}

// fold adds up what sum and the like gathered in period(len(dst)) places.
func fold(dst, acc []float32) {
	copy(dst, acc)
	for acc = acc[len(dst):]; len(acc) > 0; acc = acc[len(dst):] {
		for i, v := range acc[:len(dst)] {
			dst[i] += v
		}
	}
}

// addTo adds x to out.
func (k *kernels) addTo(out, x []float32) {
	x = x[:len(out)]
	if k.asm != nil && len(out) > 0 {
		k.asm.addTo(&out[0], &x[0], len(out))
		return
	}
	for i, v := range x {
		out[i] += v
	}
}

// sum adds x[i] to acc[i%len(acc)].
func (k *kernels) sum(acc, x []float32) {
	if k.asm != nil && len(x) > 0 {
		k.asm.sum(&acc[0], &x[0], len(x), len(acc))
		return
	}
	for ; len(x) > 0; x = x[min(len(acc), len(x)):] {
		for i, v := range x[:min(len(acc), len(x))] {
			acc[i] += v
		}
	}
}

// squares adds (x-mean)² to acc, as sum does.
func (k *kernels) squares(acc, x, mean []float32) {
	mean = mean[:len(acc)]
	if k.asm != nil && len(x) > 0 {
		k.asm.squares(&acc[0], &x[0], &mean[0], len(x), len(acc))
		return
	}
	for ; len(x) > 0; x = x[min(len(acc), len(x)):] {
		for i, v := range x[:min(len(acc), len(x))] {
			d := v - mean[i]
			acc[i] += float32(d * d)
		}
	}
}

// normalise sets out to (x-mean)*scale+beta.
func (k *kernels) normalise(out, x []float32, p *normalisation) {
	out = out[:len(x)]
	if k.asm != nil && len(x) > 0 {
		k.asm.normalise(&out[0], &x[0], &p.mean[0], &p.scale[0], &p.beta[0], len(x), len(p.mean))
		return
	}
	mean, scale, beta := p.mean, p.scale, p.beta
	for at := 0; at < len(x); at += len(mean) {
		o := out[at:]
		for i, v := range x[at:min(at+len(mean), len(x))] {
			o[i] = float32((v-mean[i])*scale[i]) + beta[i]
		}
	}
}

// gradSums adds g to sums and g*(x-mean) to dots, as sum does.
func (k *kernels) gradSums(sums, dots, g, x, mean []float32) {
	dots, mean, x = dots[:len(sums)], mean[:len(sums)], x[:len(g)]
	if k.asm != nil && len(x) > 0 {
		k.asm.gradSums(&sums[0], &dots[0], &g[0], &x[0], &mean[0], len(x), len(sums))
		return
	}
	for at := 0; at < len(x); at += len(sums) {
		xs := x[at:]
		for i, v := range g[at:min(at+len(sums), len(x))] {
			sums[i] += v
			dots[i] += float32(v * (xs[i] - mean[i]))
		}
	}
}

// backward sets out to g*ofGrad + ((x-mean)*ofX+rest) where x > floor, to 0 elsewhere.
func (k *kernels) backward(out, g, x []float32, p *slope) {
	out, g = out[:len(x)], g[:len(x)]
	if k.asm != nil && len(x) > 0 {
		k.asm.backward(&out[0], &g[0], &x[0], &p.mean[0], &p.ofGrad[0], &p.ofX[0], &p.rest[0], p.floor, len(x), len(p.mean))
		return
	}
	mean, ofGrad, ofX, rest := p.mean, p.ofGrad, p.ofX, p.rest
	for at := 0; at < len(x); at += len(mean) {
		o, gs := out[at:], g[at:]
		for i, v := range x[at:min(at+len(mean), len(x))] {
			d := float32(gs[i]*ofGrad[i]) + (float32((v-mean[i])*ofX[i]) + rest[i])
			if !(v > p.floor) {
				d = 0
			}
			o[i] = d
		}
	}
}

// A pooling is how a line of windows lies in an image.
type pooling struct {
	line   int    // values in a line of the image
	window [2]int // lines and pixels
	c      int    // channels
}

// poolRow normalises and pools a row of windows; x begins with the first value in them. best becomes the value that is
// the greatest after normalisation, out the normalised value.
func (k *kernels) poolRow(out, best, x []float32, p *normalisation, g pooling) {
	windows, c := len(out)/g.c, g.c
	best = best[:len(out)]
	_ = x[(g.window[0]-1)*g.line+windows*g.window[1]*c-1]
	if k.asm != nil && g.window == [2]int{2, 2} {
		k.asm.narrow(c).poolRow(&out[0], &best[0], &x[0], &x[g.line], &p.mean[0], &p.scale[0], &p.beta[0], c, windows)
		return
	}
	mean, scale, beta := p.mean[:c], p.scale[:c], p.beta[:c]
	for at := 0; at < len(out); at += c {
		b := best[at : at+c]
		first := x[at*g.window[1]:]
		copy(b, first)
		for r := range g.window[0] {
			for q := range g.window[1] {
				for i, v := range first[r*g.line+q*c:][:c] {
					// With a negative scale the least value is the greatest in the end.
					if math.Signbit(float64(scale[i])) {
						if v < b[i] {
							b[i] = v
						}
					} else if v > b[i] {
						b[i] = v
					}
				}
			}
		}
		for i, v := range b {
			out[at+i] = float32((v-mean[i])*scale[i]) + beta[i]
		}
	}
}

// unpoolRow sets d, which has line values in a line, as backward does for a row of windows of x; the gradient g of
// a window belongs to the first of its values that equals best.
func (k *kernels) unpoolRow(d []float32, line int, g, best, x []float32, p *slope, w pooling) {
	windows, c := len(g)/w.c, w.c
	best = best[:len(g)]
	_ = x[(w.window[0]-1)*w.line+windows*w.window[1]*c-1]
	_ = d[(w.window[0]-1)*line+windows*w.window[1]*c-1]
	if k.asm != nil && w.window == [2]int{2, 2} {
		k.asm.narrow(c).unpoolRow(&d[0], &d[line], &g[0], &best[0], &x[0], &x[w.line], &p.mean[0], &p.ofGrad[0], &p.ofX[0], &p.rest[0], p.floor, c, windows)
		return
	}
	mean, ofGrad, ofX, rest := p.mean[:c], p.ofGrad[:c], p.ofX[:c], p.rest[:c]
	for at := 0; at < len(g); at += c {
		for i, v := range g[at : at+c] {
			left := v * ofGrad[i]
			for r := range w.window[0] {
				for q := range w.window[1] {
					inside := at*w.window[1] + q*c + i
					v := x[r*w.line+inside]
					var taken float32
					if v == best[at+i] {
						taken, left = left, 0
					}
					dv := taken + (float32((v-mean[i])*ofX[i]) + rest[i])
					if !(v > p.floor) {
						dv = 0
					}
					d[r*line+inside] = dv
				}
			}
		}
	}
}

// winogradIn writes, for a row of tiles of 6x6 pixels of x, four pixels from each other, the transforms Bᵀ*tile*B, see winograd:
// v has (6,6,tiles,c), with plane values from one element of the tiles to the next. x has line values in a line.
func (k *kernels) winogradIn(v, x []float32, line, plane, c, tiles int) {
	_ = v[35*plane+tiles*c-1]
	_ = x[5*line+(4*tiles+2)*c-1]
	if k.asm != nil {
		k.asm.narrow(c).winogradIn(&v[0], &x[0], line, plane, c, tiles)
		return
	}
	for at := range tiles * c {
		tile, out := x[at/c*4*c+at%c:], v[at:]
		var columns [6][6]float32
		for j := range columns {
			t := tile[j*c:]
			columns[j] = timesBT([6]float32{t[0], t[line], t[2*line], t[3*line], t[4*line], t[5*line]})
		}
		for i := range 6 {
			for j, e := range timesBT([6]float32{columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i]}) {
				out[(6*i+j)*plane] = e
			}
		}
	}
}

// winogradGradIn writes, for a row of tiles of 4x4 pixels of dy, the transforms A*tile*Aᵀ, as winogradIn does.
func (k *kernels) winogradGradIn(v, dy []float32, line, plane, c, tiles int) {
	_ = v[35*plane+tiles*c-1]
	_ = dy[3*line+4*tiles*c-1]
	if k.asm != nil {
		k.asm.narrow(c).winogradGradIn(&v[0], &dy[0], line, plane, c, tiles)
		return
	}
	for at := range tiles * c {
		tile, out := dy[at/c*4*c+at%c:], v[at:]
		var columns [4][6]float32
		for j := range columns {
			t := tile[j*c:]
			columns[j] = timesA([4]float32{t[0], t[line], t[2*line], t[3*line]})
		}
		for i := range 6 {
			for j, e := range timesA([4]float32{columns[0][i], columns[1][i], columns[2][i], columns[3][i]}) {
				out[(6*i+j)*plane] = e
			}
		}
	}
}

// winogradOut writes, for a row of tiles of 4x4 pixels of y, what the products m, (6,6,tiles,c), stand for, Aᵀ*m*A, with bias
// added, and floor where that is less.
func (k *kernels) winogradOut(y, m, bias []float32, floor float32, line, plane, c, tiles int) {
	_ = m[35*plane+tiles*c-1]
	_ = y[3*line+4*tiles*c-1]
	bias = bias[:c]
	if k.asm != nil {
		k.asm.narrow(c).winogradOut(&y[0], &m[0], &bias[0], floor, line, plane, c, tiles)
		return
	}
	for at := range tiles * c {
		in, tile := m[at:], y[at/c*4*c+at%c:]
		var columns [6][4]float32
		for j := range columns {
			t := in[j*plane:]
			columns[j] = timesAT([6]float32{t[0], t[6*plane], t[12*plane], t[18*plane], t[24*plane], t[30*plane]})
		}
		for i := range 4 {
			for j, e := range timesAT([6]float32{columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i]}) {
				e += bias[at%c]
				if floor > e {
					e = floor
				}
				tile[i*line+j*c] = e
			}
		}
	}
}

// winogradFilter writes G*filter*Gᵀ of n filters g, (3,3,n) with size values from one element to the next, to u, (6,6,n) with plane.
func (k *kernels) winogradFilter(u, g []float32, plane, size, n int) {
	_ = u[35*plane+n-1]
	_ = g[8*size+n-1]
	if k.asm != nil {
		k.asm.narrow(n).winogradFilter(&u[0], &g[0], plane, size, n)
		return
	}
	for at := range n {
		in, out := g[at:], u[at:]
		var columns [3][6]float32
		for j := range columns {
			t := in[j*size:]
			columns[j] = timesG([3]float32{t[0], t[3*size], t[6*size]})
		}
		for i := range 6 {
			for j, e := range timesG([3]float32{columns[0][i], columns[1][i], columns[2][i]}) {
				out[(6*i+j)*plane] = e
			}
		}
	}
}

// winogradFilterGrad adds Gᵀ*u*G to g, both as winogradFilter has them.
func (k *kernels) winogradFilterGrad(g, u []float32, size, plane, n int) {
	_ = g[8*size+n-1]
	_ = u[35*plane+n-1]
	if k.asm != nil {
		k.asm.narrow(n).winogradFilterGrad(&g[0], &u[0], size, plane, n)
		return
	}
	for at := range n {
		in, out := u[at:], g[at:]
		var columns [6][3]float32
		for j := range columns {
			t := in[j*plane:]
			columns[j] = timesGT([6]float32{t[0], t[6*plane], t[12*plane], t[18*plane], t[24*plane], t[30*plane]})
		}
		for i := range 3 {
			for j, e := range timesGT([6]float32{columns[0][i], columns[1][i], columns[2][i], columns[3][i], columns[4][i], columns[5][i]}) {
				out[(3*i+j)*size] += e
			}
		}
	}
}

// sigmoid sets out to 1/(1+exp(-x)).
func (k *kernels) sigmoid(out, x []float32) {
	out = out[:len(x)]
	if k.asm != nil && len(x) > 0 {
		k.asm.sigmoid(&out[0], &x[0], &expConstants, len(x))
		return
	}
	for i, v := range x {
		out[i] = 1 / (1 + exp(0-v))
	}
}

// rmsprop is the step of the solver: second becomes second*keep + grad²*take, and w loses grad*rate/sqrt(second+epsilon).
func (k *kernels) rmsprop(w, grad, second []float32, rate, keep, take, epsilon float32) {
	grad, second = grad[:len(w)], second[:len(w)]
	if k.asm != nil && len(w) > 0 {
		k.asm.rmsprop(&w[0], &grad[0], &second[0], rate, keep, take, epsilon, len(w))
		return
	}
	for i, g := range grad {
		v := float32(second[i]*keep) + float32(float32(g*g)*take)
		second[i] = v
		w[i] -= float32(g*rate) / float32(math.Sqrt(float64(v+epsilon)))
	}
}

// adam is the step of the solver: first moves towards grad and second towards grad², by the shares to take, and w loses
// first*rate/(sqrt(second)+epsilon).
func (k *kernels) adam(w, grad, first, second []float32, rate, takeFirst, takeSecond, epsilon float32) {
	grad, first, second = grad[:len(w)], first[:len(w)], second[:len(w)]
	if k.asm != nil && len(w) > 0 {
		k.asm.adam(&w[0], &grad[0], &first[0], &second[0], rate, takeFirst, takeSecond, epsilon, len(w))
		return
	}
	for i, g := range grad {
		m := first[i] + float32((g-first[i])*takeFirst)
		v := second[i] + float32((float32(g*g)-second[i])*takeSecond)
		first[i], second[i] = m, v
		w[i] -= float32(m*rate) / (float32(math.Sqrt(float64(v))) + epsilon)
	}
}
