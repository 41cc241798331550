package nn

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// groupSize is the number of samples whose contributions to a weight's gradient are added up one after the other; the
// sums of the groups are then added in order. It decides how results are rounded, so it is the same on every machine.
const groupSize = 8

// A convolution is a Conv2D layer, with padding "same" and stride 1: Keras puts (k-1)/2 zeros before and the rest after.
type convolution struct {
	h, w   int // the image
	kh, kw int // the filter
	c, f   int // channels and filters
}

// conv adds a Conv2D layer: the weights' shapes are (KH,KW,C,F) and (F).
func (n *network) conv(l *Layer, relu bool, x signal) signal {
	kernel, active := n.weight(l, 0)
	bias, _ := n.weight(l, 1)
	v := convolution{x.shape[0], x.shape[1], l.Kernel[0], l.Kernel[1], x.shape[2], l.Output[2]}
	n.needScratch(v.padded() * max(v.c, v.f))

	run := func(in [][]float32, out []float32) {
		x, w := in[0], in[1]
		p := matmul{M: v.w, N: v.f, Outer: v.kh, Inner: v.kw * v.c, AM: v.c, AOuter: v.rowLen() * v.c, AInner: 1,
			BOuter: v.kw * v.c * v.f, BInner: v.f, CM: v.f, Bias: in[2], ReLU: relu}
		n.each(n.n, func(i int, scratch []float32) {
			v.pad(scratch, x[i*v.h*v.w*v.c:], v.c, (v.kh-1)/2, (v.kw-1)/2)
			for y := range v.h {
				p.run(scratch[y*v.rowLen()*v.c:], w, out[(i*v.h+y)*v.w*v.f:])
			}
		})
	}
	out := n.applyDifferentiable("conv", n.rows(l), run, []bool{x.active, active, active}, func(out, grad *G.Node) []*G.Node {
		grads := make([]*G.Node, 3)
		if relu {
			grad = n.reluGrad(out, grad)
		}
		if x.active {
			grads[0] = n.convInputGrad(v, grad, kernel)
		}
		if active {
			grads[1] = n.convKernelGrad(v, x.Node, grad)
			grads[2] = n.sumRows(grad, v.f)
		}
		return grads
	}, x.Node, kernel, bias)
	return signal{out, l.Output, x.active || active}
}

func (v convolution) rowLen() int { return v.w + v.kw - 1 }
func (v convolution) padded() int { return (v.h + v.kh - 1) * v.rowLen() }

// pad copies the image src (h,w,c) to dst, with zeros around it: top rows above, left columns before, and as many after
// that a filter fits on every pixel.
func (v convolution) pad(dst, src []float32, c, top, left int) {
	row := v.rowLen() * c
	clear(dst[:top*row])
	for y := range v.h {
		d := dst[(top+y)*row : (top+y+1)*row]
		clear(d[:left*c])
		copy(d[left*c:], src[y*v.w*c:(y+1)*v.w*c])
		clear(d[(left+v.w)*c:])
	}
	clear(dst[(top+v.h)*row : v.padded()*c])
}

// convInputGrad adds the gradient with respect to the input: the convolution of grad with the filters turned by
// half a turn, where the roles of channels and filters, and the padding before and after, are exchanged.
func (n *network) convInputGrad(v convolution, grad, kernel *G.Node) *G.Node {
	turned := make([]float32, v.kh*v.kw*v.f*v.c) // (KH,KW,F,C)
	run := func(in [][]float32, out []float32) {
		g, w := in[0], in[1]
		for k := range v.kh * v.kw {
			t, s := turned[k*v.f*v.c:], w[(v.kh*v.kw-1-k)*v.c*v.f:]
			for c := range v.c {
				for f := range v.f {
					t[f*v.c+c] = s[c*v.f+f]
				}
			}
		}
		p := matmul{M: v.w, N: v.c, Outer: v.kh, Inner: v.kw * v.f, AM: v.f, AOuter: v.rowLen() * v.f, AInner: 1,
			BOuter: v.kw * v.f * v.c, BInner: v.c, CM: v.c}
		n.each(n.n, func(i int, scratch []float32) {
			v.pad(scratch, g[i*v.h*v.w*v.f:], v.f, v.kh/2, v.kw/2)
			for y := range v.h {
				p.run(scratch[y*v.rowLen()*v.f:], turned, out[(i*v.h+y)*v.w*v.c:])
			}
		})
	}
	return n.apply("conv input gradient", tensor.Shape{n.batch, v.h * v.w * v.c}, run, grad, kernel)
}

// convKernelGrad adds the gradient with respect to the kernel: for each element of the filters the sum over all pixels of
// the input pixel under it times grad.
func (n *network) convKernelGrad(v convolution, x, grad *G.Node) *G.Node {
	size := v.kh * v.kw * v.c * v.f
	groups := make([]float32, ceilDiv(n.batch, groupSize)*size)
	run := func(in [][]float32, out []float32) {
		x, g := in[0], in[1]
		p := matmul{M: v.kw * v.c, N: v.f, Outer: v.h, Inner: v.w, AM: 1, AOuter: v.rowLen() * v.c, AInner: v.c,
			BOuter: v.w * v.f, BInner: v.f, CM: v.f, Add: true}
		count := ceilDiv(n.n, groupSize)
		n.each(count, func(group int, scratch []float32) {
			sum := groups[group*size : (group+1)*size]
			clear(sum)
			for i := group * groupSize; i < min(n.n, (group+1)*groupSize); i++ {
				v.pad(scratch, x[i*v.h*v.w*v.c:], v.c, (v.kh-1)/2, (v.kw-1)/2)
				for k := range v.kh {
					p.run(scratch[k*v.rowLen()*v.c:], g[i*v.h*v.w*v.f:], sum[k*v.kw*v.c*v.f:])
				}
			}
		})
		addGroups(out, groups, count)
	}
	return n.apply("conv kernel gradient", tensor.Shape{v.kh, v.kw, v.c, v.f}, run, x, grad)
}

// addGroups adds up the first count groups, each as long as out, in order.
func addGroups(out, groups []float32, count int) {
	copy(out, groups[:len(out)])
	for g := 1; g < count; g++ {
		for i, v := range groups[g*len(out) : (g+1)*len(out)] {
			out[i] += v
		}
	}
}

// sumRows adds the sums of the columns of grad, seen as rows of width values: the gradient with respect to a bias.
func (n *network) sumRows(grad *G.Node, width int) *G.Node {
	size := grad.Shape()[1]
	groups := make([]float32, ceilDiv(n.batch, groupSize)*width)
	run := func(in [][]float32, out []float32) {
		count := ceilDiv(n.n, groupSize)
		n.each(count, func(group int, _ []float32) {
			sum := groups[group*width : (group+1)*width]
			clear(sum)
			g := in[0][group*groupSize*size : min(n.n, (group+1)*groupSize)*size]
			for ; len(g) > 0; g = g[width:] {
				for i, v := range g[:width] {
					sum[i] += v
				}
			}
		})
		addGroups(out, groups, count)
	}
	return n.apply("bias gradient", tensor.Shape{width}, run, grad)
}
