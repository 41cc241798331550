package main

import (
	"fmt"
	"io"
	"math"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
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
func (s *session) samples(m *imageset.Set[uint8]) *nn.Samples {
	return experiment.Pixels(s.pixels, s.textbook).Samples(m, nil)
}

// writeLatents writes the vectors of both sets of images, scaled to whole numbers. The two files
// belong together, and are replaced together.
func (s *session) writeLatents(m autoencoder) error {
	var files outfile.Group
	var fitted *sklearn.MinMaxScaler
	for _, set := range []struct {
		images *imageset.Set[uint8]
		file   string
	}{{s.data, s.datasetLatents}, {s.queries, s.querysetLatents}} {
		progress := experiment.PredictProgress(s.out, s.display)
		v, err := experiment.Predict(
			m.Model, s.engine, s.samples(set.images), m.bottleneck, latentStep, progress)
		if err != nil {
			return err
		}
		defer v.Close()
		s.display.Phase("scaling the vectors")
		var ranges sklearn.Ranges
		err = v.Each(func(rows []float32) error {
			ranges.Add(rows, v.Dim)
			return nil
		})
		if err != nil {
			return err
		}
		// The original scales each set by its own minima and maxima, so that one image has different
		// vectors in the two files, and each column by its own, so that a step in one counts as much
		// as a longer one in another. The textbook's scaling is fitted on the dataset alone and keeps
		// the columns' proportions; queries beyond the dataset's range are clamped to it.
		if fitted == nil || !s.textbook {
			fitted = sklearn.FitMinMaxScaler(ranges, latentMax)
			if s.textbook {
				fitted.KeepProportions()
			}
		}
		scaled := quantizer{fitted, s.textbook, ranges}
		if err := scaled.check(v); err != nil {
			return fmt.Errorf("%s: not written: %w", set.file, err)
		}
		files.Add(set.file, func(w io.Writer) error {
			if err := idx.EncodeLatentsHeader(w, v.N, 1, v.Dim); err != nil {
				return err
			}
			var pix []uint16
			return v.Each(func(rows []float32) (err error) {
				if pix, err = scaled.append(pix[:0], rows); err != nil {
					return err
				}
				return idx.EncodeLatentValues(w, pix)
			})
		})
		if set.images == s.data {
			s.addVectors(&files, v)
		}
	}
	s.display.Phase("writing the vectors")
	if err := files.Commit(); err != nil {
		return err
	}
	s.written.Add(s.datasetLatents, s.querysetLatents, s.tsv, s.labelsFile())
	return nil
}

// A quantizer scales vectors to whole numbers, rounded half to even. If clamp is set, finite values
// outside 0 to latentMax are clamped. Values that no uint16 can hold are an error.
type quantizer struct {
	scale  *sklearn.MinMaxScaler
	clamp  bool
	ranges sklearn.Ranges // of the vectors
}

// append appends the scaled values of some vectors, (rows,dim).
func (q *quantizer) append(dst []uint16, rows []float32) ([]uint16, error) {
	dim := len(q.scale.Scale)
	for i, x := range rows {
		j := i % dim
		y := math.RoundToEven(float64(q.scale.At(j, x)))
		if q.clamp && !math.IsInf(y, 0) {
			y = min(max(y, 0), latentMax)
		}
		if !(y >= 0 && y <= math.MaxUint16) { // NaN fails both
			return dst, fmt.Errorf("value %d of the vectors, counted from 0, reaches from %v to %v, "+
				"which cannot be scaled to 0 to %d", j, q.ranges.Lo[j], q.ranges.Hi[j], latentMax)
		}
		dst = append(dst, uint16(y))
	}
	return dst, nil
}

// check returns the error of the first value of the vectors that cannot be scaled.
func (q *quantizer) check(v *experiment.Vectors) error {
	// Scaling keeps the order, so that all values can be scaled if the smallest and the largest can.
	for _, extremes := range [][]float32{q.ranges.Lo, q.ranges.Hi} {
		if _, err := q.append(nil, extremes); err != nil {
			return v.Each(func(rows []float32) error {
				_, err := q.append(nil, rows)
				return err
			})
		}
	}
	return nil
}
