package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// layersUnderTest holds small models, each around one kind of layer. Images are 5x6 pixels with one channel.
var layersUnderTest = []struct {
	name   string
	loss   Loss
	layers func() []*Layer
}{
	{"convolution 3x3", MeanSquaredError, func() []*Layer { return chain(conv(3, 3, 4, ReLU), conv(3, 3, 1, Linear)) }},
	{"convolution 1x1", MeanSquaredError, func() []*Layer { return chain(conv(1, 1, 3, Linear), conv(1, 1, 1, Linear)) }},
	{"convolution 2x2", MeanSquaredError, func() []*Layer { return chain(conv(2, 2, 5, ReLU), conv(2, 2, 1, Linear)) }},
	{"convolution 4x4", MeanSquaredError, func() []*Layer { return chain(conv(4, 4, 2, Linear), conv(4, 4, 1, Linear)) }},
	{"convolution 5x2", MeanSquaredError, func() []*Layer { return chain(conv(5, 2, 17, ReLU), conv(2, 5, 1, Linear)) }},
	{"filter larger than the image", MeanSquaredError, func() []*Layer { return chain(conv(9, 8, 2, Linear), conv(8, 9, 1, Linear)) }},
	{"dense", MeanSquaredError, func() []*Layer {
		return chain(&Layer{Class: Flatten}, dense(7, Linear), dense(33, ReLU), dense(30, Linear), reshape(5, 6, 1))
	}},
	{"sigmoid", MeanSquaredError, func() []*Layer { return chain(conv(3, 3, 2, Sigmoid), conv(3, 3, 1, Sigmoid)) }},
	{"softmax within", MeanSquaredError, func() []*Layer { return chain(conv(3, 3, 4, Softmax), conv(3, 3, 1, Linear)) }},
	{"batch normalisation", MeanSquaredError, func() []*Layer { return chain(conv(3, 3, 4, ReLU), batchNorm(), conv(3, 3, 1, Linear)) }},
	{"batch normalisation after a dense layer", MeanSquaredError, func() []*Layer {
		return chain(&Layer{Class: Flatten}, dense(30, Linear), reshape(5, 2, 3), batchNorm(), conv(1, 1, 3, Linear), reshape(5, 6, 1))
	}},
	{"frozen batch normalisation", MeanSquaredError, func() []*Layer {
		b := batchNorm()
		b.Trainable = false
		return chain(conv(3, 3, 4, Linear), b, conv(3, 3, 1, Linear))
	}},
	{"frozen convolution", MeanSquaredError, func() []*Layer {
		c := conv(3, 3, 4, ReLU)
		c.Trainable = false
		return chain(conv(3, 3, 3, Linear), c, conv(3, 3, 1, Linear))
	}},
	{"max pooling drops what is left over", CategoricalCrossentropy, func() []*Layer {
		return chain(conv(3, 3, 4, ReLU), pool(2, 2), pool(2, 1), &Layer{Class: Flatten}, dense(5, Softmax))
	}},
	{"max pooling 3x4", CategoricalCrossentropy, func() []*Layer {
		return chain(conv(3, 3, 4, Linear), pool(3, 4), &Layer{Class: Flatten}, dense(5, Softmax))
	}},
	{"upsampling", MeanSquaredError, func() []*Layer {
		return chain(pool(5, 2), conv(3, 3, 2, ReLU), &Layer{Class: UpSampling2D, Size: [2]int{5, 2}}, conv(3, 3, 1, Linear))
	}},
	{"upsampling 2x2", CategoricalCrossentropy, func() []*Layer {
		return chain(conv(3, 3, 2, ReLU), batchNorm(), &Layer{Class: UpSampling2D, Size: [2]int{2, 2}}, conv(3, 3, 1, Linear), &Layer{Class: Flatten}, dense(3, Softmax))
	}},
	{"upsampling before a convolution with many filters", CategoricalCrossentropy, func() []*Layer {
		up := &Layer{Class: UpSampling2D, Size: [2]int{2, 2}}
		none := &Layer{Class: Dropout}
		return chain(conv(3, 3, 2, ReLU), batchNorm(), up, none, conv(3, 3, 3, ReLU), batchNorm(), pool(2, 2), conv(2, 2, 2, Linear), &Layer{Class: Flatten}, dense(3, Softmax))
	}},
	{"upsampling before convolutions of even sizes", CategoricalCrossentropy, func() []*Layer {
		up := func() *Layer { return &Layer{Class: UpSampling2D, Size: [2]int{2, 3}} }
		return chain(pool(3, 3), conv(3, 3, 2, Linear), up(), conv(4, 4, 3, ReLU), up(), conv(2, 5, 2, Linear), pool(2, 2), up(), conv(4, 3, 1, Linear),
			pool(4, 4), &Layer{Class: Flatten}, dense(3, Softmax))
	}},
	{"many channels and filters", CategoricalCrossentropy, func() []*Layer {
		return chain(pool(1, 2), conv(1, 1, 33, ReLU), conv(3, 3, 36, ReLU), conv(3, 3, 32, Linear), pool(5, 1), &Layer{Class: Flatten}, dense(3, Softmax))
	}},
	{"many channels, large image", CategoricalCrossentropy, func() []*Layer {
		up := &Layer{Class: UpSampling2D, Size: [2]int{2, 2}}
		return chain(up, conv(1, 1, 8, ReLU), conv(3, 3, 9, ReLU), batchNorm(), pool(2, 2), &Layer{Class: Flatten}, dense(3, Softmax))
	}},
	{"many channels, even image", CategoricalCrossentropy, func() []*Layer {
		return chain(pool(2, 1), conv(1, 1, 32, ReLU), conv(3, 3, 48, ReLU), batchNorm(), conv(3, 3, 40, ReLU), pool(2, 6), &Layer{Class: Flatten}, dense(3, Softmax))
	}},
	{"batch normalisation and max pooling", CategoricalCrossentropy, func() []*Layer {
		return chain(conv(3, 3, 3, ReLU), batchNorm(), pool(2, 2), conv(3, 3, 2, ReLU), batchNorm(), pool(2, 2), &Layer{Class: Flatten}, dense(4, Softmax))
	}},
	{"mean absolute error", MeanAbsoluteError, func() []*Layer {
		return chain(conv(3, 3, 2, ReLU), &Layer{Class: Flatten}, dense(30, Linear), reshape(5, 6, 1))
	}},
	{"categorical crossentropy", CategoricalCrossentropy, func() []*Layer { return chain(&Layer{Class: Flatten}, dense(10, Softmax)) }},
}

func chain(layers ...*Layer) []*Layer {
	return append([]*Layer{{Class: InputLayer, Output: []int{5, 6, 1}, Trainable: true}}, layers...)
}

func conv(kh, kw, filters int, act Activation) *Layer {
	return &Layer{Class: Conv2D, Kernel: [2]int{kh, kw}, Output: []int{filters}, Activation: act, Trainable: true}
}

func dense(units int, act Activation) *Layer {
	return &Layer{Class: Dense, Output: []int{units}, Activation: act, Trainable: true}
}

func reshape(shape ...int) *Layer { return &Layer{Class: Reshape, Output: shape, Trainable: true} }

func batchNorm() *Layer {
	return &Layer{Class: BatchNormalization, Momentum: 0.99, Epsilon: 0.001, Trainable: true}
}

func pool(rows, columns int) *Layer {
	return &Layer{Class: MaxPooling2D, Size: [2]int{rows, columns}, Trainable: true}
}

// randomModel names the layers and draws weights; variances and gammas are near 1.
func randomModel(t *testing.T, layers []*Layer, random *rand.Rand) *Model {
	t.Helper()
	for i, l := range layers {
		l.Name = string(rune('a' + i))
	}
	m, err := NewModel("model", layers)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			for i := range w.Data {
				w.Data[i] = float32(random.NormFloat64() * 0.3)
				if w.Name == "gamma" || w.Name == "moving_variance" {
					w.Data[i] = float32(0.5 + random.Float64())
				}
			}
		}
	}
	return m
}

// Every operator computes what the oracle does, and the gradients are the slopes of the oracle's loss.
func TestLossAndGradientsAgreeWithOracle(t *testing.T) {
	for _, c := range layersUnderTest {
		t.Run(c.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			m := randomModel(t, c.layers(), random)
			slopes := 16 // of a weight; each takes two losses of the oracle, which is slow
			if testing.Short() {
				slopes = 3
			}
			const batch, samples = 13, 11 // more than one group, and a batch that is not full
			x, labels := randomSamples(random, samples, product(m.Input()), product(m.Output()))

			o := newOracle(m, c.loss, x, labels)
			loss := o.lossValue()
			type slope struct {
				of     string
				at     []int // elements of the weight
				slopes []float64
			}
			var want []slope
			for _, l := range m.Layers {
				for i, w := range l.Weights {
					if l.Trainable && !(l.Class == BatchNormalization && i >= 2) {
						at := random.Perm(len(w.Data))
						at = at[:min(len(at), slopes)]
						want = append(want, slope{l.Name + " " + w.Name, at, o.slopes(w, at)})
					}
				}
			}

			eachImplementation(t, func(t *testing.T) {
				n, err := newLearner(m.Layers, c.loss, batch, 1)
				if err != nil {
					t.Fatal(err)
				}
				for i := range n.input {
					n.input[i] = float32(math.NaN()) // must not be looked at beyond the samples
				}
				n.load(&Samples{N: samples, Input: copied(x, product(m.Input())), Labels: labels}, inOrder(samples))
				if err := n.run(samples); err != nil {
					t.Fatal(err)
				}
				near(t, "loss", float64(n.loss.Value().Data().(float32)), loss, 1e-6*max(loss, 1))
				if len(n.learn) != len(want) {
					t.Fatalf("%d weights are trained, expected %d", len(n.learn), len(want))
				}
				for i, w := range want {
					grad, err := n.learn[i].Grad()
					if err != nil {
						t.Fatal(err)
					}
					var scale float64
					for _, s := range w.slopes {
						scale = max(scale, math.Abs(s))
					}
					for j, k := range w.at {
						near(t, fmt.Sprint(w.of, " ", k), float64(grad.Data().([]float32)[k]), w.slopes[j], 2e-5*scale)
					}
				}
			})
		})
	}
}

// slopes are the derivatives of the loss with respect to some elements of a weight, by central differences.
func (o *oracle) slopes(w *Weight, at []int) []float64 {
	const step = 1e-5
	values := o.weights[w]
	slopes := make([]float64, len(at))
	for i, k := range at {
		v := values[k]
		values[k] = v + step
		up := o.lossValue()
		values[k] = v - step
		slopes[i] = (up - o.lossValue()) / (2 * step)
		values[k] = v
	}
	return slopes
}

// A prediction uses the moving statistics and agrees with the oracle, whatever the batch.
func TestPredictAgreesWithOracle(t *testing.T) {
	eachImplementation(t, testPredict)
}

func testPredict(t *testing.T) {
	for _, c := range layersUnderTest {
		t.Run(c.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			m := randomModel(t, c.layers(), random)
			x, _ := randomSamples(random, 9, product(m.Input()), 1)
			want := newOracle(m, c.loss, x, nil).output(false)
			var scale float64
			for _, w := range want {
				for _, v := range w {
					scale = max(scale, math.Abs(v))
				}
			}
			for _, batch := range []int{1, 4, 9, 100} {
				calls := 0
				got, err := m.Predict(&Samples{N: 9, Input: copied(x, product(m.Input()))}, "", batch, func(done, total int) {
					if calls++; done != calls || total != ceilDiv(9, batch) {
						t.Errorf("batch %d: call %d said %d of %d", batch, calls, done, total)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if calls != ceilDiv(9, batch) {
					t.Errorf("batch %d: %d calls of progress, expected %d", batch, calls, ceilDiv(9, batch))
				}
				size := product(m.Output())
				for i, v := range got {
					near(t, "output", float64(v), want[i/size][i%size], 1e-5*scale)
				}
			}
		})
	}
}

func randomSamples(random *rand.Rand, n, size, classes int) (x []float32, labels []uint8) {
	x = make([]float32, n*size)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	labels = make([]uint8, n)
	for i := range labels {
		labels[i] = uint8(random.IntN(min(classes, 256)))
	}
	return x, labels
}

// copied is the Input of samples that lie one after the other.
func copied(x []float32, size int) func(dst []float32, index []int) {
	return func(dst []float32, index []int) {
		for i, k := range index {
			copy(dst[i*size:(i+1)*size], x[k*size:])
		}
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
