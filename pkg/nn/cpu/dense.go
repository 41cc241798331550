package cpu

import (
	"runtime"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// A product of a whole batch is cut into blocks of at most 28 rows, two tiles of AVX-512, and 512
// columns. Each is a task. On one core, 14 to 112 rows and 512 to 4096 columns differ by less than
// 7%, and 64 columns cost up to 25% more, for the shapes of the autoencoder's dense layers. So the
// least of the good sizes is taken: it gives the cores most tasks. If there are fewer tasks than
// cores, rows are cut further, but not below half a tile.
const blockRows, leastRows, blockColumns = 28, 7, 512

// dense adds a Dense layer: the weights' shapes are (in,out) and (out).
func (n *network) dense(l *nn.Layer, x signal) signal {
	weight, active := n.weight(l, 0)
	bias, _ := n.weight(l, 1)
	wide, units := x.shape[0], l.Output[0]

	run := func(in [][]float32, out []float32) {
		n.blocks(kernel.Matmul{
			M: n.n, N: units, Inner: wide,
			A: kernel.Rows(wide), B: kernel.Right{Inner: units}, C: kernel.Result{Row: units},
			ReLU: l.Activation == nn.ReLU,
		},
			in[0], in[1], out, in[2])
	}
	gradient := func(out, grad *G.Node) []*G.Node {
		grads := make([]*G.Node, 3)
		if l.Activation == nn.ReLU {
			grad = n.reluGrad(out, grad)
		}
		if x.active {
			grads[0] = n.denseInputGrad(wide, units, grad, weight)
		}
		if active {
			grads[1] = n.denseKernelGrad(wide, units, x.Node, grad)
			grads[2] = n.denseBiasGrad(units, grad)
		}
		return grads
	}
	out := n.applyDifferentiable("dense", n.rows(l), run,
		[]bool{x.active, active, active}, gradient, x.Node, weight, bias)
	return signal{out, l.Output, x.active || active}
}

// denseInputGrad adds grad times the transposed kernel.
func (n *network) denseInputGrad(wide, units int, grad, weight *G.Node) *G.Node {
	n.needRoom(units * wide)
	const block = 256 // rows and columns of a task
	columns := ceilDiv(units, block)
	run := func(in [][]float32, out []float32) {
		transposed := n.room[:units*wide]
		n.each(ceilDiv(wide, block)*columns, func(task int, _ []float32) {
			top, left := task/columns*block, task%columns*block
			for u := left; u < min(left+block, units); u++ {
				for i := top; i < min(top+block, wide); i++ {
					transposed[u*wide+i] = in[1][i*units+u]
				}
			}
		})
		n.blocks(kernel.Matmul{
			M: n.n, N: wide, Inner: units,
			A: kernel.Rows(units), B: kernel.Right{Inner: wide}, C: kernel.Result{Row: wide},
		}, in[0], transposed, out, nil)
	}
	return n.apply("dense input gradient", tensor.Shape{n.batch, wide}, run, grad, weight)
}

// denseKernelGrad adds the transposed input times grad.
func (n *network) denseKernelGrad(wide, units int, x, grad *G.Node) *G.Node {
	run := func(in [][]float32, out []float32) {
		n.blocks(kernel.Matmul{
			M: wide, N: units, Inner: n.n,
			A: kernel.Transposed(wide), B: kernel.Right{Inner: units}, C: kernel.Result{Row: units},
		}, in[0], in[1], out, nil)
	}
	return n.apply("dense kernel gradient", tensor.Shape{wide, units}, run, x, grad)
}

// denseBiasGrad adds the sum of grad over the samples.
func (n *network) denseBiasGrad(units int, grad *G.Node) *G.Node {
	run := func(in [][]float32, out []float32) {
		n.each(ceilDiv(units, blockColumns), func(task int, _ []float32) {
			from := task * blockColumns
			sums := out[from:min(from+blockColumns, units)]
			clear(sums)
			for i := range n.n {
				n.kernels.AddTo(sums, in[0][i*units+from:])
			}
		})
	}
	return n.apply("dense bias gradient", tensor.Shape{units}, run, grad)
}

// blocks runs a product with a single line on all cores.
func (n *network) blocks(p kernel.Matmul, a, b, c, bias []float32) {
	columns := ceilDiv(p.N, blockColumns)
	rows := min(max(ceilDiv(p.M*columns, runtime.GOMAXPROCS(0)), leastRows), blockRows)
	n.each(ceilDiv(p.M, rows)*columns, func(task int, _ []float32) {
		m, f := task/columns*rows, task%columns*blockColumns
		q := p
		q.M, q.N = min(rows, p.M-m), min(blockColumns, p.N-f)
		var biases []float32
		if bias != nil {
			biases = bias[f:]
		}
		n.kernels.Matmul(q.Prepare(), a[m*p.A.Row:], b[f:], c[m*p.C.Row+f:], biases)
	})
}
