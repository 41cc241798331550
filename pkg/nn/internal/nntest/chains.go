package nntest

import (
	"math/rand/v2"

	"imagesimilarity/pkg/nn"
)

const (
	linear, relu, sigmoid, softmax = nn.Linear, nn.ReLU, nn.Sigmoid, nn.Softmax
	squares, crossentropy          = nn.MeanSquaredError, nn.CategoricalCrossentropy
)

// Chains holds small models, each around one kind of layer. Images have 5x6 pixels and one
// channel.
var Chains = []struct {
	Name   string
	Loss   nn.Loss
	Layers func() []*nn.Layer
}{
	{"convolution 3x3", squares, func() []*nn.Layer {
		return Chain(Conv(3, 3, 4, relu), Conv(3, 3, 1, linear))
	}},
	{"convolution 1x1", squares, func() []*nn.Layer {
		return Chain(Conv(1, 1, 3, linear), Conv(1, 1, 1, linear))
	}},
	{"convolution 2x2", squares, func() []*nn.Layer {
		return Chain(Conv(2, 2, 5, relu), Conv(2, 2, 1, linear))
	}},
	{"convolution 4x4", squares, func() []*nn.Layer {
		return Chain(Conv(4, 4, 2, linear), Conv(4, 4, 1, linear))
	}},
	{"convolution 5x2", squares, func() []*nn.Layer {
		return Chain(Conv(5, 2, 17, relu), Conv(2, 5, 1, linear))
	}},
	{"filter larger than the image", squares, func() []*nn.Layer {
		return Chain(Conv(9, 8, 2, linear), Conv(8, 9, 1, linear))
	}},
	{"dense", squares, func() []*nn.Layer {
		return Chain(
			Flatten(), Dense(7, linear), Dense(33, relu), Dense(30, linear), Reshape(5, 6, 1),
		)
	}},
	{"sigmoid", squares, func() []*nn.Layer {
		return Chain(Conv(3, 3, 2, sigmoid), Conv(3, 3, 1, sigmoid))
	}},
	{"softmax within", squares, func() []*nn.Layer {
		return Chain(Conv(3, 3, 4, softmax), Conv(3, 3, 1, linear))
	}},
	{"batch normalisation", squares, func() []*nn.Layer {
		return Chain(Conv(3, 3, 4, relu), BatchNorm(), Conv(3, 3, 1, linear))
	}},
	{"batch normalisation after a dense layer", squares, func() []*nn.Layer {
		return Chain(
			Flatten(), Dense(30, linear), Reshape(5, 2, 3), BatchNorm(), Conv(1, 1, 3, linear),
			Reshape(5, 6, 1),
		)
	}},
	{"frozen batch normalisation", squares, func() []*nn.Layer {
		b := BatchNorm()
		b.Trainable = false
		return Chain(Conv(3, 3, 4, linear), b, Conv(3, 3, 1, linear))
	}},
	{"frozen convolution", squares, func() []*nn.Layer {
		c := Conv(3, 3, 4, relu)
		c.Trainable = false
		return Chain(Conv(3, 3, 3, linear), c, Conv(3, 3, 1, linear))
	}},
	{"max pooling drops what is left over", crossentropy, func() []*nn.Layer {
		return Chain(Conv(3, 3, 4, relu), Pool(2, 2), Pool(2, 1), Flatten(), Dense(5, softmax))
	}},
	{"max pooling 3x4", crossentropy, func() []*nn.Layer {
		return Chain(Conv(3, 3, 4, linear), Pool(3, 4), Flatten(), Dense(5, softmax))
	}},
	{"upsampling", squares, func() []*nn.Layer {
		return Chain(Pool(5, 2), Conv(3, 3, 2, relu), Up(5, 2), Conv(3, 3, 1, linear))
	}},
	{"upsampling 2x2", crossentropy, func() []*nn.Layer {
		return Chain(
			Conv(3, 3, 2, relu), BatchNorm(), Up(2, 2), Conv(3, 3, 1, linear), Flatten(),
			Dense(3, softmax),
		)
	}},
	{"upsampling before a convolution with many filters", crossentropy, func() []*nn.Layer {
		none := &nn.Layer{Class: nn.Dropout}
		return Chain(
			Conv(3, 3, 2, relu), BatchNorm(), Up(2, 2), none, Conv(3, 3, 3, relu), BatchNorm(),
			Pool(2, 2), Conv(2, 2, 2, linear), Flatten(), Dense(3, softmax),
		)
	}},
	{"upsampling before convolutions of even sizes", crossentropy, func() []*nn.Layer {
		return Chain(
			Pool(3, 3), Conv(3, 3, 2, linear), Up(2, 3), Conv(4, 4, 3, relu), Up(2, 3),
			Conv(2, 5, 2, linear), Pool(2, 2), Up(2, 3), Conv(4, 3, 1, linear), Pool(4, 4),
			Flatten(), Dense(3, softmax),
		)
	}},
	{"many channels and filters", crossentropy, func() []*nn.Layer {
		return Chain(
			Pool(1, 2), Conv(1, 1, 33, relu), Conv(3, 3, 36, relu), Conv(3, 3, 32, linear),
			Pool(5, 1), Flatten(), Dense(3, softmax),
		)
	}},
	{"many channels, large image", crossentropy, func() []*nn.Layer {
		return Chain(
			Up(2, 2), Conv(1, 1, 8, relu), Conv(3, 3, 9, relu), BatchNorm(), Pool(2, 2), Flatten(),
			Dense(3, softmax),
		)
	}},
	{"many channels, even image", crossentropy, func() []*nn.Layer {
		return Chain(
			Pool(2, 1), Conv(1, 1, 32, relu), Conv(3, 3, 48, relu), BatchNorm(),
			Conv(3, 3, 40, relu), Pool(2, 6), Flatten(), Dense(3, softmax),
		)
	}},
	{"batch normalisation and max pooling", crossentropy, func() []*nn.Layer {
		return Chain(
			Conv(3, 3, 3, relu), BatchNorm(), Pool(2, 2), Conv(3, 3, 2, relu), BatchNorm(),
			Pool(2, 2), Flatten(), Dense(4, softmax),
		)
	}},
	{"pooling of single pixels", squares, func() []*nn.Layer {
		return Chain(Conv(3, 3, 4, relu), BatchNorm(), Pool(1, 1), Conv(3, 3, 1, linear))
	}},
	{"pooling of single pixels alone", squares, func() []*nn.Layer {
		return Chain(Pool(1, 1), Conv(3, 3, 1, linear), Pool(1, 1), Pool(1, 1))
	}},
	{"mean absolute error", nn.MeanAbsoluteError, func() []*nn.Layer {
		return Chain(Conv(3, 3, 2, relu), Flatten(), Dense(30, linear), Reshape(5, 6, 1))
	}},
	{"categorical crossentropy", crossentropy, func() []*nn.Layer {
		return Chain(Flatten(), Dense(10, softmax))
	}},
}

// RandomChain draws layers of the kinds that can be trained, also such as do nothing. They return
// what an input of Chain has.
func RandomChain(r *rand.Rand) []*nn.Layer {
	var layers []*nn.Layer
	rows, columns := 5, 6
	for range 1 + r.IntN(6) {
		a, b := 1+r.IntN(3), 1+r.IntN(3)
		switch r.IntN(5) {
		case 0, 1:
			act := []nn.Activation{linear, relu, sigmoid, softmax}[r.IntN(4)]
			layers = append(layers, Conv(a, b, 1+r.IntN(9), act))
		case 2:
			layers = append(layers, BatchNorm())
		case 3:
			if a <= rows && b <= columns {
				rows, columns = rows/a, columns/b
				layers = append(layers, Pool(a, b))
			}
		case 4:
			if a*b*rows*columns <= 60 {
				rows, columns = rows*a, columns*b
				layers = append(layers, Up(a, b))
			}
		}
	}
	return Chain(append(layers, Flatten(), Dense(30, linear), Reshape(5, 6, 1))...)
}

// Chain returns the layers after an input of images of 5x6 pixels.
func Chain(layers ...*nn.Layer) []*nn.Layer {
	input := &nn.Layer{Class: nn.InputLayer, Output: []int{5, 6, 1}, Trainable: true}
	return append([]*nn.Layer{input}, layers...)
}

// Conv returns a convolution with padding.
func Conv(kh, kw, filters int, act nn.Activation) *nn.Layer {
	return &nn.Layer{
		Class: nn.Conv2D, Kernel: [2]int{kh, kw}, Padding: nn.Same,
		Output: []int{filters}, Activation: act, Trainable: true,
	}
}

// Dense returns a dense layer.
func Dense(units int, act nn.Activation) *nn.Layer {
	return &nn.Layer{Class: nn.Dense, Output: []int{units}, Activation: act, Trainable: true}
}

// Flatten returns a layer that flattens.
func Flatten() *nn.Layer { return &nn.Layer{Class: nn.Flatten} }

// Up returns an upsampling.
func Up(rows, columns int) *nn.Layer {
	return &nn.Layer{Class: nn.UpSampling2D, Size: [2]int{rows, columns}}
}

// Reshape returns a layer that gives another shape.
func Reshape(shape ...int) *nn.Layer {
	return &nn.Layer{Class: nn.Reshape, Output: shape, Trainable: true}
}

// BatchNorm returns a batch normalisation.
func BatchNorm() *nn.Layer {
	return &nn.Layer{Class: nn.BatchNormalization, Momentum: 0.99, Epsilon: 0.001, Trainable: true}
}

// Pool returns a max pooling.
func Pool(rows, columns int) *nn.Layer {
	return &nn.Layer{Class: nn.MaxPooling2D, Size: [2]int{rows, columns}, Trainable: true}
}
