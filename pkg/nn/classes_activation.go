package nn

import (
	"encoding/json"
	"fmt"
	"slices"
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
		Softsign, Swish, Mish, Exponential, HardSigmoid, HardSwish,
	} {
		supported[string(a)] = a
	}
}

// setActivation sets the activation from its name, or from an object that has a class of
// activations or a function's name. None is linear.
func setActivation(l *Layer, v any) error {
	name := ""
	switch v := v.(type) {
	case nil:
		name = string(Linear)
	case string:
		name = v
	case map[string]any:
		class, _ := v["class_name"].(string)
		config, _ := v["config"].(map[string]any)
		switch class {
		case "function":
			name, _ = v["config"].(string)
		case "Activation":
			name, _ = config["activation"].(string)
		case "ReLU", "LeakyReLU", "ELU", "Softmax":
			return setActivationObject(l, Class(class), config)
		}
	}
	a, ok := supported[name]
	if !ok {
		return fmt.Errorf("the activation %v is not supported", v)
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

// setActivationObject sets the activation to a layer of class c with that configuration.
func setActivationObject(l *Layer, c Class, config map[string]any) error {
	of := &Layer{Activation: classes[c].activation}
	for _, p := range c.Parameters() {
		v := p.New()
		if entry, ok := config[p.Key]; ok {
			text, err := json.Marshal(entry)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(text, v); err != nil {
				return err
			}
		}
		if err := p.Set(of, v); err != nil {
			return err
		}
	}
	if c == "Softmax" && !slices.Equal(of.Axes, []int{-1}) {
		return fmt.Errorf("the activation softmax along axes %v is not supported", of.Axes)
	}
	l.Activation, l.MaxValue, l.Slope, l.Threshold =
		of.Activation, of.MaxValue, of.Slope, of.Threshold
	return nil
}

// activationOf returns the name of the activation, or an object if it has parameters.
func activationOf(l *Layer) any {
	object := func(class Class, config map[string]any) any {
		return map[string]any{"class_name": class, "config": config}
	}
	switch {
	case l.Activation == ReLU && !l.PlainReLU():
		return object("ReLU", map[string]any{
			"max_value": l.MaxValue, "negative_slope": l.Slope, "threshold": l.Threshold,
		})
	case l.Activation == LeakyReLU && l.Slope != 0.2:
		return object("LeakyReLU", map[string]any{"alpha": l.Slope})
	case l.Activation == ELU && l.Slope != 1:
		return object("ELU", map[string]any{"alpha": l.Slope})
	}
	return l.Activation
}

// PlainReLU reports whether the activation is max(x, 0).
func (l *Layer) PlainReLU() bool {
	return l.Activation == ReLU && l.MaxValue == nil && l.Slope == 0 && l.Threshold == 0
}
