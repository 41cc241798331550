package cpu

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
	"imagesimilarity/pkg/nn/internal/nntest"
)

// The moving statistics take a hundredth of the batch's mean and of its unbiased variance.
func TestMovingStatistics(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	m := nntest.RandomModel(t, chain(batchNorm()), random)
	l := m.Layers[1]
	mean, variance := l.Weights[2].Data, l.Weights[3].Data
	mean[0], variance[0] = 5, 3
	n, err := newLearner(kernel.Implementations[0], m.Layers, nn.MeanSquaredError, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := randomSamples(random, 3, 30, 1)
	for i := range x {
		x[i] += 100 // a mean far from 0 costs no precision
	}
	n.load(&nn.Samples{N: 3, Input: copied(x, 30)}, inOrder(3))
	if err := n.run(3); err != nil {
		t.Fatal(err)
	}
	batchMean, batchVariance := nntest.ChannelStatistics([][]float64{nntest.Widen(x)}, 1, 0)
	near(t, "moving mean", float64(mean[0]), 0.99*5+0.01*batchMean, 3e-6) // sums of 3000 in float32
	near(t, "moving variance", float64(variance[0]), 0.99*3+0.01*batchVariance*90/89, 1e-6)
}

func TestDropout(t *testing.T) {
	for _, rate := range []float64{0.1, 0.5, 0.9, 1} {
		dropout := &nn.Layer{Class: nn.Dropout, Rate: rate}
		random := rand.New(rand.NewPCG(1, 1))
		m := nntest.RandomModel(t, chain(dropout, conv(1, 1, 1, linear)), random)
		n, err := newLearner(kernel.Implementations[0], m.Layers, nn.MeanSquaredError, 400, 1)
		if err != nil {
			t.Fatal(err)
		}
		kernel, bias := m.Layers[2].Weights[0].Data, m.Layers[2].Weights[1].Data
		kernel[0], bias[0] = 1, 0
		masks := [2][]float32{}
		for run := range masks {
			for i := range n.input {
				n.input[i] = 1
			}
			if err := n.run(400); err != nil {
				t.Fatal(err)
			}
			masks[run] = slices.Clone(valueOf(t, n, "dropout#"))
		}
		dropped := 0
		for _, v := range masks[0] {
			if v == 0 {
				dropped++
			} else if v != float32(1/(1-rate)) {
				t.Fatalf("rate %v: 1 became %v", rate, v)
			}
		}
		// Four standard deviations.
		count := float64(len(masks[0]))
		near(t, "share of dropped values", float64(dropped)/count, rate, 4*math.Sqrt(rate*(1-rate)/count))
		if rate < 1 && slices.Equal(masks[0], masks[1]) {
			t.Errorf("rate %v: two steps dropped the same values", rate)
		}
	}
}

// The gradient goes through the values that were kept.
func TestDropoutGradient(t *testing.T) {
	dropout := &nn.Layer{Class: nn.Dropout, Rate: 0.4}
	random := rand.New(rand.NewPCG(1, 1))
	m := nntest.RandomModel(t, chain(conv(1, 1, 1, linear), dropout), random)
	n, err := newLearner(kernel.Implementations[0], m.Layers, nn.MeanSquaredError, 5, 3)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := randomSamples(rand.New(rand.NewPCG(2, 2)), 5, 30, 1)
	copy(n.input, x)
	if err := n.run(5); err != nil {
		t.Fatal(err)
	}
	y := valueOf(t, n, "dropout#")
	var want float64 // of the loss with respect to the bias
	for i, v := range y {
		if v != 0 {
			want += 2 * float64(v-x[i]) / 0.6 / float64(len(y))
		}
	}
	grad, err := n.learn[1].Grad()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "bias gradient", float64(grad.Data().([]float32)[0]), want, 1e-6)
}

// valueOf returns the result of the operator whose name begins with name.
func valueOf(t *testing.T, n *network, name string) []float32 {
	for _, node := range n.graph.AllNodes() {
		if node.Op() != nil && strings.HasPrefix(node.Op().String(), name) {
			return node.Value().Data().([]float32)
		}
	}
	t.Fatalf("no operator %q", name)
	return nil
}

// A solver counts its steps over several trainings.
func TestSolverOutlivesTrainings(t *testing.T) {
	m := nntest.RandomModel(t, chain(conv(1, 1, 1, nn.Linear)), rand.New(rand.NewPCG(1, 1)))
	x, _ := randomSamples(rand.New(rand.NewPCG(2, 2)), 4, 30, 1)
	e := New()
	s := e.NewSolver(nn.Adam)
	d, err := e.Load(&nn.Samples{N: 4, Input: copied(x, 30)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		training, err := e.NewTraining(nn.Plan{
			Layers: m.Layers, Loss: nn.MeanSquaredError, Batch: 4, EvaluationBatch: 4,
		}, s)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := training.Run(d, inOrder(4)); err != nil {
				t.Fatal(err)
			}
			if err := training.Step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := s.(*solver).steps; got != 6 {
		t.Errorf("the solver counted %d steps, expected 6", got)
	}
}

// The memory of a training is free when that has ended, although the solver is still there: a
// program may run many trainings.
func TestTrainingsAreFreed(t *testing.T) {
	m := nntest.RandomModel(t, chain(conv(1, 1, 1, nn.Linear)), rand.New(rand.NewPCG(1, 1)))
	x, _ := randomSamples(rand.New(rand.NewPCG(2, 2)), 4, 30, 1)
	e := New()
	s := e.NewSolver(nn.RMSprop)
	train := func() (networks [2]weak.Pointer[network]) {
		d, err := e.Load(&nn.Samples{N: 4, Input: copied(x, 30)})
		if err != nil {
			t.Fatal(err)
		}
		made, err := e.NewTraining(nn.Plan{
			Layers: m.Layers, Loss: nn.MeanSquaredError, Batch: 4, EvaluationBatch: 4,
		}, s)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(made.Run(d, inOrder(4)), made.Step(), made.Evaluate(d, inOrder(4)))
		if err != nil {
			t.Fatal(err)
		}
		ended := made.(*training)
		return [...]weak.Pointer[network]{weak.Make(ended.learner), weak.Make(ended.evaluator)}
	}
	networks := train()
	runtime.GC()
	runtime.GC() // frees what lay in a sync.Pool
	for i, n := range networks {
		if n.Value() != nil {
			t.Errorf("the %s is kept", []string{"learner", "evaluator"}[i])
		}
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(m)
}
