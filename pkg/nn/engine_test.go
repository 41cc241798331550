package nn_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// extraEngines are engines of other devices, if the tests are built with them.
var extraEngines []namedEngine

type namedEngine struct {
	name string
	open func(t *testing.T) nn.Engine
}

// eachEngine runs a test with the engine of each instruction set that this processor has; in short
// mode with the fastest alone. Then it runs it with the extra engines.
func eachEngine(t *testing.T, test func(t *testing.T, e nn.Engine)) {
	for i, k := range kernel.Implementations {
		if i > 0 && testing.Short() {
			break
		}
		t.Run(k.Name, func(t *testing.T) { test(t, cpu.With(k)) })
	}
	for _, e := range extraEngines {
		t.Run(e.name, func(t *testing.T) { test(t, e.open(t)) })
	}
}

// A queue is an engine whose results are asked for late, like those of a device.
type queue struct{ nn.Engine }

func (queue) Queue() int { return 3 }

type queuedTraining struct {
	nn.Training
	losses []float64
}

func (q queue) NewTraining(p nn.Plan, s nn.Solver) (nn.Training, error) {
	t, err := q.Engine.NewTraining(p, s)
	return &queuedTraining{Training: t}, err
}

func (q *queuedTraining) Run(d nn.Data, index []int) error {
	return q.add(q.Training.Run(d, index))
}

func (q *queuedTraining) Evaluate(d nn.Data, index []int) error {
	return q.add(q.Training.Evaluate(d, index))
}

func (q *queuedTraining) add(err error) error {
	if err != nil {
		return err
	}
	loss, err := q.Training.Loss()
	q.losses = append(q.losses, loss)
	return err
}

func (q *queuedTraining) Loss() (float64, error) {
	loss := q.losses[0]
	q.losses = q.losses[1:]
	return loss, nil
}

type queuedPrediction struct {
	nn.Prediction
	row     int // values of an output
	outputs [][]float32
}

func (q queue) NewPrediction(layers []*nn.Layer, batch int) (nn.Prediction, error) {
	p, err := q.Engine.NewPrediction(layers, batch)
	row := 1
	for _, n := range layers[len(layers)-1].Output {
		row *= n
	}
	return &queuedPrediction{Prediction: p, row: row}, err
}

func (q *queuedPrediction) Run(d nn.Data, index []int) error {
	if err := q.Prediction.Run(d, index); err != nil {
		return err
	}
	out := make([]float32, len(index)*q.row)
	q.outputs = append(q.outputs, out)
	return q.Prediction.Output(out)
}

func (q *queuedPrediction) Output(dst []float32) error {
	copy(dst, q.outputs[0])
	q.outputs = q.outputs[1:]
	return nil
}

// Fit and Predict give the same if the engine has several batches under way.
func TestQueue(t *testing.T) {
	run := func(e nn.Engine) (nn.History, []float32, []float32, []nn.Progress) {
		m := small(t, nn.MeanSquaredError, 0)
		var seen []nn.Progress
		h, err := nn.NewTrainer(e, m, nn.MeanSquaredError, nn.RMSprop, 1).Fit(
			smallSamples(70, 1), smallSamples(33, 2), 3, 16, func(p nn.Progress) error {
				seen = append(seen, p)
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Predict(e, smallSamples(33, 2), "embedding", 4, nil)
		if err != nil {
			t.Fatal(err)
		}
		return h, nn.WeightsOf(m), out, seen
	}
	h, weights, out, seen := run(queue{cpu.New()})
	wantHistory, wantWeights, wantOut, wantSeen := run(cpu.New())
	if !slices.Equal(h.Loss, wantHistory.Loss) || !slices.Equal(h.ValLoss, wantHistory.ValLoss) {
		t.Errorf("losses %v, expected %v", h, wantHistory)
	}
	if !slices.Equal(weights, wantWeights) || !slices.Equal(out, wantOut) {
		t.Error("other weights or outputs")
	}
	if !slices.Equal(seen, wantSeen) {
		t.Errorf("progress %v, expected %v", seen, wantSeen)
	}
}

// A full device has no room for samples. It counts how often weights are pulled from it.
type fullDevice struct {
	nn.Engine
	pulls *int
}

var errFull = errors.New("the device is full")

func (fullDevice) Load(*nn.Samples) (nn.Data, error) { return nil, errFull }

func (d fullDevice) NewTraining(p nn.Plan, s nn.Solver) (nn.Training, error) {
	t, err := d.Engine.NewTraining(p, s)
	return pullCounter{t, d.pulls}, err
}

type pullCounter struct {
	nn.Training
	pulls *int
}

func (c pullCounter) Pull() error {
	*c.pulls++
	return c.Training.Pull()
}

// A model has its weights back from the engine after a training that could not begin.
func TestFitPullsWeightsIfSamplesCannotBeLoaded(t *testing.T) {
	pulls := 0
	m := small(t, nn.MeanSquaredError, 0)
	e := fullDevice{cpu.New(), &pulls}
	_, err := nn.NewTrainer(e, m, nn.MeanSquaredError, nn.RMSprop, 1).Fit(
		smallSamples(7, 1), smallSamples(3, 2), 1, 4, nil)
	if !errors.Is(err, errFull) || pulls != 1 {
		t.Errorf("error %v and weights pulled %d times, want %v and once", err, pulls, errFull)
	}
}

// errCut is the error of samples that cannot be read.
var errCut = errors.New("the file is cut")

// cut returns samples whose calls n and later of Input fail. calls counts them, also for several
// samples together.
func cut(s *nn.Samples, calls *atomic.Int64, n int64) *nn.Samples {
	c := *s
	c.Input = func(dst []float32, index []int) error {
		if calls.Add(1) >= n {
			return errCut
		}
		return s.Input(dst, index)
	}
	return &c
}

// Wherever samples cannot be read, the training before is not lost: the model has the weights after
// the last batch, and the history the epochs before.
func TestFitKeepsWhatWasTrainedBeforeSamplesCannotBeRead(t *testing.T) {
	// An epoch reads five batches and three of the validation.
	const epochs, calls, batch = 2, 8, 16
	train, validation := smallSamples(70, 1), smallSamples(33, 2)
	fit := func(e nn.Engine, n int64, progress func(nn.Progress) error) (
		[]float32, nn.History, error,
	) {
		m := small(t, nn.MeanSquaredError, 0)
		var read atomic.Int64
		h, err := nn.NewTrainer(e, m, nn.MeanSquaredError, nn.RMSprop, 1).Fit(
			cut(train, &read, n), cut(validation, &read, n), epochs, batch, progress)
		var weights []float32
		for _, l := range m.Layers {
			for _, w := range l.Weights {
				if !strings.HasPrefix(w.Name, "moving_") { // those move before the step
					weights = append(weights, w.Data...)
				}
			}
		}
		return weights, h, err
	}
	errStop := errors.New("stopped")
	for n := int64(1); n <= epochs*calls; n++ {
		got, h, err := fit(cpu.New(), n, nil)
		if !errors.Is(err, errCut) || len(h.Loss) != int(n-1)/calls {
			t.Errorf("read %d: error %v after %d epochs", n, err, len(h.Loss))
		}
		batches := int64(0)
		want, _, err := fit(cpu.New(), math.MaxInt64, func(p nn.Progress) error {
			if batches++; !p.Done && batches-int64(p.Epoch-1) == n {
				return errStop
			}
			return nil
		})
		if err != errStop {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("read %d: other weights than after %d batches", n, n-1)
		}
		if _, h, err := fit(queue{cpu.New()}, n, nil); !errors.Is(err, errCut) ||
			len(h.Loss) != int(n-1)/calls {
			t.Errorf("queued, read %d: error %v after %d epochs", n, err, len(h.Loss))
		}
	}
	if _, _, err := fit(cpu.New(), epochs*calls+1, nil); err != nil {
		t.Errorf("all is read: %v", err)
	}
}

func TestPredictReturnsTheErrorOfSamples(t *testing.T) {
	m, s := small(t, nn.MeanSquaredError, 0), smallSamples(33, 2)
	for _, e := range []nn.Engine{cpu.New(), queue{cpu.New()}} {
		reads := int64(0)
		for n, failed := int64(1), true; failed; n++ {
			var read atomic.Int64
			out, err := m.Predict(e, cut(s, &read, n), "embedding", 8, nil)
			failed = err != nil
			if failed && (!errors.Is(err, errCut) || out != nil) {
				t.Errorf("read %d: %v, %v", n, out, err)
			}
			reads = n - 1
		}
		if reads < 5 {
			t.Errorf("%d reads for 5 batches", reads)
		}
	}
}
