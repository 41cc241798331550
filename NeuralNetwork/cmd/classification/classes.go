package main

import (
	"fmt"
	"io"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/figure"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/numpy"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/results"
)

// samples returns the images of a set as the networks take them, with their labels.
func (s *session) samples(of set) *nn.Samples {
	return experiment.Pixels(s.pixels, s.textbook).Samples(of.images, of.labels)
}

// classify returns the class that the model gives each image of a set. see, which may be nil, gets
// the class of each image and the probabilities of all classes.
func (s *session) classify(
	m *nn.Model, of set, batch int, see func(image int, class uint8, p []float32),
) ([]uint8, error) {
	n := len(of.labels)
	if err := memory.Check(float64(n), "the classes of %s need", plural.Of(n, "image")); err != nil {
		return nil, err
	}
	class := make([]uint8, n)
	progress := experiment.PredictProgress(s.out, s.display)
	err := m.PredictEach(s.engine, s.samples(of), "", batch, func(p []float32, first int) error {
		for k := range len(p) / s.classes {
			of := p[k*s.classes : (k+1)*s.classes]
			image, c := first+k, s.classOf(of)
			class[image] = c
			if see != nil {
				see(image, c, of)
			}
		}
		return nil
	}, progress)
	return class, err
}

// classOf returns the class of an image from its probabilities. The original rounds them before it
// looks for the largest.
func (s *session) classOf(p []float32) uint8 {
	if s.textbook {
		return argmax(p)
	}
	return roundedArgmax(p)
}

// argmax returns the first class with the largest probability.
func argmax(probability []float32) uint8 {
	best := 0
	for c, p := range probability {
		if p > probability[best] {
			best = c
		}
	}
	return uint8(best)
}

// roundedArgmax returns the first class with the largest probability after rounding half to even.
// That is the class above one half, and class 0 if there is none.
func roundedArgmax(probability []float32) uint8 {
	for c, p := range probability {
		if p > 0.5 {
			return uint8(c)
		}
	}
	return 0
}

// writeClasses writes the class files of the test set and of the training set, one line for each
// class. The original always wrote ten lines. The two files are replaced together. writeClasses
// adds the results on the test set to x.
func (s *session) writeClasses(m *nn.Model, batch int, x *results.Classifier) error {
	e, err := s.evaluate(m, batch)
	if err != nil {
		return err
	}
	x.Test = &e.Test
	s.tested = x.Test
	class, err := s.classify(m, s.training, batch, nil)
	if err != nil {
		return err
	}
	s.display.Phase("writing the classes")
	var files outfile.Group
	files.Add(testClasses, func(w io.Writer) error {
		return clustering.WriteClasses(w, e.Predicted, s.classes)
	})
	files.Add(trainingClasses, func(w io.Writer) error {
		return clustering.WriteClasses(w, class, s.classes)
	})
	if err := files.Commit(); err != nil {
		return err
	}
	s.written.Add(testClasses, trainingClasses)
	return nil
}

// classifyTestSet shows how well the model classifies the test set: counts, report, confusion
// matrix, the first digits. It predicts the test set again, as the original does and shows.
func (s *session) classifyTestSet(m *nn.Model, batch int, x *results.Classifier) error {
	e, err := s.evaluate(m, batch)
	if err != nil {
		return err
	}
	x.Test = &e.Test
	fmt.Fprintf(s.out, "Found %d correct labels\n", e.Right)
	fmt.Fprintf(s.out, "Found %d incorrect labels\n", e.Wrong)
	fmt.Fprintln(s.out, e.scores.Text())
	fmt.Fprintln(s.out, numpy.ArrayText(e.Confusion))
	return s.showDigits(e.Predicted)
}

// showDigits shows the first 100 test images, as the network sees them, with their classes and, if
// they are wrong, the true ones.
func (s *session) showDigits(class []uint8) error {
	s.display.Phase("drawing the digits")
	images := s.test.images
	n, dim := min(100, images.N), images.Dim()
	// Of one image at a time, every pixel becomes 64 dots of 4 bytes.
	err := memory.Check(float64(4*n*dim+2*4*64*dim),
		"showing %s of %dx%d pixels needs", plural.Of(n, "image"), images.Rows, images.Cols)
	if err != nil {
		return err
	}
	titles := make([]figure.DigitTitle, n)
	index := make([]int, n)
	for i := range titles {
		titles[i] = figure.DigitTitle{Predicted: int(class[i]), Truth: int(s.test.labels[i])}
		index[i] = i
	}
	pix := make([]float32, n*dim)
	if err := s.samples(s.test).Input(pix, index); err != nil {
		return err
	}
	digits := figure.Digits(pix, images.Rows, images.Cols, titles)
	err = experiment.ShowFigure(s.in, s.out, digitsFile, "Classified digits", digits)
	if err == nil {
		s.written.Add(digitsFile)
	}
	return err
}
