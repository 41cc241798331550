package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Samples are the inputs of a network and, for a classifier, their labels.
type Samples struct {
	N int
	// Input writes samples index[0], index[1], … to dst, one after the other, each (H,W,C). Several
	// goroutines may call it. An error, such as that of a file, ends what needs the samples.
	Input func(dst []float32, index []int) error
	// Ahead, which may be nil, is told which samples Input will be asked for soon, so that it can
	// begin to read them. A training tells it each batch before the batch before runs.
	Ahead func(index []int)
	// Room, which may be nil, returns the bytes that Input and Ahead take in memory for batches of a
	// size.
	Room   func(batch int) float64
	Labels []uint8 // classes; nil for an autoencoder, whose target is its input
}

// room returns the bytes that reading the samples takes in batches of a size.
func (s *Samples) room(batch int) float64 {
	if s.Room == nil {
		return 0
	}
	return s.Room(min(batch, s.N))
}

// Progress tells how far a training is.
type Progress struct {
	Epoch, Epochs int // from 1
	Step, Steps   int // batches of this epoch, from 1
	// batches of the validation after them, from 1; none is done while the epoch trains
	Validated, Validations int
	Loss                   float64 // mean over this epoch's samples so far, while the weights change
	ValLoss                float64 // on the validation samples, after the epoch; set if Done
	Done                   bool    // the epoch is over
}

// History is the course of a training, with one value for each epoch.
type History struct{ Loss, ValLoss []float64 }

// A Trainer fits a model. It keeps over several calls of Fit what Keras fixes with compile: the
// loss, the state of the optimizer, the generators that shuffle and drop out.
type Trainer struct {
	engine Engine
	model  *Model
	loss   Loss
	solver Solver
	seed   uint64
	fits   uint64
	order  func(n int) []uint32 // the order of an epoch's samples, until the next call
}

// NewTrainer returns a trainer of m. On one engine, equal seeds give equal weights. It panics if
// the optimizer is unknown.
func NewTrainer(e Engine, m *Model, loss Loss, opt Optimizer, seed uint64) *Trainer {
	return &Trainer{
		engine: e, model: m, loss: loss, solver: e.NewSolver(opt), seed: seed,
		order: permutations(rand.New(rand.NewPCG(seed, 1))),
	}
}

// permutations returns a function that returns what r.Perm does, in half the memory.
func permutations(r *rand.Rand) func(n int) []uint32 {
	var p []uint32
	return func(n int) []uint32 {
		if len(p) != n {
			p = make([]uint32, n)
		}
		for i := range p {
			p[i] = uint32(i)
		}
		r.Shuffle(n, func(i, j int) { p[i], p[j] = p[j], p[i] })
		return p
	}
}

// ErrDiverged tells that a loss is NaN or infinite: the training went wrong.
var ErrDiverged = errors.New("nn: the loss is no finite number")

// Fit trains the trainable layers for some epochs on the train samples, in batches that are
// shuffled anew each epoch, of which the last may be short. After each epoch it computes the loss
// on the validation samples. progress, which may be nil, is called after each batch, of the
// validation, too, and at the end of each epoch; an error that it returns ends the training and is
// returned. While it runs, the weights do not change, and their last loss is finite.
//
// Fit returns an error before it begins if there is no memory.
//
// If a loss is no finite number, the model gets back the weights with which the epoch began, and
// Fit returns an ErrDiverged. If samples cannot be read, it has the weights after the last batch.
// Whatever the error, the history has all epochs that were completed.
func (t *Trainer) Fit(train, validation *Samples, epochs, batch int,
	progress func(Progress) error) (history History, err error) {
	if epochs < 0 || batch < 1 {
		return history, fmt.Errorf("nn: %d epochs in batches of %d; "+
			"expected at least 0 epochs and batches of at least 1", epochs, batch)
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
	if err := t.loss.check(t.model.Layers); err != nil {
		return history, err
	}
	if err := t.model.checkTraining(train.N, min(batch, train.N), min(batch, validation.N),
		train.room(batch)+validation.room(batch)); err != nil {
		return history, err
	}
	training, err := t.engine.NewTraining(Plan{
		Layers: t.model.Layers, Loss: t.loss,
		Batch: min(batch, train.N), EvaluationBatch: min(batch, validation.N),
		Seed: t.seed, Fit: t.fits,
	}, t.solver)
	if err != nil {
		return history, err
	}
	defer training.Close()
	defer func() {
		if failed := training.Pull(); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	trainData, err := t.engine.Load(train)
	if err != nil {
		return history, err
	}
	defer trainData.Close()
	validationData, err := t.engine.Load(validation)
	if err != nil {
		return history, err
	}
	defer validationData.Close()
	if progress == nil {
		progress = func(Progress) error { return nil }
	}

	for epoch := 1; epoch <= epochs; epoch++ {
		if err := training.Pull(); err != nil {
			return history, err
		}
		good := t.model.saveWeights()
		finite := func(loss float64) error {
			if !math.IsNaN(loss) && !math.IsInf(loss, 0) {
				return nil
			}
			t.model.restoreWeights(good)
			if err := training.Push(); err != nil {
				return err
			}
			return fmt.Errorf("%w: it became %v in epoch %d of %d; "+
				"the weights are those from before that epoch", ErrDiverged, loss, epoch, epochs)
		}
		p := Progress{
			Epoch: epoch, Epochs: epochs, Steps: batches(train.N, batch),
			Validations: batches(validation.N, batch),
		}
		report := func(loss float64) error {
			bad := finite(loss) // before progress, which may see the weights
			if err := progress(p); bad == nil {
				return err
			}
			return bad
		}
		order := t.order(train.N)
		p.Loss, err = t.meanLoss(training, batch, pass{
			Samples: train,
			place:   func(i int) int { return int(order[i]) },
			run:     func(index []int) error { return training.Run(trainData, index) },
			each: func(loss float64) error {
				p.Step++
				p.Loss = loss
				return report(loss)
			},
			then: training.Step,
		})
		if err != nil {
			return history, err
		}
		p.ValLoss, err = t.meanLoss(training, batch, pass{
			Samples: validation,
			place:   func(i int) int { return i },
			run:     func(index []int) error { return training.Evaluate(validationData, index) },
			each: func(loss float64) error {
				p.Validated++
				return report(loss)
			},
			then: func() error { return nil },
		})
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

// A pass is what is done with each batch of some samples.
type pass struct {
	*Samples
	place func(i int) int // the index of the sample that is the i-th of the pass
	run   func(index []int) error
	each  func(loss float64) error // gets the mean loss of all batches so far
	then  func() error
}

// batch returns the indices of a batch that begins with the first-th sample of the pass. Of the
// samples after the last it returns none.
func (p *pass) batch(first, size int) []int {
	index := make([]int, max(0, min(size, p.N-first)))
	for i := range index {
		index[i] = p.place(first + i)
	}
	if len(index) > 0 && p.Ahead != nil {
		p.Ahead(index)
	}
	return index
}

// meanLoss runs the samples of a pass, batch by batch, and returns the mean loss over them.
func (t *Trainer) meanLoss(training Training, batch int, p pass) (float64, error) {
	var sum, done float64
	var queue []int // the sizes of the batches whose losses are not known yet
	settle := func() error {
		loss, err := training.Loss()
		if err != nil {
			return err
		}
		size := float64(queue[0])
		queue = queue[1:]
		sum += float64(loss * size)
		done += size
		return p.each(sum / done)
	}
	next := p.batch(0, batch)
	for first := batch; len(next) > 0; first += batch {
		index := next
		next = p.batch(first, batch)
		if err := p.run(index); err != nil {
			return 0, err
		}
		queue = append(queue, len(index))
		if len(queue) > t.engine.Queue() {
			if err := settle(); err != nil {
				return 0, err
			}
		}
		if err := p.then(); err != nil {
			return 0, err
		}
	}
	for len(queue) > 0 {
		if err := settle(); err != nil {
			return 0, err
		}
	}
	return sum / done, nil
}

// saveWeights returns a copy of all weights.
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

// check returns an error if the samples do not fit the trainer's model and loss.
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
			return fmt.Errorf("sample %d has the label %d; "+
				"expected labels below %d, the number of classes", i, l, classes)
		}
	}
	return nil
}

// batches returns the number of batches of n samples.
func batches(n, batch int) int { return (n-1)/batch + 1 }
