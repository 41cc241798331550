package main

import (
	"fmt"
	"math"
	"slices"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/nn"
)

const (
	embedding  = "embedding" // name of the layer whose output is the vector of an image
	latentMax  = 25500       // largest value of a written vector; the smallest is 0
	latentStep = 32          // images in a batch, Keras' default for predictions
)

// samples are images as the networks take them.
func (s *session) samples(m *imageset.Images[uint8]) *nn.Samples {
	return &nn.Samples{N: m.N, Input: experiment.Pixels(s.textbook).Input(m.Pix, m.Rows, m.Cols)}
}

// writeLatents writes the vectors of both sets of images, scaled to whole numbers.
func (s *session) writeLatents(m *nn.Model) error {
	var scale *scaler
	for _, set := range []struct {
		images *imageset.Images[uint8]
		file   string
	}{{s.data, s.datasetLatents}, {s.queries, s.querysetLatents}} {
		v, err := m.Predict(s.samples(set.images), embedding, latentStep, experiment.PredictProgress(s.out, s.display))
		if err != nil {
			return err
		}
		latents := &imageset.Images[uint16]{N: set.images.N, Rows: 1, Cols: len(v) / set.images.N}
		// The original scales each set by its own minima and maxima, so that one image has different vectors in the two files, and each
		// column by its own, so that a step in one counts as much as a longer one in another. The textbook's scaling is fitted on the
		// dataset alone and keeps the columns' proportions; queries beyond the dataset's range are clamped to it.
		if scale == nil || !s.textbook {
			scale = fitScaler(v, latents.Cols, s.textbook)
		}
		if latents.Pix, err = scale.apply(v, s.textbook); err != nil {
			return fmt.Errorf("%s: not written: %w", set.file, err)
		}
		if err := idx.WriteLatents(set.file, latents); err != nil {
			return err
		}
	}
	return nil
}

// A scaler maps every column of vectors linearly, so that those that it was fitted on reach from 0 to at most latentMax. Its float32 arithmetic
// is that of scikit-learn's MinMaxScaler, so that the rounded values are, too. A constant column becomes 0.
type scaler struct{ factor, offset []float32 } // of each column

// fitScaler fits a scaler on v, (n,dim): every column reaches latentMax, or with alike, which gives all columns the same factor, the widest.
func fitScaler(v []float32, dim int, alike bool) *scaler {
	// A range below it counts as none: ten times the distance from 1 to the next float32.
	const noRange = 10 * 0x1p-23
	lo, hi := ranges(v, dim)
	spans := make([]float32, dim)
	for j := range spans {
		if spans[j] = hi[j] - lo[j]; spans[j] < noRange {
			spans[j] = 1
		}
	}
	if alike {
		spans = slices.Repeat([]float32{slices.Max(spans)}, dim)
	}
	s := &scaler{make([]float32, dim), make([]float32, dim)}
	for j, span := range spans {
		s.factor[j] = float32(latentMax) / span
		s.offset[j] = 0 - float32(lo[j]*s.factor[j])
	}
	return s
}

// apply scales v, (n,dim), and rounds half to even. Finite values beyond 0 to latentMax are clamped where that is wanted.
func (s *scaler) apply(v []float32, clamp bool) ([]uint16, error) {
	dim := len(s.factor)
	out := make([]uint16, len(v))
	for i, x := range v {
		j := i % dim
		y := math.RoundToEven(float64(float32(x*s.factor[j]) + s.offset[j]))
		if clamp && !math.IsInf(y, 0) {
			y = min(max(y, 0), latentMax)
		}
		if !(y >= 0 && y <= math.MaxUint16) { // NaN fails both
			lo, hi := ranges(v, dim)
			return nil, fmt.Errorf("value %d of the vectors, counted from 0, reaches from %v to %v, which cannot be scaled to 0 to %d", j, lo[j], hi[j], latentMax)
		}
		out[i] = uint16(y)
	}
	return out, nil
}

// ranges are the least and the greatest values of the columns of v, (n,dim). NaN, once seen, stays.
func ranges(v []float32, dim int) (lo, hi []float32) {
	lo, hi = make([]float32, dim), make([]float32, dim)
	copy(lo, v)
	copy(hi, v)
	for i, x := range v {
		j := i % dim
		lo[j], hi[j] = min(lo[j], x), max(hi[j], x)
	}
	return lo, hi
}
