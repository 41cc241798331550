package nn

import (
	"fmt"
	"slices"
)

// Predict returns the output of the layer named until, or of the last layer for "": (N, its size),
// sample by sample. progress, which may be nil, is called after each batch. Predict returns the
// error of CheckPrediction if there is no memory.
func (m *Model) Predict(e Engine, s *Samples, until string, batch int,
	progress func(done, total int)) ([]float32, error) {
	last, err := m.index(until)
	if err != nil {
		return nil, err
	}
	if batch < 1 {
		return nil, fmt.Errorf("nn: a prediction in batches of %d; expected at least 1", batch)
	}
	if s.N < 1 {
		return nil, nil
	}
	if err := m.CheckPrediction(s.N, until, batch); err != nil {
		return nil, err
	}
	batch = min(batch, s.N)
	prediction, err := e.NewPrediction(Sub(m.Layers, last), batch)
	if err != nil {
		return nil, err
	}
	defer prediction.Close()
	data, err := e.Load(s)
	if err != nil {
		return nil, err
	}
	defer data.Close()
	row := product(m.Layers[last].Output)
	out := make([]float32, s.N*row)
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
				return nil, err
			}
			started++
		}
		first := done * batch
		if err := prediction.Output(out[first*row : min(first+batch, s.N)*row]); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(done+1, total)
		}
	}
	return out, nil
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
