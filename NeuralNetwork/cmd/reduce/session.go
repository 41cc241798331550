package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/figure"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/prompt"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// A session is a conversation about one set of images.
type session struct {
	options
	in            io.Reader
	out           io.Writer
	lines         *prompt.Input
	engine        nn.Engine
	data, queries *imageset.Images[uint8]
	imageLabels   []uint8            // of data; nil if they are not known
	graphs        []figure.LossGraph // of all experiments so far
	graphFile     string
	run           *results.Reduce
	page          *report.Page
	display       *progress.Display
	rounds        *outfile.Rounds // writes the results and the page
	unrecorded    error           // of all writings that failed
}

// optimizer is the original's for the autoencoder.
const optimizer = nn.RMSprop

// load asks for a model file until one can be used. It returns no model if the person gives up.
func (s *session) load() (file string, model *nn.Model) {
	s.lines.Path("Input model file path: ", func(path string) error {
		if err := s.checkFiles(path, ""); err != nil {
			return err
		}
		m, err := keras.Load(path)
		if err == nil {
			err = s.checkModel(path, m)
		}
		if err == nil {
			file, model = path, m
		}
		return err
	})
	return file, model
}

// checkModel returns an error if the model cannot make vectors of the images.
func (s *session) checkModel(path string, m *nn.Model) error {
	if in := m.Input(); len(in) != 3 || in[0] != s.data.Rows || in[1] != s.data.Cols || in[2] != 1 {
		return fmt.Errorf("%s: the model takes inputs of shape %v, expected [%d %d 1] as in %s",
			path, in, s.data.Rows, s.data.Cols, s.dataset)
	}
	l := m.Layer(embedding)
	if l == nil {
		return fmt.Errorf("%s: the model has no layer named %q", path, embedding)
	}
	if len(l.Output) != 1 {
		return fmt.Errorf("%s: the layer %q puts out the shape %v, expected one dimension",
			path, embedding, l.Output)
	}
	return experiment.CheckPixels(path, m.Pixels, s.textbook)
}

// experiments trains one autoencoder after the other and offers what can be done with each. From
// the first training on, the end of the input answers N.
func (s *session) experiments() error {
	train, validation := experiment.Split(s.samples(s.data))
	var failed error
	for {
		a, model, err := s.ask(train.N)
		if err != nil {
			return err
		}
		fmt.Fprint(s.out, model.Summary())
		// Every experiment starts from the same seed: its results depend on its answers, not on
		// the experiments before it.
		trainer := nn.NewTrainer(s.engine, model, s.loss, optimizer, s.seed)
		start := time.Now()
		history, whole, err := experiment.Train(
			trainer, train, validation, a.epochs, a.batch, s.out, s.display)
		if err != nil {
			return err
		}
		x := &results.Autoencoder{Answers: a.values(), Training: &results.Training{
			Seconds: results.Number(time.Since(start).Seconds()),
			Loss:    history.Loss, ValLoss: history.ValLoss,
			Phases: []int{len(history.Loss)}, Complete: whole,
		}}
		s.graphs = append(s.graphs, figure.LossGraph{
			Title: a.title(), Loss: history.Loss, ValLoss: history.ValLoss,
		})
		failed = errors.Join(failed,
			experiment.Offer(s.lines, "Show loss graphs (Y/N)? ", func() (err error) {
				x.LossGraph, err = s.showGraphs()
				return err
			}),
			experiment.Offer(s.lines, "Save trained model (Y/N)? ", func() (err error) {
				x.Saved, err = s.save(model)
				return err
			}),
			experiment.Offer(s.lines, "Save latent representations (Y/N)? ", func() error {
				err := s.writeLatents(model)
				x.LatentsWritten = err == nil
				return err
			}),
			s.say(s.record(model, x)))
		if !s.lines.YesNo("Repeat Experiment (Y/N)? ") {
			return errors.Join(failed, s.lines.Fault())
		}
	}
}

// say shows an error that does not end the conversation, and returns it.
func (s *session) say(err error) error {
	if err != nil {
		fmt.Fprintln(s.out, quote.Message(err))
	}
	return err
}

// answers describe an experiment.
type answers struct {
	experiment.Encoder
	epochs, batch, embedding int
}

// ask asks for an autoencoder until one can be built. images is the number of training images.
func (s *session) ask(images int) (answers, *nn.Model, error) {
	for {
		a := answers{Encoder: experiment.AskEncoder(s.lines, s.data.Rows, s.data.Cols)}
		a.epochs = s.lines.Int("Epochs: ", 0, experiment.MaxCount)
		a.batch = s.lines.Int("Batch size: ", 1, experiment.MaxCount)
		a.embedding = s.lines.Int("Embedding Dimension: ", 1, experiment.MaxCount)
		if err := s.lines.Err(); err != nil {
			return a, nil, err
		}
		model, err := a.build(images, s.seed)
		if err == nil {
			model.Pixels = experiment.Pixels(s.textbook)
			return a, model, nil
		}
		s.lines.Reject(err)
	}
}

func (a answers) build(images int, seed uint64) (*nn.Model, error) {
	config := nn.AutoencoderConfig{
		Rows: a.Rows, Cols: a.Cols, FilterSize: a.FilterSize, Filters: a.Filters,
		Embedding: a.embedding,
	}
	layers, err := config.Layers()
	if err != nil {
		return nil, err
	}
	if err := experiment.CheckMemory(layers, min(a.batch, images)); err != nil {
		return nil, err
	}
	return nn.NewAutoencoder(config, seed)
}

// title returns the heading of the loss graph.
func (a answers) title() string {
	return fmt.Sprintf("Convolutional layers: %d\nConvolutional filter size: %d\n"+
		"Convolutional filters per layer: %s\nBatch size: %d",
		len(a.Filters), a.FilterSize, a.FilterList(), a.batch)
}

// showGraphs shows the losses of all experiments so far and returns the file that it wrote.
func (s *session) showGraphs() (file string, err error) {
	graphs := figure.LossGraphs(s.graphs)
	if err := experiment.ShowFigure(s.in, s.out, s.graphFile, "Loss graphs", graphs); err != nil {
		return "", err
	}
	return s.graphFile, nil
}

// save asks for a path until the model is written there, as Keras writes an .h5 file: layers,
// weights, loss and optimizer. It returns the path.
func (s *session) save(m *nn.Model) (saved string, err error) {
	err = s.lines.Path("Input save file path: ", func(path string) error {
		if err := s.checkFiles("", path); err != nil {
			return err
		}
		if err := keras.Save(path, m, s.loss, optimizer); err != nil {
			return err
		}
		saved = path
		fmt.Fprintf(s.out, "Trained model: %s\n", quote.Printable(path))
		return nil
	})
	return saved, err
}
