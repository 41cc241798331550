package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
	"imagesimilarity/pkg/nn/internal/nntest"
)

// An array is a value of the oracle below: float64s of a shape, row-major.
type array struct {
	shape []int
	data  []float64
}

func newArray(shape ...int) array { return array{shape, make([]float64, product(shape))} }

// at returns the place of the value with these coordinates.
func (a array) at(index ...int) *float64 {
	place := 0
	for i, n := range index {
		place = place*a.shape[i] + n
	}
	return &a.data[place]
}

// every calls f with the coordinates of each value, in order.
func (a array) every(f func(index []int, v *float64)) {
	index := make([]int, len(a.shape))
	for i := range a.data {
		rest := i
		for d := len(a.shape) - 1; d >= 0; d-- {
			index[d] = rest % a.shape[d]
			rest /= a.shape[d]
		}
		f(index, &a.data[i])
	}
}

// transpose returns the array with its axes in that order.
func (a array) transpose(order ...int) array {
	var shape []int
	for _, o := range order {
		shape = append(shape, a.shape[o])
	}
	t := newArray(shape...)
	t.every(func(index []int, v *float64) {
		from := make([]int, len(index))
		for i, o := range order {
			from[o] = index[i]
		}
		*v = *a.at(from...)
	})
	return t
}

// last returns the array with its channels last, and a function that puts them back.
func (a array) last(l *nn.Layer) (array, func(array) array) {
	if !l.ChannelsFirst {
		return a, func(y array) array { return y }
	}
	return a.transpose(1, 2, 0), func(y array) array { return y.transpose(2, 0, 1) }
}

// windows are those along one dimension: their number and where the first one begins.
func windows(padding nn.Padding, n, size, stride, dilation int) (count, first int) {
	extent := (size-1)*dilation + 1
	if padding == nn.Same {
		count = int(math.Ceil(float64(n) / float64(stride)))
		return count, -(max((count-1)*stride+extent-n, 0) / 2)
	}
	return (n-extent)/stride + 1, 0
}

// convolve is a convolution with filters (KH,KW,C/groups,F).
func convolve(l *nn.Layer, x array, filters func(a, b, c, f int) float64, groups, f int) array {
	c := x.shape[2]
	h, top := windows(l.Padding, x.shape[0], l.Kernel[0], l.Strides[0], l.Dilation[0])
	w, left := windows(l.Padding, x.shape[1], l.Kernel[1], l.Strides[1], l.Dilation[1])
	y := newArray(h, w, f)
	y.every(func(i []int, v *float64) {
		group := i[2] / (f / groups)
		for a := range l.Kernel[0] {
			for b := range l.Kernel[1] {
				r := top + i[0]*l.Strides[0] + a*l.Dilation[0]
				q := left + i[1]*l.Strides[1] + b*l.Dilation[1]
				if r < 0 || q < 0 || r >= x.shape[0] || q >= x.shape[1] {
					continue
				}
				for k := range c / groups {
					*v += *x.at(r, q, group*(c/groups)+k) * filters(a, b, k, i[2])
				}
			}
		}
	})
	return y
}

// pooled puts together the values of each window that lie on the image.
func pooled(l *nn.Layer, x array, f func(values []float64) float64) array {
	h, top := windows(l.Padding, x.shape[0], l.Size[0], l.Strides[0], 1)
	w, left := windows(l.Padding, x.shape[1], l.Size[1], l.Strides[1], 1)
	y := newArray(h, w, x.shape[2])
	y.every(func(i []int, v *float64) {
		var values []float64
		for a := range l.Size[0] {
			for b := range l.Size[1] {
				r, q := top+i[0]*l.Strides[0]+a, left+i[1]*l.Strides[1]+b
				if r >= 0 && q >= 0 && r < x.shape[0] && q < x.shape[1] {
					values = append(values, *x.at(r, q, i[2]))
				}
			}
		}
		*v = f(values)
	})
	return y
}

func meanOf(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// named returns a weight as an array, or one value of absent if there is none.
func named(l *nn.Layer, name string, absent float64) array {
	for _, w := range l.Weights {
		if w.Name == name {
			return array{w.Shape, nntest.Widen(w.Data)}
		}
	}
	return array{[]int{1}, []float64{absent}}
}

// onAxes returns a function that picks, for coordinates of a sample, the value of p, whose axes are
// those of a layer.
func onAxes(axes []int, p array) func(index []int) float64 {
	return func(index []int) float64 {
		place := 0
		for i, a := range axes {
			if len(p.data) > 1 {
				place = place*p.shape[i] + index[a-1]
			}
		}
		return p.data[place]
	}
}

// predict computes the output of a layer by its definition.
func predict(l *nn.Layer, in []array) array {
	x := in[0]
	bias := named(l, "bias", 0)
	biased := func(y array) array {
		y.every(func(i []int, v *float64) { *v += bias.data[i[len(i)-1]%len(bias.data)] })
		return y
	}
	like := func(f func(index []int, v float64) float64) array {
		y := newArray(x.shape...)
		y.every(func(i []int, v *float64) { *v = f(i, *x.at(i...)) })
		return y
	}
	switch l.Class {
	case nn.Conv2D:
		x, back := x.last(l)
		w := named(l, "kernel", 0)
		f := w.shape[3]
		return activated(l, back(biased(convolve(l, x, func(a, b, c, f int) float64 {
			return *w.at(a, b, c, f)
		}, l.Groups, f))))
	case nn.DepthwiseConv2D:
		x, back := x.last(l)
		return activated(l, back(biased(depthwiseOf(l, x))))
	case nn.SeparableConv2D:
		x, back := x.last(l)
		between, w := depthwiseOf(l, x), named(l, "pointwise_kernel", 0)
		y := newArray(between.shape[0], between.shape[1], w.shape[3])
		y.every(func(i []int, v *float64) {
			for c := range w.shape[2] {
				*v += *between.at(i[0], i[1], c) * *w.at(0, 0, c, i[2])
			}
		})
		return activated(l, back(biased(y)))
	case nn.Conv2DTranspose:
		x, back := x.last(l)
		w := named(l, "kernel", 0)
		out := l.Output
		if l.ChannelsFirst {
			out = []int{out[1], out[2], out[0]}
		}
		y := newArray(out...)
		_, top := windows(l.Padding, out[0], l.Kernel[0], l.Strides[0], l.Dilation[0])
		_, left := windows(l.Padding, out[1], l.Kernel[1], l.Strides[1], l.Dilation[1])
		x.every(func(i []int, v *float64) {
			w.every(func(t []int, f *float64) {
				r := i[0]*l.Strides[0] + t[0]*l.Dilation[0] + top
				q := i[1]*l.Strides[1] + t[1]*l.Dilation[1] + left
				if t[3] == i[2] && r >= 0 && q >= 0 && r < out[0] && q < out[1] {
					*y.at(r, q, t[2]) += *v * *f
				}
			})
		})
		return activated(l, back(biased(y)))
	case nn.Dense:
		w, last := named(l, "kernel", 0), len(x.shape)-1
		y := newArray(l.Output...)
		y.every(func(i []int, v *float64) {
			from := slices.Clone(i)
			for k := range w.shape[0] {
				from[last] = k
				*v += *x.at(from...) * *w.at(k, i[last])
			}
		})
		return activated(l, biased(y))
	case nn.MaxPooling2D, nn.AveragePooling2D:
		x, back := x.last(l)
		f := slices.Max[[]float64]
		if l.Class == nn.AveragePooling2D {
			f = meanOf
		}
		return back(pooled(l, x, f))
	case nn.GlobalMaxPooling2D, nn.GlobalAveragePooling2D:
		x, _ := x.last(l)
		y := newArray(l.Output...)
		for c := range y.data {
			var values []float64
			for i := c; i < len(x.data); i += len(y.data) {
				values = append(values, x.data[i])
			}
			y.data[c] = meanOf(values)
			if l.Class == nn.GlobalMaxPooling2D {
				y.data[c] = slices.Max(values)
			}
		}
		return y
	case nn.UpSampling2D:
		x, back := x.last(l)
		y := newArray(x.shape[0]*l.Size[0], x.shape[1]*l.Size[1], x.shape[2])
		y.every(func(i []int, v *float64) {
			if !l.Bilinear {
				*v = *x.at(i[0]/l.Size[0], i[1]/l.Size[1], i[2])
				return
			}
			// A tent around each pixel's middle; pixels beyond the border are those at it.
			for r := -1; r <= x.shape[0]; r++ {
				for q := -1; q <= x.shape[1]; q++ {
					a := 1 - math.Abs((float64(i[0])+0.5)/float64(l.Size[0])-0.5-float64(r))
					b := 1 - math.Abs((float64(i[1])+0.5)/float64(l.Size[1])-0.5-float64(q))
					rr, qq := min(max(r, 0), x.shape[0]-1), min(max(q, 0), x.shape[1]-1)
					*v += max(a, 0) * max(b, 0) * *x.at(rr, qq, i[2])
				}
			}
		})
		return back(y)
	case nn.ZeroPadding2D, nn.Cropping2D:
		x, back := x.last(l)
		shape := []int{l.Border[0][0] + l.Border[0][1], l.Border[1][0] + l.Border[1][1]}
		sign := 1
		if l.Class == nn.Cropping2D {
			sign = -1
		}
		y := newArray(x.shape[0]+sign*shape[0], x.shape[1]+sign*shape[1], x.shape[2])
		y.every(func(i []int, v *float64) {
			r, q := i[0]-sign*l.Border[0][0], i[1]-sign*l.Border[1][0]
			if r >= 0 && q >= 0 && r < x.shape[0] && q < x.shape[1] {
				*v = *x.at(r, q, i[2])
			}
		})
		return back(y)
	case nn.BatchNormalization:
		gamma, beta := onAxes(l.Axes, named(l, "gamma", 1)), onAxes(l.Axes, named(l, "beta", 0))
		mean := onAxes(l.Axes, named(l, "moving_mean", 0))
		variance := onAxes(l.Axes, named(l, "moving_variance", 0))
		return like(func(i []int, v float64) float64 {
			return (v-mean(i))/math.Sqrt(variance(i)+l.Epsilon)*gamma(i) + beta(i)
		})
	case nn.LayerNormalization:
		gamma, beta := onAxes(l.Axes, named(l, "gamma", 1)), onAxes(l.Axes, named(l, "beta", 0))
		return like(func(i []int, v float64) float64 {
			values := group(x, l.Axes, i)
			mean := meanOf(values)
			var squares []float64
			for _, w := range values {
				squares = append(squares, (w-mean)*(w-mean))
			}
			if l.RMSScaling {
				mean = 0
			}
			return (v-mean)/math.Sqrt(meanOf(squares)+l.Epsilon)*gamma(i) + beta(i)
		})
	case nn.Rescaling:
		return like(func(i []int, v float64) float64 {
			c := i[len(i)-1]
			return v*float64(l.Scale[c%len(l.Scale)]) + float64(l.Offset[c%len(l.Offset)])
		})
	case nn.Normalization:
		m, s := named(l, "mean", 0), named(l, "variance", 0)
		if l.Mean != nil {
			m, s = array{[]int{1}, nntest.Widen(l.Mean)}, array{[]int{1}, nntest.Widen(l.Variance)}
		}
		mean, variance := onAxes(l.Axes, m), onAxes(l.Axes, s)
		return like(func(i []int, v float64) float64 {
			deviation := max(math.Sqrt(variance(i)), 1e-7)
			if l.Invert {
				return v*deviation + mean(i)
			}
			return (v - mean(i)) / deviation
		})
	case nn.ActivationLayer, nn.ReLULayer, nn.LeakyReLULayer, nn.ELULayer:
		return activated(l, x)
	case nn.SoftmaxLayer:
		return like(func(i []int, v float64) float64 {
			var sum float64
			for _, w := range group(x, l.Axes, i) {
				sum += math.Exp(w)
			}
			return math.Exp(v) / sum
		})
	case nn.PReLU:
		alpha := named(l, "alpha", 0)
		return like(func(i []int, v float64) float64 {
			place := slices.Clone(i)
			for _, a := range l.Axes {
				place[a-1] = 0
			}
			if v < 0 {
				v *= *alpha.at(place...)
			}
			return v
		})
	case nn.Flatten:
		if l.ChannelsFirst {
			x = x.transpose(append(upTo(len(x.shape))[1:], 0)...)
		}
		return array{l.Output, x.data}
	case nn.Reshape:
		return array{l.Output, x.data}
	case nn.Permute:
		var order []int
		for _, a := range l.Axes {
			order = append(order, a-1)
		}
		return x.transpose(order...)
	case nn.Concatenate:
		y, axis, start := newArray(l.Output...), l.Axes[0]-1, 0
		for _, x := range in {
			x.every(func(i []int, v *float64) {
				to := slices.Clone(i)
				to[axis] += start
				*y.at(to...) = *v
			})
			start += x.shape[axis]
		}
		return y
	case nn.Add, nn.Subtract, nn.Multiply, nn.Average, nn.Maximum, nn.Minimum:
		y := newArray(l.Output...)
		y.every(func(i []int, v *float64) {
			for k, x := range in {
				from := slices.Clone(i[len(i)-len(x.shape):])
				for d := range from {
					from[d] %= x.shape[d]
				}
				w := *x.at(from...)
				switch {
				case k == 0:
					*v = w
				case l.Class == nn.Subtract:
					*v -= w
				case l.Class == nn.Multiply:
					*v *= w
				case l.Class == nn.Maximum:
					*v = max(*v, w)
				case l.Class == nn.Minimum:
					*v = min(*v, w)
				default:
					*v += w
				}
			}
			if l.Class == nn.Average {
				*v /= float64(len(in))
			}
		})
		return y
	}
	return x
}

// depthwiseOf is the depthwise part of a convolution.
func depthwiseOf(l *nn.Layer, x array) array {
	w := named(l, "depthwise_kernel", 0)
	m := w.shape[3]
	return convolve(l, x, func(a, b, _, f int) float64 {
		return *w.at(a, b, f/m, f%m)
	}, x.shape[2], x.shape[2]*m)
}

// group returns the values that differ from those coordinates in the given axes only.
func group(x array, axes []int, index []int) []float64 {
	var values []float64
	x.every(func(i []int, v *float64) {
		for d := range i {
			if i[d] != index[d] && !slices.Contains(axes, d+1) {
				return
			}
		}
		values = append(values, *v)
	})
	return values
}

// activated applies the activation of a layer, along the last axis.
func activated(l *nn.Layer, x array) array {
	width := x.shape[len(x.shape)-1]
	y := newArray(x.shape...)
	for i, v := range x.data {
		y.data[i] = activation(l, v, x.data[i/width*width:(i/width+1)*width])
	}
	return y
}

func activation(l *nn.Layer, x float64, row []float64) float64 {
	var sum float64
	for _, v := range row {
		sum += math.Exp(v)
	}
	sigmoid := 1 / (1 + math.Exp(-x))
	softplus := max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	hard := min(max(x+3, 0), 6) / 6
	switch l.Activation {
	case nn.ReLU:
		switch {
		case l.MaxValue != nil && x >= *l.MaxValue:
			return *l.MaxValue
		case x < l.Threshold:
			return l.Slope * (x - l.Threshold)
		}
		return x
	case nn.LeakyReLU:
		return max(x, 0) + l.Slope*min(x, 0)
	case nn.ReLU6:
		return min(max(x, 0), 6)
	case nn.Sigmoid:
		return sigmoid
	case nn.Softmax:
		return math.Exp(x) / sum
	case nn.LogSoftmax:
		return x - math.Log(sum)
	case nn.Tanh:
		return math.Tanh(x)
	case nn.ELU:
		return max(x, 0) + l.Slope*math.Expm1(min(x, 0))
	case nn.SELU:
		return 1.05070098 * (max(x, 0) + 1.67326324*math.Expm1(min(x, 0)))
	case nn.GELU:
		return x / 2 * (1 + math.Erf(x/math.Sqrt2))
	case nn.Softplus:
		return softplus
	case nn.Softsign:
		return x / (1 + math.Abs(x))
	case nn.Swish:
		return x * sigmoid
	case nn.Mish:
		return x * math.Tanh(softplus)
	case nn.Exponential:
		return math.Exp(x)
	case nn.HardSwish:
		return x * hard
	}
	return x
}

// Every class, alone and in random graphs, computes what its definition says: with the kernels of
// every instruction set, in batches of any size and on any number of cores to the same bit.
func TestClassesAgreeWithDefinitions(t *testing.T) {
	graphs := 30
	if testing.Short() {
		graphs = 6
	}
	for _, class := range nn.Classes() {
		if class == nn.InputLayer {
			continue
		}
		t.Run(string(class), func(t *testing.T) {
			tested := 0
			for seed := range uint64(graphs) {
				r := rand.New(rand.NewPCG(seed, 5))
				layers := nntest.RandomGraph(r, class)
				if layers[len(layers)-1].Class == class {
					tested++
				}
				checkGraph(t, r, layers, fmt.Sprint("seed ", seed))
			}
			if tested < graphs/3 {
				t.Errorf("only %d of %d graphs end with the class", tested, graphs)
			}
		})
	}
}

// checkGraph compares predictions with the definitions.
func checkGraph(t *testing.T, r *rand.Rand, layers []*nn.Layer, what string) {
	t.Helper()
	m := nntest.RandomModel(t, layers, r)
	const n = 5
	size, out := product(m.Input()), product(m.Output())
	x, _ := randomSamples(r, n, size, 1)
	var want []float64
	var scale float64 // of all values: what is great may cancel out
	for s := range slices.Chunk(x, size) {
		values := map[*nn.Layer]array{layers[0]: {m.Input(), nntest.Widen(s)}}
		for i, l := range layers[1:] {
			var in []array
			for _, from := range nn.InputsOf(layers, i+1) {
				in = append(in, values[from])
			}
			values[l] = predict(l, in)
			for _, v := range values[l].data {
				scale = max(scale, math.Abs(v))
			}
		}
		want = append(want, values[layers[len(layers)-1]].data...)
	}
	if !(scale < 1e6) {
		return // an exponential of an exponential
	}
	var first []float32
	for _, k := range kernel.Implementations {
		for _, batch := range []int{n, 1, 2} {
			got, err := m.Predict(With(k), &nn.Samples{N: n, Input: copied(x, size)}, "", batch, nil)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if first == nil {
				first = got
				for i, v := range got {
					if !(math.Abs(float64(v)-want[i]) <= 2e-5*max(scale, 1)) {
						t.Fatalf("%s: value %d of sample %d is %v, want %v: %s",
							what, i%out, i/out, v, want[i], nntest.Describe(layers))
					}
				}
			}
			for i, v := range got {
				if math.Float32bits(v) != math.Float32bits(first[i]) {
					t.Fatalf("%s: %s, batches of %d: value %d is %v, expected %v: %s",
						what, k.Name, batch, i, v, first[i], nntest.Describe(layers))
				}
			}
		}
	}
}

// Cases that chance brings seldom.
func TestSpecialGraphs(t *testing.T) {
	input := func(shape ...int) *nn.Layer {
		return &nn.Layer{Class: nn.InputLayer, Name: "in", Output: shape}
	}
	in, images := input(7, 6, 4), input(5, 5, 12)
	grouped := &nn.Layer{
		Class: nn.Conv2D, Name: "grouped", Output: []int{6}, Kernel: [2]int{3, 2}, Groups: 2,
		Strides: [2]int{2, 1}, Activation: nn.ReLU,
	}
	thrice := &nn.Layer{Class: nn.Add, Name: "thrice", Inputs: []*nn.Layer{in, in, in}}
	twice := &nn.Layer{Class: nn.Subtract, Name: "twice", Inputs: []*nn.Layer{in, in}}
	wide := &nn.Layer{Class: nn.BatchNormalization, Name: "wide", Epsilon: 0.1}
	turned := &nn.Layer{
		Class: nn.Conv2DTranspose, Name: "turned", Output: []int{9}, Kernel: [2]int{3, 3},
	}
	few := &nn.Layer{
		Class: nn.Conv2D, Name: "few", Output: []int{2}, Kernel: [2]int{3, 2}, Dilation: [2]int{1, 2},
	}
	holes := &nn.Layer{
		Class: nn.Conv2DTranspose, Name: "holes", Output: []int{8}, Kernel: [2]int{2, 1},
		Strides: [2]int{3, 2}, Activation: nn.ReLU,
	}
	r := rand.New(rand.NewPCG(8, 8))
	for _, layers := range [][]*nn.Layer{
		{in, grouped}, {in, thrice}, {in, twice}, {input(4999), wide}, {images, turned},
		{images, few}, {images, holes},
	} {
		checkGraph(t, r, layers, layers[1].Name)
	}
}

// A prediction takes no more memory than is said before, and not much less. That of the widest
// place is enough for a deep model.
func TestPredictionMemory(t *testing.T) {
	image := func(rows, cols, c int) *nn.Layer {
		return &nn.Layer{Class: nn.InputLayer, Output: []int{rows, cols, c}}
	}
	layer := func(class nn.Class, filters, size, stride int) *nn.Layer {
		return &nn.Layer{
			Class: class, Output: []int{filters}, Kernel: [2]int{size, size}, Padding: nn.Same,
			Strides: [2]int{stride, stride}, Activation: relu,
		}
	}
	var deep []*nn.Layer
	for range 30 {
		deep = append(deep, layer(nn.Conv2D, 16, 3, 1))
	}
	first := layer(nn.Conv2D, 24, 5, 2)
	first.ChannelsFirst = true
	for name, layers := range map[string][]*nn.Layer{
		"strides": {
			image(96, 96, 3), layer(nn.Conv2D, 32, 3, 2), layer(nn.Conv2D, 64, 3, 2), flatten(),
			dense(64, relu),
		},
		"Winograd":       append([]*nn.Layer{image(64, 64, 8)}, deep...),
		"many weights":   {image(24, 24, 64), layer(nn.Conv2D, 256, 5, 2), layer(nn.Conv2D, 64, 3, 2)},
		"transposed":     {image(24, 24, 64), layer(nn.Conv2DTranspose, 32, 3, 2)},
		"few filters":    {image(24, 24, 64), layer(nn.Conv2DTranspose, 1, 5, 2)},
		"separable":      {image(64, 64, 32), layer(nn.SeparableConv2D, 64, 3, 1)},
		"channels first": {image(16, 64, 64), first},
		"upsampling": {
			image(32, 32, 16), {Class: nn.UpSampling2D, Size: [2]int{2, 2}},
			layer(nn.Conv2D, 16, 3, 1),
		},
	} {
		m := nntest.RandomModel(t, layers, rand.New(rand.NewPCG(1, 1)))
		const n = 64
		s := &nn.Samples{N: n, Input: func([]float32, []int) error { return nil }}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := New().NewPrediction(layers, n)
		if err == nil {
			err = p.Run(data{s}, inOrder(n))
		}
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		took, said := float64(after.TotalAlloc-before.TotalAlloc), nn.PredictionMemory(m.Layers, n)
		if t.Logf("%s: %.2f of %.2f MB", name, took/1e6, said/1e6); took > said || took < said/6 {
			t.Errorf("%s: %.0f bytes, expected up to %.0f", name, took, said)
		}
	}
}

// Predictions do not depend on the number of cores.
func TestPredictionOnCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	r := rand.New(rand.NewPCG(7, 7))
	m := nntest.RandomModel(t, chain(conv(3, 3, 9, relu), batchNorm(), pool(2, 2), flatten(),
		dense(40, relu), dense(3, softmax)), r)
	x, _ := randomSamples(r, 100, product(m.Input()), 1)
	var want []float32
	for _, cores := range []int{1, 2, 3, 7} {
		runtime.GOMAXPROCS(cores)
		s := &nn.Samples{N: 100, Input: copied(x, product(m.Input()))}
		got, err := m.Predict(New(), s, "", 64, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d cores give other values", cores)
		}
	}
}

// A prediction gives the values, to the bit, with which a training computes its validation loss.
func TestPredictionIsThatOfTraining(t *testing.T) {
	for _, c := range layersUnderTest {
		r := rand.New(rand.NewPCG(3, 4))
		m := nntest.RandomModel(t, c.Layers(), r)
		x, _ := randomSamples(r, 9, product(m.Input()), 1)
		s := &nn.Samples{N: 9, Input: copied(x, product(m.Input()))}
		got, err := m.Predict(New(), s, "", 9, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := evaluated(t, m, s)
		for i, v := range got {
			if math.Float32bits(v) != math.Float32bits(want[i]) {
				t.Errorf("%s: value %d is %v, in a training %v", c.Name, i, v, want[i])
				break
			}
		}
	}
}

// evaluated returns the outputs of a network that does not learn.
func evaluated(t *testing.T, m *nn.Model, s *nn.Samples) []float32 {
	t.Helper()
	n, x, err := newNetwork(kernel.Implementations[0], m.Layers, s.N)
	if err != nil {
		t.Fatal(err)
	}
	out := n.add(m.Layers[1:], x).Node
	n.machine = gorgonia.NewTapeMachine(n.graph)
	if err := n.compute(s, inOrder(s.N)); err != nil {
		t.Fatal(err)
	}
	return out.Value().Data().([]float32)
}
