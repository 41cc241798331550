package nn

// An Engine runs models. It computes outputs, losses and gradients, and changes weights.
//
// An engine may work on copies of samples and weights, in the memory of a device, and may compute
// several batches at a time: Run, Evaluate and Step may return before their work is done. They take
// effect in the order of the calls. They may keep the slices of indices that they get, which the
// caller does not change any more.
type Engine interface {
	// Load makes samples ready for the other methods. A device gets them once.
	Load(s *Samples) (Data, error)

	// NewPrediction prepares the computation of the output of the last of the layers, with the
	// weights that they have, for batches of at most batch samples. A class that the engine does not
	// know is an error.
	NewPrediction(layers []*Layer, batch int) (Prediction, error)

	// NewTraining prepares a training. The solver is of the same engine.
	NewTraining(p Plan, s Solver) (Training, error)

	// NewSolver returns a solver that has taken no step.
	NewSolver(o Optimizer) Solver

	// Queue returns the number of batches that may be started after one before its result is asked
	// for. 0 means that the result of each batch is asked for at once.
	Queue() int
}

// Data is samples on an engine.
type Data interface{ Close() }

// A Solver is the state of an optimizer on an engine: the count of its steps and what it remembers
// of each weight. It outlives a training.
type Solver any

// A Prediction computes outputs.
type Prediction interface {
	// Run computes the outputs of the samples with these indices. It, or Output, returns the error
	// of samples that cannot be read.
	Run(d Data, index []int) error
	// Output writes the outputs of the oldest Run that were not asked for yet: one sample after the
	// other.
	Output(dst []float32) error
	Close()
}

// A Plan describes a training.
type Plan struct {
	Layers []*Layer // loss and layers fit together
	Loss   Loss

	// Batch and EvaluationBatch are the most samples of a Run and of an Evaluate.
	Batch, EvaluationBatch int

	// Seed and Fit, the number of trainings with that seed so far, decide what dropout drops.
	Seed, Fit uint64
}

// A Training changes the weights of the trainable layers of a Plan. The moving statistics of a
// trainable batch normalisation are the engine's too: each Run moves them. From NewTraining to the
// next Pull the weights of the layers are undefined.
type Training interface {
	// Run computes, for the samples with these indices, the loss in training, which is with dropout
	// and the batch's own statistics, and its gradients.
	Run(d Data, index []int) error
	// Step changes the weights once, by the gradients of the last Run.
	Step() error
	// Evaluate computes the loss as in a prediction, without gradients. Run and Evaluate, or Loss,
	// return the error of samples that cannot be read.
	Evaluate(d Data, index []int) error
	// Loss returns the mean loss over the samples of the oldest Run or Evaluate that was not asked
	// for yet.
	Loss() (float64, error)

	// Pull copies the engine's weights to the layers, Push those of the layers to the engine.
	Pull() error
	Push() error
	Close()
}
