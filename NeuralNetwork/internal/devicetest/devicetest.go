// Package devicetest imitates a device that computes networks, for tests of what the programs do if
// it fails.
package devicetest

import (
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/nn/opencl"
)

// Failing returns an engine that computes as the CPU's does, and fails as a device that vanishes
// after that many of its calls.
func Failing(after int) nn.Engine { return &engine{Engine: cpu.New(), left: after} }

type engine struct {
	nn.Engine
	left int
}

func (e *engine) call() error {
	if e.left--; e.left < 0 {
		return &opencl.Failure{Call: "clEnqueueNDRangeKernel", Code: -2}
	}
	return nil
}

func (e *engine) Load(s *nn.Samples) (nn.Data, error) {
	if err := e.call(); err != nil {
		return nil, err
	}
	return e.Engine.Load(s)
}

func (e *engine) NewPrediction(layers []*nn.Layer, batch int) (nn.Prediction, error) {
	if err := e.call(); err != nil {
		return nil, err
	}
	p, err := e.Engine.NewPrediction(layers, batch)
	return &prediction{p, e}, err
}

// NewTraining returns a training of copies of the layers, as a device has them.
func (e *engine) NewTraining(p nn.Plan, s nn.Solver) (nn.Training, error) {
	if err := e.call(); err != nil {
		return nil, err
	}
	t := &training{engine: e, layers: p.Layers}
	for _, l := range p.Layers {
		like := *l
		like.Inputs, like.Weights = nil, nil
		for _, w := range l.Weights {
			like.Weights = append(like.Weights, nn.NewWeight(w.WeightSpec))
		}
		t.own = append(t.own, &like)
	}
	copyWeights(t.own, p.Layers)
	p.Layers = t.own
	var err error
	t.Training, err = e.Engine.NewTraining(p, s)
	return t, err
}

func copyWeights(to, from []*nn.Layer) {
	for i, l := range from {
		for j, w := range l.Weights {
			copy(to[i].Weights[j].Data, w.Data)
		}
	}
}

type prediction struct {
	nn.Prediction
	engine *engine
}

func (p *prediction) Run(d nn.Data, index []int) error {
	if err := p.engine.call(); err != nil {
		return err
	}
	return p.Prediction.Run(d, index)
}

type training struct {
	nn.Training
	engine      *engine
	layers, own []*nn.Layer
}

func (t *training) Run(d nn.Data, index []int) error {
	if err := t.engine.call(); err != nil {
		return err
	}
	return t.Training.Run(d, index)
}

func (t *training) Step() error {
	if err := t.engine.call(); err != nil {
		return err
	}
	return t.Training.Step()
}

func (t *training) Pull() error {
	if err := t.engine.call(); err != nil {
		return err
	}
	copyWeights(t.layers, t.own)
	return nil
}

func (t *training) Push() error {
	copyWeights(t.own, t.layers)
	return nil
}
