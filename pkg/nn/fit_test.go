package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// small is an autoencoder and a classifier of 8x8 images with what the real ones have.
func small(t *testing.T, loss Loss, dropout float64) *Model {
	t.Helper()
	var m *Model
	var err error
	if loss == CategoricalCrossentropy {
		m, err = NewClassifier(ClassifierConfig{Rows: 8, Cols: 8, FilterSize: 3, Filters: []int{4, 5}, Embedding: 3, FullyConnected: 6, Classes: 4, DropoutRate: dropout}, 1)
	} else {
		m, err = NewAutoencoder(AutoencoderConfig{Rows: 8, Cols: 8, FilterSize: 2, Filters: []int{4, 5, 6}, Embedding: 3}, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func smallSamples(n int, seed uint64) *Samples {
	x, labels := randomSamples(rand.New(rand.NewPCG(seed, 0)), n, 64, 4)
	for i, v := range x { // the class is the quadrant that is brighter than the others
		x[i] = float32(math.Abs(math.Mod(float64(v), 1)))
		if quadrant := i%64/32*2 + i%8/4; quadrant != int(labels[i/64]) {
			x[i] /= 8
		}
	}
	return &Samples{N: n, Input: copied(x, 64), Labels: labels}
}

func weightsOf(m *Model) []float32 {
	var all []float32
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			all = append(all, w.Data...)
		}
	}
	return all
}

func TestFitLearns(t *testing.T) {
	for _, c := range []struct {
		loss Loss
		opt  Optimizer
	}{{MeanSquaredError, RMSprop}, {MeanSquaredError, Adam}, {CategoricalCrossentropy, RMSprop}, {CategoricalCrossentropy, Adam}} {
		t.Run(fmt.Sprint(c.loss, " ", c.opt), func(t *testing.T) {
			m := small(t, c.loss, 0.1)
			train, validation := smallSamples(70, 1), smallSamples(33, 2)
			const epochs, batch = 40, 16
			var seen []Progress
			h, err := NewTrainer(m, c.loss, c.opt, 1).Fit(train, validation, epochs, batch, func(p Progress) error { seen = append(seen, p); return nil })
			if err != nil {
				t.Fatal(err)
			}
			if len(h.Loss) != epochs || len(h.ValLoss) != epochs {
				t.Fatalf("history of %d and %d epochs, expected %d", len(h.Loss), len(h.ValLoss), epochs)
			}
			if last := epochs - 1; !(h.Loss[last] < 0.8*h.Loss[0] && h.ValLoss[last] < 0.9*h.ValLoss[0]) {
				t.Errorf("the loss went from %v to %v, the validation loss from %v to %v", h.Loss[0], h.Loss[last], h.ValLoss[0], h.ValLoss[last])
			}
			// Five batches, the last of six samples, and then the end of the epoch.
			if len(seen) != 6*epochs {
				t.Fatalf("%d calls of progress, expected %d", len(seen), 6*epochs)
			}
			for i, p := range seen {
				want := Progress{Epoch: i/6 + 1, Epochs: epochs, Step: min(i%6+1, 5), Steps: 5, Loss: p.Loss, Done: i%6 == 5}
				if want.Done {
					want.Loss, want.ValLoss = h.Loss[i/6], h.ValLoss[i/6]
				}
				if p != want {
					t.Fatalf("call %d: %+v, expected %+v", i, p, want)
				}
			}
		})
	}
}

// The same seed gives the same weights to the last bit, whatever the number of cores and the instruction set; another seed
// gives others.
func TestFitIsReproducible(t *testing.T) {
	for _, loss := range []Loss{MeanSquaredError, CategoricalCrossentropy} {
		fit := func(cores int, seed uint64) ([]float32, History) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			m := small(t, loss, 0.3)
			h, err := NewTrainer(m, loss, Adam, seed).Fit(smallSamples(70, 1), smallSamples(33, 2), 3, 20, nil)
			if err != nil {
				t.Fatal(err)
			}
			return weightsOf(m), h
		}
		want, history := fit(1, 7)
		eachImplementation(t, func(t *testing.T) {
			for _, cores := range []int{1, 2, 3} {
				got, h := fit(cores, 7)
				if !slices.Equal(got, want) || !slices.Equal(h.Loss, history.Loss) || !slices.Equal(h.ValLoss, history.ValLoss) {
					t.Errorf("%s: other weights or losses with %d cores", loss, cores)
				}
			}
		})
		if other, _ := fit(1, 8); slices.Equal(other, want) {
			t.Errorf("%s: another seed gave the same weights", loss)
		}
	}
}

// Frozen layers keep their weights, moving statistics included; the others change, and after thawing all do.
func TestFrozenLayersKeepTheirWeights(t *testing.T) {
	m := small(t, CategoricalCrossentropy, 0.2)
	trainer := NewTrainer(m, CategoricalCrossentropy, Adam, 1)
	frozen := func(l *Layer) bool {
		return strings.HasPrefix(l.Name, "conv2d") || strings.HasPrefix(l.Name, "batch_normalization")
	}
	for phase, freeze := range []bool{true, false} {
		before := map[*Weight][]float32{}
		for _, l := range m.Layers {
			l.Trainable = !freeze || !frozen(l)
			for _, w := range l.Weights {
				before[w] = slices.Clone(w.Data)
			}
		}
		if _, err := trainer.Fit(smallSamples(40, 1), smallSamples(10, 2), 1, 16, nil); err != nil {
			t.Fatal(err)
		}
		for _, l := range m.Layers {
			for _, w := range l.Weights {
				if same := slices.Equal(before[w], w.Data); same == l.Trainable {
					t.Errorf("phase %d: %s %s: unchanged %v, trainable %v", phase+1, l.Name, w.Name, same, l.Trainable)
				}
			}
		}
	}
	if trainer.solver.step != 6 {
		t.Errorf("the optimizer counted %d steps over both phases, expected 6", trainer.solver.step)
	}
}

// A loss that is no number, from the training or the validation samples, gives back the weights of the last whole epoch.
func TestFitKeepsGoodWeightsWhereTheLossIsNoNumber(t *testing.T) {
	for _, poison := range []struct {
		name string
		at   Progress // the progress after which a weight becomes NaN
	}{{"in an epoch", Progress{Epoch: 3, Step: 2}}, {"with an epoch's last step", Progress{Epoch: 3, Step: 5}}} {
		m := small(t, MeanSquaredError, 0)
		train, validation := smallSamples(70, 1), smallSamples(33, 2)
		want, err := NewTrainer(m, MeanSquaredError, RMSprop, 1).Fit(train, validation, 2, 16, nil)
		if err != nil {
			t.Fatal(err)
		}
		good := weightsOf(m)

		m = small(t, MeanSquaredError, 0)
		h, err := NewTrainer(m, MeanSquaredError, RMSprop, 1).Fit(train, validation, 9, 16, func(p Progress) error {
			if p.Epoch == poison.at.Epoch && p.Step == poison.at.Step {
				m.Layer("embedding").Weights[1].Data[0] = float32(math.NaN())
			}
			return nil
		})
		const text = "nn: the loss is no finite number: it became NaN in epoch 3 of 9; the weights are those from before that epoch"
		if !errors.Is(err, ErrDiverged) || err.Error() != text {
			t.Errorf("%s: error %v, want %s", poison.name, err, text)
		}
		if !slices.Equal(weightsOf(m), good) {
			t.Errorf("%s: the weights are not those after epoch 2", poison.name)
		}
		if !slices.Equal(h.Loss, want.Loss) || !slices.Equal(h.ValLoss, want.ValLoss) {
			t.Errorf("%s: history %v, want %v", poison.name, h, want)
		}
	}
}

func TestFitEndsWithTheErrorOfProgress(t *testing.T) {
	stop := errors.New("stop")
	for _, c := range []struct {
		at     Progress
		epochs int // that the history has
	}{{Progress{Epoch: 2, Step: 3}, 1}, {Progress{Epoch: 2, Step: 5, Done: true}, 2}} {
		m := small(t, CategoricalCrossentropy, 0)
		var last Progress
		h, err := NewTrainer(m, CategoricalCrossentropy, Adam, 1).Fit(smallSamples(70, 1), smallSamples(33, 2), 9, 16, func(p Progress) error {
			last = p
			if p.Epoch == c.at.Epoch && p.Step == c.at.Step && p.Done == c.at.Done {
				return stop
			}
			return nil
		})
		if err != stop || len(h.Loss) != c.epochs || len(h.ValLoss) != c.epochs || last.Epoch != 2 {
			t.Errorf("stopped at %+v: error %v, history %v, last progress %+v", c.at, err, h, last)
		}
	}
}

// With everything frozen a fit only measures.
func TestFitOfFrozenModel(t *testing.T) {
	m := small(t, MeanSquaredError, 0)
	for _, l := range m.Layers {
		l.Trainable = false
	}
	before := weightsOf(m)
	s := smallSamples(30, 1)
	h, err := NewTrainer(m, MeanSquaredError, RMSprop, 1).Fit(s, s, 2, 30, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(weightsOf(m), before) {
		t.Error("weights changed")
	}
	// Only the order of the samples, and with it the rounding, differs.
	near(t, "validation loss", h.ValLoss[1], h.Loss[0], 1e-6)
}

// The moving statistics take a hundredth of the batch's mean and of its unbiased variance.
func TestMovingStatistics(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	m := randomModel(t, chain(batchNorm()), random)
	l := m.Layers[1]
	mean, variance := l.Weights[2].Data, l.Weights[3].Data
	mean[0], variance[0] = 5, 3
	n, err := newLearner(m.Layers, MeanSquaredError, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := randomSamples(random, 3, 30, 1)
	for i := range x {
		x[i] += 100 // a mean far from 0 costs no precision
	}
	n.load(&Samples{N: 3, Input: copied(x, 30)}, inOrder(3))
	if err := n.run(3); err != nil {
		t.Fatal(err)
	}
	batchMean, batchVariance := channelStatistics([][]float64{widen(x)}, 1, 0)
	near(t, "moving mean", float64(mean[0]), 0.99*5+0.01*batchMean, 3e-6) // sums of 3000 in float32
	near(t, "moving variance", float64(variance[0]), 0.99*3+0.01*batchVariance*90/89, 1e-6)
}

func TestDropout(t *testing.T) {
	for _, rate := range []float64{0.1, 0.5, 0.9, 1} {
		m := randomModel(t, chain(&Layer{Class: Dropout, Rate: rate}, conv(1, 1, 1, Linear)), rand.New(rand.NewPCG(1, 1)))
		n, err := newLearner(m.Layers, MeanSquaredError, 400, 1)
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
	m := randomModel(t, chain(conv(1, 1, 1, Linear), &Layer{Class: Dropout, Rate: 0.4}), rand.New(rand.NewPCG(1, 1)))
	n, err := newLearner(m.Layers, MeanSquaredError, 5, 3)
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

// valueOf is the result of the operator whose name begins so.
func valueOf(t *testing.T, n *network, name string) []float32 {
	for _, node := range n.graph.AllNodes() {
		if node.Op() != nil && strings.HasPrefix(node.Op().String(), name) {
			return node.Value().Data().([]float32)
		}
	}
	t.Fatalf("no operator %q", name)
	return nil
}

func TestFitErrors(t *testing.T) {
	few := smallSamples(5, 1)
	labels := func(l ...uint8) *Samples { return &Samples{N: 5, Input: few.Input, Labels: l} }
	for _, c := range []struct {
		name              string
		train, validation *Samples
		epochs, batch     int
		want              string
	}{
		{"no samples", &Samples{}, few, 1, 1, "the samples to train on: there are none"},
		{"no validation samples", few, &Samples{}, 1, 1, "the samples to validate on: there are none"},
		{"batches of 0", few, few, 1, 0, "batches of at least 1"},
		{"negative epochs", few, few, -1, 1, "expected at least 0 epochs"},
		{"labels missing", labels(1, 2), few, 1, 1, "2 labels for 5 samples"},
		{"label too large", few, labels(0, 1, 4, 0, 0), 1, 1, "sample 2 has the label 4; expected labels below 4"},
	} {
		m := small(t, CategoricalCrossentropy, 0)
		_, err := NewTrainer(m, CategoricalCrossentropy, Adam, 1).Fit(c.train, c.validation, c.epochs, c.batch, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", c.name, err, c.want)
		}
	}
	for _, c := range []struct {
		name   string
		layers []*Layer
		loss   Loss
		want   string
	}{
		{"output of another size", chain(conv(1, 1, 2, Linear)), MeanSquaredError, "expected [5 6 1], that of the input"},
		{"no softmax", chain(conv(1, 1, 1, Linear)), CategoricalCrossentropy, "needs a last layer with the activation softmax"},
		{"unknown loss", chain(conv(1, 1, 1, Linear)), "hinge", `the loss "hinge" is not supported`},
	} {
		m := randomModel(t, c.layers, rand.New(rand.NewPCG(1, 1)))
		_, err := NewTrainer(m, c.loss, Adam, 1).Fit(&Samples{N: 5, Labels: make([]uint8, 5)}, &Samples{N: 5, Labels: make([]uint8, 5)}, 1, 1, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", c.name, err, c.want)
		}
	}
}

func TestNoEpochs(t *testing.T) {
	m := small(t, MeanSquaredError, 0)
	h, err := NewTrainer(m, MeanSquaredError, RMSprop, 1).Fit(smallSamples(5, 1), smallSamples(5, 2), 0, 1, nil)
	if err != nil || len(h.Loss) != 0 || len(h.ValLoss) != 0 {
		t.Errorf("history %v, error %v; expected an empty history", h, err)
	}
}

func TestPredictUntil(t *testing.T) {
	m := small(t, MeanSquaredError, 0)
	s := smallSamples(7, 1)
	z, err := m.Predict(s, "embedding", 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.Predict(s, "flatten", 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	// embedding is flatten times its kernel.
	w, b := m.Layer("embedding").Weights[0].Data, m.Layer("embedding").Weights[1].Data
	wide := len(w) / 3
	for i := range 7 {
		for u := range 3 {
			want := float64(b[u])
			for j := range wide {
				want += float64(x[i*wide+j]) * float64(w[j*3+u])
			}
			near(t, "embedding", float64(z[i*3+u]), want, 1e-6)
		}
	}
	if _, err := m.Predict(s, "latent", 3, nil); err == nil || !strings.Contains(err.Error(), `no layer named "latent"`) {
		t.Errorf("error %v", err)
	}
	if _, err := m.Predict(s, "", 0, nil); err == nil {
		t.Error("batches of 0 are no error")
	}
	if got, err := m.Predict(&Samples{}, "", 3, nil); err != nil || len(got) != 0 {
		t.Errorf("no samples: %v, %v", got, err)
	}
	if got, err := m.Predict(s, "input_1", 3, nil); err != nil || len(got) != 7*64 {
		t.Errorf("the input itself: %d values, %v", len(got), err)
	}
}

func TestRowNormalised(t *testing.T) {
	pix := []uint8{
		1, 2, 3,
		0, 0, 0,

		255, 255, 255,
		0, 7, 0,
	}
	got := make([]float32, 12)
	RowNormalised.Input(pix, 2, 3)(got, []int{1, 0})
	third := float32(255.0 / 765.0)
	want := []float32{third, third, third, 0, 1, 0, float32(1.0 / 6), float32(2.0 / 6), float32(3.0 / 6), 0, 0, 0}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGreyLevels(t *testing.T) {
	got := make([]float32, 4)
	GreyLevels.Input([]uint8{9, 9, 0, 255, 51, 1}, 1, 2)(got, []int{2, 1})
	if want := []float32{0.2, 1.0 / 255, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
