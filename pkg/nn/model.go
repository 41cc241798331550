// Package nn builds, trains and runs the two networks of this program: a convolutional autoencoder
// and a classifier on its encoder. Layers, initial values and update rules are those of Keras
// (https://keras.io/api/layers/). An Engine does the work.
package nn

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"imagesimilarity/pkg/memory"
)

// A Model is a graph of layers. In the list a layer comes after those whose outputs it takes; the
// first is the InputLayer, the only one without an input.
type Model struct {
	Name   string // "model" in Keras' own numbering
	Pixels Pixels // on which it was trained or is to be trained; "" if that is not known
	Layers []*Layer
}

// A Layer is one layer of a model. Its class declares which of the fields after Weights it has.
type Layer struct {
	Class   Class
	Name    string    // unique in its model; the key for loading weights by name
	Output  []int     // shape of the output without the batch: (H,W,C) or (units)
	Weights []*Weight // in Keras' order; see the class
	// Inputs are the layers whose outputs it takes, in order. nil stands for the layer before it in
	// the list.
	Inputs []*Layer
	// Trainable is false for a frozen layer. A frozen batch normalisation uses its moving
	// statistics in training too.
	Trainable bool

	// Of layers on images. A pair is for rows and columns.
	Kernel        [2]int    // size of a filter
	Size          [2]int    // of a pooling's window, or the factors of an upsampling
	Strides       [2]int    // between windows; 0 is 1, and for a pooling its Size
	Dilation      [2]int    // between the elements of a filter; 0 is 1
	Padding       Padding   // of the image, for windows at its border; "" is Valid
	OutputPadding *[2]int   // added to the output of a Conv2DTranspose; nil leaves it to Keras' rule
	Groups        int       // that part channels and filters of a Conv2D; 0 is 1
	Multiplier    int       // filters for each channel, depthwise; 0 is 1
	NoBias        bool      // a layer with kernel has no bias
	ChannelsFirst bool      // its images have the shape (C,H,W)
	KeepDims      bool      // a global pooling keeps rows and columns, of size 1
	Bilinear      bool      // an upsampling interpolates; else it repeats
	Border        [2][2]int // rows (first, last) and columns that are added or cropped

	// Activation is that of a layer with a kernel, or what a layer of activation computes.
	Activation Activation
	MaxValue   *float64 // bound of ReLU; nil for none
	Slope      float64  // of ReLU and LeakyReLU below 0; alpha of ELU
	Threshold  float64  // of ReLU

	// Axes are those along which a layer normalises, has parameters, concatenates, or computes a
	// softmax, or the new order of Permute. As in Keras the first axis of a sample is 1, and -1 is the
	// last. nil is what Keras takes. Connect makes them positive.
	Axes       []int
	NoScale    bool      // a normalisation has no gamma
	NoCentre   bool      // a normalisation has no beta
	RMSScaling bool      // a LayerNormalization divides by the deviation alone
	Momentum   float64   // share of the old moving statistics that is kept
	Epsilon    float64   // added to the variance
	Scale      []float32 // factors of Rescaling: one, or one for each place of the last axis
	Offset     []float32 // summands of Rescaling, alike
	Mean       []float32 // of Normalization, in place of weights
	Variance   []float32 // of Normalization, in place of weights
	Invert     bool      // a Normalization multiplies and adds

	Rate float64 // share of the values that are set to zero in training, in [0,1]
}

// Padding says what becomes of windows that reach beyond an image.
type Padding string

const (
	Valid Padding = "valid" // there are none
	Same  Padding = "same"  // zeros fill them; there are ceil(size/stride) windows
)

// Activation is the Keras name of an activation.
type Activation string

const (
	Linear      Activation = "linear"
	ReLU        Activation = "relu"
	Sigmoid     Activation = "sigmoid"
	Softmax     Activation = "softmax"
	LogSoftmax  Activation = "log_softmax"
	Tanh        Activation = "tanh"
	ELU         Activation = "elu"
	SELU        Activation = "selu"
	GELU        Activation = "gelu"
	LeakyReLU   Activation = "leaky_relu"
	ReLU6       Activation = "relu6"
	Softplus    Activation = "softplus"
	Softsign    Activation = "softsign"
	Swish       Activation = "swish"
	Mish        Activation = "mish"
	Exponential Activation = "exponential"
	HardSwish   Activation = "hard_silu"
)

// A WeightSpec describes a variable of a layer.
type WeightSpec struct {
	Name    string  // such as "kernel"
	Shape   []int   // as in Keras: Conv2D kernel (KH,KW,C,F), Dense kernel (in,out)
	Initial Initial // values of a new weight
	Moving  bool    // a statistic that follows the batches; no gradient trains it
}

// Initial names the values of a new weight.
type Initial int

const (
	Zeros Initial = iota
	Ones
	// GlorotUniform is zeros until values are drawn, uniformly in ±sqrt(6/(fan in + fan out))
	// (Glorot and Bengio 2010).
	GlorotUniform
)

// A Weight is a variable of a layer with its values.
type Weight struct {
	WeightSpec
	Data []float32 // row-major
}

// NewWeight makes a weight with its initial values.
func NewWeight(s WeightSpec) *Weight {
	w := &Weight{s, make([]float32, product(s.Shape))}
	if s.Initial == Ones {
		for i := range w.Data {
			w.Data[i] = 1
		}
	}
	return w
}

// Layer returns the layer of that name, or nil if there is none.
func (m *Model) Layer(name string) *Layer {
	if i := slices.IndexFunc(m.Layers, func(l *Layer) bool { return l.Name == name }); i >= 0 {
		return m.Layers[i]
	}
	return nil
}

// InputsOf returns the layers whose outputs layer i of a list takes: none for the first.
func InputsOf(layers []*Layer, i int) []*Layer {
	switch {
	case layers[i].Inputs != nil:
		return layers[i].Inputs
	case i > 0:
		return layers[i-1 : i]
	}
	return nil
}

// Sub returns the layers on which the output of layer i depends, and layer i as the last, in the
// order of the list.
func Sub(layers []*Layer, i int) []*Layer {
	needed := map[*Layer]bool{layers[i]: true}
	var sub []*Layer
	for ; i >= 0; i-- {
		if !needed[layers[i]] {
			continue
		}
		sub = append(sub, layers[i])
		for _, in := range InputsOf(layers, i) {
			needed[in] = true
		}
	}
	slices.Reverse(sub)
	return sub
}

// Input returns the shape of one sample.
func (m *Model) Input() []int { return m.Layers[0].Output }

// Output returns the shape of the model's output for one sample.
func (m *Model) Output() []int { return m.Layers[len(m.Layers)-1].Output }

// NewModel makes a model of layers as Connect takes them and adds the weights that are missing.
// It returns an error that names the layer if layers, or weights that are there, do not fit.
func NewModel(name string, layers []*Layer) (*Model, error) {
	specs, err := Connect(layers)
	if err != nil {
		return nil, err
	}
	need := 0.0
	for i, l := range layers {
		for _, s := range specs[i] {
			if l.Weights == nil {
				need += float64(4 * values(s.Shape))
			}
		}
	}
	if err := memory.Check(need, "the weights of the network need"); err != nil {
		return nil, err
	}
	for i, l := range layers {
		if err := l.setWeights(specs[i]); err != nil {
			return nil, fmt.Errorf("nn: layer %q: %w", l.Name, err)
		}
	}
	return &Model{Name: name, Layers: layers}, nil
}

// Connect derives the outputs of layers and returns the weights that each needs. It makes none.
// The layers' class and parameters are set; Output is set for InputLayer and Reshape, and
// to the number of filters or units for convolutions and Dense. An output or a weight of more than
// 2^28 values is an error, and so is an input that does not come before its user in the list.
func Connect(layers []*Layer) ([][]WeightSpec, error) { return connect(layers, maxValues) }

// connect is Connect for outputs and weights of at most limit values.
func connect(layers []*Layer, limit float64) ([][]WeightSpec, error) {
	if len(layers) == 0 || layers[0].Class != InputLayer {
		return nil, fmt.Errorf("nn: the first layer of a model must be an InputLayer")
	}
	seen, before := map[string]bool{}, map[*Layer]bool{}
	specs := make([][]WeightSpec, len(layers))
	for i, l := range layers {
		if seen[l.Name] {
			return nil, fmt.Errorf("nn: two layers have the name %q", l.Name)
		}
		var shapes [][]int
		for _, in := range InputsOf(layers, i) {
			if !before[in] {
				return nil, fmt.Errorf("nn: layer %q takes the output of a layer that does not "+
					"come before it", l.Name)
			}
			shapes = append(shapes, in.Output)
		}
		seen[l.Name], before[l] = true, true
		if i > 0 {
			var err error
			if specs[i], err = l.connect(shapes, limit); err != nil {
				return nil, fmt.Errorf("nn: layer %q: %w", l.Name, err)
			}
		}
	}
	return specs, nil
}

// Connect derives the output of l from those of its inputs and returns the weights that it needs,
// as the function Connect does for all layers of a list.
func (l *Layer) Connect(inputs []*Layer) ([]WeightSpec, error) {
	var shapes [][]int
	for _, in := range inputs {
		shapes = append(shapes, in.Output)
	}
	return l.connect(shapes, maxValues)
}

// connect derives the output of l from the shapes of its inputs, and the weights that l needs.
func (l *Layer) connect(inputs [][]int, limit float64) ([]WeightSpec, error) {
	for _, in := range inputs {
		if err := checkShape(in, limit); err != nil {
			return nil, fmt.Errorf("the input: %w", err)
		}
		if len(in) < 1 || len(in) > maxRank {
			return nil, fmt.Errorf("an input of %d dimensions, expected 1 to %d", len(in), maxRank)
		}
	}
	c, ok := classes[l.Class]
	if !ok || c.connect == nil && c.merge == nil {
		return nil, fmt.Errorf("layers of class %q are not supported", l.Class)
	}
	if len(inputs) == 0 {
		return nil, errors.New("it has no input")
	}
	if c.activation != "" {
		l.Activation = c.activation
	}
	if c.merge != nil {
		if err := c.merge(l, inputs); err != nil {
			return nil, err
		}
		return nil, checkShape(l.Output, limit)
	}
	if len(inputs) > 1 {
		return nil, fmt.Errorf("%d inputs, expected one", len(inputs))
	}
	in := inputs[0]
	if c.image && len(in) != 3 {
		shape := "(H,W,C)"
		if l.ChannelsFirst {
			shape = "(C,H,W)"
		}
		return nil, fmt.Errorf("%s needs an input of shape %s, got %v", l.Class, shape, in)
	}
	if c.size != nil {
		if err := checkShape(c.size(l), limit); err != nil {
			return nil, err
		}
	}
	specs, err := c.connect(l, in)
	if err != nil {
		return nil, err
	}
	if c.padded != nil {
		if err := checkShape(c.padded(l, in), limit); err != nil {
			return nil, fmt.Errorf("the image with its padding: %w", err)
		}
	}
	for _, s := range specs {
		if err := checkShape(s.Shape, limit); err != nil {
			return nil, fmt.Errorf("the weight %s: %w", s.Name, err)
		}
	}
	return specs, checkShape(l.Output, limit)
}

// setWeights adds new weights, or checks those that are there.
func (l *Layer) setWeights(specs []WeightSpec) error {
	if l.Weights == nil {
		for _, s := range specs {
			l.Weights = append(l.Weights, NewWeight(s))
		}
	}
	if len(l.Weights) != len(specs) {
		return fmt.Errorf("%d weights, expected %d", len(l.Weights), len(specs))
	}
	for i, w := range l.Weights {
		if s := specs[i]; !slices.Equal(w.Shape, s.Shape) {
			return fmt.Errorf("the weight %s has shape %v, expected %v", s.Name, w.Shape, s.Shape)
		}
	}
	return nil
}

// product returns the number of values of a shape whose dimensions are positive, or the greatest
// int if there are more.
func product(shape []int) int {
	p := 1
	for _, s := range shape {
		if s > 0 && p > math.MaxInt/s {
			return math.MaxInt
		}
		p *= s
	}
	return p
}

// add returns the sum of numbers from 0 on, or the greatest int if it is more.
func add(numbers ...int) int {
	sum := 0
	for _, n := range numbers {
		if n > math.MaxInt-sum {
			return math.MaxInt
		}
		sum += n
	}
	return sum
}

// values returns the number of values of a shape.
func values(shape []int) float64 {
	v := 1.0
	for _, s := range shape {
		v *= float64(s)
	}
	return v
}

// maxValues bounds the values of one weight, and of one sample in a layer (1 GiB of float32):
// sizes are asked from people and read from files.
const maxValues = 1 << 28

// checkShape returns an error if a dimension is below 1, or if there are more than limit values.
func checkShape(shape []int, limit float64) error {
	for i, s := range shape {
		if s < 1 {
			return fmt.Errorf("a size of %v; every dimension must be at least 1", shape)
		}
		if values(shape[:i+1]) > limit {
			return fmt.Errorf("a size of %v; expected at most %.0f values", shape, limit)
		}
	}
	return nil
}
