package nn

import (
	"errors"
	"fmt"
	"slices"
)

// BatchNormalization normalises each place of an axis by its moving mean and variance, in training
// by those of the batch.
var BatchNormalization = declare("BatchNormalization", declaration{
	base: "batch_normalization",
	parameters: []Parameter{
		trainable(),
		axes("axis", []int{-1}),
		number("momentum", 0.99, func(l *Layer) *float64 { return &l.Momentum }),
		number("epsilon", 0.001, func(l *Layer) *float64 { return &l.Epsilon }),
		centre(),
		scale(),
		flag("renorm", false, "batch renormalisation is not supported").unwritten(),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if err := l.setAxes(in, -1); err != nil {
			return nil, err
		}
		if len(l.Axes) != 1 {
			return nil, fmt.Errorf("the axes %v are not supported, expected one", l.Axes)
		}
		l.Output = slices.Clone(in)
		c := []int{in[l.Axes[0]-1]}
		return append(l.gammaAndBeta(c),
			WeightSpec{Name: "moving_mean", Shape: c, Moving: true},
			WeightSpec{Name: "moving_variance", Shape: c, Initial: Ones, Moving: true},
		), nil
	},
	kept: 1,
})

// LayerNormalization normalises each sample by the mean and the variance along axes.
var LayerNormalization = declare("LayerNormalization", declaration{
	base: "layer_normalization",
	parameters: []Parameter{
		trainable(),
		axes("axis", []int{-1}),
		number("epsilon", 0.001, func(l *Layer) *float64 { return &l.Epsilon }),
		centre(),
		scale(),
		toggle("rms_scaling", false, true, func(l *Layer) *bool { return &l.RMSScaling }).unwritten(),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if err := l.setAxes(in, -1); err != nil {
			return nil, err
		}
		if len(l.Axes) == 0 {
			return nil, errors.New("no axis to normalise along")
		}
		l.Output = slices.Clone(in)
		if l.RMSScaling {
			l.NoScale, l.NoCentre = false, true
		}
		return l.gammaAndBeta(at(in, l.Axes)), nil
	},
	kept: 1,
})

// Rescaling is x*Scale + Offset.
var Rescaling = declare("Rescaling", declaration{
	base: "rescaling",
	parameters: []Parameter{
		trainable(),
		values32("scale", []float32{1}, func(l *Layer) *[]float32 { return &l.Scale }),
		values32("offset", []float32{0}, func(l *Layer) *[]float32 { return &l.Offset }),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		last := in[len(in)-1]
		for _, v := range [][]float32{l.Scale, l.Offset} {
			if len(v) != 1 && len(v) != last {
				return nil, fmt.Errorf("%d values of scale or offset for inputs of %v", len(v), in)
			}
		}
		return same(l, in)
	},
	kept: 1,
})

// Normalization is (x-mean)/deviation, or the inverse of that. Mean and variance are those of the
// places along axes. Without axes they are numbers.
var Normalization = declare("Normalization", declaration{
	base: "normalization",
	parameters: []Parameter{
		trainable(),
		parameter("axis", axisList{-1}, func(l *Layer, v axisList) error {
			l.Axes = v
			return nil
		}, func(l *Layer) any { return l.Axes }),
		toggle("invert", false, true, func(l *Layer) *bool { return &l.Invert }).unwritten(),
		values32("mean", nil, func(l *Layer) *[]float32 { return &l.Mean }),
		values32("variance", nil, func(l *Layer) *[]float32 { return &l.Variance }),
	},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if err := l.setAxes(in, -1); err != nil {
			return nil, err
		}
		l.Output = slices.Clone(in)
		shape := at(in, l.Axes)
		if l.Mean == nil && l.Variance == nil {
			return []WeightSpec{
				{Name: "mean", Shape: shape, Moving: true},
				{Name: "variance", Shape: shape, Initial: Ones, Moving: true},
				{Name: "count", Shape: []int{}, Moving: true},
			}, nil
		}
		for _, v := range [][]float32{l.Mean, l.Variance} {
			if len(v) != 1 && len(v) != product(shape) {
				return nil, fmt.Errorf("%d values of mean or variance, expected %d",
					len(v), product(shape))
			}
		}
		return nil, nil
	},
	kept: 1,
})

func centre() Parameter {
	return toggle("center", true, false, func(l *Layer) *bool { return &l.NoCentre })
}

func scale() Parameter {
	return toggle("scale", true, false, func(l *Layer) *bool { return &l.NoScale })
}

// values32 makes a parameter of one number or several.
func values32(key string, absent []float32, field func(*Layer) *[]float32) Parameter {
	return parameter(key, nil, func(l *Layer, v *numbers) error {
		*field(l) = slices.Clone(absent)
		if v != nil {
			*field(l) = v.narrow()
		}
		return nil
	}, func(l *Layer) any { return *field(l) })
}

// gammaAndBeta returns the weights of a normalisation that has them.
func (l *Layer) gammaAndBeta(shape []int) []WeightSpec {
	var specs []WeightSpec
	if !l.NoScale {
		specs = append(specs, WeightSpec{Name: "gamma", Shape: shape, Initial: Ones})
	}
	if !l.NoCentre {
		specs = append(specs, WeightSpec{Name: "beta", Shape: shape})
	}
	return specs
}

// setAxes makes the axes positive; nil becomes absent. They must be axes of a sample and ascend.
func (l *Layer) setAxes(in []int, absent ...int) error {
	if l.Axes == nil {
		l.Axes = absent
	}
	l.Axes = slices.Clone(l.Axes)
	for i, a := range l.Axes {
		if a < 0 {
			l.Axes[i] += len(in) + 1
		}
		if l.Axes[i] < 1 || l.Axes[i] > len(in) || i > 0 && l.Axes[i] <= l.Axes[i-1] {
			return fmt.Errorf("the axes %v of an input of %v are not supported", l.Axes, in)
		}
	}
	return nil
}

// at returns the dimensions of a shape at axes.
func at(shape, axes []int) []int {
	dims := []int{}
	for _, a := range axes {
		dims = append(dims, shape[a-1])
	}
	return dims
}
