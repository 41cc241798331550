package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
	"imagesimilarity/pkg/nn/internal/nntest"
)

const (
	linear, relu, sigmoid, softmax = nn.Linear, nn.ReLU, nn.Sigmoid, nn.Softmax
	squares, crossentropy          = nn.MeanSquaredError, nn.CategoricalCrossentropy
)

// The layers of networks under test.
var (
	layersUnderTest    = nntest.Chains
	chain, conv, dense = nntest.Chain, nntest.Conv, nntest.Dense
	flatten            = nntest.Flatten
	batchNorm, pool    = nntest.BatchNorm, nntest.Pool
)

// Every operator computes what the oracle does, and the gradients are the slopes of the oracle's
// loss.
func TestLossAndGradientsAgreeWithOracle(t *testing.T) {
	for _, c := range layersUnderTest {
		t.Run(c.Name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			testGradients(t, r, nntest.RandomModel(t, c.Layers(), r), c.Loss, 2e-5, 0)
		})
	}
}

// So does every order of layers.
func TestRandomChainsAgreeWithOracle(t *testing.T) {
	chains := 60
	if testing.Short() {
		chains = 15
	}
	for i := range chains {
		r := rand.New(rand.NewPCG(5, uint64(i)))
		layers := nntest.RandomChain(r)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Log(nntest.Describe(layers))
				}
			}()
			// The oracle takes slopes between two points. A few of these have a kink of ReLU or of a
			// pooling between them. And some gradients are 0, as of biases before a normalisation.
			testGradients(t, r, nntest.RandomModel(t, layers, r), squares, 0.01, 0.1)
		})
	}
}

// testGradients compares the loss of a model and the gradients of its weights with those of the
// oracle. Gradients may differ by this share of the greatest one of a weight, or of least if that
// is more.
func testGradients(t *testing.T, random *rand.Rand, m *nn.Model, loss nn.Loss,
	share, least float64) {

	slopes := 16 // of a weight; each takes two losses of the oracle, which is slow
	if testing.Short() {
		slopes = 3
	}
	const batch, samples = 13, 11 // more than one group, and a batch that is not full
	x, labels := randomSamples(random, samples, product(m.Input()), product(m.Output()))

	o := nntest.NewOracle(m, loss, x, labels)
	wantLoss := o.Loss()
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
				want = append(want, slope{l.Name + " " + w.Name, at, o.Slopes(w, at)})
			}
		}
	}

	eachImplementation(t, func(t *testing.T, k *kernel.Set) {
		n, err := newLearner(k, m.Layers, loss, batch, 1)
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
		near(t, "loss", n.lossValue(), wantLoss, 1e-6*max(wantLoss, 1))
		if len(n.learn) != len(want) {
			t.Fatalf("%d weights are trained, expected %d", len(n.learn), len(want))
		}
		for i, w := range want {
			grad, err := n.learn[i].Grad()
			if err != nil {
				t.Fatal(err)
			}
			scale := least
			for _, s := range w.slopes {
				scale = max(scale, math.Abs(s))
			}
			for j, k := range w.at {
				got := float64(grad.Data().([]float32)[k])
				near(t, fmt.Sprint(w.of, " ", k), got, w.slopes[j], share*scale)
			}
		}
	})
}

// A prediction uses the moving statistics and agrees with the oracle, whatever the batch.
func TestPredictAgreesWithOracle(t *testing.T) {
	eachImplementation(t, testPredict)
}

func testPredict(t *testing.T, k *kernel.Set) {
	for _, c := range layersUnderTest {
		t.Run(c.Name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			m := nntest.RandomModel(t, c.Layers(), random)
			x, _ := randomSamples(random, 9, product(m.Input()), 1)
			want := nntest.NewOracle(m, c.Loss, x, nil).Output(false)
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
