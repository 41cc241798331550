// Package cpu is the engine that runs models on the processor. A prediction takes a few samples at
// a time through all layers, which may be of any class. In a training Gorgonia owns the graph, the
// symbolic gradients and the machine that runs them; the layers are operators of our own.
//
// Results are the same to the last bit for any number of cores and on every processor.
package cpu

import (
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// An engine works in the model's own weights and computes each batch at once.
type engine struct{ kernels *kernel.Set }

// New returns an engine with the fastest kernels that this processor can run.
func New() nn.Engine { return With(kernel.Implementations[0]) }

// With returns an engine with these kernels.
func With(k *kernel.Set) nn.Engine { return engine{k} }

// Queue returns 0: batches are computed one after the other.
func (engine) Queue() int { return 0 }

// data is samples. They are read anew for each batch.
type data struct{ *nn.Samples }

func (engine) Load(s *nn.Samples) (nn.Data, error) { return data{s}, nil }
func (data) Close()                                {}

func (e engine) NewSolver(o nn.Optimizer) nn.Solver { return newSolver(e.kernels, o) }

func (e engine) NewPrediction(layers []*nn.Layer, batch int) (nn.Prediction, error) {
	p, err := newPredictor(e.kernels, layers, batch)
	if err != nil {
		return nil, err
	}
	return p, nil
}

type training struct {
	learner, evaluator *network
	last               *network // the one that ran last
	solver             *solver
}

func (e engine) NewTraining(p nn.Plan, s nn.Solver) (nn.Training, error) {
	seed := mix(p.Seed) + p.Fit
	learner, err := newLearner(e.kernels, p.Layers, p.Loss, p.Batch, seed)
	if err != nil {
		return nil, err
	}
	evaluator, err := newEvaluator(e.kernels, p.Layers, p.Loss, p.EvaluationBatch)
	if err != nil {
		return nil, err
	}
	return &training{learner: learner, evaluator: evaluator, solver: s.(*solver)}, nil
}

func (t *training) Run(d nn.Data, index []int) error {
	t.last = t.learner
	return t.learner.compute(d.(data).Samples, index)
}

func (t *training) Evaluate(d nn.Data, index []int) error {
	t.last = t.evaluator
	return t.evaluator.compute(d.(data).Samples, index)
}

func (t *training) Loss() (float64, error) { return t.last.lossValue(), nil }

func (t *training) Step() error { return t.solver.step(t.learner) }

// Pull and Push do nothing: the weights are the model's own.
func (t *training) Pull() error { return nil }
func (t *training) Push() error { return nil }
func (t *training) Close()      {}
