package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// layersUnderTest holds small models, each around one kind of layer. Images are 5x6 pixels with one channel.
var layersUnderTest = []struct {
	name   string
	loss   nn.Loss
	layers func() []*nn.Layer
}{
	{"convolution 3x3", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(3, 3, 4, nn.ReLU), conv(3, 3, 1, nn.Linear)) }},
	{"convolution 1x1", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(1, 1, 3, nn.Linear), conv(1, 1, 1, nn.Linear)) }},
	{"convolution 2x2", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(2, 2, 5, nn.ReLU), conv(2, 2, 1, nn.Linear)) }},
	{"convolution 4x4", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(4, 4, 2, nn.Linear), conv(4, 4, 1, nn.Linear)) }},
	{"convolution 5x2", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(5, 2, 17, nn.ReLU), conv(2, 5, 1, nn.Linear)) }},
	{"filter larger than the image", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(9, 8, 2, nn.Linear), conv(8, 9, 1, nn.Linear)) }},
	{"dense", nn.MeanSquaredError, func() []*nn.Layer {
		return chain(&nn.Layer{Class: nn.Flatten}, dense(7, nn.Linear), dense(33, nn.ReLU), dense(30, nn.Linear), reshape(5, 6, 1))
	}},
	{"sigmoid", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(3, 3, 2, nn.Sigmoid), conv(3, 3, 1, nn.Sigmoid)) }},
	{"softmax within", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(3, 3, 4, nn.Softmax), conv(3, 3, 1, nn.Linear)) }},
	{"batch normalisation", nn.MeanSquaredError, func() []*nn.Layer { return chain(conv(3, 3, 4, nn.ReLU), batchNorm(), conv(3, 3, 1, nn.Linear)) }},
	{"batch normalisation after a dense layer", nn.MeanSquaredError, func() []*nn.Layer {
		return chain(&nn.Layer{Class: nn.Flatten}, dense(30, nn.Linear), reshape(5, 2, 3), batchNorm(), conv(1, 1, 3, nn.Linear), reshape(5, 6, 1))
	}},
	{"frozen batch normalisation", nn.MeanSquaredError, func() []*nn.Layer {
		b := batchNorm()
		b.Trainable = false
		return chain(conv(3, 3, 4, nn.Linear), b, conv(3, 3, 1, nn.Linear))
	}},
	{"frozen convolution", nn.MeanSquaredError, func() []*nn.Layer {
		c := conv(3, 3, 4, nn.ReLU)
		c.Trainable = false
		return chain(conv(3, 3, 3, nn.Linear), c, conv(3, 3, 1, nn.Linear))
	}},
	{"max pooling drops what is left over", nn.CategoricalCrossentropy, func() []*nn.Layer {
		return chain(conv(3, 3, 4, nn.ReLU), pool(2, 2), pool(2, 1), &nn.Layer{Class: nn.Flatten}, dense(5, nn.Softmax))
	}},
	{"max pooling 3x4", nn.CategoricalCrossentropy, func() []*nn.Layer {
		return chain(conv(3, 3, 4, nn.Linear), pool(3, 4), &nn.Layer{Class: nn.Flatten}, dense(5, nn.Softmax))
	}},
	{"upsampling", nn.MeanSquaredError, func() []*nn.Layer {
		return chain(pool(5, 2), conv(3, 3, 2, nn.ReLU), &nn.Layer{Class: nn.UpSampling2D, Size: [2]int{5, 2}}, conv(3, 3, 1, nn.Linear))
	}},
	{"upsampling 2x2", nn.CategoricalCrossentropy, func() []*nn.Layer {
		return chain(conv(3, 3, 2, nn.ReLU), batchNorm(), &nn.Layer{Class: nn.UpSampling2D, Size: [2]int{2, 2}}, conv(3, 3, 1, nn.Linear), &nn.Layer{Class: nn.Flatten}, dense(3, nn.Softmax))
	}},
	{"upsampling before a convolution with many filters", nn.CategoricalCrossentropy, func() []*nn.Layer {
		up := &nn.Layer{Class: nn.UpSampling2D, Size: [2]int{2, 2}}
		none := &nn.Layer{Class: nn.Dropout}
		return chain(conv(3, 3, 2, nn.ReLU), batchNorm(), up, none, conv(3, 3, 3, nn.ReLU), batchNorm(), pool(2, 2), conv(2, 2, 2, nn.Linear), &nn.Layer{Class: nn.Flatten}, dense(3, nn.Softmax))
	}},
	{"upsampling before convolutions of even sizes", nn.CategoricalCrossentropy, func() []*nn.Layer {
		up := func() *nn.Layer { return &nn.Layer{Class: nn.UpSampling2D, Size: [2]int{2, 3}} }
		return chain(pool(3, 3), conv(3, 3, 2, nn.Linear), up(), conv(4, 4, 3, nn.ReLU), up(), conv(2, 5, 2, nn.Linear), pool(2, 2), up(), conv(4, 3, 1, nn.Linear),
			pool(4, 4), &nn.Layer{Class: nn.Flatten}, dense(3, nn.Softmax))
	}},
	{"many channels and filters", nn.CategoricalCrossentropy, func() []*nn.Layer {
		return chain(pool(1, 2), conv(1, 1, 33, nn.ReLU), conv(3, 3, 36, nn.ReLU), conv(3, 3, 32, nn.Linear), pool(5, 1), &nn.Layer{Class: nn.Flatten}, dense(3, nn.Softmax))
	}},
	{"many channels, large image", nn.CategoricalCrossentropy, func() []*nn.Layer {
		up := &nn.Layer{Class: nn.UpSampling2D, Size: [2]int{2, 2}}
		return chain(up, conv(1, 1, 8, nn.ReLU), conv(3, 3, 9, nn.ReLU), batchNorm(), pool(2, 2), &nn.Layer{Class: nn.Flatten}, dense(3, nn.Softmax))
	}},
	{"many channels, even image", nn.CategoricalCrossentropy, func() []*nn.Layer {
		return chain(pool(2, 1), conv(1, 1, 32, nn.ReLU), conv(3, 3, 48, nn.ReLU), batchNorm(), conv(3, 3, 40, nn.ReLU), pool(2, 6), &nn.Layer{Class: nn.Flatten}, dense(3, nn.Softmax))
	}},
	{"batch normalisation and max pooling", nn.CategoricalCrossentropy, func() []*nn.Layer {
		return chain(conv(3, 3, 3, nn.ReLU), batchNorm(), pool(2, 2), conv(3, 3, 2, nn.ReLU), batchNorm(), pool(2, 2), &nn.Layer{Class: nn.Flatten}, dense(4, nn.Softmax))
	}},
	{"mean absolute error", nn.MeanAbsoluteError, func() []*nn.Layer {
		return chain(conv(3, 3, 2, nn.ReLU), &nn.Layer{Class: nn.Flatten}, dense(30, nn.Linear), reshape(5, 6, 1))
	}},
	{"categorical crossentropy", nn.CategoricalCrossentropy, func() []*nn.Layer { return chain(&nn.Layer{Class: nn.Flatten}, dense(10, nn.Softmax)) }},
}

func chain(layers ...*nn.Layer) []*nn.Layer {
	return append([]*nn.Layer{{Class: nn.InputLayer, Output: []int{5, 6, 1}, Trainable: true}}, layers...)
}

func conv(kh, kw, filters int, act nn.Activation) *nn.Layer {
	return &nn.Layer{Class: nn.Conv2D, Kernel: [2]int{kh, kw}, Output: []int{filters}, Activation: act, Trainable: true}
}

func dense(units int, act nn.Activation) *nn.Layer {
	return &nn.Layer{Class: nn.Dense, Output: []int{units}, Activation: act, Trainable: true}
}

func reshape(shape ...int) *nn.Layer {
	return &nn.Layer{Class: nn.Reshape, Output: shape, Trainable: true}
}

func batchNorm() *nn.Layer {
	return &nn.Layer{Class: nn.BatchNormalization, Momentum: 0.99, Epsilon: 0.001, Trainable: true}
}

func pool(rows, columns int) *nn.Layer {
	return &nn.Layer{Class: nn.MaxPooling2D, Size: [2]int{rows, columns}, Trainable: true}
}

// randomModel names the layers and draws weights; variances and gammas are near 1.
func randomModel(t *testing.T, layers []*nn.Layer, random *rand.Rand) *nn.Model {
	t.Helper()
	for i, l := range layers {
		l.Name = string(rune('a' + i))
	}
	m, err := nn.NewModel("model", layers)
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
					if l.Trainable && !(l.Class == nn.BatchNormalization && i >= 2) {
						at := random.Perm(len(w.Data))
						at = at[:min(len(at), slopes)]
						want = append(want, slope{l.Name + " " + w.Name, at, o.slopes(w, at)})
					}
				}
			}

			eachImplementation(t, func(t *testing.T, k *kernel.Set) {
				n, err := newLearner(k, m.Layers, c.loss, batch, 1)
				if err != nil {
					t.Fatal(err)
				}
				for i := range n.input {
					n.input[i] = float32(math.NaN()) // must not be looked at beyond the samples
				}
				n.load(&nn.Samples{N: samples, Input: copied(x, product(m.Input())), Labels: labels}, inOrder(samples))
				if err := n.run(samples); err != nil {
					t.Fatal(err)
				}
				near(t, "loss", n.lossValue(), loss, 1e-6*max(loss, 1))
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
func (o *oracle) slopes(w *nn.Weight, at []int) []float64 {
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

func testPredict(t *testing.T, k *kernel.Set) {
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
				got, err := m.Predict(With(k), &nn.Samples{N: 9, Input: copied(x, product(m.Input()))}, "", batch, func(done, total int) {
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

// inOrder returns 0 to n-1.
func inOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// A class without an operator is an error, not a layer that does nothing.
func TestUnknownClass(t *testing.T) {
	layers := chain(&nn.Layer{Class: "Lambda", Name: "odd", Output: []int{5, 6, 1}})
	if _, err := New().NewPrediction(layers, 1); err == nil || !strings.Contains(err.Error(), `"odd"`) {
		t.Errorf("error %v", err)
	}
}
