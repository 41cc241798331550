package nn

import (
	"fmt"
	"slices"
)

// Predict computes the output of the layer named until, or of the last layer for "": (N, its size), sample by sample.
// progress, which may be nil, is called after each batch.
func (m *Model) Predict(s *Samples, until string, batch int, progress func(done, total int)) ([]float32, error) {
	last := len(m.Layers) - 1
	if until != "" {
		if last = slices.IndexFunc(m.Layers, func(l *Layer) bool { return l.Name == until }); last < 0 {
			return nil, fmt.Errorf("nn: the model has no layer named %q", until)
		}
	}
	if batch < 1 {
		return nil, fmt.Errorf("nn: a prediction in batches of %d; expected at least 1", batch)
	}
	if s.N < 1 {
		return nil, nil
	}
	batch = min(batch, s.N)
	n, err := newPredictor(m.Layers[:last+1], batch)
	if err != nil {
		return nil, err
	}
	size := product(m.Layers[last].Output)
	out := make([]float32, 0, s.N*size)
	order := inOrder(s.N)
	for done := 0; done < s.N; done += batch {
		index := order[done:min(done+batch, s.N)]
		n.load(s, index)
		if err := n.run(len(index)); err != nil {
			return nil, err
		}
		out = append(out, n.output.Value().Data().([]float32)[:len(index)*size]...)
		if progress != nil {
			progress(done/batch+1, ceilDiv(s.N, batch))
		}
	}
	return out, nil
}
