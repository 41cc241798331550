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
		s.Input(n.input[:len(index)*len(n.input)/batch], index)
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

// RowNormalised makes the Input of samples from images of rows x cols grey levels: every row of an image is divided by its
// sum, in float64, then rounded to float32; a row of zeros stays.
func RowNormalised(pix []uint8, rows, cols int) func(dst []float32, index []int) {
	return func(dst []float32, index []int) {
		for i, k := range index {
			image := pix[k*rows*cols : (k+1)*rows*cols]
			out := dst[i*rows*cols : (i+1)*rows*cols]
			for r := 0; r < len(image); r += cols {
				var sum int
				for _, p := range image[r : r+cols] {
					sum += int(p)
				}
				divisor := float64(max(sum, 1))
				for c, p := range image[r : r+cols] {
					out[r+c] = float32(float64(p) / divisor)
				}
			}
		}
	}
}
