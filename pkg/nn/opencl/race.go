package opencl

import (
	"slices"
	"time"

	"imagesimilarity/pkg/nn"
)

// compare lets both engines run, if there is to be a race, and gives the slower one up. A device
// that fails loses.
func (f *fallback) compare(run func(nn.Engine) (time.Duration, error)) {
	if f.race == nil || f.lost {
		return
	}
	device, err := run(f.device)
	if err != nil {
		f.give(err) // if it is none of the device, the work itself will show it
		return
	}
	other, err := run(f.other)
	if err != nil {
		return
	}
	f.lost = other <= device
	f.race(device, other)
	f.race = nil
}

// tries is the number of batches that are timed, after one that is not.
const tries = 3

// even returns samples that have no meaning.
func even(n, size int, labelled bool) *nn.Samples {
	s := &nn.Samples{N: n, Input: func(dst []float32, index []int) error {
		for i := range dst {
			dst[i] = float32((index[i/size]+i)%7) / 7
		}
		return nil
	}}
	if labelled {
		s.Labels = make([]uint8, n)
	}
	return s
}

// timePrediction returns the time that a batch takes.
func timePrediction(e nn.Engine, layers []*nn.Layer, batch int) (time.Duration, error) {
	p, err := e.NewPrediction(layers, batch)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	d, err := e.Load(even(batch, product(layers[0].Output), false))
	if err != nil {
		return 0, err
	}
	defer d.Close()
	out := make([]float32, batch*product(layers[len(layers)-1].Output))
	var start time.Time
	for i := range 1 + tries {
		if i == 1 {
			start = time.Now()
		}
		if err := p.Run(d, upTo(batch)); err != nil {
			return 0, err
		}
		if err := p.Output(out); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / tries, nil
}

// timeTraining returns the time that a step takes. It leaves the weights of the plan alone.
func timeTraining(e nn.Engine, p nn.Plan, o nn.Optimizer) (time.Duration, error) {
	p.Layers = copied(p.Layers)
	t, err := e.NewTraining(p, e.NewSolver(o))
	if err != nil {
		return 0, err
	}
	defer t.Close()
	d, err := e.Load(even(p.Batch, product(p.Layers[0].Output),
		p.Loss == nn.CategoricalCrossentropy))
	if err != nil {
		return 0, err
	}
	defer d.Close()
	var start time.Time
	for i := range 1 + tries {
		if i == 1 {
			start = time.Now()
		}
		if err := t.Run(d, upTo(p.Batch)); err != nil {
			return 0, err
		}
		if err := t.Step(); err != nil {
			return 0, err
		}
		if _, err := t.Loss(); err != nil {
			return 0, err
		}
	}
	return time.Since(start) / tries, nil
}

// copied returns copies of the layers of a chain, with weights of their own.
func copied(layers []*nn.Layer) []*nn.Layer {
	list := make([]*nn.Layer, len(layers))
	for i, l := range layers {
		like := *l
		like.Inputs, like.Weights = nil, nil
		for _, w := range l.Weights {
			own := *w
			own.Data = slices.Clone(w.Data)
			like.Weights = append(like.Weights, &own)
		}
		list[i] = &like
	}
	return list
}
