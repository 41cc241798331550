package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plane"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// newRun returns the results before the first experiment.
func (s *session) newRun(header results.Header) *results.Reduce {
	return &results.Reduce{
		Header: header,
		Settings: results.ReduceSettings{
			DatasetLatents: s.datasetLatents, QuerysetLatents: s.querysetLatents,
			Labels: s.labels, Seed: s.seed, Loss: string(s.loss), Optimizer: string(optimizer),
		},
		Dataset:  results.FileOf(s.dataset, s.data),
		Queryset: results.FileOf(s.queryset, s.queries),
	}
}

// values returns the answers as results.
func (a answers) values() *results.AutoencoderAnswers {
	return &results.AutoencoderAnswers{
		Encoder: results.Encoder{FilterSize: a.FilterSize, Filters: a.Filters},
		Epochs:  a.epochs, Batch: a.batch, Embedding: a.embedding,
	}
}

// checkRecord returns an error if there is no memory for what record makes.
func (s *session) checkRecord() error {
	if s.html == "" && s.json == "" && s.png == "" {
		return nil
	}
	n := len(report.Points(s.data.N, s.data.Rows, s.data.Cols))
	err := memory.Check(plane.TSNESize(n), "the map of %s needs", plural.Of(n, "vector"))
	if err != nil {
		return err
	}
	return report.CheckMemory(s.html != "", s.png != "", 0)
}

// record completes the results of an experiment with what the model makes of some images. It adds
// them to the results and the page, if they are wanted.
func (s *session) record(m autoencoder, x *results.Autoencoder) error {
	if s.html == "" && s.json == "" && s.png == "" {
		return nil
	}
	if err := s.addLatents(m, x); err != nil {
		return err
	}
	s.display.Phase("map of the vectors for the report")
	x.Map = mapOf(x.Latents)
	if err := s.addReconstructions(m, x); err != nil {
		return err
	}
	s.display.Phase("preparing the report")
	x.Device = s.engine.Computed()
	if s.html != "" || s.png != "" {
		shown, err := report.Read(s.data, s.imageLabels,
			slices.Concat(x.Points, report.Examples(s.data.N)))
		if err != nil {
			return err
		}
		s.page.AddReduce(s.run, x, shown)
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

// addLatents adds the latent vectors of some images of the dataset.
func (s *session) addLatents(m autoencoder, x *results.Autoencoder) error {
	x.Points = report.Points(s.data.N, s.data.Rows, s.data.Cols)
	v, err := m.Predict(s.engine, experiment.Choose(s.samples(s.data), x.Points), m.bottleneck,
		latentStep, s.display.Task("vectors for the report", "batches"))
	if err != nil {
		return err
	}
	dim := len(v) / len(x.Points)
	for i := range x.Points {
		x.Latents = append(x.Latents, v[i*dim:(i+1)*dim])
	}
	return nil
}

// mapOf returns the places of the latent vectors in the plane, nil for those that are not finite.
func mapOf(latents []results.Values) []results.Values {
	var finite []results.Values
	for _, v := range latents {
		if v.Finite() {
			finite = append(finite, v)
		}
	}
	places := plane.TSNE(finite)
	all := make([]results.Values, len(latents))
	for i, v := range latents {
		if v.Finite() {
			all[i] = results.Values{float32(places[0][0]), float32(places[0][1])}
			places = places[1:]
		}
	}
	return all
}

// addReconstructions adds the reconstructions of a few images of the dataset. There are none if a
// loaded model ends at its bottleneck, or if its output has another size than the images.
func (s *session) addReconstructions(m autoencoder, x *results.Autoencoder) error {
	if m.Layers[len(m.Layers)-1].Name == m.bottleneck {
		return nil
	}
	examples := report.Examples(s.data.N)
	input := experiment.Choose(s.samples(s.data), examples)
	output, err := m.Predict(s.engine, input, "", latentStep,
		s.display.Task("reconstructions for the report", "batches"))
	dim := s.data.Dim()
	if err != nil || len(output) != len(examples)*dim {
		return err
	}
	for i, image := range examples {
		r := results.Reconstruction{
			Image: image, Input: make([]float32, dim), Output: output[i*dim : (i+1)*dim],
		}
		if err := input.Input(r.Input, []int{i}); err != nil {
			return err
		}
		x.Reconstructions = append(x.Reconstructions, r)
	}
	return nil
}

// found returns what was found and which files were written, in a few lines for the person at the
// screen.
func (s *session) found() string {
	text := ""
	if n := len(s.graphs); n > 0 {
		if n > 1 {
			text = fmt.Sprintf("Last of %d experiments:\n", n)
		}
		g := s.graphs[n-1]
		if epochs := len(g.Loss); epochs > 0 {
			text += fmt.Sprintf("Epochs: %d, loss: %s, validation loss: %s\n", epochs,
				progress.KerasLoss(g.Loss[epochs-1]), progress.KerasLoss(g.ValLoss[epochs-1]))
		} else {
			text += "Epochs: 0\n"
		}
	}
	return text + "Written: " + s.written.String() + "\n"
}
