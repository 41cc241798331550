package nn

import (
	"errors"
	"fmt"
)

// Conv2D is a convolution, with an activation. It turns (H,W,C) into (H,W,filters). Each of Groups
// parts of the filters sees its part of the channels.
var Conv2D = declare("Conv2D", declaration{
	base:  "conv2d",
	image: true,
	parameters: []Parameter{
		trainable(),
		dataFormat(),
		outputs("filters"),
		kernelSize(),
		strides(),
		dilation(),
		parameter("groups", 1, func(l *Layer, v count) error {
			l.Groups = int(v)
			return nil
		}, nil),
		padding(),
		useBias(),
		parameter("activation", nil, setActivation, activationOf),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		h, w, c := l.image(in)
		f, groups := l.outputs(), max(l.Groups, 1)
		if f == 0 {
			return nil, errNoFilters
		}
		if c%groups != 0 || f%groups != 0 {
			return nil, fmt.Errorf("%d groups of %d channels and %d filters", groups, c, f)
		}
		l.Groups = groups
		if err := l.slide(h, w, f); err != nil {
			return nil, err
		}
		return l.kernelAndBias(l.Kernel[0], l.Kernel[1], c/groups, f), nil
	},
	padded: padded,
	kept:   1,
})

// DepthwiseConv2D is a convolution of each channel with Multiplier filters of its own. Filter m of
// channel c gives the channel c*Multiplier+m.
var DepthwiseConv2D = declare("DepthwiseConv2D", declaration{
	base:  "depthwise_conv2d",
	image: true,
	parameters: []Parameter{
		trainable(),
		dataFormat(),
		kernelSize(),
		multiplier(),
		strides(),
		dilation(),
		padding(),
		useBias(),
		parameter("activation", nil, setActivation, activationOf),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		h, w, c := l.image(in)
		l.Multiplier = max(l.Multiplier, 1)
		f := product([]int{c, l.Multiplier})
		if err := l.slide(h, w, f); err != nil {
			return nil, err
		}
		return l.withBias(f, l.depthwiseKernel(c)), nil
	},
	padded: padded,
	kept:   1,
})

// SeparableConv2D is a DepthwiseConv2D without bias and activation, and a Conv2D with filters of
// 1x1 on its output.
var SeparableConv2D = declare("SeparableConv2D", declaration{
	base:  "separable_conv2d",
	image: true,
	parameters: []Parameter{
		trainable(),
		dataFormat(),
		outputs("filters"),
		kernelSize(),
		multiplier(),
		strides(),
		dilation(),
		padding(),
		useBias(),
		parameter("activation", nil, setActivation, activationOf),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		h, w, c := l.image(in)
		f := l.outputs()
		if f == 0 {
			return nil, errNoFilters
		}
		l.Multiplier = max(l.Multiplier, 1)
		if err := l.slide(h, w, f); err != nil {
			return nil, err
		}
		depth := product([]int{c, l.Multiplier})
		return l.withBias(f, l.depthwiseKernel(c), WeightSpec{
			Name: "pointwise_kernel", Shape: []int{1, 1, depth, f}, Initial: GlorotUniform,
		}), nil
	},
	padded: func(l *Layer, in []int) []int {
		// What lies between the two convolutions counts, too.
		h, w, c := l.image(l.Output)
		between := []int{h, w, c, max(l.Multiplier, 1)}
		if p := padded(l, in); product(p) > product(between) {
			return p
		}
		return between
	},
	kept: 2,
})

// Conv2DTranspose is the gradient of a Conv2D with respect to its input: it turns an image of the
// size that such a convolution puts out into one of the size that it takes. With F filters its
// kernel has the shape (KH,KW,F,C).
var Conv2DTranspose = declare("Conv2DTranspose", declaration{
	base:  "conv2d_transpose",
	image: true,
	parameters: []Parameter{
		trainable(),
		dataFormat(),
		outputs("filters"),
		kernelSize(),
		strides(),
		dilation(),
		padding(),
		parameter("output_padding", nil, func(l *Layer, v *offsets) error {
			l.OutputPadding = (*[2]int)(v)
			return nil
		}, func(l *Layer) any { return l.OutputPadding }),
		useBias(),
		parameter("activation", nil, setActivation, activationOf),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		h, w, c := l.image(in)
		f := l.outputs()
		if f == 0 {
			return nil, errNoFilters
		}
		if err := l.setWindows(); err != nil {
			return nil, err
		}
		var out [2]int
		for i, n := range []int{h, w} {
			size, stride := extent(l.Kernel[i], l.Dilation[i]), l.Strides[i]
			switch extra := l.OutputPadding; {
			case extra == nil && l.Padding == Same:
				out[i] = product([]int{n, stride})
			case extra == nil:
				out[i] = add(product([]int{n, stride}), max(size-stride, 0))
			case l.Padding == Same:
				out[i] = add(product([]int{n - 1, stride}), size%2, extra[i])
			default:
				out[i] = add(product([]int{n - 1, stride}), size, extra[i])
			}
		}
		l.setImage(out[0], out[1], f)
		for i, s := range l.Spans(l.Output) {
			if n := []int{h, w}[i]; s.Out != n {
				return nil, fmt.Errorf("an output of %v does not fit strides of %v with that padding",
					l.Output, l.Strides)
			}
		}
		return l.withBias(f, WeightSpec{
			Name: "kernel", Shape: []int{l.Kernel[0], l.Kernel[1], f, c}, Initial: GlorotUniform,
		}), nil
	},
	padded: func(l *Layer, in []int) []int {
		_, _, c := l.image(in)
		s := l.Spans(l.Output)
		channels := max(c, l.outputs())
		return []int{add(s[0].In, s[0].Extent()), add(s[1].In, s[1].Extent()), channels}
	},
	kept: 1,
})

// Poolings take the greatest value of each window of Size, or the mean of those in the image.
var (
	MaxPooling2D     = declare("MaxPooling2D", pooling("max_pooling2d", 3))
	AveragePooling2D = declare("AveragePooling2D", pooling("average_pooling2d", 1))
)

// pooling declares a pooling. For the greatest values 3 values are kept, by estimate: the output,
// the greatest value of each window, and a share of the gradient that goes back to the window.
func pooling(base string, kept int) declaration {
	return declaration{
		base:  base,
		image: true,
		parameters: []Parameter{
			trainable(),
			dataFormat(),
			rowsAndColumns("pool_size", pair{2, 2}, func(l *Layer) *[2]int { return &l.Size }),
			parameter("strides", nil, func(l *Layer, v *pair) error {
				l.Strides = l.Size
				if v != nil {
					l.Strides = *v
				}
				return nil
			}, func(l *Layer) any { return l.Strides }),
			padding(),
		},
		size: func(l *Layer) []int { return l.Size[:] },
		connect: func(l *Layer, in []int) ([]WeightSpec, error) {
			h, w, c := l.image(in)
			if err := l.slide(h, w, c); err != nil {
				return nil, err
			}
			if s := l.Spans(in); s[0].padding() == 0 && s[1].padding() == 0 {
				l.Padding = Valid
			}
			return nil, nil
		},
		kept: kept,
	}
}

// Global poolings take the greatest value or the mean of each channel.
var (
	GlobalMaxPooling2D     = declare("GlobalMaxPooling2D", globalPooling("global_max_pooling2d"))
	GlobalAveragePooling2D = declare("GlobalAveragePooling2D",
		globalPooling("global_average_pooling2d"))
)

func globalPooling(base string) declaration {
	return declaration{
		base:  base,
		image: true,
		parameters: []Parameter{
			trainable(),
			dataFormat(),
			toggle("keepdims", false, true,
				func(l *Layer) *bool { return &l.KeepDims }).unwritten(),
		},
		connect: func(l *Layer, in []int) ([]WeightSpec, error) {
			_, _, c := l.image(in)
			if l.Output = []int{c}; l.KeepDims {
				l.setImage(1, 1, c)
			}
			return nil, nil
		},
		kept: 1,
	}
}

var errNoFilters = errors.New("the number of filters is not set")

func kernelSize() Parameter {
	return rowsAndColumns("kernel_size", pair{}, func(l *Layer) *[2]int { return &l.Kernel })
}

func strides() Parameter {
	return rowsAndColumns("strides", pair{1, 1}, func(l *Layer) *[2]int { return &l.Strides })
}

func dilation() Parameter {
	return rowsAndColumns("dilation_rate", pair{1, 1},
		func(l *Layer) *[2]int { return &l.Dilation })
}

func padding() Parameter {
	return parameter("padding", Valid, func(l *Layer, v Padding) error {
		if v != Same && v != Valid && v != "" {
			return fmt.Errorf("padding %q is not supported, expected valid or same", v)
		}
		l.Padding = v
		return nil
	}, func(l *Layer) any { return l.Padding })
}

func multiplier() Parameter {
	return parameter("depth_multiplier", 1, func(l *Layer, v count) error {
		l.Multiplier = int(v)
		return nil
	}, func(l *Layer) any { return l.Multiplier })
}

func (l *Layer) depthwiseKernel(c int) WeightSpec {
	return WeightSpec{
		Name: "depthwise_kernel", Initial: GlorotUniform,
		Shape: []int{l.Kernel[0], l.Kernel[1], c, l.Multiplier},
	}
}

// A Span is how windows lie along rows or columns of an image.
type Span struct {
	In, Out        int // pixels of the image, windows
	Size, Dilation int // elements of a window, and the distance between them
	Stride         int // between windows
	Before         int // the first window begins before the image
}

// Extent returns the number of pixels from the first element of a window to the last.
func (s Span) Extent() int { return extent(s.Size, s.Dilation) }

func extent(size, dilation int) int { return add(product([]int{size - 1, dilation}), 1) }

// Reach returns the number of pixels from the beginning of the first window to the end of the last.
func (s Span) Reach() int { return add(product([]int{s.Out - 1, s.Stride}), s.Extent()) }

// padding returns the number of zeros before and after the image.
func (s Span) padding() int { return max(s.Reach()-s.In, 0) }

// Spans returns the rows and the columns of the windows of a convolution or pooling on images of
// shape in. Those of a Conv2DTranspose lie on its output. "same" shares the zeros out evenly; one
// that is left over comes last.
func (l *Layer) Spans(in []int) [2]Span {
	h, w, _ := l.image(in)
	var spans [2]Span
	for i, n := range []int{h, w} {
		s := Span{In: n, Size: l.window()[i], Stride: l.Strides[i], Dilation: l.Dilation[i]}
		if l.Padding == Same {
			s.Out = (n-1)/s.Stride + 1
			s.Before = s.padding() / 2
		} else {
			s.Out = 0
			if free := n - s.Extent(); free >= 0 {
				s.Out = free/s.Stride + 1
			}
		}
		spans[i] = s
	}
	return spans
}

// setWindows sets what is not set to what Keras takes.
func (l *Layer) setWindows() error {
	for i := range 2 {
		if l.Strides[i] == 0 {
			l.Strides[i] = max(l.Size[i], 1)
		}
		if l.Dilation[i] == 0 {
			l.Dilation[i] = 1
		}
		if min(l.Strides[i], l.Dilation[i], l.window()[i]) < 1 {
			return fmt.Errorf("windows of %v with strides of %v and a dilation of %v; "+
				"expected at least 1", l.window(), l.Strides, l.Dilation)
		}
	}
	if l.Padding == "" {
		l.Padding = Valid
	}
	return nil
}

// window returns the size of a filter, or of a pooling's window.
func (l *Layer) window() [2]int {
	if l.Kernel == [2]int{} {
		return l.Size
	}
	return l.Kernel
}

// slide sets the output to an image with a pixel for each window on an image of h x w pixels.
func (l *Layer) slide(h, w, c int) error {
	if err := l.setWindows(); err != nil {
		return err
	}
	in := []int{h, w, c}
	if l.ChannelsFirst {
		in = []int{c, h, w}
	}
	s := l.Spans(in)
	if s[0].Out == 0 || s[1].Out == 0 {
		return fmt.Errorf("windows of %dx%d pixels do not fit in an image of %dx%d",
			s[0].Extent(), s[1].Extent(), h, w)
	}
	l.setImage(s[0].Out, s[1].Out, c)
	return nil
}

// padded returns the shape of an image with the zeros around it.
func padded(l *Layer, in []int) []int {
	_, _, c := l.image(in)
	s := l.Spans(in)
	return []int{add(s[0].In, s[0].padding()), add(s[1].In, s[1].padding()), c}
}
