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
	engine        *experiment.Computer
	data, queries *imageset.Set[uint8]
	imageLabels   []uint8            // of data; nil if they are not known
	graphs        []figure.LossGraph // of all experiments so far
	graphFile     string
	run           *results.Reduce
	page          *report.Page
	display       *progress.Display
	rounds        *outfile.Rounds // writes the results and the page
	unrecorded    error           // of all writings that failed
	written       experiment.Written
}

// optimizer is the original's for the autoencoder.
const optimizer = nn.RMSprop

// An autoencoder is a model and the layer whose output is the vector of an image. The model may end
// there.
type autoencoder struct {
	*nn.Model
	bottleneck string
}

// load asks for a model file until one can be used. It returns no model if the person gives up.
func (s *session) load() (file string, model autoencoder) {
	s.lines.Path(modelPathQuestion, func(path string) error {
		s.display.Phase("reading " + path)
		if err := s.checkFiles(path, ""); err != nil {
			return err
		}
		m, err := s.read(path)
		if err == nil {
			file, model = path, m
		}
		return err
	})
	return file, model
}

// read reads a model, and tells what a person should know of one that these programs did not make.
func (s *session) read(path string) (m autoencoder, err error) {
	f, err := keras.Open(path)
	if err != nil {
		return m, err
	}
	defer f.Close()
	end, narrowest, err := f.Bottleneck(s.layer)
	if err != nil {
		return m, err
	}
	if err := experiment.CheckPixels(path, f.Pixels(), s.pixels, s.textbook); err != nil {
		return m, err
	}
	in := f.Input()
	if err := experiment.CheckImages(path, in, s.dataset, s.data.Rows, s.data.Cols); err != nil {
		return m, err
	}
	m.bottleneck = end.Name
	if s.html != "" || s.json != "" {
		// They show what comes out of the model, if it can be computed.
		m.Model, err = f.Model(nil)
		if err == nil && m.Layer(end.Name) == nil {
			m.Model = nil // the output does not come from the bottleneck
		}
	}
	if m.Model == nil {
		if m.Model, err = f.Model(end); err != nil {
			return autoencoder{}, err
		}
	}
	err = m.CheckPrediction(max(s.data.N, s.queries.N), m.bottleneck, latentStep)
	if err != nil {
		return autoencoder{}, fmt.Errorf("%s: %w", path, err)
	}
	if _, ours := f.Encoder(); !ours || end.Name != embedding {
		fmt.Fprint(s.out, experiment.TellForeign(
			end, narrowest, f.Policy(), f.Pixels(), s.pixels, s.textbook))
	}
	return m, nil
}

// experiments trains one autoencoder after the other and offers what can be done with each. From
// the first training on, the end of the input answers N.
func (s *session) experiments() error {
	if err := s.checkTraining(); err != nil {
		return err
	}
	train, validation, err := experiment.Split(s.samples(s.data))
	if err != nil {
		return err
	}
	var failed error
	for {
		a, model, err := s.ask(train.N, validation.N)
		if err != nil {
			return err
		}
		fmt.Fprint(s.out, model.Summary())
		// Every experiment starts from the same seed: its results depend on its answers, not on
		// the experiments before it.
		trainer := nn.NewTrainer(s.engine, model, s.loss, optimizer, s.seed)
		unsaved := experiment.Keep("autoencoder", s.datasetLatents,
			func(path string) (string, error) {
				return keras.SaveNew(path, model, s.loss, optimizer)
			})
		start := time.Now()
		history, whole, err := experiment.Train(
			unsaved, trainer, train, validation, a.epochs, a.batch, s.out, s.display)
		unsaved.Rest()
		if err != nil {
			return unsaved.Failed(s.out, err)
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
			experiment.Offer(s.lines, experiment.GraphsQuestion, func() (err error) {
				x.LossGraph, err = s.showGraphs()
				return err
			}))
		notSaved := experiment.Offer(s.lines, saveQuestion, func() (err error) {
			x.Saved, err = s.save(model)
			return err
		})
		lost := x.Saved == "" && experiment.Cut(s.lines, notSaved)
		if !lost {
			unsaved.Forget()
		}
		failed = experiment.Join(failed, notSaved,
			experiment.Offer(s.lines, latentsQuestion, func() error {
				err := s.writeLatents(autoencoder{model, embedding})
				x.LatentsWritten = err == nil
				return err
			}),
			experiment.Say(s.out, s.record(autoencoder{model, embedding}, x)))
		if !s.lines.YesNo(experiment.RepeatQuestion) {
			failed = errors.Join(failed, s.lines.Fault())
			if lost {
				return unsaved.Save(s.out, failed)
			}
			return failed
		}
	}
}

// answers describe an experiment.
type answers struct {
	experiment.Encoder
	epochs, batch, embedding int
}

// ask asks for an autoencoder until one can be built. images is the number of training images.
func (s *session) ask(train, validation int) (answers, *nn.Model, error) {
	for {
		a := answers{Encoder: experiment.AskEncoder(
			s.lines, s.data.Rows, s.data.Cols, experiment.Offered{})}
		a.epochs = s.lines.Int(experiment.EpochsQuestion, 0, experiment.MaxCount)
		a.batch = s.lines.Int(experiment.BatchQuestion, 1, experiment.MaxCount)
		a.embedding = s.lines.Int(experiment.EmbeddingQuestion, 1, experiment.MaxCount)
		if err := s.lines.Err(); err != nil {
			return a, nil, err
		}
		s.display.Phase("building the network")
		model, err := a.build(train, validation, s.seed)
		if err == nil {
			model.Pixels = experiment.Pixels(s.pixels, s.textbook)
			return a, model, nil
		}
		s.lines.Reject(err)
	}
}

func (a answers) build(train, validation int, seed uint64) (*nn.Model, error) {
	config := nn.AutoencoderConfig{
		Rows: a.Rows, Cols: a.Cols, FilterSize: a.FilterSize, Filters: a.Filters,
		Embedding: a.embedding,
	}
	layers, err := config.Layers()
	if err != nil {
		return nil, err
	}
	err = experiment.CheckMemory(layers, min(a.batch, train), min(a.batch, validation))
	if err != nil {
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
	s.display.Phase("drawing the loss graphs")
	graphs := figure.LossGraphs(s.graphs)
	if err := experiment.ShowFigure(s.in, s.out, s.graphFile, "Loss graphs", graphs); err != nil {
		return "", err
	}
	s.written.Add(s.graphFile)
	return s.graphFile, nil
}

// save asks for a path until the model is written there, as Keras writes an .h5 file: layers,
// weights, loss and optimizer. It returns the path.
func (s *session) save(m *nn.Model) (saved string, err error) {
	err = s.lines.Path(savePathQuestion, func(path string) error {
		if err := s.checkFiles("", path); err != nil {
			return err
		}
		s.display.Phase("writing " + path)
		if err := keras.Save(path, m, s.loss, optimizer); err != nil {
			return err
		}
		saved = path
		s.written.Add(path)
		fmt.Fprintf(s.out, "Trained model: %s\n", quote.Printable(path))
		return nil
	})
	return saved, err
}
