package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"imagesimilarity/pkg/plural"
)

// AutoencoderConfig describes an autoencoder of grey images.
type AutoencoderConfig struct {
	// Rows and Cols of an image must be multiples of 4 (of 2 with one block): each of the first two
	// blocks halves them.
	Rows, Cols int
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

// NewAutoencoder makes an autoencoder with Keras' layers, names and initial values.
func NewAutoencoder(c AutoencoderConfig, seed uint64) (*Model, error) {
	layers, err := c.Layers()
	if err != nil {
		return nil, err
	}
	return newInitialised(layers, seed)
}

// NewClassifier makes a classifier with Keras' layers, names and initial values; its encoder is
// named as that of an autoencoder with the same filters.
func NewClassifier(c ClassifierConfig, seed uint64) (*Model, error) {
	layers, err := c.Layers()
	if err != nil {
		return nil, err
	}
	return newInitialised(layers, seed)
}

// Layers returns the layers of the autoencoder, without weights and not yet connected: the encoder,
// a Dense layer named embedding, and the encoder's mirror image with UpSampling2D for MaxPooling2D.
func (c AutoencoderConfig) Layers() ([]*Layer, error) {
	b, err := newEncoder(c.Rows, c.Cols, c.FilterSize, c.Filters, 0)
	if err != nil {
		return nil, err
	}
	blocks := len(c.Filters)
	halvings := min(blocks, pooledBlocks)
	if step := 1 << halvings; c.Rows%step != 0 || c.Cols%step != 0 {
		return nil, fmt.Errorf("nn: images of %dx%d pixels do not come out of an autoencoder with "+
			"%s in their own size; expected multiples of %d",
			c.Rows, c.Cols, plural.Of(blocks, "layer"), step)
	}
	image := []int{c.Rows >> halvings, c.Cols >> halvings, c.Filters[blocks-1]}
	b.dense("embedding", c.Embedding, Linear)
	b.dense("dense", product(image), Linear)
	b.add(Layer{Class: Reshape, Output: image})
	for i := blocks - 1; i >= 0; i-- {
		b.conv(c.FilterSize, c.Filters[i], ReLU)
		b.batchNorm()
		if i < pooledBlocks {
			b.add(Layer{Class: UpSampling2D, Size: [2]int{2, 2}})
		}
		b.add(Layer{Class: Dropout})
	}
	b.conv(c.FilterSize, 1, Sigmoid)
	return b.layers, nil
}

// Layers returns the layers of the classifier, without weights and not yet connected: the encoder
// and Dense layers named embedding, fully_connected and output.
func (c ClassifierConfig) Layers() ([]*Layer, error) {
	b, err := newEncoder(c.Rows, c.Cols, c.FilterSize, c.Filters, c.DropoutRate)
	if err != nil {
		return nil, err
	}
	b.dense("embedding", c.Embedding, Linear)
	b.head(c)
	return b.layers, nil
}

// A builder collects the layers of a model.
type builder struct {
	layers []*Layer
	counts map[string]int // layers so far by the name they were added with
}

// newEncoder begins a model with the input and, for each number of filters, a block of Conv2D,
// BatchNormalization, MaxPooling2D (the first two blocks) and Dropout; Flatten ends it.
func newEncoder(rows, cols, size int, filters []int, rate float64) (*builder, error) {
	if len(filters) == 0 {
		return nil, fmt.Errorf("nn: a network needs at least one convolutional layer")
	}
	b := &builder{counts: map[string]int{}}
	// Keras 2 names its first input so.
	b.add(Layer{Class: InputLayer, Name: "input_1", Output: []int{rows, cols, 1}})
	for i, f := range filters {
		b.conv(size, f, ReLU)
		b.batchNorm()
		if i < pooledBlocks {
			b.add(Layer{Class: MaxPooling2D, Size: [2]int{2, 2}})
		}
		b.add(Layer{Class: Dropout, Rate: rate})
	}
	b.add(Layer{Class: Flatten})
	return b, nil
}

// add adds a layer. One without a name gets that of its class; a name that is taken gets a number,
// as in Keras.
func (b *builder) add(l Layer) {
	if l.Name == "" {
		l.Name = l.Class.Base()
	}
	name := l.Name
	if k := b.counts[name]; k > 0 {
		l.Name += "_" + strconv.Itoa(k)
	}
	b.counts[name]++
	l.Trainable = true
	b.layers = append(b.layers, &l)
}

func (b *builder) conv(size, filters int, act Activation) {
	b.add(Layer{
		Class: Conv2D, Output: []int{filters}, Kernel: [2]int{size, size}, Padding: Same,
		Activation: act,
	})
}

func (b *builder) batchNorm() {
	b.add(Layer{Class: BatchNormalization, Momentum: 0.99, Epsilon: 0.001})
}

// head adds the layers of a classifier after the embedding.
func (b *builder) head(c ClassifierConfig) {
	names := HeadNames()
	b.dense(names[0], c.FullyConnected, Linear)
	b.add(Layer{Class: Dropout, Name: names[1], Rate: c.DropoutRate})
	b.dense(names[2], c.Classes, Softmax)
}

func (b *builder) dense(name string, units int, act Activation) {
	b.add(Layer{Class: Dense, Name: name, Output: []int{units}, Activation: act})
}

// newInitialised makes a model and draws the initial values that are random.
func newInitialised(layers []*Layer, seed uint64) (*Model, error) {
	m, err := NewModel("model", layers)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for _, l := range m.Layers {
		l.draw(random)
	}
	return m, nil
}

// draw draws those initial values of a layer that are random.
func (l *Layer) draw(random *rand.Rand) {
	for _, w := range l.Weights {
		if w.Initial == GlorotUniform {
			w.drawGlorot(random)
		}
	}
}

// drawGlorot draws the values of a kernel whose last dimensions are (in, out).
func (w *Weight) drawGlorot(random *rand.Rand) {
	n := len(w.Shape) - 2
	fans := (w.Shape[n] + w.Shape[n+1]) * product(w.Shape[:n])
	limit := math.Sqrt(6 / float64(fans))
	for i := range w.Data {
		w.Data[i] = float32((2*float64(random.Float64()) - 1) * limit)
	}
}
