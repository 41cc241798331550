package main

import (
	"errors"
	"fmt"
	"io"
	"math"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
	"imagesimilarity/pkg/sklearn"
)

// newRun returns the results before the first experiment.
func (s *session) newRun(header results.Header) *results.Classification {
	return &results.Classification{
		Header: header,
		Settings: results.ClassificationSettings{
			Model: s.model, Seed: s.seed, Loss: string(loss), Optimizer: string(optimizer),
		},
		TrainingSet: results.Labelled{
			Images: results.FileOf(s.trainingSet, s.training.images), Labels: s.trainingLabels,
		},
		TestSet: results.Labelled{
			Images: results.FileOf(s.testSet, s.test.images), Labels: s.testLabels,
		},
		Classes: s.classes,
	}
}

// values returns the answers as results.
func (a answers) values() results.ClassifierAnswers {
	return results.ClassifierAnswers{
		Encoder:        results.Encoder{FilterSize: a.FilterSize, Filters: a.Filters},
		FullyConnected: a.fullyConnected, FrozenEpochs: a.phase1, FreeEpochs: a.phase2,
		Batch: a.batch, Embedding: a.embedding, DropoutRate: results.Number(a.dropoutRate),
	}
}

// checkResults returns an error if there is no memory for the classes of all images, for the page
// or for the plots.
func (s *session) checkResults() error {
	test, training := len(s.test.labels), len(s.training.labels)
	if err := memory.Check(8*float64(test), "the probabilities of %s need",
		plural.Of(test, "image")); err != nil {
		return err
	}
	kept := float64(9 * float64(test)) // the probabilities and the classes of the test images
	err := memory.CheckLater(kept, float64(training), "the classes of %s need",
		plural.Of(training, "image"))
	if err != nil {
		return err
	}
	return report.CheckMemory(s.html != "", s.png != "", kept)
}

// record adds an experiment to the results and to the page.
func (s *session) record(x *results.Classifier) error {
	s.display.Phase("preparing the report")
	x.Device = s.engine.Computed()
	if s.html != "" || s.png != "" {
		var mistakes []int
		if x.Test != nil {
			mistakes = report.AskedOfClassification(x.Test, s.test.labels)
		}
		shown, err := report.Read(s.test.images, s.test.labels, mistakes)
		if err != nil {
			return err
		}
		s.page.AddClassification(s.run, x, shown)
	}
	s.run.Rounds = append(s.run.Rounds, *x)
	return s.rounds.Added()
}

// writeRecords writes the results and the page of all experiments, if they are wanted. An error
// does not end the conversation: it is shown, and kept for the end.
func (s *session) writeRecords() error {
	var files outfile.Group
	if s.json != "" {
		files.Add(s.json, func(w io.Writer) error { return results.Write(w, s.run) })
	}
	if s.html != "" {
		files.Add(s.html, func(w io.Writer) error { return report.Render(w, s.page) })
	}
	if s.png != "" {
		s.page.AddFigures(&files, s.png)
	}
	s.display.Phase("writing the report")
	err := files.Commit()
	if err == nil {
		s.written.Add(s.html, s.json, s.png)
	}
	s.unrecorded = errors.Join(s.unrecorded, experiment.Say(s.out, err))
	return nil
}

// found returns what was found and which files were written, in a few lines for the person at the
// screen.
func (s *session) found() string {
	text := ""
	if t := s.tested; t != nil {
		if n := len(s.graphs); n > 1 {
			text = fmt.Sprintf("Last of %d classifiers:\n", n)
		}
		images := t.Right + t.Wrong
		text += fmt.Sprintf("Right: %d of %d test images (%.2f %%)\n",
			t.Right, images, 100*float64(t.Right)/float64(images))
	}
	return text + "Written: " + s.written.String() + "\n"
}

// An evaluation is the results on the test set and the scores that are shown.
type evaluation struct {
	results.Test
	scores sklearn.Scores
}

// evaluate classifies the test images and compares their classes with their labels.
func (s *session) evaluate(m *nn.Model, batch int) (*evaluation, error) {
	e := &evaluation{}
	n := len(s.test.labels)
	err := memory.Check(8*float64(n), "the probabilities of %s need", plural.Of(n, "image"))
	if err != nil {
		return nil, err
	}
	e.Truth = s.test.labels
	e.Probability, e.OfTruth = make([]float32, n), make([]float32, n)
	e.Predicted, err = s.classify(m, s.test, batch, func(i int, class uint8, p []float32) {
		e.Probability[i], e.OfTruth[i] = p[class], p[e.Truth[i]]
	})
	if err != nil {
		return nil, err
	}
	s.display.Phase("comparing classes with labels")
	c := sklearn.NewConfusion(e.Truth, e.Predicted)
	e.scores = c.Scores()
	e.Right = c.Right()
	e.Wrong = n - e.Right
	e.Scores, e.Confusion = scoreRows(e.scores), c.Count
	for _, k := range c.Classes {
		e.Classes = append(e.Classes, int(k))
	}
	return e, nil
}

// scoreRows returns a row for each class, then those of the accuracy and the means.
func scoreRows(s sklearn.Scores) []results.Score {
	row := func(name string, c sklearn.Score) results.Score {
		return results.Score{
			Name: name, Precision: results.Number(c.Precision), Recall: results.Number(c.Recall),
			F1: results.Number(c.F1), Support: c.Support,
		}
	}
	var rows []results.Score
	for i, c := range s.Class {
		rows = append(rows, row(fmt.Sprint(s.Classes[i]), c))
	}
	accuracy := sklearn.Score{
		Precision: math.NaN(), Recall: math.NaN(), F1: s.Accuracy, Support: s.Macro.Support,
	}
	return append(rows,
		row("accuracy", accuracy), row("macro avg", s.Macro), row("weighted avg", s.Weighted))
}
