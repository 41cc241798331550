package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
)

// AutoencoderConfig describes an autoencoder of grey images.
type AutoencoderConfig struct {
	Rows, Cols int   // of an image; halved once by each of the first two blocks, so multiples of 4 (of 2 with one block)
	FilterSize int   // rows and columns of every filter
	Filters    []int // number of filters of each block
	Embedding  int   // size of the latent vector
}

// ClassifierConfig describes a classifier of grey images on the encoder of an autoencoder.
type ClassifierConfig struct {
	Rows, Cols     int
	FilterSize     int
	Filters        []int
	Embedding      int
	FullyConnected int // units between embedding and output
	Classes        int
	DropoutRate    float64 // share of values that is dropped in training, in [0,1]
}

// pooledBlocks is the number of blocks, counted from the image, that halve the image or double it.
const pooledBlocks = 2

// NewAutoencoder makes an autoencoder with Keras' layers, names and initial values: the encoder of newEncoder, a Dense
// layer named embedding, and the encoder's mirror image with UpSampling2D for MaxPooling2D.
func NewAutoencoder(c AutoencoderConfig, seed uint64) (*Model, error) {
	b, err := newEncoder(c.Rows, c.Cols, c.FilterSize, c.Filters, 0)
	if err != nil {
		return nil, err
	}
	blocks := len(c.Filters)
	halvings := min(blocks, pooledBlocks)
	if step := 1 << halvings; c.Rows%step != 0 || c.Cols%step != 0 {
		return nil, fmt.Errorf("nn: images of %dx%d pixels do not come out of an autoencoder with %d layers in their own size; expected multiples of %d",
			c.Rows, c.Cols, blocks, step)
	}
	h, w, f := c.Rows>>halvings, c.Cols>>halvings, c.Filters[blocks-1]
	b.dense("embedding", c.Embedding, Linear)
	b.dense("dense", h*w*f, Linear)
	b.add(Layer{Class: Reshape, Output: []int{h, w, f}}, "reshape")
	for i := blocks - 1; i >= 0; i-- {
		b.conv(c.FilterSize, c.Filters[i], ReLU)
		b.batchNorm()
		if i < pooledBlocks {
			b.add(Layer{Class: UpSampling2D, Size: [2]int{2, 2}}, "up_sampling2d")
		}
		b.add(Layer{Class: Dropout}, "dropout")
	}
	b.conv(c.FilterSize, 1, Sigmoid)
	return b.model(seed)
}

// NewClassifier makes a classifier with Keras' layers, names and initial values; its encoder is named as that of an
// autoencoder with the same filters.
func NewClassifier(c ClassifierConfig, seed uint64) (*Model, error) {
	b, err := newEncoder(c.Rows, c.Cols, c.FilterSize, c.Filters, c.DropoutRate)
	if err != nil {
		return nil, err
	}
	b.dense("embedding", c.Embedding, Linear)
	b.dense("fully_connected", c.FullyConnected, Linear)
	b.add(Layer{Class: Dropout, Rate: c.DropoutRate}, "final_dropout")
	b.dense("output", c.Classes, Softmax)
	return b.model(seed)
}

// A builder collects the layers of a model.
type builder struct {
	layers []*Layer
	counts map[string]int // layers so far by base name
}

// newEncoder begins a model with the input and, for each number of filters, a block of Conv2D, BatchNormalization,
// MaxPooling2D (the first two blocks) and Dropout; Flatten ends it.
func newEncoder(rows, cols, filterSize int, filters []int, rate float64) (*builder, error) {
	if len(filters) == 0 {
		return nil, fmt.Errorf("nn: a network needs at least one convolutional layer")
	}
	b := &builder{counts: map[string]int{}}
	b.layers = []*Layer{{Class: InputLayer, Name: "input_1", Output: []int{rows, cols, 1}, Trainable: true}}
	for i, f := range filters {
		b.conv(filterSize, f, ReLU)
		b.batchNorm()
		if i < pooledBlocks {
			b.add(Layer{Class: MaxPooling2D, Size: [2]int{2, 2}}, "max_pooling2d")
		}
		b.add(Layer{Class: Dropout, Rate: rate}, "dropout")
	}
	b.add(Layer{Class: Flatten}, "flatten")
	return b, nil
}

// add adds a layer; a base name that is taken gets a number, as in Keras.
func (b *builder) add(l Layer, base string) {
	l.Name = base
	if k := b.counts[base]; k > 0 {
		l.Name += "_" + strconv.Itoa(k)
	}
	b.counts[base]++
	l.Trainable = true
	b.layers = append(b.layers, &l)
}

func (b *builder) conv(size, filters int, act Activation) {
	// NewModel fills in the image's size; it needs the number of filters.
	b.add(Layer{Class: Conv2D, Output: []int{filters}, Kernel: [2]int{size, size}, Activation: act}, "conv2d")
}

func (b *builder) batchNorm() {
	b.add(Layer{Class: BatchNormalization, Momentum: 0.99, Epsilon: 0.001}, "batch_normalization")
}

func (b *builder) dense(name string, units int, act Activation) {
	b.add(Layer{Class: Dense, Output: []int{units}, Activation: act}, name)
}

// model makes the model and draws the kernels, uniformly in ±sqrt(6/(fan in + fan out)) (Glorot and Bengio 2010).
func (b *builder) model(seed uint64) (*Model, error) {
	m, err := NewModel("model", b.layers)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for _, l := range m.Layers {
		if l.Class != Conv2D && l.Class != Dense {
			continue
		}
		shape := l.Weights[0].Shape
		fans := shape[len(shape)-2] + shape[len(shape)-1]
		if l.Class == Conv2D {
			fans *= l.Kernel[0] * l.Kernel[1]
		}
		limit := math.Sqrt(6 / float64(fans))
		kernel := l.Weights[0].Data
		for i := range kernel {
			kernel[i] = float32(float64(2*random.Float64()-1) * limit)
		}
	}
	return m, nil
}
