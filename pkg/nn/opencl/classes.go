package opencl

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"imagesimilarity/pkg/nn"
)

// A predictor adds the launches of a prediction. A layer may be of any class.
type predictor struct {
	*network
	*nn.Wiring
	values map[*nn.Layer]value
	uses   map[*memory]int // that are still to come
}

// A value is what a layer puts out: samples one after the other, each row-major.
type value struct {
	*memory
	shape []int
}

// predict adds the launches of layers and returns the memory of the result.
func (n *network) predict(layers []*nn.Layer) (*memory, error) {
	wiring, err := nn.NewWiring(layers)
	if err != nil {
		return nil, err
	}
	p := &predictor{
		network: n, Wiring: wiring, values: map[*nn.Layer]value{}, uses: map[*memory]int{},
	}
	p.set(layers[0], value{n.input, layers[0].Output})
	for _, l := range p.Layers[1:] {
		if _, done := p.values[l]; done {
			continue
		}
		if err := p.layer(l); err != nil {
			return nil, fmt.Errorf("nn: layer %q: %w", l.Name, err)
		}
		for _, in := range p.Inputs[l] {
			m := p.values[in].memory
			if p.uses[m]--; p.uses[m] == 0 && m != n.input {
				n.give(m)
			}
		}
	}
	return p.values[p.Result].memory, nil
}

// set sets what a layer puts out.
func (p *predictor) set(l *nn.Layer, v value) {
	p.values[l] = v
	p.uses[v.memory] += len(p.Users[l])
}

// constants adds values to the weights and returns where they begin.
func (p *predictor) constants(v []float32) int {
	at := p.weights.memory.values
	p.weights.values = append(p.weights.values, v...)
	p.weights.memory.values += len(v)
	return at
}

// each adds a launch that computes every value of a shape by itself, by an expression of its place
// i, its place j in the sample s, the inputs a0, a1, … and the weights w.
func (p *predictor) each(shape []int, expression string, in ...value) value {
	size := product(shape)
	out := p.take(p.batch * size)
	arguments := []any{p.head, p.weights.memory, out}
	var inputs strings.Builder
	for k, v := range in {
		fmt.Fprintf(&inputs, ", __global const float *a%d", k)
		arguments = append(arguments, v.memory)
	}
	p.network.each("each", defines{
		"SIZE", size, "INPUTS", inputs.String(), "VALUE", expression,
	}, p.batch*size, arguments...)
	return value{out, shape}
}

// strides returns the distances of values along the axes of a shape.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	distance := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = distance
		distance *= shape[i]
	}
	return s
}

// placed returns the expression of the sum of the coordinates times the distances, for the place j
// in a shape.
func placed(shape, distances []int, j string) string {
	terms := []string{"0"}
	for i, d := range distances {
		if d != 0 && shape[i] > 1 {
			terms = append(terms, fmt.Sprintf("%s / %d %% %d * %d",
				j, product(shape[i+1:]), shape[i], d))
		}
	}
	return "(" + strings.Join(terms, " + ") + ")"
}

// coordinate returns the expression of a coordinate of the place j in a shape.
func coordinate(shape []int, axis int) string {
	return fmt.Sprintf("(j / %d %% %d)", product(shape[axis+1:]), shape[axis])
}

// at returns the expression of the value of input k, with samples of a size, at a place.
func at(k, size int, place string) string {
	return fmt.Sprintf("a%d[s * %d + %s]", k, size, place)
}

// alongs returns the distances, for each axis of a shape, in parameters that lie along some axes.
func alongs(shape, axes []int) []int {
	distances := make([]int, len(shape))
	d := 1
	for _, a := range slices.Backward(axes) {
		distances[a-1] = d
		d *= shape[a-1]
	}
	return distances
}

// imageShape returns rows, columns and channels of an image that has the given shape in a layer,
// and their axes.
func imageShape(l *nn.Layer, shape []int) (h, w, c int, axes [3]int) {
	axes = [3]int{0, 1, 2}
	if l.ChannelsFirst {
		axes = [3]int{1, 2, 0}
	}
	return shape[axes[0]], shape[axes[1]], shape[axes[2]], axes
}

// layer adds a layer and those after it that are computed together with it.
func (p *predictor) layer(l *nn.Layer) error {
	var in []value
	for _, i := range p.Inputs[l] {
		in = append(in, p.values[i])
	}
	x := in[0]
	var v value
	switch l.Class {
	case nn.Conv2D, nn.DepthwiseConv2D, nn.SeparableConv2D, nn.Conv2DTranspose:
		p.convolution(nil, l, x)
		return nil
	case nn.UpSampling2D:
		conv := p.OnlyUser(l, nn.Conv2D)
		if conv != nil && !l.Bilinear && conv.ChannelsFirst == l.ChannelsFirst {
			p.convolution(l, conv, x)
			return nil
		}
		v = p.enlarge(l, x)
	case nn.MaxPooling2D, nn.AveragePooling2D:
		v = p.pool(l, x, l.Spans(x.shape))
	case nn.GlobalMaxPooling2D, nn.GlobalAveragePooling2D:
		h, w, _, _ := imageShape(l, x.shape)
		v = p.pool(l, x, [2]nn.Span{
			{In: h, Out: 1, Size: h, Dilation: 1, Stride: 1},
			{In: w, Out: 1, Size: w, Dilation: 1, Stride: 1},
		})
	case nn.ZeroPadding2D, nn.Cropping2D:
		v = p.frame(l, x)
	case nn.Dense:
		last := len(x.shape) - 1
		act := "linear(v)"
		if !severalValues(l) {
			act = activation(l)
		}
		y := p.dense(product(x.shape[:last]), x.shape[last], l.Output[last], x.memory,
			p.weights.place(l, "kernel"), p.weights.place(l, "bias"), act)
		v = value{y, l.Output}
		if severalValues(l) {
			v = p.softmaxOf(l, v)
		}
	case nn.BatchNormalization:
		v = p.batchNormalisation(l, x)
	case nn.LayerNormalization:
		v = p.layerNormalisation(l, x)
	case nn.Rescaling:
		v = p.affine(x, "0",
			fmt.Sprintf("w[%d + j %% %d]", p.constants(l.Scale), len(l.Scale)),
			fmt.Sprintf("w[%d + j %% %d]", p.constants(l.Offset), len(l.Offset)))
	case nn.Normalization:
		v = p.normalisation(l, x)
	case nn.ActivationLayer, nn.ReLULayer, nn.LeakyReLULayer, nn.ELULayer, nn.SoftmaxLayer:
		if v = x; severalValues(l) {
			v = p.softmaxOf(l, x)
		} else if act := activation(l); act != "linear(v)" {
			v = p.each(x.shape, strings.Replace(act, "(v", "(a0[i]", 1), x)
		}
	case nn.PReLU:
		shape := l.Weights[0].Shape
		distances := strides(shape)
		for i, d := range shape {
			if d == 1 {
				distances[i] = 0
			}
		}
		v = p.each(x.shape, fmt.Sprintf("leaky(a0[i], w[%d + %s])",
			p.weights.place(l, "alpha"), placed(x.shape, distances, "j")), x)
	case nn.Flatten:
		if v = x; l.ChannelsFirst && len(x.shape) > 1 {
			v = p.permuted(x, append(upTo(len(x.shape))[1:], 0))
		}
		v.shape = l.Output
	case nn.Reshape:
		v = value{x.memory, l.Output}
	case nn.Permute:
		var order []int
		for _, a := range l.Axes {
			order = append(order, a-1)
		}
		v = p.permuted(x, order)
	case nn.Concatenate:
		v = p.concatenate(l, in)
	case nn.Add, nn.Subtract, nn.Multiply, nn.Average, nn.Maximum, nn.Minimum:
		v = p.merge(l, in)
	default:
		return fmt.Errorf("layers of class %s are not supported", l.Class)
	}
	p.set(l, v)
	return nil
}

// upTo returns 0 to n-1.
func upTo(n int) []int {
	var list []int
	for i := range n {
		list = append(list, i)
	}
	return list
}

// permuted returns x with its axes in another order.
func (p *predictor) permuted(x value, order []int) value {
	shape, from, distances := make([]int, len(order)), strides(x.shape), make([]int, len(order))
	for i, a := range order {
		shape[i], distances[i] = x.shape[a], from[a]
	}
	return p.each(shape, at(0, product(shape), placed(shape, distances, "j")), x)
}

// convolution adds a convolution and, if they alone follow, BatchNormalization and MaxPooling2D.
// up, an UpSampling2D before the convolution, may be nil.
func (p *predictor) convolution(up, l *nn.Layer, x value) {
	size, large := [2]int{1, 1}, x.shape
	if up != nil {
		size, large = up.Size, up.Output
	}
	_, _, c, _ := imageShape(l, large)
	_, _, f, _ := imageShape(l, l.Output)
	w, act := p.weights, "linear(v)"
	if !severalValues(l) {
		act = activation(l)
	}
	kernels, bias := w.place(l, "kernel"), w.place(l, "bias")
	var y *memory
	switch l.Class {
	case nn.Conv2DTranspose:
		// It is the way back through a convolution of its output.
		g := geometryOf(l.Spans(l.Output), size, f, c, l.ChannelsFirst)
		y = p.transpose(g, x.memory, kernels, bias, act)
	case nn.SeparableConv2D, nn.DepthwiseConv2D:
		deep := c * l.Multiplier
		g := geometryOf(l.Spans(large), size, c, deep, l.ChannelsFirst)
		g.c = 1
		kernels = w.place(l, "depthwise_kernel")
		if l.Class == nn.DepthwiseConv2D {
			y = p.convolve(g, c, x.memory, kernels, bias, act)
			break
		}
		between := p.convolve(g, c, x.memory, kernels, none, "linear(v)")
		var points [2]nn.Span
		for i, n := range []int{g.oh, g.ow} {
			points[i] = nn.Span{In: n, Out: n, Size: 1, Dilation: 1, Stride: 1}
		}
		g = geometryOf(points, size, deep, f, l.ChannelsFirst)
		y = p.convolve(g, 1, between, w.place(l, "pointwise_kernel"), bias, act)
		p.give(between)
	default:
		g := geometryOf(l.Spans(large), size, c, f, l.ChannelsFirst)
		g.c /= l.Groups
		y = p.convolve(g, l.Groups, x.memory, kernels, bias, act)
	}
	v, last := value{y, l.Output}, l
	if severalValues(l) {
		v = p.softmaxOf(l, v)
		p.give(y)
	} else if !l.ChannelsFirst {
		norm := p.OnlyUser(l, nn.BatchNormalization)
		if norm != nil && (norm.Axes[0] != 3 || norm.NoScale || norm.NoCentre) {
			norm = nil
		}
		if norm != nil {
			last = norm
		}
		pool := p.OnlyUser(last, nn.MaxPooling2D)
		if pool != nil && (pool.Strides != pool.Size || pool.Padding != nn.Valid || pool.ChannelsFirst) {
			pool = nil
		}
		if norm != nil || pool != nil {
			b := &block{
				network: p.network, h: l.Output[0], w: l.Output[1], c: f, norm: norm, y: y,
				out: l.Output, window: [2]int{1, 1}, statistics: p.head,
			}
			if pool != nil {
				b.out, b.window, last = pool.Output, pool.Size, pool
			}
			v = value{b.forward(), b.out}
			p.give(y)
		}
	}
	// Those in between have one user, which is not asked for its input any more.
	of := l
	if up != nil {
		p.values[up] = v
	}
	for ; of != last; of = p.Users[of][0] {
		p.values[of] = v
	}
	p.set(last, v)
}

// enlarge adds an UpSampling2D.
func (p *predictor) enlarge(l *nn.Layer, x value) value {
	h, w, _, axes := imageShape(l, x.shape)
	from := strides(x.shape)
	row, column := coordinate(l.Output, axes[0]), coordinate(l.Output, axes[1])
	kept := fmt.Sprintf("%s * %d", coordinate(l.Output, axes[2]), from[axes[2]])
	pixel := func(r, q string) string {
		return at(0, product(x.shape), fmt.Sprintf("(%s) * %d + (%s) * %d + %s",
			r, from[axes[0]], q, from[axes[1]], kept))
	}
	if !l.Bilinear {
		return p.each(l.Output, pixel(fmt.Sprintf("%s / %d", row, l.Size[0]),
			fmt.Sprintf("%s / %d", column, l.Size[1])), x)
	}
	// Pixels are squares, and the corners of the images lie at the same place.
	where := func(place string, n, times int) (share, first, second string) {
		at := fmt.Sprintf("((%s + 0.5f) * %s - 0.5f)", place,
			constant(float32(n)/float32(n*times)))
		whole := fmt.Sprintf("(int)floor(%s)", at)
		return fmt.Sprintf("(%s - floor(%s))", at, at), fmt.Sprintf("max(%s, 0)", whole),
			fmt.Sprintf("min(%s + 1, %d)", whole, n-1)
	}
	down, top, bottom := where(row, h, l.Size[0])
	right, left, end := where(column, w, l.Size[1])
	line := func(r string) string {
		return fmt.Sprintf("mix(%s, %s, %s)", pixel(r, left), pixel(r, end), right)
	}
	return p.each(l.Output, fmt.Sprintf("mix(%s, %s, %s)", line(top), line(bottom), down), x)
}

// pool adds a pooling.
func (p *predictor) pool(l *nn.Layer, x value, spans [2]nn.Span) value {
	_, _, c, _ := imageShape(l, x.shape)
	g := geometryOf(spans, [2]int{1, 1}, c, c, l.ChannelsFirst)
	size := product(l.Output)
	y := p.take(p.batch * size)
	greatest := l.Class == nn.MaxPooling2D || l.Class == nn.GlobalMaxPooling2D
	p.network.each("pool", append(g.defines(), "GREATEST", greatest), p.batch*size,
		p.head, x.memory, y)
	return value{y, l.Output}
}

// frame adds a ZeroPadding2D or Cropping2D.
func (p *predictor) frame(l *nn.Layer, x value) value {
	h, w, _, axes := imageShape(l, x.shape)
	sign := 1
	if l.Class == nn.Cropping2D {
		sign = -1
	}
	from := strides(x.shape)
	r := fmt.Sprintf("(%s - %d)", coordinate(l.Output, axes[0]), sign*l.Border[0][0])
	q := fmt.Sprintf("(%s - %d)", coordinate(l.Output, axes[1]), sign*l.Border[1][0])
	r, q = strings.ReplaceAll(r, "- -", "+ "), strings.ReplaceAll(q, "- -", "+ ")
	return p.each(l.Output, fmt.Sprintf("%s < 0 || %s >= %d || %s < 0 || %s >= %d ? 0 : %s",
		r, r, h, q, q, w, at(0, product(x.shape), fmt.Sprintf("%s * %d + %s * %d + %s * %d",
			r, from[axes[0]], q, from[axes[1]], coordinate(l.Output, axes[2]), from[axes[2]]))), x)
}

// affine adds (x-mean)*scale + offset, which are expressions.
func (p *predictor) affine(x value, mean, scale, offset string) value {
	return p.each(x.shape, fmt.Sprintf("(a0[i] - %s) * %s + %s", mean, scale, offset), x)
}

// parameter returns the expression of a weight that lies along axes, or an absent one.
func (p *predictor) parameter(l *nn.Layer, name, place, absent string) string {
	at := p.weights.place(l, name)
	if at == none {
		return absent
	}
	return fmt.Sprintf("w[%d + %s]", at, place)
}

func (p *predictor) batchNormalisation(l *nn.Layer, x value) value {
	place := placed(x.shape, alongs(x.shape, l.Axes), "j")
	return p.affine(x, p.parameter(l, "moving_mean", place, "0"),
		fmt.Sprintf("(%s * (1 / sqrt(%s + %s)))", p.parameter(l, "gamma", place, "1"),
			p.parameter(l, "moving_variance", place, "1"), constant(float32(l.Epsilon))),
		p.parameter(l, "beta", place, "0"))
}

func (p *predictor) normalisation(l *nn.Layer, x value) value {
	place := placed(x.shape, alongs(x.shape, l.Axes), "j")
	mean, variance := p.parameter(l, "mean", place, ""), p.parameter(l, "variance", place, "")
	if l.Mean != nil || l.Variance != nil {
		one := func(v []float32) string {
			return fmt.Sprintf("w[%d + %s %% %d]", p.constants(v), place, len(v))
		}
		mean, variance = one(l.Mean), one(l.Variance)
	}
	deviation := fmt.Sprintf("max(sqrt(%s), 1e-7f)", variance)
	if l.Invert {
		return p.affine(x, "0", deviation, mean)
	}
	return p.affine(x, mean, "(1 / "+deviation+")", "0")
}

// rows returns the number of rows along axes and their width, and the expressions of where a row
// begins and where its values lie.
func rows(shape, axes []int) (count, width int, begin, place string) {
	var others, across, from, to []int
	distances := strides(shape)
	for i, d := range shape {
		if slices.Contains(axes, i+1) {
			across, to = append(across, d), append(to, distances[i])
		} else {
			others, from = append(others, d), append(from, distances[i])
		}
	}
	return product(others), product(across), placed(others, from, "(row)"), placed(across, to, "(j)")
}

func (p *predictor) layerNormalisation(l *nn.Layer, x value) value {
	count, width, begin, place := rows(x.shape, l.Axes)
	y := p.take(p.batch * product(x.shape))
	p.eachRow(defines{
		"NORMALISES", true, "SCALING", l.RMSScaling, "EPSILON", float32(l.Epsilon),
		"GAMMA", p.parameter(l, "gamma", "j", "1"), "BETA", p.parameter(l, "beta", "j", "0"),
	}, count, width, begin, place, product(x.shape), x.memory, y)
	return value{y, x.shape}
}

// severalValues reports whether the activation of a layer takes more than one value.
func severalValues(l *nn.Layer) bool {
	return l.Activation == nn.Softmax || l.Activation == nn.LogSoftmax
}

// softmaxOf adds the softmax of a layer, or its logarithm.
func (p *predictor) softmaxOf(l *nn.Layer, x value) value {
	axes := l.Axes
	if l.Class != nn.SoftmaxLayer {
		axes = []int{len(x.shape)}
	}
	count, width, begin, place := rows(x.shape, axes)
	y := p.take(p.batch * product(x.shape))
	p.softmax(count, width, begin, place, product(x.shape), l.Activation == nn.LogSoftmax,
		x.memory, y)
	return value{y, x.shape}
}

// activation returns the activation of a layer as an expression of v.
func activation(l *nn.Layer) string {
	// Klambauer and others 2017
	const alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
	infinity := math.Inf(1)
	number := func(v float64) string {
		if math.IsInf(v, 1) {
			return "INFINITY"
		}
		return constant(float32(v))
	}
	switch l.Activation {
	case nn.ReLU:
		if l.PlainReLU() {
			return "relu(v)"
		}
		high := infinity
		if l.MaxValue != nil {
			high = *l.MaxValue
		}
		return fmt.Sprintf("general(v, %s, %s, %s)",
			number(l.Slope), number(l.Threshold), number(high))
	case nn.ReLU6:
		return "bounded(v, 0, 6)"
	case nn.LeakyReLU:
		return fmt.Sprintf("leaky(v, %s)", number(l.Slope))
	case nn.ELU:
		return fmt.Sprintf("elu(v, %s, 1)", number(l.Slope))
	case nn.SELU:
		return fmt.Sprintf("elu(v, %s, %s)", number(alpha*scale), number(scale))
	case nn.Exponential:
		return "exp(v)"
	case nn.HardSwish:
		return "hard_swish(v)"
	case nn.Sigmoid, nn.Tanh, nn.GELU, nn.Softplus, nn.Swish, nn.Mish, nn.Softsign:
		return string(l.Activation) + "(v)"
	}
	return "linear(v)"
}

// concatenate adds a Concatenate.
func (p *predictor) concatenate(l *nn.Layer, in []value) value {
	axis := l.Axes[0] - 1
	along := coordinate(l.Output, axis)
	expression, start := "", 0
	for k, x := range in {
		distances := strides(x.shape)
		place := fmt.Sprintf("%s - %d", placed(l.Output, distances, "j"), start*distances[axis])
		if k < len(in)-1 {
			expression += fmt.Sprintf("%s < %d ? ", along, start+x.shape[axis])
		}
		expression += at(k, product(x.shape), place)
		if k < len(in)-1 {
			expression += " : "
		}
		start += x.shape[axis]
	}
	return p.each(l.Output, expression, in...)
}

// merge adds a layer that puts its inputs together value by value.
func (p *predictor) merge(l *nn.Layer, in []value) value {
	expression := ""
	for k, x := range in {
		wide := nn.Widen(x.shape, len(l.Output))
		distances := strides(wide)
		for i, d := range wide {
			if d == 1 {
				distances[i] = 0
			}
		}
		term := at(k, product(x.shape), placed(l.Output, distances, "j"))
		switch {
		case k == 0:
			expression = term
		case l.Class == nn.Maximum:
			expression = fmt.Sprintf("greater(%s, %s)", expression, term)
		case l.Class == nn.Minimum:
			expression = fmt.Sprintf("less(%s, %s)", expression, term)
		case l.Class == nn.Subtract:
			expression += " - " + term
		case l.Class == nn.Multiply:
			expression += " * " + term
		default:
			expression += " + " + term
		}
	}
	if l.Class == nn.Average {
		expression = fmt.Sprintf("(%s) / %d", expression, len(in))
	}
	return p.each(l.Output, expression, in...)
}
