package cpu

import (
	"fmt"
	"math"
	"slices"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// A builder makes the plan of a prediction.
type builder struct {
	plan
	*nn.Wiring
	kernels *kernel.Set
	values  map[*nn.Layer]value
}

// A value is what a layer puts out, for one sample.
type value struct {
	id int // among the plan's values
	// shape is that in memory. If moved, the first axis of the layer's output lies last in memory:
	// images of shape (C,H,W) are computed as (H,W,C).
	shape []int
	moved bool
}

func build(k *kernel.Set, layers []*nn.Layer) (*builder, error) {
	wiring, err := nn.NewWiring(layers)
	if err != nil {
		return nil, err
	}
	b := &builder{Wiring: wiring, kernels: k, values: map[*nn.Layer]value{}}
	input := layers[0].Output
	b.sizes = []int{product(input)}
	b.values[layers[0]] = value{shape: input}
	for _, l := range b.Layers[1:] {
		if _, done := b.values[l]; done {
			continue
		}
		if err := b.layer(l); err != nil {
			return nil, fmt.Errorf("nn: layer %q: %w", l.Name, err)
		}
	}
	b.output = b.plain(b.values[b.Result]).id
	return b, nil
}

// add adds a step that computes a value of that shape.
func (b *builder) add(s step, shape []int, in ...value) value {
	v := value{id: len(b.sizes), shape: shape}
	b.sizes = append(b.sizes, product(shape))
	s.out = v.id
	for _, i := range in {
		s.in = append(s.in, i.id)
	}
	b.steps = append(b.steps, s)
	return v
}

// each adds a step that computes each value from that in the same place.
func (b *builder) each(x value, f func(k *kernel.Set, out, x []float32)) value {
	v := b.add(step{
		inPlace: true,
		run:     func(k *kernel.Set, in [][]float32, out, _ []float32, _ int) { f(k, out, in[0]) },
	}, x.shape, x)
	v.moved = x.moved
	return v
}

// sample adds a step that computes each sample by itself.
func (b *builder) sample(x value, shape []int, f func(k *kernel.Set, out, x []float32)) value {
	from, to := product(x.shape), product(shape)
	return b.add(step{run: func(k *kernel.Set, in [][]float32, out, _ []float32, n int) {
		for i := range n {
			f(k, out[i*to:(i+1)*to], in[0][i*from:(i+1)*from])
		}
	}}, shape, x)
}

// gather adds a step that copies values to a new shape. The value at some place of it lies in x at
// the sum of the place's coordinates times strides.
func (b *builder) gather(x value, shape, strides []int) value {
	return b.sample(x, shape, func(_ *kernel.Set, out, x []float32) {
		gather(out, x, shape, strides)
	})
}

func gather(out, x []float32, shape, strides []int) {
	if len(shape) == 0 {
		out[0] = x[0]
		return
	}
	n, stride := shape[0], strides[0]
	if len(shape) == 1 {
		switch stride {
		case 1:
			copy(out, x[:n])
		default:
			for i := range out[:n] {
				out[i] = x[i*stride]
			}
		}
		return
	}
	part := len(out) / n
	for i := range n {
		gather(out[i*part:(i+1)*part], x[i*stride:], shape[1:], strides[1:])
	}
}

// strides returns the distances of values along the axes of a shape in memory.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	distance := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = distance
		distance *= shape[i]
	}
	return s
}

// permuted returns x with its axes in another order.
func (b *builder) permuted(x value, order []int) value {
	shape, from, to := make([]int, len(order)), strides(x.shape), make([]int, len(order))
	ascending := -1 // of the axes with more than one place
	same := true
	for i, a := range order {
		shape[i], to[i] = x.shape[a], from[a]
		if x.shape[a] > 1 {
			same = same && a > ascending
			ascending = a
		}
	}
	if same {
		return value{id: x.id, shape: shape}
	}
	return b.gather(x, shape, to)
}

// plain returns x as its layer has it.
func (b *builder) plain(x value) value {
	if !x.moved {
		return x
	}
	last := len(x.shape) - 1
	return b.permuted(x, append([]int{last}, upTo(last)...))
}

// image returns x with its channels last; first says that the layer has them first.
func (b *builder) image(x value, first bool) value {
	switch {
	case x.moved == first:
		return x
	case x.moved:
		return b.plain(x)
	}
	order := append(upTo(len(x.shape))[1:], 0)
	x = b.permuted(x, order)
	x.moved = true
	return x
}

// upTo returns 0 to n-1.
func upTo(n int) []int {
	var list []int
	for i := range n {
		list = append(list, i)
	}
	return list
}

// layer adds the steps of a layer and of those after it that are computed together with it.
func (b *builder) layer(l *nn.Layer) error {
	var in []value
	for _, i := range b.Inputs[l] {
		in = append(in, b.values[i])
	}
	x := in[0]
	var v value
	switch l.Class {
	case nn.Conv2D, nn.DepthwiseConv2D, nn.SeparableConv2D, nn.Conv2DTranspose:
		b.convolution(nil, l, x)
		return nil
	case nn.UpSampling2D:
		if conv := b.OnlyUser(l, nn.Conv2D); conv != nil && !l.Bilinear && repeatable(conv) &&
			conv.ChannelsFirst == l.ChannelsFirst {
			b.convolution(l, conv, x)
			return nil
		}
		v = b.upSample(l, x)
	case nn.MaxPooling2D, nn.AveragePooling2D:
		v = b.pool(l, x)
	case nn.GlobalMaxPooling2D, nn.GlobalAveragePooling2D:
		v = b.poolAll(l, x)
	case nn.ZeroPadding2D, nn.Cropping2D:
		v = b.frame(l, x)
	case nn.Dense:
		v = b.activate(l, b.dense(l, b.plain(x)))
	case nn.BatchNormalization:
		v = b.normalise(l, x)
	case nn.LayerNormalization:
		v = b.normaliseLayer(l, b.plain(x))
	case nn.Rescaling:
		v = b.rescale(l, b.plain(x))
	case nn.Normalization:
		v = b.normaliseBy(l, b.plain(x))
	case nn.ActivationLayer, nn.ReLULayer, nn.LeakyReLULayer, nn.ELULayer, nn.SoftmaxLayer:
		v = b.activate(l, x)
	case nn.PReLU:
		v = b.prelu(l, b.plain(x))
	case nn.Flatten:
		if l.ChannelsFirst && len(x.shape) > 1 {
			x = b.image(x, true)
			x.moved = false // flattened with the channels last
		}
		v = value{id: b.plain(x).id, shape: l.Output}
	case nn.Reshape:
		v = value{id: b.plain(x).id, shape: l.Output}
	case nn.Permute:
		order := make([]int, len(l.Axes))
		for i, a := range l.Axes {
			order[i] = a - 1
		}
		v = b.permuted(b.plain(x), order)
	case nn.Concatenate:
		v = b.concatenate(l, in)
	case nn.Add, nn.Subtract, nn.Multiply, nn.Average, nn.Maximum, nn.Minimum:
		v = b.merge(l, in)
	default:
		return fmt.Errorf("layers of class %s are not supported", l.Class)
	}
	b.values[l] = v
	return nil
}

// weight returns the values of a weight, or nil if the layer has none of that name.
func weight(l *nn.Layer, name string) []float32 {
	for _, w := range l.Weights {
		if w.Name == name {
			return w.Data
		}
	}
	return nil
}

// weightOr returns the values of a weight, or n values of absent.
func weightOr(l *nn.Layer, name string, absent float32, n int) []float32 {
	if w := weight(l, name); w != nil {
		return w
	}
	return slices.Repeat([]float32{absent}, n)
}

// dense adds the matrix product of a Dense layer; each vector along the last axis is a row.
func (b *builder) dense(l *nn.Layer, x value) value {
	last := len(x.shape) - 1
	wide, units := x.shape[last], l.Output[last]
	rows := product(x.shape[:last])
	kernels, bias := weight(l, "kernel"), weight(l, "bias")
	return b.add(step{run: func(k *kernel.Set, in [][]float32, out, _ []float32, n int) {
		k.Matmul(kernel.Matmul{
			M: n * rows, N: units, Inner: wide,
			A: kernel.Rows(wide), B: kernel.Right{Inner: units}, C: kernel.Result{Row: units},
			ReLU: l.PlainReLU(),
		}.Prepare(), in[0], kernels, out, bias)
	}}, l.Output, x)
}

// normalisation returns what a BatchNormalization subtracts, multiplies with and adds at each place
// of its axis.
func normalisation(l *nn.Layer) (mean, scale, beta []float32) {
	mean = weight(l, "moving_mean")
	gamma, beta := weightOr(l, "gamma", 1, len(mean)), weightOr(l, "beta", 0, len(mean))
	scale = make([]float32, len(mean))
	for c, v := range weight(l, "moving_variance") {
		scale[c] = float32(float64(gamma[c]) * (1 / math.Sqrt(float64(v)+l.Epsilon)))
	}
	return mean, scale, beta
}

// repeated returns a normalisation with n values of each parameter, over and over.
func repeated(n int, mean, scale, beta []float32) *kernel.Normalisation {
	p := &kernel.Normalisation{
		Mean: make([]float32, n), Scale: make([]float32, n), Beta: make([]float32, n),
	}
	kernel.Repeat(p.Mean, mean)
	kernel.Repeat(p.Scale, scale)
	kernel.Repeat(p.Beta, beta)
	return p
}

// maxPeriod bounds the values that parameters take which are repeated up to a Period.
const maxPeriod = 1 << 12

// affine adds (x-mean)*scale+beta. The parameters are those of the places of the last axes, and
// have the same length.
func (b *builder) affine(x value, mean, scale, beta []float32) value {
	row := len(mean)
	if kernel.Period(row) <= maxPeriod {
		p := repeated(kernel.Period(row), mean, scale, beta)
		return b.each(x, func(k *kernel.Set, out, x []float32) { k.Normalise(out, x, p) })
	}
	p := repeated(kernel.Lanes(row), mean, scale, beta)
	return b.each(x, func(k *kernel.Set, out, x []float32) {
		for at := 0; at < len(x); at += row {
			k.Normalise(out[at:at+row], x[at:at+row], p)
		}
	})
}

// normalise adds a BatchNormalization.
func (b *builder) normalise(l *nn.Layer, x value) value {
	axis := l.Axes[0] - 1
	if x.moved {
		if axis--; axis < 0 {
			axis = len(x.shape) - 1
		}
	}
	mean, scale, beta := normalisation(l)
	if axis == len(x.shape)-1 {
		return b.affine(x, mean, scale, beta)
	}
	places, inner := x.shape[axis], product(x.shape[axis+1:])
	return b.each(x, func(_ *kernel.Set, out, x []float32) {
		for at := 0; at < len(x); at += inner {
			c := at / inner % places
			o := out[at : at+inner]
			for i, v := range x[at : at+inner] {
				o[i] = float32((v-mean[c])*scale[c]) + beta[c]
			}
		}
	})
}

// along calls f on x with some axes last, in order; their product is the width. The result has the
// axes where x has them.
func (b *builder) along(axes []int, x value, f func(x value, width int) value) value {
	var order []int
	width := 1
	for i := range x.shape {
		if !slices.Contains(axes, i+1) {
			order = append(order, i)
		}
	}
	for _, a := range axes {
		order = append(order, a-1)
		width *= x.shape[a-1]
	}
	v := f(b.permuted(x, order), width)
	back := make([]int, len(order))
	for i, a := range order {
		back[a] = i
	}
	return b.permuted(v, back)
}

// normaliseLayer adds a LayerNormalization.
func (b *builder) normaliseLayer(l *nn.Layer, x value) value {
	return b.along(l.Axes, x, func(x value, width int) value {
		gamma, beta := weightOr(l, "gamma", 1, width), weightOr(l, "beta", 0, width)
		return b.each(x, func(_ *kernel.Set, out, x []float32) {
			for at := 0; at < len(x); at += width {
				normaliseRow(out[at:at+width], x[at:at+width], gamma, beta, l.Epsilon, l.RMSScaling)
			}
		})
	})
}

// normaliseRow normalises a row by its own mean and variance; scaling leaves the mean in.
func normaliseRow(out, x, gamma, beta []float32, epsilon float64, scaling bool) {
	var mean, variance float64
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		variance += float64(d * d)
	}
	inverse := 1 / math.Sqrt(variance/float64(len(x))+epsilon)
	if scaling {
		mean = 0
	}
	for i, v := range x {
		d := float64((float64(v) - mean) * inverse)
		out[i] = float32(float64(d*float64(gamma[i]))) + beta[i]
	}
}

// rescale adds a Rescaling.
func (b *builder) rescale(l *nn.Layer, x value) value {
	n := max(len(l.Scale), len(l.Offset))
	all := func(v []float32) []float32 { return slices.Repeat(v, n/len(v)) }
	return b.affine(x, make([]float32, n), all(l.Scale), all(l.Offset))
}

// normaliseBy adds a Normalization.
func (b *builder) normaliseBy(l *nn.Layer, x value) value {
	mean, variance := l.Mean, l.Variance
	if mean == nil && variance == nil {
		mean, variance = weight(l, "mean"), weight(l, "variance")
	}
	return b.along(l.Axes, x, func(x value, width int) value {
		all := func(v []float32) []float32 { return slices.Repeat(v, width/len(v)) }
		scale := make([]float32, width)
		for i, v := range all(variance) {
			d := max(math.Sqrt(float64(v)), 1e-7)
			if !l.Invert {
				d = 1 / d
			}
			scale[i] = float32(d)
		}
		zeros := make([]float32, width)
		if l.Invert {
			return b.affine(x, zeros, scale, all(mean))
		}
		return b.affine(x, all(mean), scale, zeros)
	})
}

// concatenate adds a Concatenate.
func (b *builder) concatenate(l *nn.Layer, in []value) value {
	axis := l.Axes[0] - 1
	moved := !slices.ContainsFunc(in, func(v value) bool { return !v.moved })
	shape := slices.Clone(l.Output)
	if moved {
		shape = append(shape[1:], shape[0])
		if axis--; axis < 0 {
			axis = len(shape) - 1
		}
	} else {
		for i := range in {
			in[i] = b.plain(in[i])
		}
	}
	rows, whole := product(shape[:axis]), product(shape[axis:])
	v := b.add(step{run: func(_ *kernel.Set, in [][]float32, out, _ []float32, n int) {
		at := 0
		for _, x := range in {
			part := len(x) / (n * rows)
			for r := range n * rows {
				copy(out[r*whole+at:], x[r*part:(r+1)*part])
			}
			at += part
		}
	}}, shape, in...)
	v.moved = moved
	return v
}

// merge adds a layer that puts its inputs together value by value.
func (b *builder) merge(l *nn.Layer, in []value) value {
	moved, shape := true, l.Output
	for i, layer := range b.Inputs[l] {
		moved = moved && in[i].moved && slices.Equal(layer.Output, l.Output)
	}
	for i := range in {
		if moved {
			shape = in[i].shape
			continue
		}
		in[i] = b.plain(in[i])
		if !slices.Equal(in[i].shape, shape) {
			in[i] = b.broadcast(in[i], shape)
		}
	}
	f := merges[l.Class]
	again := slices.ContainsFunc(in[1:], func(v value) bool { return v.id == in[0].id })
	run := func(k *kernel.Set, in [][]float32, out, _ []float32, _ int) {
		copy(out, in[0])
		for _, x := range in[1:] {
			f(k, out, x)
		}
		if l.Class == nn.Average {
			for i := range out {
				out[i] /= float32(len(in))
			}
		}
	}
	v := b.add(step{inPlace: !again, run: run}, shape, in...)
	v.moved = moved
	return v
}

// broadcast returns x in a shape in which its axes of one place have more, or axes come before.
func (b *builder) broadcast(x value, shape []int) value {
	wide := nn.Widen(x.shape, len(shape))
	from := strides(wide)
	for i, d := range wide {
		if d == 1 {
			from[i] = 0
		}
	}
	return b.gather(x, shape, from)
}

// merges are the functions of the classes of merge; they change out.
var merges = map[nn.Class]func(k *kernel.Set, out, x []float32){
	nn.Add:     (*kernel.Set).AddTo,
	nn.Average: (*kernel.Set).AddTo,
	nn.Subtract: func(_ *kernel.Set, out, x []float32) {
		for i, v := range x {
			out[i] -= v
		}
	},
	nn.Multiply: (*kernel.Set).MulTo,
	nn.Maximum:  (*kernel.Set).MaxTo,
	nn.Minimum: func(_ *kernel.Set, out, x []float32) {
		for i, v := range x {
			out[i] = min(out[i], v)
		}
	},
}
