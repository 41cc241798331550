package cpu

import (
	"math"
	"slices"

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
			if l.Activation == nn.Softmax {
				return b.each(x, func(k *kernel.Set, out, x []float32) { k.Softmax(out, x, width) })
			}
			run := func(k *kernel.Set, in [][]float32, out, scratch []float32, _ int) {
				k.LogSoftmax(out, in[0], scratch, width)
			}
			scratch := kernel.SoftmaxScratch(width)
			return b.add(step{inPlace: true, scratch: scratch, run: run}, x.shape, x)
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

// elementwise returns the activation of a layer as a function of each value, or nil for none.
func elementwise(l *nn.Layer) func(k *kernel.Set, out, x []float32) {
	const (
		// Klambauer and others 2017
		seluAlpha, seluScale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
	)
	infinity := float32(math.Inf(1))
	clip := func(low, high float32) func(k *kernel.Set, out, x []float32) {
		return func(k *kernel.Set, out, x []float32) { k.Clip(out, x, low, high) }
	}
	elu := func(alpha, scale float64) func(k *kernel.Set, out, x []float32) {
		a, s := float32(alpha*scale), float32(scale)
		return func(k *kernel.Set, out, x []float32) { k.ELU(out, x, a, s) }
	}
	switch l.Activation {
	case nn.ReLU:
		switch {
		case l.PlainReLU():
			return clip(0, infinity)
		case l.Slope == 0 && l.Threshold == 0 && *l.MaxValue >= 0:
			return clip(0, float32(*l.MaxValue))
		}
		return general(l)
	case nn.ReLU6:
		return clip(0, 6)
	case nn.LeakyReLU:
		slopes := slices.Repeat([]float32{float32(l.Slope)}, kernel.Period(1))
		return func(k *kernel.Set, out, x []float32) { k.Leak(out, x, slopes) }
	case nn.ELU:
		return elu(l.Slope, 1)
	case nn.SELU:
		return elu(seluAlpha, seluScale)
	case nn.Sigmoid:
		return (*kernel.Set).Sigmoid
	case nn.Tanh:
		return (*kernel.Set).Tanh
	case nn.GELU:
		return (*kernel.Set).GELU
	case nn.Softplus:
		return (*kernel.Set).Softplus
	case nn.Swish:
		return (*kernel.Set).Swish
	case nn.Mish:
		return (*kernel.Set).Mish
	case nn.Exponential:
		return (*kernel.Set).Exp
	case nn.Softsign:
		return (*kernel.Set).Softsign
	case nn.HardSwish:
		return portable(func(out, x []float32) {
			for i, v := range x {
				out[i] = v * (min(max(v+3, 0), 6) / 6)
			}
		})
	}
	return nil
}

// portable returns a function that is the same for every instruction set.
func portable(f func(out, x []float32)) func(k *kernel.Set, out, x []float32) {
	return func(_ *kernel.Set, out, x []float32) { f(out, x) }
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
	row := product(x.shape)
	if i := slices.IndexFunc(shape, func(d int) bool { return d > 1 }); i < 0 ||
		i == len(shape)-1 && kernel.Period(shape[i]) <= maxPeriod {
		row = kernel.Period(shape[len(shape)-1])
	}
	slopes := make([]float32, kernel.Lanes(row))
	if row == product(x.shape) {
		gather(slopes[:row], alpha, x.shape, places)
	} else {
		kernel.Repeat(slopes, alpha)
	}
	return b.each(x, func(k *kernel.Set, out, x []float32) {
		for at := 0; at < len(x); at += row {
			k.Leak(out[at:min(at+row, len(x))], x[at:min(at+row, len(x))], slopes)
		}
	})
}
