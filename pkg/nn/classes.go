package nn

import (
	"errors"
	"fmt"
	"slices"
)

// The classes of layers are declared in the files classes*.go. A new class is a declaration there
// and an operator in the engine. Names, parameters and weights are those of
// https://keras.io/api/layers/, of Keras 2.4 to 3.

// InputLayer is the first layer of a model. It fixes the shape of a sample.
var InputLayer = declare("InputLayer", declaration{
	base: "input_layer",
	parameters: []Parameter{
		trainable().unwritten(),
		// Keras 3; it comes before the older key.
		parameter("batch_shape", nil, func(l *Layer, shape []*count) error {
			if shape == nil {
				return nil
			}
			return setInput(l, shape)
		}, nil),
		// Keras 2
		parameter("batch_input_shape", nil, func(l *Layer, shape []*count) error {
			if l.Output != nil {
				return nil
			}
			return setInput(l, shape)
		}, func(l *Layer) any {
			shape := []any{nil} // the batch
			for _, d := range l.Output {
				shape = append(shape, d)
			}
			return shape
		}),
		written("sparse", false),
		written("ragged", false),
	},
	kept: 1,
})

// setInput sets the output of an InputLayer from a shape that begins with the batch.
func setInput(l *Layer, shape []*count) error {
	if len(shape) < 2 || len(shape) > 4 {
		return fmt.Errorf("a shape of %d dimensions, expected 2 to 4 with that of the batch",
			len(shape))
	}
	for _, d := range shape[1:] {
		if d == nil {
			return errors.New("a shape with an open dimension is not supported")
		}
		l.Output = append(l.Output, int(*d))
	}
	return nil
}

// Dense is x·kernel + bias and an activation. It turns (…,in) into (…,units).
var Dense = declare("Dense", declaration{
	base: "dense",
	parameters: []Parameter{
		trainable(),
		outputs("units"),
		useBias(),
		parameter("activation", nil, setActivation, activationOf),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		units := l.outputs()
		if units == 0 {
			return nil, errors.New("the number of units is not set")
		}
		last := len(in) - 1
		l.Output = append(slices.Clone(in[:last]), units)
		return l.kernelAndBias(in[last], units), nil
	},
	kept: 1,
})

// Flatten turns any shape into (values), row-major; channels_first are put last before.
var Flatten = declare("Flatten", declaration{
	base:       "flatten",
	parameters: []Parameter{trainable(), dataFormat()},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		l.Output = []int{product(in)}
		return nil, nil
	},
})

// Reshape gives the values another shape, row-major. A dimension of -1 takes what is left.
var Reshape = declare("Reshape", declaration{
	base: "reshape",
	parameters: []Parameter{
		trainable(),
		parameter("target_shape", nil, func(l *Layer, shape []dimension) error {
			for _, d := range shape {
				l.Output = append(l.Output, int(d))
			}
			return nil
		}, func(l *Layer) any { return l.Output }),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		shape := slices.Clone(l.Output)
		if i := slices.Index(shape, -1); i >= 0 {
			shape[i] = 1
			if n := product(shape); n > 0 {
				shape[i] = product(in) / n
			}
		}
		for _, d := range shape {
			if d < 1 {
				return nil, fmt.Errorf("cannot reshape %v to %v", in, l.Output)
			}
		}
		if product(shape) != product(in) {
			return nil, fmt.Errorf("cannot reshape %v to %v", in, l.Output)
		}
		l.Output = shape
		return nil, nil
	},
})

// Permute changes the order of the axes to Axes.
var Permute = declare("Permute", declaration{
	base:       "permute",
	parameters: []Parameter{trainable(), axes("dims", nil)},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		sorted := slices.Sorted(slices.Values(l.Axes))
		l.Output = nil
		for i, a := range l.Axes {
			if len(l.Axes) != len(in) || sorted[i] != i+1 {
				return nil, fmt.Errorf("the order %v of axes, expected one of 1 to %d",
					l.Axes, len(in))
			}
			l.Output = append(l.Output, in[a-1])
		}
		return nil, nil
	},
	kept: 1,
})

// ZeroPadding2D adds Border zeros around an image.
var ZeroPadding2D = declare("ZeroPadding2D", declaration{
	base:       "zero_padding2d",
	image:      true,
	parameters: []Parameter{trainable(), dataFormat(), border("padding")},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if err := l.checkBorder(); err != nil {
			return nil, err
		}
		h, w, c := l.image(in)
		l.setImage(add(h, l.Border[0][0], l.Border[0][1]), add(w, l.Border[1][0], l.Border[1][1]), c)
		return nil, nil
	},
	kept: 1,
})

// Cropping2D takes Border away from an image.
var Cropping2D = declare("Cropping2D", declaration{
	base:       "cropping2d",
	image:      true,
	parameters: []Parameter{trainable(), dataFormat(), border("cropping")},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if err := l.checkBorder(); err != nil {
			return nil, err
		}
		h, w, c := l.image(in)
		rows, cols := add(l.Border[0][0], l.Border[0][1]), add(l.Border[1][0], l.Border[1][1])
		if rows >= h || cols >= w {
			return nil, fmt.Errorf("cropping %d rows and %d columns of %v leaves nothing",
				rows, cols, in)
		}
		l.setImage(h-rows, w-cols, c)
		return nil, nil
	},
	kept: 1,
})

// UpSampling2D repeats rows and columns Size times, or interpolates between them.
var UpSampling2D = declare("UpSampling2D", declaration{
	base:  "up_sampling2d",
	image: true,
	parameters: []Parameter{
		trainable(),
		dataFormat(),
		rowsAndColumns("size", pair{2, 2}, func(l *Layer) *[2]int { return &l.Size }),
		parameter("interpolation", "", func(l *Layer, v string) error {
			if v != "nearest" && v != "bilinear" && v != "" {
				return fmt.Errorf("interpolation %q is not supported, expected nearest or bilinear", v)
			}
			l.Bilinear = v == "bilinear"
			return nil
		}, func(l *Layer) any {
			if l.Bilinear {
				return "bilinear"
			}
			return "nearest"
		}),
	},
	size: func(l *Layer) []int { return l.Size[:] },
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		h, w, c := l.image(in)
		l.setImage(product([]int{h, l.Size[0]}), product([]int{w, l.Size[1]}), c)
		return nil, nil
	},
	kept: 1,
})

// Dropout sets the share Rate of the values to zero in training.
var Dropout = declare("Dropout", declaration{
	base: "dropout",
	parameters: []Parameter{
		trainable(),
		number("rate", 0, func(l *Layer) *float64 { return &l.Rate }),
		parameter("noise_shape", nil, func(_ *Layer, v any) error {
			if v != nil {
				return errors.New("a noise_shape is not supported")
			}
			return nil
		}, nil),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if !(l.Rate >= 0 && l.Rate <= 1) {
			return nil, fmt.Errorf("a dropout rate of %v; expected a value between 0 and 1", l.Rate)
		}
		return same(l, in)
	},
	kept: 1,
})

// The classes that do nothing in a prediction.
var (
	SpatialDropout2D = declare("SpatialDropout2D", declaration{
		base:  "spatial_dropout2d",
		image: true,
		parameters: []Parameter{
			trainable(), dataFormat(),
			number("rate", 0, func(l *Layer) *float64 { return &l.Rate }),
		},
		connect: same, kept: 1,
	})
	GaussianNoise = declare("GaussianNoise", declaration{
		base: "gaussian_noise",
		parameters: []Parameter{
			trainable(), number("stddev", 0, func(l *Layer) *float64 { return &l.Rate }),
		},
		connect: same, kept: 1,
	})
	GaussianDropout = declare("GaussianDropout", declaration{
		base: "gaussian_dropout",
		parameters: []Parameter{
			trainable(), number("rate", 0, func(l *Layer) *float64 { return &l.Rate }),
		},
		connect: same, kept: 1,
	})
	AlphaDropout = declare("AlphaDropout", declaration{
		base: "alpha_dropout",
		parameters: []Parameter{
			trainable(), number("rate", 0, func(l *Layer) *float64 { return &l.Rate }),
		},
		connect: same, kept: 1,
	})
	ActivityRegularization = declare("ActivityRegularization", declaration{
		base: "activity_regularization", parameters: []Parameter{trainable()}, connect: same,
	})
	Identity = declare("Identity", declaration{
		base: "identity", parameters: []Parameter{trainable()}, connect: same,
	})
)

// same connects a layer whose output has the shape of its input.
func same(l *Layer, in []int) ([]WeightSpec, error) {
	l.Output = slices.Clone(in)
	return nil, nil
}

// image returns rows, columns and channels of the images that l takes.
func (l *Layer) image(in []int) (h, w, c int) {
	if l.ChannelsFirst {
		return in[1], in[2], in[0]
	}
	return in[0], in[1], in[2]
}

// setImage sets the output to an image.
func (l *Layer) setImage(h, w, c int) {
	if l.ChannelsFirst {
		l.Output = []int{c, h, w}
	} else {
		l.Output = []int{h, w, c}
	}
}

// Parameters of several classes.

func trainable() Parameter {
	return parameter("trainable", nil, func(l *Layer, v *bool) error {
		l.Trainable = v == nil || *v
		return nil
	}, func(l *Layer) any { return l.Trainable })
}

func dataFormat() Parameter {
	return parameter("data_format", nil, func(l *Layer, v *string) error {
		if v != nil && *v != "channels_last" && *v != "channels_first" {
			return fmt.Errorf("data_format %q is not supported, expected channels_last or "+
				"channels_first", *v)
		}
		l.ChannelsFirst = v != nil && *v == "channels_first"
		return nil
	}, func(l *Layer) any {
		if l.ChannelsFirst {
			return "channels_first"
		}
		return "channels_last"
	})
}

func useBias() Parameter {
	return toggle("use_bias", true, false, func(l *Layer) *bool { return &l.NoBias })
}

// border makes a parameter for rows and columns at the four sides of an image.
func border(key string) Parameter {
	return parameter(key, sides{{1, 1}, {1, 1}}, func(l *Layer, v sides) error {
		l.Border = v
		return nil
	}, func(l *Layer) any { return l.Border })
}

func (l *Layer) checkBorder() error {
	for _, side := range l.Border {
		if min(side[0], side[1]) < 0 {
			return fmt.Errorf("a border of %v; expected no negative numbers", l.Border)
		}
	}
	return nil
}

// kernelAndBias returns the weights of a layer with a kernel of that shape, filters or units last.
func (l *Layer) kernelAndBias(shape ...int) []WeightSpec {
	return l.withBias(shape[len(shape)-1],
		WeightSpec{Name: "kernel", Shape: shape, Initial: GlorotUniform})
}

// withBias adds a bias of n values, if l has one.
func (l *Layer) withBias(n int, specs ...WeightSpec) []WeightSpec {
	if l.NoBias {
		return specs
	}
	return append(specs, WeightSpec{Name: "bias", Shape: []int{n}})
}
