// Package nn builds, trains and runs the two networks of this program, a convolutional autoencoder and a classifier on
// its encoder, with the layers, initial values and update rules of Keras (https://keras.io/api/layers/).
// Gorgonia owns the graph, the symbolic gradients and the machine that runs them; the layers are operators of our own.
package nn

import (
	"fmt"
	"slices"
)

// A Model is a chain of layers; the first is the InputLayer.
type Model struct {
	Name   string // "model" in Keras' own numbering
	Pixels Pixels // on which it was trained or is to be; "" where that is not known
	Layers []*Layer
}

// Class is the Keras class of a layer.
type Class string

const (
	InputLayer         Class = "InputLayer"
	Conv2D             Class = "Conv2D"
	BatchNormalization Class = "BatchNormalization"
	MaxPooling2D       Class = "MaxPooling2D"
	UpSampling2D       Class = "UpSampling2D"
	Dropout            Class = "Dropout"
	Flatten            Class = "Flatten"
	Dense              Class = "Dense"
	Reshape            Class = "Reshape"
)

// Activation is applied to the output of a Conv2D or Dense layer.
type Activation string

const (
	Linear  Activation = "linear"
	ReLU    Activation = "relu"
	Sigmoid Activation = "sigmoid"
	Softmax Activation = "softmax"
)

// A Layer is one layer of a model. The fields after Weights are set where the class has them.
type Layer struct {
	Class     Class
	Name      string    // unique in its model; the key for loading weights by name
	Output    []int     // shape of the output without the batch: (H,W,C) or (units)
	Weights   []*Weight // in Keras' order: Conv2D, Dense kernel, bias; BatchNormalization gamma, beta, moving_mean, moving_variance
	Trainable bool      // false freezes the layer; batch normalisation then uses its moving statistics in training too

	Kernel     [2]int     // Conv2D: rows and columns of the filter; padding is "same", stride 1
	Activation Activation // Conv2D, Dense
	Momentum   float64    // BatchNormalization: share of the old moving statistics that is kept
	Epsilon    float64    // BatchNormalization: added to the variance
	Size       [2]int     // MaxPooling2D (padding "valid", strides = size), UpSampling2D (nearest)
	Rate       float64    // Dropout: share of values set to zero in training
}

// A Weight is one variable of a layer.
type Weight struct {
	Name  string    // "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"
	Shape []int     // Conv2D kernel (KH,KW,C,F), Dense kernel (in,out), all others (C)
	Data  []float32 // row-major
}

// Layer is the layer of that name, nil where there is none.
func (m *Model) Layer(name string) *Layer {
	if i := slices.IndexFunc(m.Layers, func(l *Layer) bool { return l.Name == name }); i >= 0 {
		return m.Layers[i]
	}
	return nil
}

// Input is the shape of one sample, (H,W,C).
func (m *Model) Input() []int { return m.Layers[0].Output }

// Output is the shape of the model's output for one sample.
func (m *Model) Output() []int { return m.Layers[len(m.Layers)-1].Output }

// NewWeight makes a weight of zeros.
func NewWeight(name string, shape ...int) *Weight {
	return &Weight{Name: name, Shape: shape, Data: make([]float32, product(shape))}
}

// NewModel makes a model of layers whose class and own fields are set, InputLayer and Reshape with their Output too.
// It derives the other output shapes and adds the weights that are missing: kernels and biases zero,
// gamma and moving variance one. What does not fit together is an error that names the layer.
func NewModel(name string, layers []*Layer) (*Model, error) {
	shapes, err := Connect(layers)
	if err != nil {
		return nil, err
	}
	for i, l := range layers {
		if err := l.setWeights(shapes[i]); err != nil {
			return nil, fmt.Errorf("nn: layer %q: %w", l.Name, err)
		}
	}
	return &Model{Name: name, Layers: layers}, nil
}

// A WeightShape is a weight that a layer needs.
type WeightShape struct {
	Name  string
	Shape []int
}

// Connect is the part of NewModel that derives the output shapes. It returns the weights that each layer needs, none made.
func Connect(layers []*Layer) ([][]WeightShape, error) {
	if len(layers) == 0 || layers[0].Class != InputLayer {
		return nil, fmt.Errorf("nn: the first layer of a model must be an InputLayer")
	}
	seen := map[string]bool{}
	shapes := make([][]WeightShape, len(layers))
	for i, l := range layers {
		if seen[l.Name] {
			return nil, fmt.Errorf("nn: two layers have the name %q", l.Name)
		}
		seen[l.Name] = true
		if i > 0 {
			var err error
			if shapes[i], err = l.connect(layers[i-1].Output); err != nil {
				return nil, fmt.Errorf("nn: layer %q: %w", l.Name, err)
			}
		}
	}
	return shapes, nil
}

// connect derives the output shape of l from that of the layer before it, and the weights that it needs.
func (l *Layer) connect(in []int) (weights []WeightShape, err error) {
	image := func() error {
		if len(in) != 3 {
			return fmt.Errorf("%s needs an input of shape (H,W,C), got %v", l.Class, in)
		}
		return nil
	}
	if err := positive(in); err != nil {
		return nil, fmt.Errorf("the input: %w", err)
	}
	switch l.Class {
	case Conv2D:
		if err := image(); err != nil {
			return nil, err
		}
		// The number of filters is known from Output's last dimension, which the caller sets.
		if len(l.Output) == 0 {
			return nil, fmt.Errorf("the number of filters is not set")
		}
		f := l.Output[len(l.Output)-1]
		l.Output = []int{in[0], in[1], f}
		weights = []WeightShape{{"kernel", []int{l.Kernel[0], l.Kernel[1], in[2], f}}, {"bias", []int{f}}}
	case Dense:
		if len(in) != 1 {
			return nil, fmt.Errorf("class Dense needs an input of shape (units), got %v", in)
		}
		if len(l.Output) != 1 {
			return nil, fmt.Errorf("the number of units is not set")
		}
		weights = []WeightShape{{"kernel", []int{in[0], l.Output[0]}}, {"bias", []int{l.Output[0]}}}
	case BatchNormalization:
		if err := image(); err != nil {
			return nil, err
		}
		l.Output = slices.Clone(in)
		c := []int{in[2]}
		weights = []WeightShape{{"gamma", c}, {"beta", c}, {"moving_mean", c}, {"moving_variance", c}}
	case MaxPooling2D, UpSampling2D:
		if err := image(); err != nil {
			return nil, err
		}
		if err := positive(l.Size[:]); err != nil {
			return nil, err
		}
		if l.Class == UpSampling2D {
			l.Output = []int{in[0] * l.Size[0], in[1] * l.Size[1], in[2]}
		} else {
			l.Output = []int{in[0] / l.Size[0], in[1] / l.Size[1], in[2]}
		}
	case Dropout:
		if !(l.Rate >= 0 && l.Rate <= 1) {
			return nil, fmt.Errorf("a dropout rate of %v; expected a value between 0 and 1", l.Rate)
		}
		l.Output = slices.Clone(in)
	case Flatten:
		l.Output = []int{product(in)}
	case Reshape:
		if err := positive(l.Output); err != nil {
			return nil, err
		}
		if product(l.Output) != product(in) {
			return nil, fmt.Errorf("cannot reshape %v to %v", in, l.Output)
		}
	default:
		return nil, fmt.Errorf("layers of class %q are not supported", l.Class)
	}
	for _, w := range weights {
		if err := positive(w.Shape); err != nil {
			return nil, fmt.Errorf("the weight %s: %w", w.Name, err)
		}
	}
	return weights, positive(l.Output)
}

// setWeights adds the weights of the given names and shapes, or checks those that are there.
func (l *Layer) setWeights(shapes []WeightShape) error {
	if l.Weights == nil {
		for _, s := range shapes {
			w := NewWeight(s.Name, s.Shape...)
			if s.Name == "gamma" || s.Name == "moving_variance" {
				for i := range w.Data {
					w.Data[i] = 1
				}
			}
			l.Weights = append(l.Weights, w)
		}
	}
	if len(l.Weights) != len(shapes) {
		return fmt.Errorf("%d weights, expected %d", len(l.Weights), len(shapes))
	}
	for i, w := range l.Weights {
		if !slices.Equal(w.Shape, shapes[i].Shape) {
			return fmt.Errorf("the weight %s has shape %v, expected %v", shapes[i].Name, w.Shape, shapes[i].Shape)
		}
	}
	return nil
}

func product(shape []int) int {
	p := 1
	for _, s := range shape {
		p *= s
	}
	return p
}

// maxValues bounds the values of one weight and of one sample in a layer (1 GiB of float32): sizes are asked from people
// and read from files.
const maxValues = 1 << 28

// positive says what is wrong with a shape: a dimension below 1, or more than maxValues values.
func positive(shape []int) error {
	values := 1
	for _, s := range shape {
		if s < 1 {
			return fmt.Errorf("a size of %v; every dimension must be at least 1", shape)
		}
		if s > maxValues/values {
			return fmt.Errorf("a size of %v; expected at most %d values", shape, maxValues)
		}
		values *= s
	}
	return nil
}
