package nn

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A window is the geometry of MaxPooling2D and UpSampling2D: an image (h,w,c) of which each pixel stands for a window of
// (rows,columns) pixels of a larger image whose rows are wide pixels long.
type window struct {
	h, w, c       int
	rows, columns int
	wide          int
	size, large   int // values of the image and of the larger one
}

// at calls f with the place of each value of pixel (y,x) and the place of the first value of its window.
func (v window) pixels(f func(small, large int)) {
	for y := range v.h {
		for x := range v.w {
			f((y*v.w+x)*v.c, (y*v.rows*v.wide+x*v.columns)*v.c)
		}
	}
}

// pool adds a MaxPooling2D layer with padding "valid": what is left over at the right and at the bottom is dropped.
func (n *network) pool(l *Layer, x signal) signal {
	v := window{l.Output[0], l.Output[1], l.Output[2], l.Size[0], l.Size[1], x.shape[1], product(l.Output), product(x.shape)}
	run := func(in [][]float32, out []float32) {
		n.each(n.n, func(i int, _ []float32) {
			src, dst := in[0][i*v.large:(i+1)*v.large], out[i*v.size:(i+1)*v.size]
			v.pixels(func(small, large int) {
				d := dst[small : small+v.c]
				copy(d, src[large:large+v.c])
				for r := range v.rows {
					for c := range v.columns {
						for k, s := range src[large+(r*v.wide+c)*v.c:][:v.c] {
							if s > d[k] {
								d[k] = s
							}
						}
					}
				}
			})
		})
	}
	out := n.applyDifferentiable("max pooling", n.rows(l), run, []bool{x.active}, func(out, grad *G.Node) []*G.Node {
		// The first of equal values in a window gets the gradient, as in Keras.
		run := func(in [][]float32, out []float32) {
			n.each(n.n, func(i int, scratch []float32) {
				src, dst := in[0][i*v.large:(i+1)*v.large], out[i*v.large:(i+1)*v.large]
				best, grad := in[1][i*v.size:(i+1)*v.size], in[2][i*v.size:(i+1)*v.size]
				clear(dst)
				left := scratch[:v.c]
				v.pixels(func(small, large int) {
					copy(left, grad[small:small+v.c])
					b := best[small : small+v.c]
					for r := range v.rows {
						for c := range v.columns {
							at := large + (r*v.wide+c)*v.c
							d := dst[at : at+v.c]
							for k, s := range src[at : at+v.c] {
								if s == b[k] {
									d[k], left[k] = left[k], 0
								}
							}
						}
					}
				})
			})
		}
		return []*G.Node{n.apply("max pooling gradient", tensor.Shape{n.batch, v.large}, run, x.Node, out, grad)}
	}, x.Node)
	n.needScratch(v.c)
	return signal{out, l.Output, x.active}
}

// upSample adds an UpSampling2D layer: each pixel is repeated.
func (n *network) upSample(l *Layer, x signal) signal {
	v := window{x.shape[0], x.shape[1], x.shape[2], l.Size[0], l.Size[1], l.Output[1], product(x.shape), product(l.Output)}
	run := func(in [][]float32, out []float32) {
		n.each(n.n, func(i int, _ []float32) {
			src, dst := in[0][i*v.size:(i+1)*v.size], out[i*v.large:(i+1)*v.large]
			v.pixels(func(small, large int) {
				for r := range v.rows {
					for c := range v.columns {
						copy(dst[large+(r*v.wide+c)*v.c:], src[small:small+v.c])
					}
				}
			})
		})
	}
	out := n.applyDifferentiable("upsampling", n.rows(l), run, []bool{x.active}, func(_, grad *G.Node) []*G.Node {
		run := func(in [][]float32, out []float32) {
			n.each(n.n, func(i int, _ []float32) {
				src, dst := in[0][i*v.large:(i+1)*v.large], out[i*v.size:(i+1)*v.size]
				clear(dst)
				v.pixels(func(small, large int) {
					d := dst[small : small+v.c]
					for r := range v.rows {
						for c := range v.columns {
							for k, s := range src[large+(r*v.wide+c)*v.c:][:v.c] {
								d[k] += s
							}
						}
					}
				})
			})
		}
		return []*G.Node{n.apply("upsampling gradient", tensor.Shape{n.batch, v.size}, run, grad)}
	}, x.Node)
	return signal{out, l.Output, x.active}
}
