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

const (
	linear, relu, sigmoid, softmax = nn.Linear, nn.ReLU, nn.Sigmoid, nn.Softmax
	squares, crossentropy          = nn.MeanSquaredError, nn.CategoricalCrossentropy
)

// layersUnderTest holds small models, each around one kind of layer. Images have 5x6 pixels and one
// channel.
var layersUnderTest = []struct {
	name   string
	loss   nn.Loss
	layers func() []*nn.Layer
}{
	{"convolution 3x3", squares, func() []*nn.Layer {
		return chain(conv(3, 3, 4, relu), conv(3, 3, 1, linear))
	}},
	{"convolution 1x1", squares, func() []*nn.Layer {
		return chain(conv(1, 1, 3, linear), conv(1, 1, 1, linear))
	}},
	{"convolution 2x2", squares, func() []*nn.Layer {
		return chain(conv(2, 2, 5, relu), conv(2, 2, 1, linear))
	}},
	{"convolution 4x4", squares, func() []*nn.Layer {
		return chain(conv(4, 4, 2, linear), conv(4, 4, 1, linear))
	}},
	{"convolution 5x2", squares, func() []*nn.Layer {
		return chain(conv(5, 2, 17, relu), conv(2, 5, 1, linear))
	}},
	{"filter larger than the image", squares, func() []*nn.Layer {
		return chain(conv(9, 8, 2, linear), conv(8, 9, 1, linear))
	}},
	{"dense", squares, func() []*nn.Layer {
		return chain(
			flatten(), dense(7, linear), dense(33, relu), dense(30, linear), reshape(5, 6, 1),
		)
	}},
	{"sigmoid", squares, func() []*nn.Layer {
		return chain(conv(3, 3, 2, sigmoid), conv(3, 3, 1, sigmoid))
	}},
	{"softmax within", squares, func() []*nn.Layer {
		return chain(conv(3, 3, 4, softmax), conv(3, 3, 1, linear))
	}},
	{"batch normalisation", squares, func() []*nn.Layer {
		return chain(conv(3, 3, 4, relu), batchNorm(), conv(3, 3, 1, linear))
	}},
	{"batch normalisation after a dense layer", squares, func() []*nn.Layer {
		return chain(
			flatten(), dense(30, linear), reshape(5, 2, 3), batchNorm(), conv(1, 1, 3, linear),
			reshape(5, 6, 1),
		)
	}},
	{"frozen batch normalisation", squares, func() []*nn.Layer {
		b := batchNorm()
		b.Trainable = false
		return chain(conv(3, 3, 4, linear), b, conv(3, 3, 1, linear))
	}},
	{"frozen convolution", squares, func() []*nn.Layer {
		c := conv(3, 3, 4, relu)
		c.Trainable = false
		return chain(conv(3, 3, 3, linear), c, conv(3, 3, 1, linear))
	}},
	{"max pooling drops what is left over", crossentropy, func() []*nn.Layer {
		return chain(conv(3, 3, 4, relu), pool(2, 2), pool(2, 1), flatten(), dense(5, softmax))
	}},
	{"max pooling 3x4", crossentropy, func() []*nn.Layer {
		return chain(conv(3, 3, 4, linear), pool(3, 4), flatten(), dense(5, softmax))
	}},
	{"upsampling", squares, func() []*nn.Layer {
		return chain(pool(5, 2), conv(3, 3, 2, relu), up(5, 2), conv(3, 3, 1, linear))
	}},
	{"upsampling 2x2", crossentropy, func() []*nn.Layer {
		return chain(
			conv(3, 3, 2, relu), batchNorm(), up(2, 2), conv(3, 3, 1, linear), flatten(),
			dense(3, softmax),
		)
	}},
	{"upsampling before a convolution with many filters", crossentropy, func() []*nn.Layer {
		none := &nn.Layer{Class: nn.Dropout}
		return chain(
			conv(3, 3, 2, relu), batchNorm(), up(2, 2), none, conv(3, 3, 3, relu), batchNorm(),
			pool(2, 2), conv(2, 2, 2, linear), flatten(), dense(3, softmax),
		)
	}},
	{"upsampling before convolutions of even sizes", crossentropy, func() []*nn.Layer {
		return chain(
			pool(3, 3), conv(3, 3, 2, linear), up(2, 3), conv(4, 4, 3, relu), up(2, 3),
			conv(2, 5, 2, linear), pool(2, 2), up(2, 3), conv(4, 3, 1, linear), pool(4, 4),
			flatten(), dense(3, softmax),
		)
	}},
	{"many channels and filters", crossentropy, func() []*nn.Layer {
		return chain(
			pool(1, 2), conv(1, 1, 33, relu), conv(3, 3, 36, relu), conv(3, 3, 32, linear),
			pool(5, 1), flatten(), dense(3, softmax),
		)
	}},
	{"many channels, large image", crossentropy, func() []*nn.Layer {
		return chain(
			up(2, 2), conv(1, 1, 8, relu), conv(3, 3, 9, relu), batchNorm(), pool(2, 2), flatten(),
			dense(3, softmax),
		)
	}},
	{"many channels, even image", crossentropy, func() []*nn.Layer {
		return chain(
			pool(2, 1), conv(1, 1, 32, relu), conv(3, 3, 48, relu), batchNorm(),
			conv(3, 3, 40, relu), pool(2, 6), flatten(), dense(3, softmax),
		)
	}},
	{"batch normalisation and max pooling", crossentropy, func() []*nn.Layer {
		return chain(
			conv(3, 3, 3, relu), batchNorm(), pool(2, 2), conv(3, 3, 2, relu), batchNorm(),
			pool(2, 2), flatten(), dense(4, softmax),
		)
	}},
	{"mean absolute error", nn.MeanAbsoluteError, func() []*nn.Layer {
		return chain(conv(3, 3, 2, relu), flatten(), dense(30, linear), reshape(5, 6, 1))
	}},
	{"categorical crossentropy", crossentropy, func() []*nn.Layer {
		return chain(flatten(), dense(10, softmax))
	}},
}

func chain(layers ...*nn.Layer) []*nn.Layer {
	input := &nn.Layer{Class: nn.InputLayer, Output: []int{5, 6, 1}, Trainable: true}
	return append([]*nn.Layer{input}, layers...)
}

func conv(kh, kw, filters int, act nn.Activation) *nn.Layer {
	return &nn.Layer{
		Class: nn.Conv2D, Kernel: [2]int{kh, kw}, Padding: nn.Same,
		Output: []int{filters}, Activation: act, Trainable: true,
	}
}

func dense(units int, act nn.Activation) *nn.Layer {
	return &nn.Layer{Class: nn.Dense, Output: []int{units}, Activation: act, Trainable: true}
}

func flatten() *nn.Layer { return &nn.Layer{Class: nn.Flatten} }

func up(rows, columns int) *nn.Layer {
	return &nn.Layer{Class: nn.UpSampling2D, Size: [2]int{rows, columns}}
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

// Every operator computes what the oracle does, and the gradients are the slopes of the oracle's
// loss.
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
				input := copied(x, product(m.Input()))
				n.load(&nn.Samples{N: samples, Input: input, Labels: labels}, inOrder(samples))
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
						got := float64(grad.Data().([]float32)[k])
						near(t, fmt.Sprint(w.of, " ", k), got, w.slopes[j], 2e-5*scale)
					}
				}
			})
		})
	}
}

// slopes returns the derivatives of the loss with respect to some elements of a weight, by central
// differences.
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
				s := &nn.Samples{N: 9, Input: copied(x, product(m.Input()))}
				got, err := m.Predict(With(k), s, "", batch, func(done, total int) {
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
func copied(x []float32, size int) func(dst []float32, index []int) error {
	return func(dst []float32, index []int) error {
		for i, k := range index {
			copy(dst[i*size:(i+1)*size], x[k*size:])
		}
		return nil
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
	_, err := New().NewPrediction(layers, 1)
	if err == nil || !strings.Contains(err.Error(), `"odd"`) {
		t.Errorf("error %v", err)
	}
}
