// Command reduce trains an autoencoder on images, or loads a trained one. It writes the images as
// short vectors, the output of the middle layer, for search and cluster.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"imagesimilarity/NeuralNetwork/internal/argparse"
	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/idx"
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

func main() { os.Exit(program.Run("reduce", run)) }

// options holds the values of the flags.
type options struct {
	dataset, queryset               string
	datasetLatents, querysetLatents string
	seed                            uint64
	html, json, labels, tsv         string // "" for none
	png                             string // folder for the plots; "" for none
	quiet                           bool
	textbook                        bool
	pixels                          nn.Pixels // "" for those of the mode
	layer                           string    // "" for the bottleneck
	guard                           outfile.Guard
	memory                          int64  // bytes that may be used; 0 for what the machine has left
	device                          string // what computes the networks
	loss                            nn.Loss
	answers                         experiment.Answers
	model                           string // to be loaded; "" to ask
}

// Questions that are reduce's alone.
const (
	loadQuestion      = "Load trained model (Y/N)? "
	modelPathQuestion = "Input model file path: "
	saveQuestion      = "Save trained model (Y/N)? "
	savePathQuestion  = "Input save file path: "
	latentsQuestion   = "Save latent representations (Y/N)? "
)

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	o := options{seed: 1, loss: nn.MeanSquaredError} // the original's
	parser := argparse.Parser{
		Program: "reduce",
		About: "Writes images as short vectors, with an autoencoder that is trained on them or " +
			"loaded.",
		// The original noticed a missing flag when it needed the value: after the training.
		Flags: []argparse.Flag{
			{
				Short: "-d", Long: "--Dataset", Required: true, Set: argparse.FileName(&o.dataset),
				Help: "images to train on and to write as vectors",
			},
			{
				Short: "-q", Long: "--Queryset", Required: true, Set: argparse.FileName(&o.queryset),
				Help: "more images to write as vectors",
			},
			{
				Short: "-od", Long: "--Output_Dataset_File", Required: true,
				Set:  argparse.FileName(&o.datasetLatents),
				Help: "file for the vectors of the dataset",
			},
			{
				Short: "-oq", Long: "--Output_Query_File", Required: true,
				Set:  argparse.FileName(&o.querysetLatents),
				Help: "file for the vectors of the query set",
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
				Short: "-l", Long: "--labels", Set: argparse.FileName(&o.labels),
				Help: "labels of the dataset, for the colours in that report and its plots, and for -tsv",
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
				Short: "-textbook", Long: "--textbook", Switch: &o.textbook,
				Help: "grey levels 0 to 1 as pixels; one scale for the vectors of both sets",
			},
			{
				Short: "-pixels", Long: "--pixels", Set: experiment.SetPixels(&o.pixels),
				Help: experiment.PixelsHelp,
			},
			{
				Short: "-layer", Long: "--layer", Set: argparse.LayerName(&o.layer),
				Help: "the layer of a loaded model whose output is the vector (default embedding, " +
					"else the narrowest)",
			},
			{
				Short: "-loss", Long: "--loss", Set: setLoss(&o.loss),
				Help: "mse or mae, the mean squared or absolute error that training reduces " +
					"(default mse)",
			},
			{
				Short: "-quiet", Long: "--quiet", Switch: &o.quiet,
				Help: "nothing on the standard error output but errors",
			},
			experiment.MemoryFlag(&o.memory),
			experiment.DeviceFlag(&o.device),
			{
				Short: "-model", Long: "--model", Whole: true, Set: argparse.FileName(&o.model),
				Help: "trained model to load; no question is asked then",
			},
			{
				Short: "-tsv", Long: "--tsv", Whole: true, Set: argparse.FileName(&o.tsv),
				Help: "file for the unscaled vectors of the dataset: lines of numbers with tabs " +
					"between, or an array for NumPy if its name ends in .npy; with -l, a second " +
					"file, whose name has _labels before the ending, gets the labels",
			},
		},
	}
	parser.Flags = append(parser.Flags, o.answers.EncoderFlags()...)
	parser.Flags = append(parser.Flags,
		o.answers.Int("epochs", experiment.EpochsQuestion, 0, "epochs of the training"),
		o.answers.BatchFlag(),
		o.answers.Yes("graphs, save=FILE and latents", map[string]experiment.Wish{
			"graphs":  {Question: experiment.GraphsQuestion},
			"save":    {Question: saveQuestion, Path: savePathQuestion},
			"latents": {Question: latentsQuestion},
		}))
	if status, done := parser.Run(args, stdout, stderr); done {
		return status
	}
	if err := o.prepare(); err != nil {
		return parser.Refuse(err, stderr)
	}
	memory.SetBudget(o.memory)
	o.guard = outfile.NewGuard(stdin, stdout, stderr)
	header := results.NewHeader("./reduce", args, o.textbook)
	display := progress.New(stderr, o.quiet)
	if err := reduce(o, header, stdin, stdout, display); err != nil {
		fmt.Fprintln(stderr, "reduce:", quote.Message(err))
		return 1
	}
	return 0
}

// prepare completes the answers of the flags: -model loads a model, and an answer about a network
// means that one is trained. It returns an error if a flag has no meaning beside the others.
func (o *options) prepare() error {
	if err := o.answers.Check(); err != nil {
		return err
	}
	trains, given := !o.answers.Empty(), o.answers.Given()
	switch {
	case o.model != "" && trains:
		return errors.New("argument -model/--model: not allowed with answers about a training")
	case o.layer != "" && trains && given[experiment.RepeatQuestion] == "N":
		return errors.New("argument -layer/--layer: not allowed where -yes lets no model be loaded")
	case o.tsv != "" && given[latentsQuestion] == "N":
		return errors.New("argument -tsv/--tsv: not allowed where -yes does not name latents")
	case o.labels != "" && o.html == "" && o.png == "" && o.tsv == "":
		return errors.New("argument -l/--labels: not allowed without -html, -png or -tsv")
	}
	switch {
	case o.model != "":
		o.answers.Give(loadQuestion, "Y")
		o.answers.Give(modelPathQuestion, o.model)
	case trains:
		o.answers.Give(loadQuestion, "N")
	}
	return nil
}

// setLoss returns the Set of the flag that chooses the loss.
func setLoss(to *nn.Loss) func(string) error {
	return func(value string) error {
		switch value {
		case "mse":
			*to = nn.MeanSquaredError
		case "mae":
			*to = nn.MeanAbsoluteError
		default:
			return fmt.Errorf("invalid choice: '%s' (choose from 'mse', 'mae')", value)
		}
		return nil
	}
}

// reduce reads the images, then asks what to do with them.
func reduce(
	o options, header results.Header, stdin io.Reader, stdout io.Writer,
	display *progress.Display,
) (err error) {
	s := &session{
		options:   o,
		in:        stdin,
		out:       display.Writer(stdout),
		graphFile: "loss_graphs.png",
		display:   display,
	}
	if !outfile.Direct(o.datasetLatents) { // a device has no folder for pictures
		s.graphFile = filepath.Join(filepath.Dir(o.datasetLatents), s.graphFile)
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
	if err := s.checkFiles(o.model, o.answers.Given()[savePathQuestion]); err != nil {
		return err
	}
	display.Phase("reading the files")
	if err := s.readImages(); err != nil {
		return err
	}
	if err := s.checkRecord(); err != nil {
		return err
	}
	if s.engine, err = experiment.NewComputer(o.device, s.out, display); err != nil {
		return err
	}
	s.run = s.newRun(header)
	s.page = report.NewReduce(s.run)
	for s.lines.YesNo(loadQuestion) {
		path, m := s.load()
		if m.Model == nil {
			continue
		}
		if err := s.writeLatents(m); err != nil {
			return err
		}
		return s.record(m, &results.Autoencoder{Loaded: path, LatentsWritten: true})
	}
	if err := s.lines.Err(); err != nil {
		return err
	}
	return s.experiments()
}

// checkFiles returns an error if an output cannot be written, or is one of the inputs or another
// output. loaded and saved are the model files that are read and written; "" for none.
func (s *session) checkFiles(loaded, saved string) error {
	inputs := []string{s.dataset, s.queryset, s.labels, loaded}
	outputs := []string{
		s.datasetLatents, s.querysetLatents, s.graphFile, s.html, s.json, s.tsv, s.labelsFile(), saved,
	}
	// No plot has the name of the graph file.
	others := slices.Concat(inputs, []string{
		s.datasetLatents, s.querysetLatents, s.html, s.json, s.tsv, saved,
	})
	if err := report.CheckFigures(s.png, others...); err != nil {
		return err
	}
	return s.guard.Check(inputs, outputs...)
}

// readImages reads the images and their labels. It opens all files before it reads one whole, so
// that what does not fit together is told at once.
func (s *session) readImages() error {
	opener := idx.Opener{Display: s.display}
	data, err := opener.OpenImages(s.dataset)
	if err != nil {
		return err
	}
	queries, err := opener.OpenImages(s.queryset)
	if err != nil {
		return err
	}
	if err := checkImages(data, queries); err != nil {
		return err
	}
	if s.labels != "" {
		labels, err := idx.OpenLabelsOf(data, s.labels)
		if err != nil {
			return err
		}
		if s.imageLabels, err = labels.Read(); err != nil {
			return err
		}
	}
	if s.data, err = data.Set(); err != nil {
		return err
	}
	s.queries, err = queries.Set()
	return err
}

// checkImages returns an error if one network cannot write vectors of both the images d and the
// queries q.
func checkImages(d, q *idx.ImageFile) error {
	for _, f := range []*idx.ImageFile{d, q} {
		if f.N < 1 {
			return fmt.Errorf("%s: no images, expected at least 1", f.Name)
		}
	}
	if q.Rows != d.Rows || q.Cols != d.Cols {
		return fmt.Errorf("%s: images of %dx%d pixels, expected %dx%d as in %s",
			q.Name, q.Rows, q.Cols, d.Rows, d.Cols, d.Name)
	}
	return nil
}

// checkTraining returns an error if no autoencoder of the original's form can be trained on the
// dataset. A loaded model may take such images.
func (s *session) checkTraining() error {
	d := s.data
	switch {
	case d.N < 2:
		return fmt.Errorf(
			"%s: %s, expected at least 2: one to train on, one to validate with",
			s.dataset, plural.Of(d.N, "image"))
	case d.Rows%2 != 0 || d.Cols%2 != 0:
		return fmt.Errorf(
			"%s: images of %dx%d pixels, expected even numbers, as the encoder halves them",
			s.dataset, d.Rows, d.Cols)
	}
	return nil
}
