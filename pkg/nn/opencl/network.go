package opencl

import (
	"fmt"
	"slices"

	"imagesimilarity/pkg/nn"
)

// maxBatchValues bounds the values of one layer's output for a batch, and the weights: a kernel
// counts them in 32 bits.
const maxBatchValues = 1 << 30

// weights are those of some layers, one after the other.
type weights struct {
	*memory
	list   []*nn.Weight
	at     map[*nn.Weight]int
	values []float32 // constants of a prediction, which lie behind the weights
}

// weightsOf returns the places of the weights of layers. Those of a layer begin at a multiple of
// four, so that four values can be read at once.
func weightsOf(layers []*nn.Layer) *weights {
	w := &weights{memory: &memory{}, at: map[*nn.Weight]int{}}
	for _, l := range layers {
		w.memory.values = ceilDiv(w.memory.values, 4) * 4
		for _, of := range l.Weights {
			w.at[of] = w.memory.values
			w.memory.values += len(of.Data)
			w.list = append(w.list, of)
		}
	}
	return w
}

// place returns where the weight of a layer with that name begins, or none.
func (w *weights) place(l *nn.Layer, name string) int {
	for _, of := range l.Weights {
		if of.Name == name {
			return w.at[of]
		}
	}
	return none
}

// load copies the layers' weights to the device.
func (w *weights) load(d *device) error {
	if w.memory.values == 0 {
		return nil
	}
	all := make([]float32, w.memory.values)
	for _, of := range w.list {
		copy(all[w.at[of]:], of.Data)
	}
	copy(all[len(all)-len(w.values):], w.values)
	return d.write(w.memory, 0, all)
}

// A network is layers as launches, for batches of up to batch samples.
type network struct {
	*schedule
	batch int
	size  int // of a sample

	// head has what kernels know of a batch: see common.cl.
	head    *memory
	input   *memory
	given   *memory // all samples, of which the first launch gathers a batch; nil for none
	weights *weights

	// Of a training:
	learns    bool
	seed      uint64
	operators int    // so far; a dropout takes its number, as on the CPU's engine
	runs      uint64 // for dropout
	gradients *memory
	table     []int32 // for the optimizer: see step.cl
	tape      []func(grad *memory) *memory
	losses    *memory
	last      *nn.Layer // a last layer whose sigmoid goes together with the loss; nil for none
}

// Words at the beginning of head.
const words = 4

// newNetwork returns a network of the input alone. Its first launch gathers a batch of samples that
// lie on the device.
func newNetwork(d *device, layers []*nn.Layer, w *weights, batch int) (*network, error) {
	for _, l := range layers {
		if product(l.Output) > maxBatchValues/batch {
			return nil, fmt.Errorf("nn: the output of layer %q, %v, is too large for "+
				"batches of %d; expected at most %d values in a batch",
				l.Name, l.Output, batch, maxBatchValues)
		}
	}
	if w.memory.values > maxBatchValues {
		return nil, fmt.Errorf("nn: %d weights are too many; expected at most %d",
			w.memory.values, maxBatchValues)
	}
	n := &network{
		schedule: newSchedule(d), batch: batch, size: product(layers[0].Output), weights: w,
		gradients: &memory{},
	}
	n.head = n.own(words + 2*batch)
	n.input = n.own(batch * n.size)
	n.each("gather", defines{"SIZE", n.size}, batch*n.size, n.head, n.input, n.input)
	return n, nil
}

// tableRow is how many numbers the optimizer's table has for a group.
const tableRow = 6

// gradient makes room for the gradients of count weights, which begin at a place, in slices. It
// returns where they begin, which is a multiple of four.
func (n *network) gradient(at, count, slices int) (from int) {
	from = ceilDiv(n.gradients.values, 4) * 4
	n.gradients.values = from + count*slices
	const few = 16 // slices that a work-item adds up
	rows := 1
	for slices > few*rows && rows < maxThreads {
		rows *= 2
	}
	for i := 0; i < count; i += maxThreads / rows {
		n.table = append(n.table, int32(at+i), int32(at+min(i+maxThreads/rows, count)),
			int32(from+i), int32(slices), int32(count), int32(rows))
	}
	return from
}

// A signal is what flows from layer to layer of a chain.
type signal struct {
	*memory
	shape  []int
	active bool // whether it depends on weights that are trained
}

// chain adds layers as the CPU's engine joins them.
func (n *network) chain(layers []*nn.Layer, x signal) signal {
	layers = nn.Effective(layers, n.learns)
	next := func(c nn.Class) *nn.Layer {
		if len(layers) == 0 || layers[0].Class != c {
			return nil
		}
		l := layers[0]
		layers = layers[1:]
		return l
	}
	for len(layers) > 0 {
		before := x.memory
		done := func() {
			if !n.learns && before != x.memory && before != n.input {
				n.give(before)
			}
		}
		switch l := layers[0]; l.Class {
		case nn.UpSampling2D, nn.Conv2D, nn.BatchNormalization, nn.MaxPooling2D:
			up, conv := next(nn.UpSampling2D), next(nn.Conv2D)
			switch {
			case conv == nil && up != nil:
				x = n.enlarge(up, x)
			case conv != nil && conv == n.last:
				x = n.block(up, conv, nil, nil, x)
			case conv != nil && conv.Activation != nn.ReLU && conv.Activation != nn.Linear:
				x = n.activate(conv.Activation, n.block(up, conv, nil, nil, x))
			default:
				x = n.block(up, conv, next(nn.BatchNormalization), next(nn.MaxPooling2D), x)
			}
			done()
			continue
		case nn.Dense:
			if x = n.denseLayer(l, x); l != n.last {
				x = n.activate(l.Activation, x)
			}
		case nn.Dropout:
			x = n.dropout(l.Rate, x)
		case nn.Flatten, nn.Reshape:
			x.shape = l.Output
		}
		done()
		layers = layers[1:]
	}
	return x
}

// back puts a step on the tape that turns the gradient of an operator's output into that of its
// input.
func (n *network) back(step func(grad *memory) *memory) {
	if n.learns {
		n.tape = append(n.tape, step)
	}
}

// unwind adds the launches of the tape from its end.
func (n *network) unwind(grad *memory) {
	for _, step := range slices.Backward(n.tape) {
		if grad = step(grad); grad == nil {
			return
		}
	}
}

// block adds the layers that work on images. up, conv, norm and pool may be nil; up needs conv.
func (n *network) block(up, conv, norm, pool *nn.Layer, x signal) signal {
	n.operators++
	y, shape, active := x.memory, x.shape, x.active
	var g geometry
	if conv != nil {
		size := [2]int{1, 1}
		if up != nil {
			size = up.Size
		}
		large := []int{shape[0] * size[0], shape[1] * size[1], shape[2]}
		g = geometryOf(conv.Spans(large), size, shape[2], conv.Output[2], false)
		act := "linear(v)"
		switch {
		case conv.Activation == nn.ReLU:
			act = "relu(v)"
		case conv == n.last:
			act = "sigmoid(v)"
		}
		y = n.convolve(g, 1, x.memory, n.weights.place(conv, "kernel"),
			n.weights.place(conv, "bias"), act)
		shape = conv.Output
		active = active || n.learns && conv.Trainable
	}
	b := &block{
		network: n, h: shape[0], w: shape[1], c: shape[2], norm: norm, y: y, statistics: n.head,
	}
	b.out, b.window = shape, [2]int{1, 1}
	if pool != nil {
		b.out, b.window = pool.Output, pool.Size
	}
	b.byBatch = norm != nil && n.learns && norm.Trainable
	out := y
	if norm != nil || pool != nil {
		out = b.forward()
	}
	relu := conv != nil && conv.Activation == nn.ReLU
	trainConv := conv != nil && n.learns && conv.Trainable
	needed := active || b.byBatch
	if !n.learns {
		if out != y && y != x.memory {
			n.give(y)
		}
	} else if needed {
		n.back(func(grad *memory) *memory {
			dy := grad
			if norm != nil || pool != nil || relu {
				dy = b.backward(grad, relu)
				n.give(grad)
			}
			if conv == nil {
				if x.active {
					return dy
				}
				return nil
			}
			if trainConv {
				n.filterGradient(g, x.memory, dy, n.weights.place(conv, "kernel"))
			}
			if !x.active {
				return nil
			}
			dx := n.transpose(g, dy, n.weights.place(conv, "kernel"), none, "linear(v)")
			n.give(dy)
			return dx
		})
	}
	return signal{out, b.out, needed}
}

// A block is normalisation and pooling of images y of h x w pixels with c channels.
type block struct {
	*network
	h, w, c int
	y       *memory
	norm    *nn.Layer // nil for none
	byBatch bool      // it normalises by the batch's statistics
	out     []int
	window  [2]int

	statistics *memory // mean and inverse deviation of the batch
}

// channels returns how many channels the kernels of a block take at once.
func (b *block) channels() int { return width(fours(b.c)) }

// defines returns what kernels that go over a number of pixels know of a block, and how many groups
// they have: some for the channels, and for each of these some for the pixels.
func (b *block) defines(pixels int) (d defines, groups [2]int, local [3]int) {
	across := 1
	for across < min(b.c/b.channels(), 32) {
		across *= 2
	}
	down := maxThreads / across
	const least = 8 // pixels of a work-item
	groups[0] = ceilDiv(b.c, across*b.channels())
	groups[1] = max(min(ceilDiv(pixels, least*down), ceilDiv(b.Units, groups[0])), 1)
	d = defines{
		"H", b.h, "W", b.w, "C", b.c, "P", b.h * b.w, "OH", b.out[0], "OW", b.out[1],
		"WH", b.window[0], "WW", b.window[1], "LC", across, "LR", down, "CHANNELS", b.channels(),
		"BY_BATCH", b.byBatch, "NORMALISES", b.norm != nil,
	}
	return d, groups, [3]int{across, down, 1}
}

// place returns where a weight of the normalisation begins, or none.
func (b *block) place(name string) int {
	if b.norm == nil {
		return none
	}
	return b.weights.place(b.norm, name)
}

func (b *block) forward() *memory {
	d, groups, local := b.defines(b.batch * b.h * b.w)
	parts := b.head // not read
	if b.byBatch {
		d = append(d, "CHUNKS", groups[1])
		parts = b.take(groups[1] * 2 * b.c)
		b.statistics = b.own(2 * b.c)
		b.add("measure", d, [3]int{groups[0], groups[1], 1}, local, b.head, b.y, parts)
	}
	if l := b.norm; l != nil {
		d = append(d, "MOMENTUM", float32(l.Momentum), "EPSILON", float32(l.Epsilon))
	}
	_, groups, _ = b.defines(b.batch * product(b.out[:2]))
	out := b.take(b.batch * product(b.out))
	b.add("pick normalise", append(d, "GROUPS", groups[1]), [3]int{groups[0], groups[1], 1}, local,
		b.head, b.y, b.weights.memory, b.place("gamma"), b.place("beta"), b.place("moving_mean"),
		b.place("moving_variance"), parts, b.statistics, out)
	if b.byBatch {
		b.give(parts)
	}
	return out
}

// backward adds the way of a gradient back to y, and the gradients of gamma and beta.
func (b *block) backward(grad *memory, relu bool) *memory {
	d, groups, local := b.defines(b.batch * product(b.out[:2]))
	parts := b.head // not read
	toGamma, toBeta := none, none
	if b.byBatch {
		d = append(d, "CHUNKS", groups[1])
		parts = b.take(groups[1] * 2 * b.c)
		b.add("pick sums", d, [3]int{groups[0], groups[1], 1}, local,
			b.head, b.y, grad, b.weights.memory, b.place("gamma"), b.statistics, parts)
		toGamma = b.gradient(b.place("gamma"), b.c, 1)
		toBeta = b.gradient(b.place("beta"), b.c, 1)
	}
	if l := b.norm; l != nil {
		d = append(d, "EPSILON", float32(l.Epsilon))
	}
	dy := b.take(b.batch * b.h * b.w * b.c)
	b.add("pick back", append(d, "RELU", relu, "GROUPS", groups[1]),
		[3]int{groups[0], groups[1], 1}, local,
		b.head, b.y, grad, b.weights.memory, b.place("gamma"), b.place("moving_variance"), parts,
		b.statistics, dy, b.gradients, toGamma, toBeta)
	if b.byBatch {
		b.give(parts)
	}
	return dy
}

// enlarge adds an UpSampling2D that no convolution follows.
func (n *network) enlarge(l *nn.Layer, x signal) signal {
	n.operators++
	d := defines{
		"H", x.shape[0], "W", x.shape[1], "C", x.shape[2], "UPH", l.Size[0], "UPW", l.Size[1],
	}
	y := n.take(n.batch * product(l.Output))
	n.each("each", append(d, "SIZE", product(l.Output), "INPUTS", ", __global const float *a",
		"VALUE", "a[s * (H * W * C) + "+
			"(j / C / (W * UPW) / UPH * W + j / C % (W * UPW) / UPW) * C + j % C]"),
		n.batch*product(l.Output), n.head, n.weights.memory, y, x.memory)
	if x.active {
		n.back(func(grad *memory) *memory {
			dx := n.take(n.batch * product(x.shape))
			n.each("down", d, n.batch*product(x.shape), n.head, grad, dx)
			n.give(grad)
			return dx
		})
	}
	return signal{y, l.Output, x.active}
}

// denseLayer adds a Dense layer on vectors, with ReLU if it has that.
func (n *network) denseLayer(l *nn.Layer, x signal) signal {
	n.operators++
	in, units := x.shape[0], l.Output[0]
	at, bias := n.weights.place(l, "kernel"), n.weights.place(l, "bias")
	act, relu := "linear(v)", l.Activation == nn.ReLU
	switch {
	case relu:
		act = "relu(v)"
	case l == n.last:
		act = "sigmoid(v)"
	}
	y := n.dense(1, in, units, x.memory, at, bias, act)
	train := n.learns && l.Trainable
	if x.active || train {
		n.back(func(grad *memory) *memory {
			if relu {
				n.slope("RELU", units, 1, y, grad)
			}
			if train {
				n.denseGradient(in, units, x.memory, grad, at)
			}
			if !x.active {
				return nil
			}
			dx := n.denseBack(in, units, grad, at)
			n.give(grad)
			return dx
		})
	}
	return signal{y, l.Output, x.active || train}
}

// slope adds the way of a gradient back through an activation with outputs y: rows of a sample, of
// that width.
func (n *network) slope(act string, rows, width int, y, grad *memory) {
	d := defines{"SOFTMAX", false, "SIGMOID", false, "ROWS", rows, "WIDTH", width}
	if i := slices.Index(d, any(act)); i >= 0 {
		d[i+1] = true
	}
	n.each("slope", d, n.batch*rows, n.head, y, grad)
}

// activate adds an activation other than ReLU.
func (n *network) activate(act nn.Activation, x signal) signal {
	size := product(x.shape)
	var y *memory
	switch act {
	case nn.Sigmoid:
		y = n.take(n.batch * size)
		n.each("each", defines{
			"SIZE", size, "INPUTS", ", __global const float *a", "VALUE", "sigmoid(a[i])",
		}, n.batch*size, n.head, n.weights.memory, y, x.memory)
	case nn.Softmax:
		y = n.take(n.batch * size)
		width := x.shape[len(x.shape)-1]
		n.softmax(size/width, width, "row * WIDTH", "j", size, false, x.memory, y)
	default:
		return x
	}
	n.operators++
	if x.active {
		n.back(func(grad *memory) *memory {
			if act == nn.Softmax {
				width := x.shape[len(x.shape)-1]
				n.slope("SOFTMAX", size/width, width, y, grad)
			} else {
				n.slope("SIGMOID", size, 1, y, grad)
			}
			return grad
		})
	}
	return signal{y, x.shape, x.active}
}

// softmax adds a softmax, or its logarithm, of rows of a sample.
func (n *network) softmax(rows, width int, begin, place string, size int, logarithm bool,
	x, y *memory) {
	n.eachRow(defines{"NORMALISES", false, "LOGARITHM", logarithm},
		rows, width, begin, place, size, x, y)
}

// eachRow adds a launch of rows.cl. d tells what it computes of each row.
func (n *network) eachRow(d defines, rows, width int, begin, place string, size int, x, y *memory) {
	const threads = 64
	n.add("rows", append(d, "THREADS", threads, "ROWS", rows, "SIZE", size, "WIDTH", width,
		"BEGIN(row)", begin, "PLACE(j)", place),
		[3]int{n.batch * rows, 1, 1}, [3]int{threads, 1, 1}, n.head, n.weights.memory, y, x)
}

// dropout adds a Dropout layer in training.
func (n *network) dropout(rate float64, x signal) signal {
	key := n.seed ^ uint64(n.operators)
	n.operators++
	var scale float32
	if rate < 1 {
		scale = float32(1 / (1 - rate))
	}
	size := product(x.shape)
	d := defines{"SIZE", size, "THRESHOLD", uint64(float64(rate * (1 << 32))), "SCALE", scale}
	drop := func(v *memory) { n.each("dropout", d, n.batch*size, n.head, v, key) }
	y := n.take(n.batch * size)
	n.each("each", defines{
		"SIZE", size, "INPUTS", ", __global const float *a", "VALUE", "a[i]",
	}, n.batch*size, n.head, n.weights.memory, y, x.memory)
	drop(y)
	if x.active {
		n.back(func(grad *memory) *memory {
			drop(grad)
			return grad
		})
	}
	return signal{y, x.shape, x.active}
}

// losing adds the layers after the first, and the loss. In a training its gradients follow.
func (n *network) losing(layers []*nn.Layer, loss nn.Loss) {
	n.losses = n.own(n.batch)
	x := signal{memory: n.input, shape: layers[0].Output}
	const threads = maxThreads
	groups, local := [3]int{n.batch, 1, 1}, [3]int{threads, 1, 1}
	d := defines{"THREADS", threads, "BATCH", n.batch, "LEARNS", n.learns}
	grad := n.head // not written
	gradient := func(size int) {
		if n.learns {
			grad = n.take(n.batch * size)
		}
	}
	if loss != nn.CategoricalCrossentropy {
		if l := layers[len(layers)-1]; l.Activation == nn.Sigmoid {
			n.last = l
		}
		x = n.chain(layers[1:], x)
		factor := float32(2)
		if loss == nn.MeanAbsoluteError {
			factor = 1
		}
		size := product(x.shape)
		gradient(size)
		n.add("deviation", append(d, "SIZE", size, "FACTOR", factor, "SIGMOID", n.last != nil,
			"ABSOLUTE", loss == nn.MeanAbsoluteError), groups, local,
			n.head, x.memory, n.input, grad, n.losses)
	} else {
		// This loss takes what the softmax takes.
		end := len(layers) - 1
		logits := *layers[end]
		logits.Activation = nn.Linear
		x = n.chain(append(slices.Clone(layers[1:end]), &logits), x)
		size := product(x.shape)
		gradient(size)
		n.add("crossentropy", append(d, "SIZE", size), groups, local,
			n.head, x.memory, grad, n.losses)
	}
	if n.learns {
		n.unwind(grad)
	}
}
