package main

import (
	"fmt"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/report"
)

// newPage is the HTML report before the first experiment.
func newPage(o options, args []string) *report.Page {
	return &report.Page{
		Title:   "Images as short vectors",
		Command: append([]string{"./reduce"}, args...),
		Facts: []report.Fact{
			{Name: "dataset", Value: o.dataset},
			{Name: "query set", Value: o.queryset},
			{Name: "their vectors", Value: o.datasetLatents + ", " + o.querysetLatents},
			{Name: "seed", Value: fmt.Sprint(o.seed)},
		},
	}
}

// facts are the answers.
func (a answers) facts() []report.Fact {
	return []report.Fact{
		{Name: "convolutional layers", Value: fmt.Sprintf("%d, filters %s of %d × %d", len(a.Filters), a.FilterList(), a.FilterSize, a.FilterSize)},
		{Name: "embedding", Value: fmt.Sprint(a.embedding)},
		{Name: "epochs", Value: fmt.Sprint(a.epochs)},
		{Name: "batch size", Value: fmt.Sprint(a.batch)},
	}
}

// writeHTML adds an autoencoder to the HTML report, if one was asked for: how it was trained (nil where it was loaded), the vectors of some images of the
// dataset, and what it makes of a few.
func (s *session) writeHTML(m *nn.Model, trained *nn.History, facts ...report.Fact) error {
	if s.html == "" {
		return nil
	}
	facts = append(facts, report.Fact{Name: "images", Value: fmt.Sprintf("%d of %d × %d pixels", s.data.N, s.data.Rows, s.data.Cols)})
	r := report.Reduce{Facts: facts, Images: s.data, Labels: s.imageLabels, Points: report.Points(s.data)}
	if trained != nil {
		r.Training = &report.Training{Loss: trained.Loss, ValLoss: trained.ValLoss}
	}
	var err error
	if r.Latents, err = m.Predict(s.engine, experiment.Choose(s.samples(s.data), r.Points), embedding, latentStep, s.display.Task("vectors for the report", "batches")); err != nil {
		return err
	}
	examples := report.Examples(s.data)
	input := experiment.Choose(s.samples(s.data), examples)
	output, err := m.Predict(s.engine, input, "", latentStep, nil)
	if err != nil {
		return err
	}
	dim := s.data.Dim()
	// A loaded model may end with something else than images.
	for i, image := range examples {
		if len(output) == len(examples)*dim {
			c := report.Reconstruction{Index: image, Input: make([]float32, dim), Output: output[i*dim : (i+1)*dim]}
			input.Input(c.Input, []int{i})
			r.Reconstructions = append(r.Reconstructions, c)
		}
	}
	s.page.AddReduce(r)
	return outfile.Write(s.html, s.page.Render)
}
