package nn

import (
	"fmt"
	"slices"

	"imagesimilarity/pkg/quote"
)

// ActivationLayer applies an activation.
var ActivationLayer = declare("Activation", declaration{
	base: "activation",
	parameters: []Parameter{
		trainable(), parameter("activation", nil, setActivation, activationOf),
	},
	connect: same,
	kept:    1,
})

// ReLULayer is MaxValue from there on, x from Threshold on, and Slope*(x-Threshold) below.
var ReLULayer = declare("ReLU", declaration{
	base: "re_lu",
	parameters: []Parameter{
		trainable(),
		parameter("max_value", nil, func(l *Layer, v *numbers) error {
			if v == nil {
				return nil
			}
			l.MaxValue = new(float64)
			return v.single(l.MaxValue)
		}, func(l *Layer) any { return l.MaxValue }),
		slope("negative_slope", 0, func(l *Layer) *float64 { return &l.Slope }),
		slope("threshold", 0, func(l *Layer) *float64 { return &l.Threshold }),
	},
	activation: ReLU,
	connect:    same,
	kept:       1,
})

// LeakyReLULayer is x, and Slope*x below 0.
var LeakyReLULayer = declare("LeakyReLU", declaration{
	base: "leaky_re_lu",
	parameters: []Parameter{
		trainable(),
		slope("alpha", 0.3, func(l *Layer) *float64 { return &l.Slope }), // Keras 2
		// Keras 3
		parameter("negative_slope", nil, func(l *Layer, v *numbers) error {
			if v == nil {
				return nil
			}
			return v.single(&l.Slope)
		}, nil),
	},
	activation: LeakyReLU,
	connect:    same,
	kept:       1,
})

// PReLU is x, and alpha*x below 0. alpha has a value for each value of a sample, but 1 place along
// Axes.
var PReLU = declare("PReLU", declaration{
	base:       "p_re_lu",
	parameters: []Parameter{trainable(), axes("shared_axes", []int{})},
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if err := l.setAxes(in); err != nil {
			return nil, err
		}
		l.Output = slices.Clone(in)
		shape := slices.Clone(in)
		for _, a := range l.Axes {
			shape[a-1] = 1
		}
		return []WeightSpec{{Name: "alpha", Shape: shape}}, nil
	},
	kept: 1,
})

// ELULayer is x, and Slope*(exp(x)-1) below 0.
var ELULayer = declare("ELU", declaration{
	base: "elu",
	parameters: []Parameter{
		trainable(),
		slope("alpha", 1, func(l *Layer) *float64 { return &l.Slope }),
	},
	activation: ELU,
	connect:    same,
	kept:       1,
})

// SoftmaxLayer is exp(x)/sum(exp(x)) along Axes.
var SoftmaxLayer = declare("Softmax", declaration{
	base:       "softmax",
	parameters: []Parameter{trainable(), axes("axis", []int{-1})},
	activation: Softmax,
	connect: func(l *Layer, in []int) ([]WeightSpec, error) {
		if err := l.setAxes(in, -1); err != nil {
			return nil, err
		}
		return same(l, in)
	},
	kept: 1,
})

// supported are the activations by their names in Keras; some have two.
var supported = map[string]Activation{
	"hard_swish": HardSwish, "silu": Swish, "leakyrelu": LeakyReLU,
}

func init() {
	for _, a := range []Activation{
		Linear, ReLU, Sigmoid, Softmax, LogSoftmax, Tanh, ELU, SELU, GELU, LeakyReLU, ReLU6, Softplus,
		Softsign, Swish, Mish, Exponential, HardSwish,
	} {
		supported[string(a)] = a
	}
}

// setActivation sets the activation from its name. None is linear.
func setActivation(l *Layer, name *string) error {
	a := Linear
	if name != nil {
		var ok bool
		if a, ok = supported[*name]; !ok {
			return fmt.Errorf("the activation %s is not supported", quote.Short(*name))
		}
	}
	l.Activation = a
	switch a {
	case ELU:
		l.Slope = 1
	case LeakyReLU:
		l.Slope = 0.2
	}
	return nil
}

func activationOf(l *Layer) any { return l.Activation }

// PlainReLU reports whether the activation is max(x, 0).
func (l *Layer) PlainReLU() bool {
	return l.Activation == ReLU && l.MaxValue == nil && l.Slope == 0 && l.Threshold == 0
}
