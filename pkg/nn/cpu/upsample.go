package cpu

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// A repetition is an UpSampling2D layer, which repeats each pixel of an image. Without repeats it
// is the image itself.
type repetition struct {
	inH, inW int // the image it takes
	upH, upW int // repeats
	h, w     int // the image it makes
	c        int // channels
}

func newRepetition(in []int, up [2]int) repetition {
	return repetition{in[0], in[1], up[0], up[1], in[0] * up[0], in[1] * up[1], in[2]}
}

// upSample adds an UpSampling2D layer that is not followed by a convolution.
func (n *network) upSample(l *nn.Layer, x signal) signal {
	v := newRepetition(x.shape, l.Size)
	size, large := product(x.shape), product(l.Output)
	run := func(in [][]float32, out []float32) {
		n.each(n.n, func(i int, _ []float32) {
			v.repeat(out[i*large:(i+1)*large], in[0][i*size:(i+1)*size])
		})
	}
	gradient := func(_, grad *G.Node) []*G.Node {
		run := func(in [][]float32, out []float32) {
			n.each(n.n, func(i int, _ []float32) {
				v.down(n.kernels, out[i*size:(i+1)*size], in[0][i*large:(i+1)*large])
			})
		}
		shape := tensor.Shape{n.batch, size}
		return []*G.Node{n.apply("upsampling gradient", shape, run, grad)}
	}
	out := n.applyDifferentiable("upsampling", n.rows(l), run,
		[]bool{x.active}, gradient, x.Node)
	return signal{out, l.Output, x.active}
}

// repeat copies the image x to dst, each pixel repeated.
func (v repetition) repeat(dst, x []float32) {
	line := v.w * v.c
	for y := range v.inH {
		first := dst[y*v.upH*line:][:line]
		for z := range v.inW {
			pixel := x[(y*v.inW+z)*v.c:][:v.c]
			for i := range v.upW {
				copy(first[(z*v.upW+i)*v.c:], pixel)
			}
		}
		for i := 1; i < v.upH; i++ {
			copy(dst[(y*v.upH+i)*line:], first)
		}
	}
}

// down sets each value of dx to the sum of those of its repetitions in d.
func (v repetition) down(k *kernel.Set, dx, d []float32) {
	clear(dx)
	for y := range v.h {
		for z := range v.w {
			k.AddTo(dx[(y/v.upH*v.inW+z/v.upW)*v.c:][:v.c], d[(y*v.w+z)*v.c:])
		}
	}
}
