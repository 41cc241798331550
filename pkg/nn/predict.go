package nn

import (
	"fmt"
	"slices"
)

// Predict returns the output of the layer named until, or of the last layer for "": (N, its size),
// sample by sample. progress, which may be nil, is called after each batch. Predict returns an
// error if there is no memory.
func (m *Model) Predict(e Engine, s *Samples, until string, batch int,
	progress func(done, total int)) ([]float32, error) {
	if s.N >= 1 && batch >= 1 {
		err := m.checkPrediction(s.N, s.N+min(s.N, batch), until, batch, s.room(batch))
		if err != nil {
			return nil, err
		}
	}
	var all []float32
	err := m.predictEach(e, s, until, batch, func(out []float32, first int) error {
		if all == nil {
			all = make([]float32, 0, s.N*(len(out)/min(s.N, batch)))
		}
		all = append(all, out...)
		return nil
	}, progress)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// PredictEach computes the output of the layer named until, or of the last layer for "", and hands
// it to visit, batch by batch in the order of the samples: (samples of the batch, its size), from
// sample first on. out is overwritten after visit returns. progress, which may be nil, is called
// after each batch. PredictEach returns the error of CheckPrediction if there is no memory, and
// that of visit.
func (m *Model) PredictEach(e Engine, s *Samples, until string, batch int,
	visit func(out []float32, first int) error, progress func(done, total int)) error {
	if s.N >= 1 && batch >= 1 {
		err := m.checkPrediction(s.N, min(s.N, batch), until, batch, s.room(batch))
		if err != nil {
			return err
		}
	}
	return m.predictEach(e, s, until, batch, visit, progress)
}

// predictEach is PredictEach for a caller that has asked for the memory.
func (m *Model) predictEach(e Engine, s *Samples, until string, batch int,
	visit func(out []float32, first int) error, progress func(done, total int)) error {
	last, err := m.index(until)
	if err != nil {
		return err
	}
	if batch < 1 {
		return fmt.Errorf("nn: a prediction in batches of %d; expected at least 1", batch)
	}
	if s.N < 1 {
		return nil
	}
	batch = min(batch, s.N)
	prediction, err := e.NewPrediction(Sub(m.Layers, last), batch)
	if err != nil {
		return err
	}
	defer prediction.Close()
	data, err := e.Load(s)
	if err != nil {
		return err
	}
	defer data.Close()
	row := product(m.Layers[last].Output)
	buffer := make([]float32, batch*row)
	total := batches(s.N, batch)
	started := 0
	for done := range total {
		for started < total && started <= done+e.Queue() {
			first := started * batch
			index := make([]int, min(batch, s.N-first))
			for i := range index {
				index[i] = first + i
			}
			if err := prediction.Run(data, index); err != nil {
				return err
			}
			started++
		}
		first := done * batch
		out := buffer[:min(batch, s.N-first)*row]
		if err := prediction.Output(out); err != nil {
			return err
		}
		if err := visit(out, first); err != nil {
			return err
		}
		if progress != nil {
			progress(done+1, total)
		}
	}
	return nil
}

// index returns the place of the layer with that name, or of the last one for "".
func (m *Model) index(name string) (int, error) {
	if name == "" {
		return len(m.Layers) - 1, nil
	}
	i := slices.IndexFunc(m.Layers, func(l *Layer) bool { return l.Name == name })
	if i < 0 {
		return 0, fmt.Errorf("nn: the model has no layer named %q", name)
	}
	return i, nil
}
