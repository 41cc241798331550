package cpu

import (
	"math"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// activate adds the activation of a layer.
func (b *builder) activate(l *nn.Layer, x value) value {
	if alongChannels(l) {
		axes := l.Axes
		x = b.plain(x)
		if l.Class != nn.SoftmaxLayer {
			axes = []int{len(x.shape)}
		}
		return b.along(axes, x, func(x value, width int) value {
			return b.each(x, func(_ *kernel.Set, out, x []float32) {
				softmaxes(l.Activation, out, x, width)
			})
		})
	}
	f := elementwise(l)
	if f == nil || l.Class == nn.Dense && l.PlainReLU() {
		return x // the product has done it
	}
	return b.each(x, f)
}

// alongChannels reports whether the activation of a layer takes more than one value.
func alongChannels(l *nn.Layer) bool {
	return l.Activation == nn.Softmax || l.Activation == nn.LogSoftmax
}

// softmaxes computes the softmax, or its logarithm, of each row.
func softmaxes(a nn.Activation, out, x []float32, width int) {
	for at := 0; at < len(x); at += width {
		out, x := out[at:at+width], x[at:at+width]
		if a == nn.Softmax {
			kernel.Softmax(out, x)
		} else {
			kernel.LogSoftmax(out, x)
		}
	}
}

// elementwise returns the activation of a layer as a function of each value, or nil for none.
func elementwise(l *nn.Layer) func(k *kernel.Set, out, x []float32) {
	const (
		// Klambauer and others 2017
		seluAlpha, seluScale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
	)
	switch l.Activation {
	case nn.ReLU:
		if l.PlainReLU() {
			return rectify
		}
		return general(l)
	case nn.LeakyReLU:
		slope := float32(l.Slope)
		return func(_ *kernel.Set, out, x []float32) { leak(out, x, slope) }
	case nn.ReLU6:
		return func(_ *kernel.Set, out, x []float32) { clip(out, x, 0, 6) }
	case nn.Sigmoid:
		return (*kernel.Set).Sigmoid
	case nn.Tanh:
		return portable(kernel.Tanh)
	case nn.ELU:
		return func(_ *kernel.Set, out, x []float32) { kernel.ELU(out, x, l.Slope, 1) }
	case nn.SELU:
		return func(_ *kernel.Set, out, x []float32) { kernel.ELU(out, x, seluAlpha, seluScale) }
	case nn.GELU:
		return portable(kernel.GELU)
	case nn.Softplus:
		return portable(kernel.Softplus)
	case nn.Swish:
		return portable(kernel.Swish)
	case nn.Mish:
		return portable(kernel.Mish)
	case nn.Exponential:
		return portable(kernel.Exp)
	case nn.Softsign:
		return portable(func(out, x []float32) {
			for i, v := range x {
				out[i] = v / (1 + max(v, -v))
			}
		})
	case nn.HardSigmoid:
		if l.Keras2 {
			return portable(func(out, x []float32) {
				for i, v := range x {
					out[i] = min(max(float32(v*0.2)+0.5, 0), 1)
				}
			})
		}
		return portable(func(out, x []float32) {
			for i, v := range x {
				out[i] = hardSigmoid(v)
			}
		})
	case nn.HardSwish:
		return portable(func(out, x []float32) {
			for i, v := range x {
				out[i] = v * hardSigmoid(v)
			}
		})
	}
	return nil
}

// portable returns a function that is the same for every instruction set.
func portable(f func(out, x []float32)) func(k *kernel.Set, out, x []float32) {
	return func(_ *kernel.Set, out, x []float32) { f(out, x) }
}

func hardSigmoid(x float32) float32 { return min(max(x+3, 0), 6) / 6 }

func rectify(_ *kernel.Set, out, x []float32) {
	for i, v := range x {
		out[i] = max(v, 0)
	}
}

func clip(out, x []float32, low, high float32) {
	for i, v := range x {
		out[i] = min(max(v, low), high)
	}
}

func leak(out, x []float32, slope float32) {
	for i, v := range x {
		if v < 0 {
			v *= slope
		}
		out[i] = v
	}
}

// general returns the ReLU with its three parameters.
func general(l *nn.Layer) func(k *kernel.Set, out, x []float32) {
	highest := float32(math.Inf(1))
	if l.MaxValue != nil {
		highest = float32(*l.MaxValue)
	}
	slope, threshold := float32(l.Slope), float32(l.Threshold)
	return portable(func(out, x []float32) {
		for i, v := range x {
			if v < threshold {
				v = (v - threshold) * slope
			}
			out[i] = min(v, highest)
		}
	})
}

// prelu adds a PReLU.
func (b *builder) prelu(l *nn.Layer, x value) value {
	alpha := weight(l, "alpha")
	shape := l.Weights[0].Shape
	places := strides(shape)
	for i, d := range shape {
		if d == 1 {
			places[i] = 0
		}
	}
	size := product(x.shape)
	slopes := make([]float32, size)
	gather(slopes, alpha, x.shape, places)
	return b.each(x, func(_ *kernel.Set, out, x []float32) {
		for at := 0; at < len(x); at += size {
			o := out[at : at+size]
			for i, v := range x[at : at+size] {
				if v < 0 {
					v *= slopes[i]
				}
				o[i] = v
			}
		}
	})
}
