package cpu

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// groupSize is the number of samples whose parts in a weight's gradient are added up one after the
// other. The sums of the groups are then added in order. It decides how results are rounded, so it
// is the same on every machine.
const groupSize = 8

// A block is a chain of layers through which an image goes while it is in the cache: UpSampling2D
// and Conv2D with ReLU or no activation, BatchNormalization, MaxPooling2D, in this order, any of
// them missing. Only batch normalisation by the batch's statistics makes a second pass.
type block struct {
	net *network
	x   signal
	out []int // shape of an image that comes out

	conv      *convolution // nil for none
	relu      bool
	trainConv bool

	h, w, c int // the image y that comes out of the convolution

	norm      *batchNormalisation // nil for none
	trainNorm bool                // by the batch's statistics
	normal    kernel.Normalisation

	window [2]int // rows and columns that are pooled; 1,1 for none

	// Kept for the gradients:
	in      [][]float32 // what the operator took
	y       []float32   // (batch,h,w,c), unless it is the operator's input or output
	best    []float32   // the values of y that were the greatest in their windows, (batch,out)
	moments []float32   // of y's images, (batch,2,c): mean, sum of squared distances from it
	sums    []float64   // room for two values of each channel
}

// block adds the layers as one operator. up, conv, norm and pool may be nil; up needs conv.
func (n *network) block(up, conv, norm, pool *nn.Layer, x signal) signal {
	b := &block{net: n, x: x, h: x.shape[0], w: x.shape[1], c: x.shape[2], window: [2]int{1, 1}}
	inputs := []*G.Node{x.Node}
	wanted := []bool{x.active}
	weight := func(l *nn.Layer, i int) {
		node, active := n.weight(l, i)
		inputs, wanted = append(inputs, node), append(wanted, active)
	}
	if conv != nil {
		size := [2]int{1, 1}
		if up != nil {
			size = up.Size
		}
		b.conv = newConvolution(x.shape, size, conv)
		b.relu = conv.Activation == nn.ReLU
		b.trainConv = n.training && conv.Trainable
		b.h, b.w, b.c = b.conv.h, b.conv.w, b.conv.f
		n.needRoom(b.conv.arrangedSize())
		weight(conv, 0)
		weight(conv, 1)
	}
	wide := kernel.Period(b.c)
	b.normal = kernel.Normalisation{
		Mean: make([]float32, wide), Scale: make([]float32, wide), Beta: make([]float32, wide),
	}
	kernel.Repeat(b.normal.Scale, []float32{1})
	if norm != nil {
		b.norm = newBatchNormalisation(norm)
		b.trainNorm = n.training && norm.Trainable
		weight(norm, 0)
		weight(norm, 1)
	}
	b.out = []int{b.h, b.w, b.c}
	if pool != nil {
		b.window = pool.Size
		b.out = pool.Output
	}

	active := x.active || b.trainConv || b.trainNorm
	if conv != nil && (norm != nil || pool != nil) && active {
		b.y = make([]float32, n.batch*b.size())
	}
	if pool != nil && active {
		b.best = make([]float32, n.batch*product(b.out))
	}
	if b.trainNorm {
		b.moments = make([]float32, n.batch*2*b.c)
		b.sums = make([]float64, 2*b.c)
		n.updates = append(n.updates, b.norm.moveStatistics)
	}
	n.needScratch(b.scratch())
	shape := tensor.Shape{n.batch, product(b.out)}
	out := n.applyDifferentiable("block", shape, b.forward, wanted, b.gradients, inputs...)
	return signal{out, b.out, active}
}

// imagesPerCall returns the number of images that the convolution takes at once.
func (b *block) imagesPerCall() int {
	if b.conv == nil {
		return 1
	}
	return b.conv.imagesPerCall()
}

// pooling returns how the windows lie in y.
func (b *block) pooling() kernel.Pooling {
	return kernel.Pooling{Line: b.w * b.c, Window: b.window, C: b.c}
}

func (b *block) size() int { return b.h * b.w * b.c }

// scratch returns the number of values that a task of forward or backward needs.
func (b *block) scratch() int {
	s := b.imagesPerCall()*b.size() + product(b.out) + 2*kernel.Period(b.c)
	if b.conv != nil {
		s += groupSize*b.conv.y.size() + b.conv.scratch()
	}
	return s
}

// cut takes the first n values off scratch.
func cut(scratch *[]float32, n int) []float32 {
	s := (*scratch)[:n:n]
	*scratch = (*scratch)[n:]
	return s
}

// images returns the y of samples [first,last), or nil if they are not kept.
func (b *block) images(first, last int, x, out []float32) []float32 {
	switch {
	case b.conv == nil:
		return x[first*b.size() : last*b.size()]
	case b.norm == nil && b.window == [2]int{1, 1}:
		return out[first*b.size() : last*b.size()]
	case b.y != nil:
		return b.y[first*b.size() : last*b.size()]
	}
	return nil
}

func (b *block) forward(in [][]float32, out []float32) {
	b.in = in
	n, x := b.net, in[0]
	var filters, bias []float32
	if b.conv != nil {
		n.each(b.conv.arrangeTasks(), func(task int, _ []float32) {
			b.conv.arrange(n.kernels, n.room, in[1], task)
		})
		filters, bias = b.conv.arranged(n.room, in[1]), in[2]
	}
	if b.norm != nil && !b.trainNorm {
		for c, v := range b.norm.movingVariance {
			b.norm.setInverse(c, float64(v))
		}
		b.norm.set(&b.normal, b.norm.movingMean)
	}
	images := n.samplesPerTask(b.imagesPerCall())
	n.each(ceilDiv(n.n, images), func(task int, scratch []float32) {
		first, last := task*images, min((task+1)*images, n.n)
		y := b.images(first, last, x, out)
		if y == nil {
			y = cut(&scratch, b.imagesPerCall()*b.size())
		}
		if b.conv != nil {
			size := product(b.x.shape)
			b.conv.apply(n.kernels, y, x[first*size:last*size], filters, bias, scratch, b.relu, last-first)
		}
		for i := first; i < last; i++ {
			y := y[(i-first)*b.size() : (i-first+1)*b.size()]
			if b.trainNorm {
				b.measure(i, y, scratch)
			} else {
				b.finish(i, out, y, scratch)
			}
		}
	})
	if b.trainNorm {
		b.combine()
		b.norm.set(&b.normal, b.norm.mean)
		n.each(n.n, func(i int, scratch []float32) {
			b.finish(i, out, b.images(i, i+1, x, out), scratch)
		})
	}
}

// finish normalises and pools y.
func (b *block) finish(i int, out, y, scratch []float32) {
	k, size := b.net.kernels, product(b.out)
	out = out[i*size : (i+1)*size]
	if b.window == [2]int{1, 1} {
		if b.norm != nil {
			k.Normalise(out, y, &b.normal)
		}
		return
	}
	best := cut(&scratch, size)
	if b.best != nil {
		best = b.best[i*size : (i+1)*size]
	}
	line, g := b.out[1]*b.c, b.pooling()
	for r := range b.out[0] {
		k.PoolRow(out[r*line:(r+1)*line], best[r*line:], y[r*b.window[0]*g.Line:], &b.normal, g)
	}
}

// measure computes the moments of sample i.
func (b *block) measure(i int, y, scratch []float32) {
	k := b.net.kernels
	acc, wide := cut(&scratch, kernel.Period(b.c)), cut(&scratch, kernel.Period(b.c))
	mean, squares := b.moments[2*i*b.c:(2*i+1)*b.c], b.moments[(2*i+1)*b.c:(2*i+2)*b.c]
	clear(acc)
	k.Sum(acc, y)
	kernel.Fold(mean, acc)
	for c := range mean {
		mean[c] /= float32(b.h * b.w)
	}
	kernel.Repeat(wide, mean)
	clear(acc)
	k.Squares(acc, y, wide)
	kernel.Fold(squares, acc)
}

// combine computes the statistics of the batch from the moments of all samples. The variance is the
// mean of the images' variances plus the variance of their means.
func (b *block) combine() {
	images, pixels := float64(b.net.n), float64(b.h*b.w)
	count := float64(images * pixels)
	b.eachChannels(func(first, last int) {
		mean, variance := b.sums[first:last], b.sums[b.c+first:b.c+last]
		clear(mean)
		clear(variance)
		for i := range b.net.n {
			for c, m := range b.moments[2*i*b.c:][first:last] {
				mean[c] += float64(m)
			}
		}
		for c := range mean {
			mean[c] /= images
		}
		for i := range b.net.n {
			means, squares := b.moments[2*i*b.c:][first:last], b.moments[(2*i+1)*b.c:][first:last]
			for c, m := range means {
				d := float64(m) - mean[c]
				variance[c] += float64(squares[c]) + float64(float64(d*d)*pixels)
			}
		}
		for c, m := range mean {
			b.norm.setStatistics(first+c, m, variance[c]/count, count)
		}
	})
}

// eachChannels runs tasks of 32 channels, [first,last). For fewer, waiting for other cores takes
// longer than sums over the batch.
func (b *block) eachChannels(do func(first, last int)) {
	const channels = 32
	b.net.each(ceilDiv(b.c, channels), func(task int, _ []float32) {
		do(task*channels, min((task+1)*channels, b.c))
	})
}

// gradients adds the gradients of the inputs. One operator computes them all; a node for each hands
// it on.
func (b *block) gradients(out, grad *G.Node) []*G.Node {
	n := b.net
	g := &blockGradient{block: b}
	g.Mean, g.Floor = b.normal.Mean, kernel.NoFloor
	wide := kernel.Period(b.c)
	g.OfGrad, g.OfX, g.Rest = make([]float32, wide), make([]float32, wide), make([]float32, wide)
	kernel.Repeat(g.OfGrad, []float32{1})
	if b.relu {
		g.Floor = 0
	}
	g.zeros = make([]float32, b.w*b.c)
	after := n.apply("block gradient", tensor.Shape{1}, g.run, out, grad)
	nodes := []*G.Node{nil}
	if b.x.active {
		g.dx = make([]float32, n.batch*product(b.x.shape))
		nodes[0] = n.view("input gradient", tensor.Shape{n.batch, product(b.x.shape)}, g.dx, after)
	}
	if b.conv != nil {
		if b.x.active {
			n.needRoom(b.conv.spreadSize())
		}
		nodes = append(nodes, nil, nil)
		if b.trainConv {
			v := b.conv
			g.kernelSums = make([]float32, ceilDiv(n.batch, groupSize)*v.windowSize())
			g.biasSums = make([]float32, ceilDiv(n.batch, groupSize)*wide)
			g.dKernel, g.dBias = make([]float32, v.kh*v.kw*v.c*v.f), make([]float32, v.f)
			nodes[1] = n.view("kernel gradient", tensor.Shape{v.kh, v.kw, v.c, v.f}, g.dKernel, after)
			nodes[2] = n.view("bias gradient", tensor.Shape{v.f}, g.dBias, after)
		}
	}
	if b.trainNorm {
		g.products = make([]float32, n.batch*2*b.c)
		g.dGamma, g.dBeta = make([]float32, b.c), make([]float32, b.c)
		nodes = append(nodes,
			n.view("gamma gradient", tensor.Shape{b.c}, g.dGamma, after),
			n.view("beta gradient", tensor.Shape{b.c}, g.dBeta, after))
	} else if b.norm != nil {
		nodes = append(nodes, nil, nil)
	}
	return nodes
}

// A blockGradient computes the gradients of a block. Those that are not wanted are nil.
type blockGradient struct {
	*block
	kernel.Slope

	zeros          []float32 // a line of y
	dx             []float32 // (batch, size of x)
	dKernel, dBias []float32
	dGamma, dBeta  []float32

	kernelSums, biasSums []float32 // by groups of samples
	products             []float32 // (batch,2,c): of the gradient, and of the gradient times (y-mean)
}

func (g *blockGradient) run(in [][]float32, _ []float32) {
	n, x, out, grad := g.net, g.in[0], in[0], in[1]
	switch {
	case g.trainNorm:
		g.normGradients(x, out, grad)
	case g.norm != nil:
		copy(g.OfGrad, g.normal.Scale)
	}
	if g.dx == nil && !g.trainConv {
		return
	}
	var filters []float32
	if g.conv != nil && g.dx != nil {
		n.each(g.conv.spreadTasks(), func(task int, _ []float32) {
			g.conv.spread(n.kernels, n.room, g.in[1], task)
		})
		filters = g.conv.spreadOut(n.room)
	}
	groups := ceilDiv(n.n, groupSize)
	// A group is a task, or two, for dx and for the kernel. Two make 5% more work, since both begin
	// with the gradient of y.
	tasks := groups
	if g.dx != nil && g.trainConv && 11*rounds(2*groups) < 20*rounds(groups) {
		tasks = 2 * groups
	}
	n.each(tasks, func(task int, scratch []float32) {
		group, half := task*groups/tasks, task%(tasks/groups)
		first, last := group*groupSize, min((group+1)*groupSize, n.n)
		if g.conv == nil {
			for i := first; i < last; i++ {
				g.back(i, g.dx[i*g.size():], g.w*g.c, x, out, grad)
			}
		} else {
			ofX := g.dx != nil && half == 0
			ofKernel := g.trainConv && half == tasks/groups-1
			g.group(group, first, last, ofX, ofKernel, x, out, grad, filters, scratch)
		}
	})
	if g.trainConv {
		wide := kernel.Period(g.c)
		for i := 1; i < groups; i++ {
			n.kernels.AddTo(g.biasSums[:wide], g.biasSums[i*wide:])
		}
		kernel.Fold(g.dBias, g.biasSums[:wide])
		_, tasks := g.conv.collected()
		n.each(tasks, func(task int, _ []float32) {
			g.conv.collect(n.kernels, g.dKernel, g.kernelSums, groups, task)
		})
	}
}

// group computes the gradients of the images [first,last) of x, their parts in those of kernel and
// bias, or both; filters are as the convolution spreads them.
func (g *blockGradient) group(group, first, last int, ofX, ofKernel bool,
	x, out, grad, filters, scratch []float32) {
	k, v, xSize := g.net.kernels, g.conv, product(g.x.shape)
	var biasSum []float32
	if ofKernel {
		biasSum = g.biasSums[group*kernel.Period(g.c) : (group+1)*kernel.Period(g.c)]
		clear(biasSum)
	}
	frames := cut(&scratch, groupSize*v.y.size())
	for i := first; i < last; i++ {
		dy := frames[(i-first)*v.y.size() : (i-first+1)*v.y.size()]
		v.y.zero(dy)
		inner := dy[v.y.start():]
		g.back(i, inner, v.y.line*v.f, x, out, grad)
		if ofKernel {
			for r := range v.h {
				k.Sum(biasSum, inner[r*v.y.line*v.f:][:v.w*v.f])
			}
		}
	}
	if ofX {
		v.inputGradient(k, g.dx[first*xSize:last*xSize], frames, filters, scratch, last-first)
	}
	if ofKernel {
		sum := g.kernelSums[group*v.windowSize() : (group+1)*v.windowSize()]
		v.kernelGradient(k, sum, x[first*xSize:last*xSize], frames, scratch, last-first)
	}
}

// normGradients computes the gradients of gamma and beta and the slope of the normalisation, which
// is
//
//	gamma*inverse * (grad - mean(grad) - (y-mean)*inverse² * mean(grad*(y-mean)))
func (g *blockGradient) normGradients(x, out, grad []float32) {
	n, size := g.net, product(g.block.out)
	n.each(n.n, func(i int, scratch []float32) {
		// If images are pooled, the gradient belongs to the best values; all others have none.
		y := g.block.best
		if y != nil {
			y = y[i*size : (i+1)*size]
		} else {
			y = g.images(i, i+1, x, out)
		}
		sums, dots := cut(&scratch, kernel.Period(g.c)), cut(&scratch, kernel.Period(g.c))
		clear(sums)
		clear(dots)
		n.kernels.GradSums(sums, dots, grad[i*size:(i+1)*size], y, g.Mean)
		kernel.Fold(g.products[2*i*g.c:(2*i+1)*g.c], sums)
		kernel.Fold(g.products[(2*i+1)*g.c:(2*i+2)*g.c], dots)
	})
	count := float64(n.n) * float64(g.h*g.w)
	g.eachChannels(func(first, last int) {
		sums, dots := g.block.sums[first:last], g.block.sums[g.c+first:g.c+last]
		clear(sums)
		clear(dots)
		for i := range n.n {
			for c, v := range g.products[2*i*g.c:][first:last] {
				sums[c] += float64(v)
			}
			for c, v := range g.products[(2*i+1)*g.c:][first:last] {
				dots[c] += float64(v)
			}
		}
		for c := first; c < last; c++ {
			sum, dot := sums[c-first], dots[c-first]
			inverse := g.norm.inverse[c]
			scale := float64(g.norm.gamma[c]) * inverse
			g.dBeta[c] = float32(sum)
			g.dGamma[c] = float32(dot * inverse)
			g.OfGrad[c] = float32(scale)
			g.OfX[c] = float32(-scale * inverse * inverse * dot / count)
			g.Rest[c] = float32(-scale * sum / count)
		}
	})
	kernel.Repeat(g.OfGrad, g.OfGrad[:g.c])
	kernel.Repeat(g.OfX, g.OfX[:g.c])
	kernel.Repeat(g.Rest, g.Rest[:g.c])
}

// back computes dy, the gradient of y of image i, from that of the image that comes out. A line of
// dy has line values.
func (g *blockGradient) back(i int, dy []float32, line int, x, out, grad []float32) {
	k, row, y := g.net.kernels, g.w*g.c, g.images(i, i+1, x, out)
	grad = grad[i*product(g.block.out) : (i+1)*product(g.block.out)]
	if g.window == [2]int{1, 1} {
		for r := range g.h {
			k.Backward(dy[r*line:][:row], grad[r*row:], y[r*row:(r+1)*row], &g.Slope)
		}
		return
	}
	outRow := g.block.out[1] * g.c
	best := g.best[i*len(grad) : (i+1)*len(grad)]
	for r := range g.block.out[0] {
		first := r * g.window[0]
		k.UnpoolRow(dy[first*line:], line, grad[r*outRow:(r+1)*outRow], best[r*outRow:],
			y[first*row:], &g.Slope, g.pooling())
	}
	// What pooling dropped has no gradient but that through the batch's statistics.
	right, bottom := outRow*g.window[1], g.block.out[0]*g.window[0]
	for r := range g.h {
		from := right
		if r >= bottom {
			from = 0
		}
		k.Backward(dy[r*line+from:][:row-from], g.zeros, y[r*row+from:(r+1)*row], &g.Slope)
	}
}
