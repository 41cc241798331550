package nn_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// small returns a small autoencoder, or classifier, of 8x8 images with the layers of the real ones.
func small(t *testing.T, loss nn.Loss, dropout float64) *nn.Model {
	t.Helper()
	var m *nn.Model
	var err error
	if loss == nn.CategoricalCrossentropy {
		m, err = nn.NewClassifier(nn.ClassifierConfig{
			Rows: 8, Cols: 8, FilterSize: 3, Filters: []int{4, 5},
			Embedding: 3, FullyConnected: 6, Classes: 4, DropoutRate: dropout,
		}, 1)
	} else {
		m, err = nn.NewAutoencoder(nn.AutoencoderConfig{
			Rows: 8, Cols: 8, FilterSize: 2, Filters: []int{4, 5, 6}, Embedding: 3,
		}, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func smallSamples(n int, seed uint64) *nn.Samples {
	const size = 64
	random := rand.New(rand.NewPCG(seed, 0))
	x, labels := make([]float32, n*size), make([]uint8, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	for i := range labels {
		labels[i] = uint8(random.IntN(4))
	}
	for i, v := range x { // the class is the quadrant that is brighter than the others
		x[i] = float32(math.Abs(math.Mod(float64(v), 1)))
		if quadrant := i%64/32*2 + i%8/4; quadrant != int(labels[i/64]) {
			x[i] /= 8
		}
	}
	return &nn.Samples{N: n, Labels: labels, Input: func(dst []float32, index []int) error {
		for i, k := range index {
			copy(dst[i*size:(i+1)*size], x[k*size:])
		}
		return nil
	}}
}

func TestFitLearns(t *testing.T) {
	for _, c := range []struct {
		loss nn.Loss
		opt  nn.Optimizer
	}{
		{nn.MeanSquaredError, nn.RMSprop}, {nn.MeanSquaredError, nn.Adam},
		{nn.CategoricalCrossentropy, nn.RMSprop}, {nn.CategoricalCrossentropy, nn.Adam},
	} {
		t.Run(fmt.Sprint(c.loss, " ", c.opt), func(t *testing.T) {
			m := small(t, c.loss, 0.1)
			train, validation := smallSamples(70, 1), smallSamples(33, 2)
			const epochs, batch = 40, 16
			var seen []nn.Progress
			trainer := nn.NewTrainer(cpu.New(), m, c.loss, c.opt, 1)
			h, err := trainer.Fit(train, validation, epochs, batch, func(p nn.Progress) error {
				seen = append(seen, p)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(h.Loss) != epochs || len(h.ValLoss) != epochs {
				t.Fatalf("history of %d and %d epochs, expected %d", len(h.Loss), len(h.ValLoss), epochs)
			}
			if last := epochs - 1; !(h.Loss[last] < 0.8*h.Loss[0] && h.ValLoss[last] < 0.9*h.ValLoss[0]) {
				t.Errorf("the loss went from %v to %v, the validation loss from %v to %v",
					h.Loss[0], h.Loss[last], h.ValLoss[0], h.ValLoss[last])
			}
			// Five batches, the last of six samples, three of the validation, and then the end of the
			// epoch.
			const calls = 9
			if len(seen) != calls*epochs {
				t.Fatalf("%d calls of progress, expected %d", len(seen), calls*epochs)
			}
			for i, p := range seen {
				want := nn.Progress{
					Epoch: i/calls + 1, Epochs: epochs, Step: min(i%calls+1, 5), Steps: 5,
					Validated: min(max(i%calls-4, 0), 3), Validations: 3,
					Loss: p.Loss, Done: i%calls == 8,
				}
				if want.Done {
					want.Loss, want.ValLoss = h.Loss[i/calls], h.ValLoss[i/calls]
				}
				if p != want {
					t.Fatalf("call %d: %+v, expected %+v", i, p, want)
				}
			}
		})
	}
}

// The same seed gives the same weights to the last bit, whatever the number of cores and the
// instruction set; another seed gives others.
func TestFitIsReproducible(t *testing.T) {
	for _, loss := range []nn.Loss{nn.MeanSquaredError, nn.CategoricalCrossentropy} {
		fit := func(e nn.Engine, cores int, seed uint64) ([]float32, nn.History) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			m := small(t, loss, 0.3)
			train, validation := smallSamples(70, 1), smallSamples(33, 2)
			h, err := nn.NewTrainer(e, m, loss, nn.Adam, seed).Fit(train, validation, 3, 20, nil)
			if err != nil {
				t.Fatal(err)
			}
			return nn.WeightsOf(m), h
		}
		want, history := fit(cpu.New(), 1, 7)
		for _, k := range kernel.Implementations {
			e := cpu.With(k)
			for _, cores := range []int{1, 2, 3, 16} {
				got, h := fit(e, cores, 7)
				if !slices.Equal(got, want) || !slices.Equal(h.Loss, history.Loss) ||
					!slices.Equal(h.ValLoss, history.ValLoss) {
					t.Errorf("%s, %s: other weights or losses with %d cores", loss, k.Name, cores)
				}
			}
		}
		if other, _ := fit(cpu.New(), 1, 8); slices.Equal(other, want) {
			t.Errorf("%s: another seed gave the same weights", loss)
		}
	}
}

// Frozen layers keep their weights, moving statistics included; the others change. After thawing
// all change.
func TestFrozenLayersKeepTheirWeights(t *testing.T) {
	m := small(t, nn.CategoricalCrossentropy, 0.2)
	trainer := nn.NewTrainer(cpu.New(), m, nn.CategoricalCrossentropy, nn.Adam, 1)
	frozen := func(l *nn.Layer) bool {
		return strings.HasPrefix(l.Name, "conv2d") || strings.HasPrefix(l.Name, "batch_normalization")
	}
	for phase, freeze := range []bool{true, false} {
		before := map[*nn.Weight][]float32{}
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
					t.Errorf("phase %d: %s %s: unchanged %v, trainable %v",
						phase+1, l.Name, w.Name, same, l.Trainable)
				}
			}
		}
	}
}

// If a loss is no number, of the training or of the validation samples, the model gets back the
// weights of the last whole epoch.
func TestFitKeepsGoodWeightsWhereTheLossIsNoNumber(t *testing.T) {
	for _, poison := range []struct {
		name string
		at   nn.Progress // the progress after which a weight becomes NaN
	}{
		{"in an epoch", nn.Progress{Epoch: 3, Step: 2}},
		{"with an epoch's last step", nn.Progress{Epoch: 3, Step: 5}},
	} {
		trainer := func(m *nn.Model) *nn.Trainer {
			return nn.NewTrainer(cpu.New(), m, nn.MeanSquaredError, nn.RMSprop, 1)
		}
		m := small(t, nn.MeanSquaredError, 0)
		train, validation := smallSamples(70, 1), smallSamples(33, 2)
		want, err := trainer(m).Fit(train, validation, 2, 16, nil)
		if err != nil {
			t.Fatal(err)
		}
		good := nn.WeightsOf(m)

		m = small(t, nn.MeanSquaredError, 0)
		h, err := trainer(m).Fit(train, validation, 9, 16, func(p nn.Progress) error {
			if p.Epoch == poison.at.Epoch && p.Step == poison.at.Step && p.Validated == 0 {
				m.Layer("embedding").Weights[1].Data[0] = float32(math.NaN())
			}
			if math.IsNaN(p.Loss) && !slices.Equal(nn.WeightsOf(m), good) {
				t.Errorf("%s: progress sees other weights than those after epoch 2", poison.name)
			}
			return nil
		})
		const text = "nn: the loss is no finite number: it became NaN in epoch 3 of 9; " +
			"the weights are those from before that epoch"
		if !errors.Is(err, nn.ErrDiverged) || err.Error() != text {
			t.Errorf("%s: error %v, want %s", poison.name, err, text)
		}
		if !slices.Equal(nn.WeightsOf(m), good) {
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
		at     nn.Progress
		epochs int // that the history has
	}{{nn.Progress{Epoch: 2, Step: 3}, 1}, {nn.Progress{Epoch: 2, Step: 5, Done: true}, 2}} {
		m := small(t, nn.CategoricalCrossentropy, 0)
		var last nn.Progress
		trainer := nn.NewTrainer(cpu.New(), m, nn.CategoricalCrossentropy, nn.Adam, 1)
		train, validation := smallSamples(70, 1), smallSamples(33, 2)
		h, err := trainer.Fit(train, validation, 9, 16, func(p nn.Progress) error {
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
	m := small(t, nn.MeanSquaredError, 0)
	for _, l := range m.Layers {
		l.Trainable = false
	}
	before := nn.WeightsOf(m)
	s := smallSamples(30, 1)
	h, err := nn.NewTrainer(cpu.New(), m, nn.MeanSquaredError, nn.RMSprop, 1).Fit(s, s, 2, 30, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(nn.WeightsOf(m), before) {
		t.Error("weights changed")
	}
	// Only the order of the samples, and with it the rounding, differs.
	nn.Near(t, "validation loss", h.ValLoss[1], h.Loss[0], 1e-6)
}

func TestFitErrors(t *testing.T) {
	few := smallSamples(5, 1)
	labels := func(l ...uint8) *nn.Samples { return &nn.Samples{N: 5, Input: few.Input, Labels: l} }
	for _, c := range []struct {
		name              string
		train, validation *nn.Samples
		epochs, batch     int
		want              string
	}{
		{"no samples", &nn.Samples{}, few, 1, 1, "the samples to train on: there are none"},
		{"no validation samples", few, &nn.Samples{}, 1, 1, "the samples to validate on: there are none"},
		{"batches of 0", few, few, 1, 0, "batches of at least 1"},
		{"negative epochs", few, few, -1, 1, "expected at least 0 epochs"},
		{"labels missing", labels(1, 2), few, 1, 1, "2 labels for 5 samples"},
		{"label too large", few, labels(0, 1, 4, 0, 0), 1, 1,
			"sample 2 has the label 4; expected labels below 4"},
	} {
		m := small(t, nn.CategoricalCrossentropy, 0)
		trainer := nn.NewTrainer(cpu.New(), m, nn.CategoricalCrossentropy, nn.Adam, 1)
		_, err := trainer.Fit(c.train, c.validation, c.epochs, c.batch, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", c.name, err, c.want)
		}
	}
	for _, c := range []struct {
		name    string
		filters int
		loss    nn.Loss
		want    string
	}{
		{"output of another size", 2, nn.MeanSquaredError, "expected [5 6 1], that of the input"},
		{"no softmax", 1, nn.CategoricalCrossentropy, "needs a last layer with the activation softmax"},
		{"unknown loss", 1, "hinge", `the loss "hinge" is not supported`},
	} {
		m, err := nn.NewModel("model", []*nn.Layer{
			{Class: nn.InputLayer, Name: "a", Output: []int{5, 6, 1}},
			{
				Class: nn.Conv2D, Name: "b", Kernel: [2]int{1, 1}, Output: []int{c.filters},
				Activation: nn.Linear,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		samples := &nn.Samples{N: 5, Labels: make([]uint8, 5)}
		_, err = nn.NewTrainer(cpu.New(), m, c.loss, nn.Adam, 1).Fit(samples, samples, 1, 1, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, expected one with %q", c.name, err, c.want)
		}
	}
}

func TestNoEpochs(t *testing.T) {
	m := small(t, nn.MeanSquaredError, 0)
	trainer := nn.NewTrainer(cpu.New(), m, nn.MeanSquaredError, nn.RMSprop, 1)
	h, err := trainer.Fit(smallSamples(5, 1), smallSamples(5, 2), 0, 1, nil)
	if err != nil || len(h.Loss) != 0 || len(h.ValLoss) != 0 {
		t.Errorf("history %v, error %v; expected an empty history", h, err)
	}
}

func TestPredictUntil(t *testing.T) {
	m := small(t, nn.MeanSquaredError, 0)
	s := smallSamples(7, 1)
	z, err := m.Predict(cpu.New(), s, "embedding", 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := m.Predict(cpu.New(), s, "flatten", 7, nil)
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
			nn.Near(t, "embedding", float64(z[i*3+u]), want, 1e-6)
		}
	}
	_, err = m.Predict(cpu.New(), s, "latent", 3, nil)
	if err == nil || !strings.Contains(err.Error(), `no layer named "latent"`) {
		t.Errorf("error %v", err)
	}
	if _, err := m.Predict(cpu.New(), s, "", 0, nil); err == nil {
		t.Error("batches of 0 are no error")
	}
	if got, err := m.Predict(cpu.New(), &nn.Samples{}, "", 3, nil); err != nil || len(got) != 0 {
		t.Errorf("no samples: %v, %v", got, err)
	}
	if got, err := m.Predict(cpu.New(), s, "input_1", 3, nil); err != nil || len(got) != 7*64 {
		t.Errorf("the input itself: %d values, %v", len(got), err)
	}
}
