package main

import (
	"fmt"
	"slices"
	"strings"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/results"
)

// embedding is the name of the layer with which our encoders end.
const embedding = "embedding"

// checkModel returns an error if the model file does not serve for the images. An encoder in it
// that is none of ours is used as it is, without questions on its layers.
func (s *session) checkModel(images *idx.ImageFile) error {
	f := s.file
	if err := experiment.CheckPixels(s.model, f.Pixels(), s.pixels, s.textbook); err != nil {
		return err
	}
	_, ours := f.Encoder()
	if f.Input() == nil || ours && s.layer == "" {
		return nil
	}
	end, narrowest, err := f.Bottleneck(s.layer)
	if err != nil || ours && end.Name == embedding {
		return err
	}
	err = experiment.CheckImages(s.model, f.Input(), images.Name, images.Rows, images.Cols)
	if err != nil {
		return err
	}
	if _, err := f.Model(end); err != nil {
		return err
	}
	if s.answers.Encoder() {
		return fmt.Errorf("%s: its encoder is used as it is; -layers, -size, -filters and -embedding "+
			"have no use", s.model)
	}
	s.foreign = end
	fmt.Fprint(s.out, experiment.TellForeign(
		end, narrowest, f.Policy(), f.Pixels(), s.pixels, s.textbook))
	return nil
}

// foreignSize returns the number of values that the foreign encoder puts out.
func (s *session) foreignSize() int {
	n := 1
	for _, d := range s.foreign.Output {
		n *= d
	}
	return n
}

// head is the number of layers after the encoder.
var head = len(nn.HeadNames())

// buildForeign makes a classifier on the encoder of the model file.
func (s *session) buildForeign(a answers, train, validation int) (*nn.Model, error) {
	encoder, err := s.file.Model(s.foreign)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, l := range encoder.Layers {
		// The name of a layer in a nested model has a slash, which no name in a file has.
		l.Name = strings.ReplaceAll(l.Name, "/", "_")
		for names[l.Name] || slices.Contains(nn.HeadNames(), l.Name) {
			l.Name += "_"
		}
		names[l.Name] = true
	}
	model, err := nn.NewClassifierOn(encoder, nn.ClassifierConfig{
		FullyConnected: a.fullyConnected, Classes: s.classes, DropoutRate: a.dropoutRate,
	}, s.seed)
	if err != nil {
		return nil, err
	}
	model.Pixels = experiment.Pixels(s.pixels, s.textbook)
	err = experiment.CheckMemory(model.Layers, 1, 1)
	if err == nil && s.untrainable(model) == nil {
		err = experiment.CheckMemory(
			model.Layers, min(a.batch, train), min(a.batch, validation))
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprint(s.out, model.Summary())
	return model, nil
}

// untrainable returns why a model cannot be trained, or nil if it can.
func (s *session) untrainable(m *nn.Model) error {
	training, err := s.engine.NewTraining(nn.Plan{
		Layers: m.Layers, Loss: loss, Batch: 1, EvaluationBatch: 1,
	}, s.engine.NewSolver(optimizer))
	if err == nil {
		training.Close()
	}
	return err
}

// fitHead trains the layers after an encoder that cannot be trained, for the reason why. The
// encoder's outputs are computed once.
func (s *session) fitHead(m *nn.Model, a answers, why error) (*results.Training, error) {
	encoder := &nn.Model{Name: m.Name, Layers: m.Layers[:len(m.Layers)-head]}
	all := s.samples(s.training)
	fmt.Fprintln(s.out, "The encoder's outputs for the training set:")
	features, err := experiment.Predict(encoder, s.engine, all, "", a.batch,
		experiment.PredictProgress(s.out, s.display))
	if err != nil {
		return nil, err
	}
	defer features.Close()
	size := features.Dim
	layers := []*nn.Layer{{Class: nn.InputLayer, Name: "features", Output: []int{size}}}
	layers = append(layers, m.Layers[len(m.Layers)-head:]...)
	classifier, err := nn.NewModel(m.Name, layers)
	if err != nil {
		return nil, err
	}
	train, validation, err := experiment.Split(&nn.Samples{
		N: all.N, Labels: all.Labels,
		Input: func(dst []float32, index []int) error {
			for i, k := range index {
				if err := features.Read(dst[i*size:(i+1)*size], k); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	phases := []phase{{a.phase1, func() {}}}
	if a.phase2 > 0 {
		fmt.Fprintf(s.out, "There is no phase 2: %s\n", strings.TrimPrefix(why.Error(), "nn: "))
	}
	trainer := nn.NewTrainer(s.engine, classifier, loss, optimizer, s.seed)
	return s.phases(m, func() {}, trainer, a, train, validation, phases)
}
