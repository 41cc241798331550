package nntest

import (
	"math"
	"slices"

	"imagesimilarity/pkg/nn"
)

// An Oracle computes the loss of a model in training by plain loops in float64.
type Oracle struct {
	layers  []*nn.Layer
	loss    nn.Loss
	weights map[*nn.Weight][]float64
	x       [][]float64 // the samples of a batch
	labels  []uint8
}

// NewOracle returns the oracle of a model with its weights, for some samples.
func NewOracle(m *nn.Model, loss nn.Loss, x []float32, labels []uint8) *Oracle {
	o := &Oracle{layers: m.Layers, loss: loss, weights: map[*nn.Weight][]float64{}, labels: labels}
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			o.weights[w] = Widen(w.Data)
		}
	}
	for s := range slices.Chunk(x, size(m.Input())) {
		o.x = append(o.x, Widen(s))
	}
	return o
}

// Widen returns values as float64.
func Widen(x []float32) []float64 {
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = float64(v)
	}
	return w
}

// Output returns the last layer's output for every sample.
func (o *Oracle) Output(training bool) [][]float64 {
	x := o.x
	for i, l := range o.layers[1:] {
		x = o.layer(l, o.layers[i].Output, x, training)
	}
	return x
}

// Loss returns the loss in training.
func (o *Oracle) Loss() float64 {
	var sum float64
	for i, y := range o.Output(true) {
		if o.loss == nn.CategoricalCrossentropy {
			sum -= math.Log(y[o.labels[i]])
			continue
		}
		for j, v := range y {
			d := math.Abs(v - o.x[i][j])
			if o.loss == nn.MeanSquaredError {
				d *= d
			}
			sum += d / float64(len(y))
		}
	}
	return sum / float64(len(o.x))
}

func (o *Oracle) layer(l *nn.Layer, shape []int, in [][]float64, training bool) [][]float64 {
	weight := func(i int) []float64 { return o.weights[l.Weights[i]] }
	out := make([][]float64, len(in))
	for i := range out {
		out[i] = make([]float64, size(l.Output))
	}
	switch l.Class {
	case nn.Conv2D:
		h, w, c, f := shape[0], shape[1], shape[2], l.Output[2]
		kh, kw := l.Kernel[0], l.Kernel[1]
		for i, x := range in {
			for y := range h {
				for z := range w {
					for g := range f {
						s := weight(1)[g]
						for a := range kh {
							for b := range kw {
								yy, zz := y+a-(kh-1)/2, z+b-(kw-1)/2
								if yy < 0 || yy >= h || zz < 0 || zz >= w {
									continue
								}
								for k := range c {
									s += float64(x[(yy*w+zz)*c+k] * weight(0)[((a*kw+b)*c+k)*f+g])
								}
							}
						}
						out[i][(y*w+z)*f+g] = s
					}
				}
			}
		}
	case nn.Dense:
		for i, x := range in {
			copy(out[i], weight(1))
			for j, v := range x {
				for u := range out[i] {
					out[i][u] += float64(v * weight(0)[j*len(out[i])+u])
				}
			}
		}
	case nn.BatchNormalization:
		c := shape[2]
		for k := range c {
			mean, variance := weight(2)[k], weight(3)[k]
			if training && l.Trainable {
				mean, variance = ChannelStatistics(in, c, k)
			}
			for i, x := range in {
				for p := k; p < len(x); p += c {
					normal := (x[p] - mean) / math.Sqrt(variance+l.Epsilon)
					out[i][p] = float64(normal*weight(0)[k]) + weight(1)[k]
				}
			}
		}
	case nn.MaxPooling2D:
		for i, x := range in {
			for p := range out[i] {
				c := shape[2]
				k, z, y := p%c, p/c%l.Output[1], p/c/l.Output[1]
				out[i][p] = math.Inf(-1)
				for a := range l.Size[0] {
					for b := range l.Size[1] {
						out[i][p] = max(out[i][p], x[((y*l.Size[0]+a)*shape[1]+z*l.Size[1]+b)*c+k])
					}
				}
			}
		}
	case nn.UpSampling2D:
		for i, x := range in {
			for p := range out[i] {
				c := shape[2]
				k, z, y := p%c, p/c%l.Output[1], p/c/l.Output[1]
				out[i][p] = x[(y/l.Size[0]*shape[1]+z/l.Size[1])*c+k]
			}
		}
	default:
		copy(out, in)
	}
	for i := range out {
		activate(l.Activation, out[i], l.Output[len(l.Output)-1])
	}
	return out
}

// ChannelStatistics returns the mean and the biased variance of channel k of c.
func ChannelStatistics(in [][]float64, c, k int) (mean, variance float64) {
	var n float64
	for _, x := range in {
		for p := k; p < len(x); p += c {
			mean += x[p]
			n++
		}
	}
	mean /= n
	for _, x := range in {
		for p := k; p < len(x); p += c {
			variance += (x[p] - mean) * (x[p] - mean) / n
		}
	}
	return mean, variance
}

func activate(act nn.Activation, x []float64, width int) {
	switch act {
	case nn.ReLU:
		for j, v := range x {
			x[j] = max(v, 0)
		}
	case nn.Sigmoid:
		for j, v := range x {
			x[j] = 1 / (1 + math.Exp(-v))
		}
	case nn.Softmax:
		for row := range slices.Chunk(x, width) {
			var sum float64
			for j, v := range row {
				row[j] = math.Exp(v)
				sum += row[j]
			}
			for j := range row {
				row[j] /= sum
			}
		}
	}
}

// Slopes returns the derivatives of the loss with respect to some elements of a weight, by central
// differences.
func (o *Oracle) Slopes(w *nn.Weight, at []int) []float64 {
	const step = 1e-5
	values := o.weights[w]
	slopes := make([]float64, len(at))
	for i, k := range at {
		v := values[k]
		values[k] = v + step
		up := o.Loss()
		values[k] = v - step
		slopes[i] = (up - o.Loss()) / (2 * step)
		values[k] = v
	}
	return slopes
}
