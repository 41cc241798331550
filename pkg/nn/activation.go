package nn

import (
	"math"

	G "gorgonia.org/gorgonia"
)

// activate adds an activation; ReLU is a part of the convolution or dense operator before it.
func (n *network) activate(act Activation, x signal) signal {
	switch act {
	case Sigmoid:
		return n.sigmoid(x)
	case Softmax:
		return n.softmax(x)
	}
	return x
}

// reluGrad adds the gradient with respect to what a ReLU took, given its output.
func (n *network) reluGrad(out, grad *G.Node) *G.Node {
	size := grad.Shape()[1]
	run := func(in [][]float32, out []float32) {
		n.each(n.n, func(i int, _ []float32) {
			y, o := in[0][i*size:(i+1)*size], out[i*size:(i+1)*size]
			for j, v := range in[1][i*size : (i+1)*size] {
				if y[j] > 0 {
					o[j] = v
				} else {
					o[j] = 0
				}
			}
		})
	}
	return n.apply("relu gradient", grad.Shape(), run, out, grad)
}

// sigmoid adds 1/(1+exp(-x)).
func (n *network) sigmoid(x signal) signal {
	size := product(x.shape)
	run := func(in [][]float32, out []float32) {
		n.each(n.n, func(i int, _ []float32) {
			n.kernels.sigmoid(out[i*size:(i+1)*size], in[0][i*size:(i+1)*size])
		})
	}
	x.Node = n.applyDifferentiable("sigmoid", x.Node.Shape(), run, []bool{x.active}, func(out, grad *G.Node) []*G.Node {
		run := func(in [][]float32, out []float32) {
			n.each(n.n, func(i int, _ []float32) {
				o, y := out[i*size:(i+1)*size], in[0][i*size:(i+1)*size]
				for j, v := range in[1][i*size : (i+1)*size] {
					o[j] = v * (y[j] * (1 - y[j]))
				}
			})
		}
		return []*G.Node{n.apply("sigmoid gradient", grad.Shape(), run, out, grad)}
	}, x.Node)
	return x
}

// softmax adds exp(x)/sum(exp(x)) over the last dimension.
func (n *network) softmax(x signal) signal {
	size, width := product(x.shape), x.shape[len(x.shape)-1]
	run := func(in [][]float32, out []float32) {
		n.each(n.n, func(i int, _ []float32) {
			for p := i * size; p < (i+1)*size; p += width {
				softmax(out[p:p+width], in[0][p:p+width])
			}
		})
	}
	x.Node = n.applyDifferentiable("softmax", x.Node.Shape(), run, []bool{x.active}, func(out, grad *G.Node) []*G.Node {
		run := func(in [][]float32, out []float32) {
			n.each(n.n, func(i int, _ []float32) {
				for p := i * size; p < (i+1)*size; p += width {
					y, g := in[0][p:p+width], in[1][p:p+width]
					var dot float32
					for j, v := range g {
						dot += float32(v * y[j])
					}
					for j, v := range g {
						out[p+j] = y[j] * (v - dot)
					}
				}
			})
		}
		return []*G.Node{n.apply("softmax gradient", grad.Shape(), run, out, grad)}
	}, x.Node)
	return x
}

// softmax computes exp(x)/sum(exp(x)), and returns the greatest x and the sum of exp(x-greatest).
func softmax(out, x []float32) (greatest, sum float32) {
	greatest = x[0]
	for _, v := range x {
		greatest = max(greatest, v)
	}
	for j, v := range x {
		out[j] = exp(v - greatest)
		sum += out[j]
	}
	for j := range out {
		out[j] /= sum
	}
	return greatest, sum
}

// expConstants are the constants of exp, in the order in which the assembly knows them.
var expConstants = [14]float32{
	-87, 88, // results beyond are not normal numbers or infinite
	math.Log2E,
	3 << 22, // adding it rounds to a whole number, which the lowest bits of the sum then hold
	// ln 2 in two parts, the first with zeros at its end: its products with whole numbers are exact here.
	0.693145751953125, 1.4286067653e-06,
	// Taylor's series, for up to ln(2)/2.
	1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1,
}

// exp is e to the x, to about 1 unit in the last place; the result for x beyond [-87,88] is that for the nearer bound.
// math.Exp is not used because it is computed differently on different processors.
func exp(x float32) float32 {
	c := &expConstants
	if x < c[0] {
		x = c[0]
	}
	if x > c[1] {
		x = c[1]
	}
	shifted := float32(x*c[2]) + c[3]
	whole := shifted - c[3]
	r := x - float32(whole*c[4]) - float32(whole*c[5])
	p := c[6]
	for _, a := range c[7:] {
		p = float32(p*r) + a
	}
	return p * math.Float32frombits((math.Float32bits(shifted)+127)<<23)
}

// log is the natural logarithm of a normal positive x, computed in the same way on every processor.
func log(x float64) float64 {
	fraction, exponent := math.Frexp(x)
	if fraction < math.Sqrt2/2 {
		fraction, exponent = 2*fraction, exponent-1
	}
	// log(f) = 2 artanh(z) = 2(z + z³/3 + z⁵/5 + …); |z| <= 0.172.
	z := (fraction - 1) / (fraction + 1)
	square := float64(z * z)
	var s float64
	for k := 21; k >= 1; k -= 2 {
		s = float64(s*square) + 1/float64(k)
	}
	return float64(exponent)*math.Ln2 + 2*float64(z*s)
}
