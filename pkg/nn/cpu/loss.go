package cpu

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// A deviation is a loss that is the mean of a function of x-target.
type deviation struct {
	sum    func(x, target []float32) float64            // of the function's values
	slopes func(out, x, target []float32, unit float32) // its derivatives times unit/factor
	factor float64
}

var deviations = map[nn.Loss]deviation{
	nn.MeanSquaredError: {
		sum: func(x, target []float32) (sum float64) {
			for i, v := range x {
				d := float64(v - target[i])
				sum += float64(d * d)
			}
			return sum
		},
		slopes: func(out, x, target []float32, unit float32) {
			for i, v := range x {
				out[i] = (v - target[i]) * unit
			}
		},
		factor: 2,
	},
	nn.MeanAbsoluteError: {
		sum: func(x, target []float32) (sum float64) {
			for i, v := range x {
				sum += math.Abs(float64(v - target[i]))
			}
			return sum
		},
		slopes: func(out, x, target []float32, unit float32) {
			for i, v := range x {
				switch d := v - target[i]; {
				case d > 0:
					out[i] = unit
				case d < 0:
					out[i] = -unit
				default:
					out[i] = 0 // as TensorFlow has it
				}
			}
		},
		factor: 1,
	},
}

// deviation adds the mean of a function of x-target over all values.
func (n *network) deviation(d deviation, x signal, target *G.Node) *G.Node {
	size := product(x.shape)
	sums := make([]float64, n.batch)
	run := func(in [][]float32, out []float32) {
		n.each(n.n, func(i int, _ []float32) {
			sums[i] = d.sum(in[0][i*size:(i+1)*size], in[1][i*size:(i+1)*size])
		})
		out[0] = float32(mean(sums[:n.n]) / float64(size))
	}
	gradient := func(_, grad *G.Node) []*G.Node {
		run := func(in [][]float32, out []float32) {
			unit := float32(float64(in[2][0]) * d.factor / (float64(n.n) * float64(size)))
			n.each(n.n, func(i int, _ []float32) {
				from, to := i*size, (i+1)*size
				d.slopes(out[from:to], in[0][from:to], in[1][from:to], unit)
			})
		}
		shape := tensor.Shape{n.batch, size}
		return []*G.Node{n.apply("deviation gradient", shape, run, x.Node, target, grad), nil}
	}
	return n.applyDifferentiable("deviation", nil, run,
		[]bool{x.active, false}, gradient, x.Node, target)
}

// crossentropy adds the mean over the samples of -sum(target*log(softmax(x))).
func (n *network) crossentropy(x signal, target *G.Node) *G.Node {
	classes := product(x.shape)
	probabilities := make([]float32, n.batch*classes)
	losses := make([]float64, n.batch)
	run := func(in [][]float32, out []float32) {
		for i := range n.n {
			logits := in[0][i*classes : (i+1)*classes]
			greatest, sum := kernel.Softmax(probabilities[i*classes:(i+1)*classes], logits)
			logSum := kernel.Log(float64(sum))
			losses[i] = 0
			for j, t := range in[1][i*classes : (i+1)*classes] {
				losses[i] += float64(float64(t) * (logSum - float64(logits[j]-greatest)))
			}
		}
		out[0] = float32(mean(losses[:n.n]))
	}
	gradient := func(_, grad *G.Node) []*G.Node {
		run := func(in [][]float32, out []float32) {
			scale := float32(float64(in[2][0]) / float64(n.n))
			for i, t := range in[1][:n.n*classes] {
				out[i] = (probabilities[i] - t) * scale
			}
		}
		const name = "categorical crossentropy gradient"
		shape := tensor.Shape{n.batch, classes}
		return []*G.Node{n.apply(name, shape, run, x.Node, target, grad), nil}
	}
	return n.applyDifferentiable("categorical crossentropy", nil, run,
		[]bool{x.active, false}, gradient, x.Node, target)
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
