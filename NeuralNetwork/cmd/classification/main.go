// Command classification trains a classifier on the encoder of an autoencoder that reduce has
// trained. It writes the classes of all images for cluster, and judges the classifier on the test
// set.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"imagesimilarity/NeuralNetwork/internal/argparse"
	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/prompt"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

func main() { os.Exit(program.Run("classification", run)) }

// options holds the values of the flags.
type options struct {
	trainingSet, trainingLabels string
	testSet, testLabels         string
	model                       string
	save                        string // "" for not at all
	seed                        uint64
	html, json                  string // "" for none
	png                         string // folder for the plots; "" for none
	quiet                       bool
	textbook                    bool
	pixels                      nn.Pixels // "" for those of the mode
	layer                       string    // "" for the bottleneck
	guard                       outfile.Guard
	memory                      int64  // bytes that may be used; 0 for what the machine has left
	device                      string // what computes the networks
	answers                     experiment.Answers
}

// Questions that are classification's alone.
const (
	fullyConnectedQuestion = "Fully connected layer size: "
	phase1Question         = "Phase 1 epochs: "
	phase2Question         = "Phase 2 epochs: "
	dropoutQuestion        = "Dropout rate: "
	classifyQuestion       = "Classify test set (Y/N)? "
)

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	o := options{seed: 1}
	parser := argparse.Parser{
		Program: "classification",
		About: "Trains a classifier on the encoder of a trained autoencoder and classifies images " +
			"with it.",
		// The original noticed a missing flag when it needed the value.
		Flags: []argparse.Flag{
			{
				Short: "-d", Long: "--training_set", Required: true,
				Set: argparse.FileName(&o.trainingSet), Help: "images to train on",
			},
			{
				Short: "-dl", Long: "--training_labels", Required: true,
				Set: argparse.FileName(&o.trainingLabels), Help: "their labels",
			},
			{
				Short: "-t", Long: "--testset", Required: true,
				Set: argparse.FileName(&o.testSet), Help: "images to test with",
			},
			{
				Short: "-tl", Long: "--test_labels", Required: true,
				Set: argparse.FileName(&o.testLabels), Help: "their labels",
			},
			{
				Short: "-model", Long: "--autoencoder_h5", Required: true,
				Set: argparse.FileName(&o.model), Help: "model file with the trained encoder",
			},
			{
				Short: "-save", Long: "--save", Set: argparse.FileName(&o.save),
				Help: "model file for the trained classifier, the last one",
			},
			{
				Short: "-seed", Long: "--seed", Set: argparse.Uint64(&o.seed),
				Help: "all chance in training derives from it (default 1)",
			},
			{
				Short: "-html", Long: "--html", Set: argparse.FileName(&o.html),
				Help: "HTML file for a report with pictures",
			},
			{
				Short: "-json", Long: "--json", Set: argparse.FileName(&o.json),
				Help: "JSON file for the results, to be read by other programs",
			},
			{
				Short: "-png", Long: "--png", Set: argparse.FileName(&o.png),
				Help: "folder for the plots of the report, each as a PNG and an SVG file",
			},
			{
				Short: "-pixels", Long: "--pixels", Set: experiment.SetPixels(&o.pixels),
				Help: experiment.PixelsHelp,
			},
			{
				Short: "-layer", Long: "--layer", Set: argparse.LayerName(&o.layer),
				Help: "the layer with which the trained encoder ends (default embedding, else the " +
					"narrowest)",
			},
			{
				Short: "-textbook", Long: "--textbook", Switch: &o.textbook,
				Help: "grey levels 0 to 1 as pixels; the most probable class for every image",
			},
			{
				Short: "-quiet", Long: "--quiet", Switch: &o.quiet,
				Help: "nothing on the standard error output but errors",
			},
			experiment.MemoryFlag(&o.memory),
			experiment.DeviceFlag(&o.device),
		},
	}
	parser.Flags = append(parser.Flags, o.answers.EncoderFlags()...)
	parser.Flags = append(parser.Flags,
		o.answers.Int("fc", fullyConnectedQuestion, 1, "units of the fully connected layer"),
		o.answers.Int("phase1", phase1Question, 0, "epochs with the encoder frozen"),
		o.answers.Int("phase2", phase2Question, 0, "epochs with all layers"),
		o.answers.BatchFlag(),
		o.answers.Share("dropout", dropoutQuestion, "share of values that dropout drops, 0 to 1"),
		o.answers.Yes("graphs and classify", map[string]experiment.Wish{
			"graphs":   {Question: experiment.GraphsQuestion},
			"classify": {Question: classifyQuestion},
		}))
	if status, done := parser.Run(args, stdout, stderr); done {
		return status
	}
	if err := o.answers.Check(); err != nil {
		return parser.Refuse(err, stderr)
	}
	memory.SetBudget(o.memory)
	o.guard = outfile.NewGuard(stdin, stdout, stderr)
	header := results.NewHeader("./classification", args, o.textbook)
	display := progress.New(stderr, o.quiet)
	if err := classification(o, header, stdin, stdout, display); err != nil {
		fmt.Fprintln(stderr, "classification:", quote.Message(err))
		return 1
	}
	return 0
}

// Files in the current folder.
const (
	testClasses     = "clustering_test_set.txt"
	trainingClasses = "clustering_train_set.txt"
	graphFile       = "classification_loss_graphs.png" // reduce has a loss_graphs.png
	digitsFile      = "classified_digits.png"
)

// classification reads the images, then asks what to do with them.
func classification(
	o options, header results.Header, stdin io.Reader, stdout io.Writer,
	display *progress.Display,
) (err error) {
	s := &session{
		options: o,
		in:      stdin,
		out:     display.Writer(stdout),
		display: display,
	}
	s.rounds = outfile.NewRounds(s.writeRecords)
	defer func() {
		s.rounds.Flush()
		display.Rest()
		err = errors.Join(err, s.unrecorded)
		if err == nil {
			display.Say(s.found())
		}
	}()
	s.lines = prompt.NewInput(s.rounds.Before(display.Reader(stdin)), s.out)
	s.lines.Prepare(o.answers.Given())
	display.Phase("checking the files")
	if err := s.checkFiles(o.save); err != nil {
		return err
	}
	defer func() {
		if s.file != nil {
			s.file.Close()
		}
	}()
	display.Phase("reading the files")
	if err := s.readSets(); err != nil {
		return err
	}
	if err := s.checkResults(); err != nil {
		return err
	}
	if s.engine, err = experiment.NewComputer(o.device, s.out, display); err != nil {
		return err
	}
	s.run = s.newRun(header)
	s.page = report.NewClassification(s.run)
	return s.experiments()
}

// checkFiles returns an error if an output cannot be written, or is one of the inputs or another
// output. save is the file for the classifier; "" for none.
func (s *session) checkFiles(save string) error {
	inputs := []string{s.trainingSet, s.trainingLabels, s.testSet, s.testLabels, s.model}
	outputs := []string{
		testClasses, trainingClasses, graphFile, digitsFile, s.html, s.json, save,
	}
	// No plot has the name of a file in the current folder.
	others := slices.Concat(inputs, []string{s.html, s.json, save})
	if err := report.CheckFigures(s.png, others...); err != nil {
		return err
	}
	return s.guard.Check(inputs, outputs...)
}

// A set is images and their labels.
type set struct {
	images *imageset.Set[uint8]
	labels []uint8
}

// readSets reads the images and their labels. It opens all files and looks into the model file
// before it reads the images, so that what does not serve is told at once.
func (s *session) readSets() error {
	opener := idx.Opener{Display: s.display}
	training, err := s.training.open(opener, s.trainingSet, s.trainingLabels)
	if err != nil {
		return err
	}
	test, err := s.test.open(opener, s.testSet, s.testLabels)
	if err != nil {
		return err
	}
	if err := s.checkSets(training, test); err != nil {
		return err
	}
	// The weights are read with every experiment.
	if s.file, err = keras.Open(s.model); err != nil {
		return err
	}
	if err := s.checkModel(training); err != nil {
		return err
	}
	if s.training.images, err = training.Set(); err != nil {
		return err
	}
	s.test.images, err = test.Set()
	return err
}

// open opens the images and reads their labels.
func (s *set) open(opener idx.Opener, images, labels string) (*idx.ImageFile, error) {
	m, err := opener.OpenImages(images)
	if err != nil {
		return nil, err
	}
	l, err := idx.OpenLabelsOf(m, labels)
	if err != nil {
		return nil, err
	}
	s.labels, err = l.Read()
	return m, err
}

// checkSets returns an error if no classifier can be trained with the sets. It counts the classes:
// the labels from 0 to the largest of the training set. The original counted the distinct labels,
// and stopped if one was missing, as 0 is in the letters of EMNIST.
func (s *session) checkSets(train, test *idx.ImageFile) error {
	switch {
	case train.N < 2:
		return fmt.Errorf(
			"%s: %s, expected at least 2: one to train on, one to validate with",
			s.trainingSet, plural.Of(train.N, "image"))
	case test.N < 1:
		return fmt.Errorf("%s: no images, expected at least 1", s.testSet)
	case test.Rows != train.Rows || test.Cols != train.Cols:
		return fmt.Errorf("%s: images of %dx%d pixels, expected %dx%d as in %s",
			s.testSet, test.Rows, test.Cols, train.Rows, train.Cols, s.trainingSet)
	}
	s.classes = 1 + int(slices.Max(s.training.labels))
	for i, l := range s.test.labels {
		if int(l) >= s.classes {
			return fmt.Errorf("%s: image %d has the label %d, expected 0 to %d as in %s",
				s.testLabels, i, l, s.classes-1, s.trainingLabels)
		}
	}
	return nil
}
