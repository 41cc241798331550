package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	G "gorgonia.org/gorgonia"

	"imagesimilarity/pkg/parallel"
)

// Samples are the inputs of a network and, for a classifier, their labels.
type Samples struct {
	N      int
	Input  func(dst []float32, index []int) // writes samples index[0], index[1], … one after the other, each (H,W,C); called by several goroutines
	Labels []uint8                          // classes; nil for an autoencoder, whose target is its input
}

// Progress is where a training stands.
type Progress struct {
	Epoch, Epochs int     // from 1
	Step, Steps   int     // batches of this epoch, from 1
	Loss          float64 // mean over the samples of this epoch so far, while the weights change
	ValLoss       float64 // on the validation samples, after the epoch; only where Done
	Done          bool    // the epoch is over
}

// History is a training's course, one value an epoch.
type History struct{ Loss, ValLoss []float64 }

// A Trainer fits a model. What Keras fixes with compile it keeps over several calls of Fit: the loss, the state of the
// optimizer, the generators that shuffle and drop out.
type Trainer struct {
	model  *Model
	loss   Loss
	solver *solver
	seed   uint64
	fits   uint64
	order  func(n int) []int // the order of an epoch's samples
}

// NewTrainer makes a trainer of m; equal seeds give equal weights. Unknown optimizers panic.
func NewTrainer(m *Model, loss Loss, opt Optimizer, seed uint64) *Trainer {
	return &Trainer{model: m, loss: loss, solver: newSolver(opt), seed: seed, order: rand.New(rand.NewPCG(seed, 1)).Perm}
}

// Fit trains the trainable layers for so many epochs over the train samples, in batches that are shuffled anew each epoch,
// the last one maybe short, and computes the loss on the validation samples after each. progress, which may be nil, is
// called after each batch and at the end of each epoch; an error that it returns ends the training and is returned.
//
// Where a loss is no finite number, Fit gives the model back the weights with which the epoch began and returns an
// ErrDiverged. Whatever the error, the history has all epochs that were completed.
func (t *Trainer) Fit(train, validation *Samples, epochs, batch int, progress func(Progress) error) (History, error) {
	var history History
	if epochs < 0 || batch < 1 {
		return history, fmt.Errorf("nn: %d epochs in batches of %d; expected at least 0 epochs and batches of at least 1", epochs, batch)
	}
	for _, s := range []struct {
		*Samples
		use string
	}{{train, "train"}, {validation, "validate"}} {
		if err := t.check(s.Samples); err != nil {
			return history, fmt.Errorf("nn: the samples to %s on: %w", s.use, err)
		}
	}
	t.fits++
	learner, err := newLearner(t.model.Layers, t.loss, min(batch, train.N), mix(t.seed)+t.fits)
	if err != nil {
		return history, err
	}
	evaluator, err := newEvaluator(t.model.Layers, t.loss, min(batch, validation.N))
	if err != nil {
		return history, err
	}
	if progress == nil {
		progress = func(Progress) error { return nil }
	}
	weights := G.NodesToValueGrads(learner.learn)
	for epoch := 1; epoch <= epochs; epoch++ {
		good := t.model.saveWeights()
		finite := func(loss float64) error {
			if math.IsNaN(loss) || math.IsInf(loss, 0) {
				t.model.restoreWeights(good)
				return fmt.Errorf("%w: it became %v in epoch %d of %d; the weights are those from before that epoch", ErrDiverged, loss, epoch, epochs)
			}
			return nil
		}
		p := Progress{Epoch: epoch, Epochs: epochs, Steps: ceilDiv(train.N, learner.batch)}
		p.Loss, err = learner.meanLoss(train, t.order(train.N), func(loss float64) error {
			p.Step++
			p.Loss = loss
			if err := progress(p); err != nil {
				return err
			}
			if err := finite(loss); err != nil {
				return err
			}
			return t.solver.Step(weights)
		})
		if err != nil {
			return history, err
		}
		p.ValLoss, err = evaluator.meanLoss(validation, inOrder(validation.N), finite)
		if err != nil {
			return history, err
		}
		history.Loss = append(history.Loss, p.Loss)
		history.ValLoss = append(history.ValLoss, p.ValLoss)
		p.Done = true
		if err := progress(p); err != nil {
			return history, err
		}
	}
	return history, nil
}

// ErrDiverged tells that a loss is NaN or infinite: the training went wrong.
var ErrDiverged = errors.New("nn: the loss is no finite number")

// saveWeights copies all weights.
func (m *Model) saveWeights() [][]float32 {
	var saved [][]float32
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			saved = append(saved, slices.Clone(w.Data))
		}
	}
	return saved
}

// restoreWeights gives the model the weights that saveWeights copied.
func (m *Model) restoreWeights(saved [][]float32) {
	i := 0
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			copy(w.Data, saved[i])
			i++
		}
	}
}

// check says what is wrong with samples for the trainer's loss.
func (t *Trainer) check(s *Samples) error {
	if s.N < 1 {
		return fmt.Errorf("there are none")
	}
	if t.loss != CategoricalCrossentropy {
		return nil
	}
	if len(s.Labels) != s.N {
		return fmt.Errorf("%d labels for %d samples", len(s.Labels), s.N)
	}
	classes := product(t.model.Output())
	for i, l := range s.Labels {
		if int(l) >= classes {
			return fmt.Errorf("sample %d has the label %d; expected labels below %d, the number of classes", i, l, classes)
		}
	}
	return nil
}

// inOrder is 0 to n-1.
func inOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// meanLoss runs the samples in that order, batch by batch, and returns the mean loss over them; each is called after
// each batch with the mean up to it.
func (n *network) meanLoss(s *Samples, order []int, each func(loss float64) error) (float64, error) {
	var sum, done float64
	for len(order) > 0 {
		index := order[:min(n.batch, len(order))]
		order = order[len(index):]
		n.load(s, index)
		if err := n.run(len(index)); err != nil {
			return 0, err
		}
		sum += float64(n.loss.Value().Data().(float32)) * float64(len(index))
		done += float64(len(index))
		if err := each(sum / done); err != nil {
			return 0, err
		}
	}
	return sum / done, nil
}

// load writes inputs and targets of samples.
func (n *network) load(s *Samples, index []int) {
	const block = 16
	size := len(n.input) / n.batch
	parallel.Blocks(len(index), block, func(from, to int) { s.Input(n.input[from*size:to*size], index[from:to]) })
	if n.target == nil {
		return
	}
	classes := len(n.target) / n.batch
	clear(n.target)
	for i, k := range index {
		n.target[i*classes+int(s.Labels[k])] = 1
	}
}
