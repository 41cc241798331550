package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/figure"
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/prompt"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// A session is a conversation about one training and one test set.
type session struct {
	options
	in             io.Reader
	out            io.Writer
	lines          *prompt.Input
	engine         *experiment.Computer
	file           *keras.File
	foreign        *nn.Layer // the end of an encoder that is used as it is; nil for one of ours
	training, test set
	classes        int
	graphs         []figure.LossGraph // of all experiments so far
	run            *results.Classification
	page           *report.Page
	display        *progress.Display
	rounds         *outfile.Rounds // writes the results and the page
	unrecorded     error           // of all writings that failed
	written        experiment.Written
	tested         *results.Test       // the last one
	unsaved        *experiment.Unsaved // the last classifier
}

// How the original compiles the classifier.
const (
	loss      = nn.CategoricalCrossentropy
	optimizer = nn.Adam
)

// experiments trains one classifier after the other, writes the classes of all images and offers
// to judge it. From the first training on, the end of the input answers N.
func (s *session) experiments() error {
	train, validation, err := experiment.Split(s.samples(s.training))
	if err != nil {
		return err
	}
	var failed error
	for {
		a, model, err := s.ask(train.N, validation.N)
		if err != nil {
			return err
		}
		training, err := s.fit(model, a, train, validation)
		if err != nil {
			return err
		}
		x := &results.Classifier{Answers: a.values(), Training: training}
		s.graphs = append(s.graphs, figure.LossGraph{
			Title: a.title(), Loss: training.Loss, ValLoss: training.ValLoss,
		})
		x.Saved, err = s.saveModel(model)
		if x.Saved != "" {
			s.unsaved.Forget()
		}
		lost := experiment.Cut(s.lines, err)
		failed = experiment.Join(failed, err,
			experiment.Offer(s.lines, experiment.GraphsQuestion, func() (err error) {
				x.LossGraph, err = s.showGraphs()
				return err
			}),
			experiment.Say(s.out, s.writeClasses(model, a.batch, x)),
			experiment.Offer(s.lines, classifyQuestion, func() error {
				return s.classifyTestSet(model, a.batch, x)
			}),
			experiment.Say(s.out, s.record(x)))
		if !s.lines.YesNo(experiment.RepeatQuestion) {
			failed = errors.Join(failed, s.lines.Fault())
			if x.Saved == "" && (lost || s.lines.Fault() != nil) {
				return s.unsaved.Save(s.out, failed)
			}
			return failed
		}
	}
}

// answers describe an experiment.
type answers struct {
	experiment.Encoder
	fullyConnected   int
	phase1, phase2   int // epochs
	batch, embedding int
	dropoutRate      float64
}

// ask asks for a classifier until one can be built that takes the weights of the trained encoder.
// train and validation are the numbers of images. It shows every network that it builds.
func (s *session) ask(train, validation int) (answers, *nn.Model, error) {
	var offer experiment.Offered // the answers that an empty line stands for
	for {
		var a answers
		if s.foreign == nil {
			rows, cols := s.training.images.Rows, s.training.images.Cols
			a.Encoder = experiment.AskEncoder(s.lines, rows, cols, offer)
		} else {
			a.Filters, a.embedding = []int{}, s.foreignSize()
		}
		a.fullyConnected = s.lines.Int(fullyConnectedQuestion, 1, experiment.MaxCount)
		a.phase1 = s.lines.Int(phase1Question, 0, experiment.MaxCount)
		a.phase2 = s.lines.Int(phase2Question, 0, experiment.MaxCount)
		a.batch = s.lines.Int(experiment.BatchQuestion, 1, experiment.MaxCount)
		if s.foreign == nil {
			a.embedding = s.lines.IntOr(
				experiment.EmbeddingQuestion, 1, experiment.MaxCount, offer.Embedding)
		}
		a.dropoutRate = s.lines.Share(dropoutQuestion)
		if err := s.lines.Err(); err != nil {
			return a, nil, err
		}
		s.display.Phase("building the network")
		model, err := s.build(a, train, validation)
		if err == nil {
			return a, model, nil
		}
		s.lines.Reject(err)
		var other *mismatch
		if errors.As(err, &other) {
			offer = other.Offered
			fmt.Fprintf(s.out, "The file has %v. An empty answer takes that.\n", offer)
		}
	}
}

// A mismatch is the error of answers that do not fit the encoder in the model file.
type mismatch struct {
	error
	experiment.Offered
}

// build makes the classifier. Its encoder gets the weights of that in the model file.
func (s *session) build(a answers, train, validation int) (*nn.Model, error) {
	if s.foreign != nil {
		return s.buildForeign(a, train, validation)
	}
	config := nn.ClassifierConfig{
		Rows: a.Rows, Cols: a.Cols, FilterSize: a.FilterSize, Filters: a.Filters,
		Embedding: a.embedding, FullyConnected: a.fullyConnected, Classes: s.classes,
		DropoutRate: a.dropoutRate,
	}
	layers, err := config.Layers()
	if err != nil {
		return nil, err
	}
	err = experiment.CheckMemory(layers, min(a.batch, train), min(a.batch, validation))
	if err != nil {
		return nil, err
	}
	model, err := nn.NewClassifier(config, s.seed)
	if err != nil {
		return nil, err
	}
	model.Pixels = experiment.Pixels(s.pixels, s.textbook)
	fmt.Fprint(s.out, model.Summary())
	transfers, err := s.file.TransferWeights(model, embedding)
	if err != nil {
		if e, ok := s.file.Encoder(); ok {
			err = &mismatch{err, experiment.Offered(e)}
		}
		return nil, err
	}
	fmt.Fprint(s.out, told(transfers))
	return model, nil
}

// told returns which layers got the weights of layers with other names; "" if there are none.
func told(transfers []keras.Transfer) string {
	text := ""
	for _, t := range transfers {
		if t.Layer != t.From {
			text += fmt.Sprintf("  %s has the weights of %s\n", t.Layer, quote.Short(t.From))
		}
	}
	if text == "" {
		return ""
	}
	return "The layers in the model file have other names; taken by class and order:\n" + text
}

// fit trains the classifier in two phases with one optimizer: first the layers after the encoder,
// then all. The original meant to freeze the encoder in phase 1, but its way had no effect, and
// would have left the last block out.
func (s *session) fit(
	m *nn.Model, a answers, train, validation *nn.Samples,
) (*results.Training, error) {
	last := len(m.Layers) - head
	if s.foreign == nil {
		last = slices.IndexFunc(m.Layers, isFlatten)
	} else if err := s.untrainable(m); err != nil {
		return s.fitHead(m, a, err)
	}
	encoder := m.Layers[:last]
	trainer := nn.NewTrainer(s.engine, m, loss, optimizer, s.seed)
	freeze := func(frozen bool) {
		for _, l := range encoder {
			l.Trainable = !frozen
		}
	}
	// Also if phase 1 is the last, so that a saved model is not half frozen.
	thaw := func() { freeze(false) }
	defer thaw()
	return s.phases(m, thaw, trainer, a, train, validation, []phase{
		{a.phase1, func() { freeze(true) }}, {a.phase2, thaw},
	})
}

func isFlatten(l *nn.Layer) bool { return l.Class == nn.Flatten }

// A phase is a part of a training.
type phase struct {
	epochs int
	begin  func()
}

// phases trains in phases, with one optimizer. If a signal ends the program meanwhile, it saves the
// model m after a call of thaw.
func (s *session) phases(
	m *nn.Model, thaw func(), trainer *nn.Trainer, a answers, train, validation *nn.Samples,
	phases []phase,
) (*results.Training, error) {
	s.unsaved = experiment.Keep("classifier", s.save, func(path string) (string, error) {
		thaw()
		return keras.SaveNew(path, m, loss, optimizer)
	})
	defer s.unsaved.Rest()
	t := &results.Training{}
	start := time.Now()
	for _, phase := range phases {
		phase.begin()
		h, whole, err := experiment.Train(
			s.unsaved, trainer, train, validation, phase.epochs, a.batch, s.out, s.display)
		if err != nil {
			return nil, s.unsaved.Failed(s.out, err)
		}
		t.Loss, t.ValLoss = append(t.Loss, h.Loss...), append(t.ValLoss, h.ValLoss...)
		t.Phases, t.Complete = append(t.Phases, len(h.Loss)), whole
		if !whole {
			break
		}
	}
	t.Seconds = results.Number(time.Since(start).Seconds())
	return t, nil
}

// saveModel writes the classifier to the file of -save, if that was given, and returns the name of
// the file that it wrote. If it fails, it shows the error and asks for another file until one
// serves or the person gives up.
func (s *session) saveModel(m *nn.Model) (saved string, failed error) {
	if s.save == "" {
		return "", nil
	}
	save := func(path string) error {
		failed = s.checkFiles(path)
		if failed == nil {
			s.display.Phase("writing " + path)
			failed = keras.Save(path, m, loss, optimizer)
		}
		if failed == nil {
			saved = path
			s.written.Add(path)
			fmt.Fprintf(s.out, "Trained model: %s\n", quote.Printable(path))
		}
		return failed
	}
	if err := save(s.save); err != nil {
		s.lines.Reject(err)
		s.lines.Path("Input save file path: ", save)
	}
	return saved, failed
}

// title returns the heading of the loss graph.
func (a answers) title() string {
	rate := fmt.Sprint(a.dropoutRate)
	if rate == "0" {
		rate = "0.0" // as Python shows it
	}
	return fmt.Sprintf("Fully connected size: %d\nDropout rate: %s\nBatch size: %d",
		a.fullyConnected, rate, a.batch)
}

// showGraphs shows the losses of all experiments so far and returns the file that it wrote.
func (s *session) showGraphs() (file string, err error) {
	s.display.Phase("drawing the loss graphs")
	graphs := figure.LossGraphs(s.graphs)
	if err := experiment.ShowFigure(s.in, s.out, graphFile, "Loss graphs", graphs); err != nil {
		return "", err
	}
	s.written.Add(graphFile)
	return graphFile, nil
}
