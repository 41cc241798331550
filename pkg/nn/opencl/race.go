package opencl

import (
	"slices"
	"time"

	"imagesimilarity/pkg/nn"
)

// onDevice reports whether the device is to compute the next network. If there is to be a race, it
// lets both engines run first, and gives the slower one up. A device that fails loses.
func (f *fallback) onDevice(run func(nn.Engine) (time.Duration, error)) bool {
	if f.race == nil || f.lost {
		return !f.lost
	}
	device, err := run(f.device)
	if err != nil {
		return !f.failed(err) // if it is none of the device, the work itself will show it
	}
	other, err := run(f.other)
	if err != nil {
		return true
	}
	f.lost = other <= device
	f.race(device, other)
	f.race = nil
	return !f.lost
}

// timed returns the time that a batch takes: the mean of a few, or of fewer if they are long. The
// first batch is not counted.
func timed(batch func() error) (time.Duration, error) {
	const most, long = 3, time.Second
	if err := batch(); err != nil {
		return 0, err
	}
	for n, start := 1, time.Now(); ; n++ {
		if err := batch(); err != nil {
			return 0, err
		}
		if took := time.Since(start); n == most || took > long {
			return took / time.Duration(n), nil
		}
	}
}

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
	return timed(func() error {
		if err := p.Run(d, upTo(batch)); err != nil {
			return err
		}
		return p.Output(out)
	})
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
	return timed(func() error {
		if err := t.Run(d, upTo(p.Batch)); err != nil {
			return err
		}
		if err := t.Step(); err != nil {
			return err
		}
		_, err := t.Loss()
		return err
	})
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
