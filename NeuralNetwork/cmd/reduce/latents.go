package main

import (
	"fmt"
	"io"
	"math"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/sklearn"
)

const (
	embedding  = "embedding" // name of the layer whose output is the vector of an image
	latentMax  = 25500       // largest value of a written vector; the smallest is 0
	latentStep = 32          // images in a batch, Keras' default for predictions
)

// samples returns images as the networks take them.
func (s *session) samples(m *imageset.Images[uint8]) *nn.Samples {
	return experiment.Pixels(s.pixels, s.textbook).Samples(m.Set(), nil)
}

// writeLatents writes the vectors of both sets of images, scaled to whole numbers. The two files
// belong together, and are replaced together.
func (s *session) writeLatents(m autoencoder) error {
	var files outfile.Group
	var scale *sklearn.MinMaxScaler
	for _, set := range []struct {
		images *imageset.Images[uint8]
		file   string
	}{{s.data, s.datasetLatents}, {s.queries, s.querysetLatents}} {
		progress := experiment.PredictProgress(s.out, s.display)
		v, err := m.Predict(s.engine, s.samples(set.images), m.bottleneck, latentStep, progress)
		if err != nil {
			return err
		}
		s.display.Phase("scaling the vectors")
		err = memory.Check(2*float64(len(v)), "%s: %d vectors need", set.file, set.images.N)
		if err != nil {
			return err
		}
		latents := &imageset.Images[uint16]{N: set.images.N, Rows: 1, Cols: len(v) / set.images.N}
		// The original scales each set by its own minima and maxima, so that one image has different
		// vectors in the two files, and each column by its own, so that a step in one counts as much
		// as a longer one in another. The textbook's scaling is fitted on the dataset alone and keeps
		// the columns' proportions; queries beyond the dataset's range are clamped to it.
		if scale == nil || !s.textbook {
			scale = sklearn.FitMinMaxScaler(v, latents.Cols, latentMax)
			if s.textbook {
				scale.KeepProportions()
			}
		}
		if latents.Pix, err = quantize(scale, v, s.textbook); err != nil {
			return fmt.Errorf("%s: not written: %w", set.file, err)
		}
		files.Add(set.file, func(w io.Writer) error { return idx.EncodeLatents(w, latents) })
		if set.images == s.data {
			s.addVectors(&files, v, latents.Cols)
		}
	}
	s.display.Phase("writing the vectors")
	if err := files.Commit(); err != nil {
		return err
	}
	s.written.Add(s.datasetLatents, s.querysetLatents, s.tsv, s.labelsFile())
	return nil
}

// quantize scales v, (n,dim), and rounds half to even. If clamp is set, finite values outside 0 to
// latentMax are clamped. Values that no uint16 can hold are an error.
func quantize(s *sklearn.MinMaxScaler, v []float32, clamp bool) ([]uint16, error) {
	dim := len(s.Scale)
	out := make([]uint16, len(v))
	for i, x := range v {
		j := i % dim
		y := math.RoundToEven(float64(s.At(j, x)))
		if clamp && !math.IsInf(y, 0) {
			y = min(max(y, 0), latentMax)
		}
		if !(y >= 0 && y <= math.MaxUint16) { // NaN fails both
			lo, hi := sklearn.ColumnRanges(v, dim)
			return nil, fmt.Errorf("value %d of the vectors, counted from 0, reaches from %v to %v, "+
				"which cannot be scaled to 0 to %d", j, lo[j], hi[j], latentMax)
		}
		out[i] = uint16(y)
	}
	return out, nil
}
