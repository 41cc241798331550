package main

import (
	"fmt"
	"math"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/nn"
)

const (
	embedding  = "embedding" // name of the layer whose output is the vector of an image
	latentMax  = 25500       // largest value of a written vector; the smallest is 0
	latentStep = 32          // images in a batch, Keras' default for predictions
)

// samples are images as the networks take them.
func samples(m *idx.Images[uint8]) *nn.Samples {
	return &nn.Samples{N: m.N, Input: nn.RowNormalised(m.Pix, m.Rows, m.Cols)}
}

// writeLatents writes the vectors of both sets of images, each scaled by its own minima and maxima, as the original does.
func (s *session) writeLatents(m *nn.Model) error {
	for _, set := range []struct {
		images *idx.Images[uint8]
		file   string
	}{{s.data, s.datasetLatents}, {s.queries, s.querysetLatents}} {
		v, err := m.Predict(samples(set.images), embedding, latentStep, experiment.PredictProgress(s.out, s.display))
		if err != nil {
			return err
		}
		latents := &idx.Images[uint16]{N: set.images.N, Rows: 1, Cols: len(v) / set.images.N}
		if latents.Pix, err = scale(v, latents.Cols); err != nil {
			return fmt.Errorf("%s: not written: %w", set.file, err)
		}
		if err := idx.WriteLatents(set.file, latents); err != nil {
			return err
		}
	}
	return nil
}

// scale maps every column of v, (n,dim), linearly on 0 to latentMax and rounds half to even. Its float32 arithmetic is that of
// scikit-learn's MinMaxScaler, so that the rounded values are, too. A constant column becomes 0.
func scale(v []float32, dim int) ([]uint16, error) {
	// A range below it counts as none: ten times the distance from 1 to the next float32.
	const noRange = 10 * 0x1p-23
	lo, hi := make([]float32, dim), make([]float32, dim)
	copy(lo, v)
	copy(hi, v)
	for i, x := range v {
		j := i % dim
		lo[j], hi[j] = min(lo[j], x), max(hi[j], x) // NaN, once seen, stays
	}
	factor, offset := make([]float32, dim), make([]float32, dim)
	for j := range dim {
		span := hi[j] - lo[j]
		if span < noRange {
			span = 1
		}
		factor[j] = float32(latentMax) / span
		offset[j] = 0 - float32(lo[j]*factor[j])
	}
	out := make([]uint16, len(v))
	for i, x := range v {
		j := i % dim
		y := math.RoundToEven(float64(float32(x*factor[j]) + offset[j]))
		if !(y >= 0 && y <= math.MaxUint16) { // NaN fails both
			return nil, fmt.Errorf("value %d of the vectors, counted from 0, reaches from %v to %v, which cannot be scaled to 0 to %d", j, lo[j], hi[j], latentMax)
		}
		out[i] = uint16(y)
	}
	return out, nil
}
