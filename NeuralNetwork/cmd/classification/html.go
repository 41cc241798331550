package main

import (
	"fmt"
	"math"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/sklearn"
)

// newPage is the HTML report before the first experiment.
func newPage(o options, args []string) *report.Page {
	return &report.Page{
		Title:   "Classification",
		Command: append([]string{"./classification"}, args...),
		Facts: []report.Fact{
			{Name: "training set", Value: o.trainingSet + ", labels " + o.trainingLabels},
			{Name: "test set", Value: o.testSet + ", labels " + o.testLabels},
			{Name: "trained encoder", Value: o.model},
			{Name: "seed", Value: fmt.Sprint(o.seed)},
		},
	}
}

// writeHTML adds a classifier to the HTML report, if one was asked for: how it was trained and how it classifies the test set.
func (s *session) writeHTML(m *nn.Model, a answers, phases []nn.History) error {
	if s.html == "" {
		return nil
	}
	p, err := m.Predict(s.engine, s.samples(s.test), "", a.batch, s.display.Task("test set for the report", "batches"))
	if err != nil {
		return err
	}
	class := s.classesOf(p)
	judged := sklearn.NewConfusion(s.test.labels, class)
	history := joined(phases)
	training := &report.Training{Loss: history.Loss, ValLoss: history.ValLoss}
	for _, h := range phases {
		training.Phases = append(training.Phases, len(h.Loss))
	}
	s.page.AddClassification(report.Classification{
		Facts: []report.Fact{
			{Name: "images", Value: fmt.Sprintf("%d to train on, %d to test with, of %d × %d pixels",
				s.training.images.N, s.test.images.N, s.test.images.Rows, s.test.images.Cols)},
			{Name: "convolutional layers", Value: fmt.Sprintf("%d, filters %s of %d × %d", len(a.Filters), a.FilterList(), a.FilterSize, a.FilterSize)},
			{Name: "dense layers", Value: fmt.Sprintf("embedding %d, fully connected %d, classes %d", a.embedding, a.fullyConnected, s.classes)},
			{Name: "dropout rate", Value: fmt.Sprint(a.dropoutRate)},
			{Name: "epochs", Value: fmt.Sprintf("%d with the encoder frozen, then %d with all layers", a.phase1, a.phase2)},
			{Name: "batch size", Value: fmt.Sprint(a.batch)},
		},
		Training: training, Images: s.test.images, Labels: s.test.labels, Predicted: class, Probabilities: p,
		Classes: judged.Classes, Confusion: judged.Count, Scores: scoreRows(judged.Scores()),
	})
	return outfile.Write(s.html, s.page.Render)
}

// scoreRows returns the rows of the page's table of scores: one for each class, then the accuracy and
// the means.
func scoreRows(s sklearn.Scores) []report.Score {
	row := func(name string, c sklearn.Score) report.Score {
		return report.Score{Name: name, Precision: c.Precision, Recall: c.Recall, F1: c.F1, Support: c.Support}
	}
	var rows []report.Score
	for i, c := range s.Class {
		rows = append(rows, row(fmt.Sprint(s.Classes[i]), c))
	}
	accuracy := sklearn.Score{Precision: math.NaN(), Recall: math.NaN(), F1: s.Accuracy, Support: s.Macro.Support}
	return append(rows, row("accuracy", accuracy), row("macro avg", s.Macro), row("weighted avg", s.Weighted))
}
