package cpu

import (
	G "gorgonia.org/gorgonia"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// activate adds an activation. ReLU is a part of the convolution or dense operator before it.
func (n *network) activate(act nn.Activation, x signal) signal {
	switch act {
	case nn.Sigmoid:
		return n.sigmoid(x)
	case nn.Softmax:
		return n.softmax(x)
	}
	return x
}

// reluGrad adds the gradient of the input of a ReLU, given its output.
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
			n.kernels.Sigmoid(out[i*size:(i+1)*size], in[0][i*size:(i+1)*size])
		})
	}
	gradient := func(out, grad *G.Node) []*G.Node {
		run := func(in [][]float32, out []float32) {
			n.each(n.n, func(i int, _ []float32) {
				o, y := out[i*size:(i+1)*size], in[0][i*size:(i+1)*size]
				for j, v := range in[1][i*size : (i+1)*size] {
					o[j] = v * (y[j] * (1 - y[j]))
				}
			})
		}
		return []*G.Node{n.apply("sigmoid gradient", grad.Shape(), run, out, grad)}
	}
	x.Node = n.applyDifferentiable("sigmoid", x.Node.Shape(), run,
		[]bool{x.active}, gradient, x.Node)
	return x
}

// softmax adds exp(x)/sum(exp(x)) over the last dimension.
func (n *network) softmax(x signal) signal {
	size, width := product(x.shape), x.shape[len(x.shape)-1]
	run := func(in [][]float32, out []float32) {
		n.each(n.n, func(i int, _ []float32) {
			for p := i * size; p < (i+1)*size; p += width {
				kernel.Softmax(out[p:p+width], in[0][p:p+width])
			}
		})
	}
	gradient := func(out, grad *G.Node) []*G.Node {
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
	}
	x.Node = n.applyDifferentiable("softmax", x.Node.Shape(), run,
		[]bool{x.active}, gradient, x.Node)
	return x
}
