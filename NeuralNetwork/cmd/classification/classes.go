package main

import (
	"fmt"
	"io"
	"strconv"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/figure"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/numpy"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/sklearn"
)

// samples are the images of a set as the networks take them, with their labels.
func (s *session) samples(of set) *nn.Samples {
	m := of.images
	return &nn.Samples{N: m.N, Input: experiment.Pixels(s.textbook).Input(m.Pix, m.Rows, m.Cols), Labels: of.labels}
}

// classify is the class that the model gives each image of a set.
func (s *session) classify(m *nn.Model, of set, batch int) ([]uint8, error) {
	p, err := m.Predict(s.engine, s.samples(of), "", batch, experiment.PredictProgress(s.out, s.display))
	return s.classesOf(p), err
}

// classesOf is the class of each image of which p, (N,classes), has the probabilities.
func (s *session) classesOf(p []float32) []uint8 {
	// The original rounds the probabilities before it looks for the largest.
	classOf := roundedArgmax
	if s.textbook {
		classOf = argmax
	}
	class := make([]uint8, len(p)/s.classes)
	for i := range class {
		class[i] = classOf(p[i*s.classes : (i+1)*s.classes])
	}
	return class
}

// argmax is the first class with the largest probability.
func argmax(probability []float32) uint8 {
	best := 0
	for c, p := range probability {
		if p > probability[best] {
			best = c
		}
	}
	return uint8(best)
}

// roundedArgmax is the first class with the largest probability after rounding half to even: the class above one half, and
// class 0 where there is none.
func roundedArgmax(probability []float32) uint8 {
	for c, p := range probability {
		if p > 0.5 {
			return uint8(c)
		}
	}
	return 0
}

// writeClasses writes the class files of the test set and of the training set, one line for each class. The original always
// wrote ten lines.
func (s *session) writeClasses(m *nn.Model, batch int) error {
	for _, part := range []struct {
		set
		file string
	}{{s.test, testClasses}, {s.training, trainingClasses}} {
		class, err := s.classify(m, part.set, batch)
		if err != nil {
			return err
		}
		err = outfile.Write(part.file, func(w io.Writer) error { return clustering.WriteClasses(w, class, s.classes) })
		if err != nil {
			return err
		}
	}
	return nil
}

// classifyTestSet shows how well the model classifies the test set: counts, report, confusion matrix, the first digits.
func (s *session) classifyTestSet(m *nn.Model, batch int) error {
	class, err := s.classify(m, s.test, batch)
	if err != nil {
		return err
	}
	c := sklearn.NewConfusion(s.test.labels, class)
	fmt.Fprintf(s.out, "Found %d correct labels\n", c.Right())
	fmt.Fprintf(s.out, "Found %d incorrect labels\n", len(class)-c.Right())
	fmt.Fprintln(s.out, c.Scores().Text())
	fmt.Fprintln(s.out, numpy.ArrayText(c.Count))
	return s.showDigits(class)
}

// showDigits shows the first 100 test images, as the network sees them, with their classes.
func (s *session) showDigits(class []uint8) error {
	images := s.test.images.First(100)
	titles := make([]string, images.N)
	index := make([]int, images.N)
	for i := range titles {
		titles[i] = strconv.Itoa(int(class[i]))
		index[i] = i
	}
	pix := make([]float32, len(images.Pix))
	s.samples(s.test).Input(pix, index)
	return experiment.ShowFigure(s.in, s.out, digitsFile, "Classified digits", figure.Digits(pix, images.Rows, images.Cols, titles))
}
