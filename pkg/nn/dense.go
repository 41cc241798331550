package nn

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Products of whole batches are cut into blocks of so many rows and columns, one a task.
const blockRows, blockColumns = 16, 512

// dense adds a Dense layer: the weights' shapes are (in,out) and (out).
func (n *network) dense(l *Layer, relu bool, x signal) signal {
	kernel, active := n.weight(l, 0)
	bias, _ := n.weight(l, 1)
	wide, units := x.shape[0], l.Output[0]

	run := func(in [][]float32, out []float32) {
		n.blocks(matmul{M: n.n, N: units, Outer: 1, Inner: wide, AM: wide, AInner: 1, BInner: units, CM: units, Bias: in[2], ReLU: relu},
			in[0], in[1], out)
	}
	out := n.applyDifferentiable("dense", n.rows(l), run, []bool{x.active, active, active}, func(out, grad *G.Node) []*G.Node {
		grads := make([]*G.Node, 3)
		if relu {
			grad = n.reluGrad(out, grad)
		}
		if x.active {
			grads[0] = n.denseInputGrad(wide, units, grad, kernel)
		}
		if active {
			grads[1] = n.denseKernelGrad(wide, units, x.Node, grad)
			grads[2] = n.sumRows(grad, units)
		}
		return grads
	}, x.Node, kernel, bias)
	return signal{out, l.Output, x.active || active}
}

// denseInputGrad adds grad times the transposed kernel.
func (n *network) denseInputGrad(wide, units int, grad, kernel *G.Node) *G.Node {
	transposed := make([]float32, units*wide)
	run := func(in [][]float32, out []float32) {
		for i := range wide {
			for u, v := range in[1][i*units : (i+1)*units] {
				transposed[u*wide+i] = v
			}
		}
		n.blocks(matmul{M: n.n, N: wide, Outer: 1, Inner: units, AM: units, AInner: 1, BInner: wide, CM: wide}, in[0], transposed, out)
	}
	return n.apply("dense input gradient", tensor.Shape{n.batch, wide}, run, grad, kernel)
}

// denseKernelGrad adds the transposed input times grad.
func (n *network) denseKernelGrad(wide, units int, x, grad *G.Node) *G.Node {
	run := func(in [][]float32, out []float32) {
		n.blocks(matmul{M: wide, N: units, Outer: 1, Inner: n.n, AM: 1, AInner: wide, BInner: units, CM: units}, in[0], in[1], out)
	}
	return n.apply("dense kernel gradient", tensor.Shape{wide, units}, run, x, grad)
}

// blocks runs a product on all cores.
func (n *network) blocks(p matmul, a, b, c []float32) {
	columns := ceilDiv(p.N, blockColumns)
	n.each(ceilDiv(p.M, blockRows)*columns, func(task int, _ []float32) {
		m, f := task/columns*blockRows, task%columns*blockColumns
		q := p
		q.M, q.N = min(blockRows, p.M-m), min(blockColumns, p.N-f)
		if p.Bias != nil {
			q.Bias = p.Bias[f:]
		}
		q.run(a[m*p.AM:], b[f:], c[m*p.CM+f:])
	})
}
