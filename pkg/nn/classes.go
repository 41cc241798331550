package nn

import (
	"errors"
	"fmt"
	"slices"
)

// The classes of layers. A new class is a declaration here and an operator in the engine.
// Names, parameters and weights are those of https://keras.io/api/layers/.

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

// Conv2D is a convolution with padding "same" and strides 1, a bias, and an activation other than
// softmax. It turns (H,W,C) into (H,W,filters).
var Conv2D = declare("Conv2D", declaration{
	base:  "conv2d",
	image: true,
	parameters: []Parameter{
		trainable(),
		dataFormat(),
		lastDimension("filters"),
		rowsAndColumns("kernel_size", pair{}, func(l *Layer) *[2]int { return &l.Kernel }),
		only("strides", pair{1, 1},
			because[pair]("strides %v are not supported, expected 1")),
		only("dilation_rate", pair{1, 1},
			because[pair]("dilation_rate %v is not supported, expected 1")),
		only("groups", 1,
			because[count]("%d groups are not supported, expected 1")).unwritten(),
		parameter("padding", "", func(l *Layer, v string) error {
			// A single pixel needs no padding.
			if v != "same" && l.Kernel != [2]int{1, 1} {
				return fmt.Errorf("padding %q is not supported, expected same", v)
			}
			return nil
		}, func(*Layer) any { return "same" }),
		useBias(),
		parameter("activation", nil, func(l *Layer, v any) error {
			if err := setActivation(l, v); err != nil {
				return err
			}
			if l.Activation == Softmax {
				return errors.New("softmax after a convolution is not supported")
			}
			return nil
		}, activationOf),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if len(l.Output) == 0 {
			return nil, errors.New("the number of filters is not set")
		}
		c, f := in[2], l.Output[len(l.Output)-1]
		l.Output = []int{in[0], in[1], f}
		return kernelAndBias(l.Kernel[0], l.Kernel[1], c, f), nil
	},
	kept: 1,
})

// BatchNormalization normalises each channel of (H,W,C), with scale and centre.
var BatchNormalization = declare("BatchNormalization", declaration{
	base:  "batch_normalization",
	image: true,
	parameters: []Parameter{
		trainable(),
		parameter("axis", nil, func(_ *Layer, v any) error {
			// A number, or one in brackets.
			axis := v
			if list, ok := v.([]any); ok && len(list) == 1 {
				axis = list[0]
			}
			if axis != nil && axis != -1.0 && axis != 3.0 {
				return fmt.Errorf("the axis %v is not supported, expected the last", v)
			}
			return nil
		}, func(*Layer) any { return []int{3} }),
		number("momentum", 0.99, func(l *Layer) *float64 { return &l.Momentum }),
		number("epsilon", 0.001, func(l *Layer) *float64 { return &l.Epsilon }),
		flag("center", true, "batch normalisation without center or scale is not supported"),
		flag("scale", true, "batch normalisation without center or scale is not supported"),
		flag("renorm", false, "batch renormalisation is not supported").unwritten(),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		l.Output = slices.Clone(in)
		c := []int{in[2]}
		return []WeightSpec{
			{Name: "gamma", Shape: c, Initial: Ones},
			{Name: "beta", Shape: c},
			{Name: "moving_mean", Shape: c, Moving: true},
			{Name: "moving_variance", Shape: c, Initial: Ones, Moving: true},
		}, nil
	},
	kept: 1,
})

// MaxPooling2D takes the greatest value of each window of Size. The strides are Size too. Rows and
// columns that fill no window are left out. Padding "same" is supported if there are none.
var MaxPooling2D = declare("MaxPooling2D", declaration{
	base:  "max_pooling2d",
	image: true,
	parameters: []Parameter{
		trainable(),
		dataFormat(),
		rowsAndColumns("pool_size", pair{2, 2}, func(l *Layer) *[2]int { return &l.Size }),
		parameter("strides", nil, func(l *Layer, v *pair) error {
			if v != nil && *v != l.Size {
				return fmt.Errorf("strides %v other than the pool_size %v are not supported",
					*v, l.Size)
			}
			return nil
		}, func(l *Layer) any { return l.Size }),
		parameter("padding", "", func(l *Layer, v string) error {
			if v != "same" && v != "valid" && v != "" {
				return fmt.Errorf("padding %q is not supported", v)
			}
			l.Padding = v
			return nil
		}, func(*Layer) any { return "valid" }),
	},
	size: func(l *Layer) []int { return l.Size[:] },
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if l.Padding == "same" && (in[0]%l.Size[0] != 0 || in[1]%l.Size[1] != 0) {
			return nil, fmt.Errorf("padding \"same\" of an image of %dx%d is not supported",
				in[0], in[1])
		}
		l.Padding = "" // windows fill the image, so "same" is "valid"
		l.Output = []int{in[0] / l.Size[0], in[1] / l.Size[1], in[2]}
		return nil, nil
	},
	// An estimate: the output, the greatest value of each window, and a share of the gradient that
	// goes back to the whole window.
	kept: 3,
})

// UpSampling2D repeats rows and columns Size times.
var UpSampling2D = declare("UpSampling2D", declaration{
	base:  "up_sampling2d",
	image: true,
	parameters: []Parameter{
		trainable(),
		dataFormat(),
		rowsAndColumns("size", pair{2, 2}, func(l *Layer) *[2]int { return &l.Size }),
		only("interpolation", "nearest",
			because[string]("interpolation %q is not supported, expected nearest")),
	},
	size: func(l *Layer) []int { return l.Size[:] },
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		rows, cols := product([]int{in[0], l.Size[0]}), product([]int{in[1], l.Size[1]})
		l.Output = []int{rows, cols, in[2]}
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
		l.Output = slices.Clone(in)
		return nil, nil
	},
	kept: 1,
})

// Flatten turns any shape into (values), row-major.
var Flatten = declare("Flatten", declaration{
	base:       "flatten",
	parameters: []Parameter{trainable(), dataFormat()},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		l.Output = []int{product(in)}
		return nil, nil
	},
})

// Dense is x·kernel + bias and an activation. It turns (in) into (units).
var Dense = declare("Dense", declaration{
	base: "dense",
	parameters: []Parameter{
		trainable(),
		lastDimension("units"),
		useBias(),
		parameter("activation", nil, setActivation, activationOf),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if len(in) != 1 {
			return nil, fmt.Errorf("class Dense needs an input of shape (units), got %v", in)
		}
		if len(l.Output) != 1 {
			return nil, errors.New("the number of units is not set")
		}
		return kernelAndBias(in[0], l.Output[0]), nil
	},
	kept: 1,
})

// Reshape gives the values another shape, row-major.
var Reshape = declare("Reshape", declaration{
	base: "reshape",
	parameters: []Parameter{
		trainable(),
		parameter("target_shape", nil, func(l *Layer, shape []count) error {
			for _, d := range shape {
				l.Output = append(l.Output, int(d))
			}
			return nil
		}, func(l *Layer) any { return l.Output }),
	},
	size: func(l *Layer) []int { return l.Output },
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if product(l.Output) != product(in) {
			return nil, fmt.Errorf("cannot reshape %v to %v", in, l.Output)
		}
		return nil, nil
	},
})

// Parameters of several classes. They are functions because Go initialises a variable after those
// that it uses: the classes would change their order.

func trainable() Parameter {
	return parameter("trainable", nil, func(l *Layer, v *bool) error {
		l.Trainable = v == nil || *v
		return nil
	}, func(l *Layer) any { return l.Trainable })
}

func dataFormat() Parameter {
	return only("data_format", "channels_last",
		because[string]("data_format %q is not supported, expected channels_last"))
}

func useBias() Parameter {
	return flag("use_bias", true, "a layer without bias is not supported")
}

// setActivation sets the activation from its name; none is linear.
func setActivation(l *Layer, v any) error {
	switch name := v.(type) {
	case nil:
		l.Activation = Linear
	case string:
		l.Activation = Activation(name)
	}
	switch l.Activation {
	case Linear, ReLU, Sigmoid, Softmax:
		return nil
	}
	return fmt.Errorf("the activation %v is not supported", v)
}

func activationOf(l *Layer) any { return l.Activation }

// kernelAndBias returns the weights of a layer with a kernel of that shape, filters or units last.
func kernelAndBias(shape ...int) []WeightSpec {
	return []WeightSpec{
		{Name: "kernel", Shape: shape, Initial: GlorotUniform},
		{Name: "bias", Shape: shape[len(shape)-1:]},
	}
}
