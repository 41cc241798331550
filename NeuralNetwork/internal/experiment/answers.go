package experiment

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"imagesimilarity/NeuralNetwork/internal/argparse"
)

// Questions that both programs ask, and questions on the encoder.
const (
	LayersQuestion    = "Number of convolutional layers: "
	SizeQuestion      = "Convolutional filter size: "
	EpochsQuestion    = "Epochs: "
	BatchQuestion     = "Batch size: "
	EmbeddingQuestion = "Embedding Dimension: "
	GraphsQuestion    = "Show loss graphs (Y/N)? "
	RepeatQuestion    = "Repeat Experiment (Y/N)? "
)

// filtersQuestion returns the question on the filters of layer i, counted from 0.
func filtersQuestion(i int) string {
	return fmt.Sprintf("Convolutional filters of layer %d: ", i+1)
}

// Answers holds the answers that flags give to questions. Each is given once: in a second
// experiment the person is asked, and also after an answer that does not serve.
type Answers struct {
	given   map[string]string // by question
	filters []int
}

// Give adds an answer.
func (a *Answers) Give(question, answer string) {
	if a.given == nil {
		a.given = map[string]string{}
	}
	a.given[question] = answer
}

// Given returns the answers by question.
func (a *Answers) Given() map[string]string { return a.given }

// Empty reports whether no flag gave an answer.
func (a *Answers) Empty() bool { return len(a.given) == 0 }

// Encoder reports whether a flag gave an answer about the encoder.
func (a *Answers) Encoder() bool {
	for _, q := range []string{LayersQuestion, SizeQuestion, EmbeddingQuestion} {
		if _, ok := a.given[q]; ok {
			return true
		}
	}
	return len(a.filters) > 0
}

// Check returns an error if the numbers of layers and of filters differ. The latter alone answers
// the question on the former. Call it after the flags were read.
func (a *Answers) Check() error {
	n := strconv.Itoa(len(a.filters))
	layers, ok := a.given[LayersQuestion]
	switch {
	case a.filters == nil:
	case !ok:
		a.Give(LayersQuestion, n)
	case layers != n:
		return fmt.Errorf("argument -filters/--filters: expected as many numbers as layers, %s, found %s",
			layers, n)
	}
	return nil
}

// Int returns the flag that answers a question with a whole number from lo.
func (a *Answers) Int(name, question string, lo int, help string) argparse.Flag {
	return a.upTo(name, question, lo, MaxCount, help)
}

// upTo returns the flag that answers a question with a whole number from lo to hi.
func (a *Answers) upTo(name, question string, lo, hi int, help string) argparse.Flag {
	return answerFlag(name, help, func(value string) error {
		n, err := count(value, lo, hi)
		if err == nil {
			a.Give(question, strconv.Itoa(n))
		}
		return err
	})
}

// answerFlag returns a flag. No beginning of its name stands for it, so that the flags of the
// original can be shortened as before.
func answerFlag(name, help string, set func(value string) error) argparse.Flag {
	return argparse.Flag{Short: "-" + name, Long: "--" + name, Whole: true, Set: set, Help: help}
}

// count returns the whole number in value, from lo to hi.
func count(value string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < lo || n > hi {
		return 0, fmt.Errorf("invalid value: '%s', expected a whole number from %d to %d", value, lo, hi)
	}
	return n, nil
}

// Share returns the flag that answers a question with a number from 0 to 1.
func (a *Answers) Share(name, question, help string) argparse.Flag {
	return answerFlag(name, help, func(value string) error {
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v >= 0 && v <= 1) || strings.ContainsAny(value, "xX") {
			return fmt.Errorf("invalid value: '%s', expected a number from 0 to 1", value)
		}
		a.Give(question, strconv.FormatFloat(math.Abs(v), 'g', -1, 64))
		return nil
	})
}

// EncoderFlags returns the flags that answer the questions on the encoder.
func (a *Answers) EncoderFlags() []argparse.Flag {
	return []argparse.Flag{
		a.upTo("layers", LayersQuestion, 1, maxLayers,
			"number of convolutional layers (these flags answer the questions)"),
		a.Int("size", SizeQuestion, 1, "convolutional filter size"),
		answerFlag("filters", "convolutional filters of each layer, such as 16,32", a.setFilters),
		a.Int("embedding", EmbeddingQuestion, 1, "dimensions of the latent vectors"),
	}
}

// BatchFlag returns the flag that answers the question on the batch size.
func (a *Answers) BatchFlag() argparse.Flag {
	return a.Int("batch", BatchQuestion, 1, "images in a batch")
}

// setFilters reads numbers of filters that commas part.
func (a *Answers) setFilters(value string) error {
	list := strings.Split(value, ",")
	if len(list) > maxLayers {
		return fmt.Errorf("invalid value: %d layers, expected at most %d", len(list), maxLayers)
	}
	filters := make([]int, len(list))
	for i, text := range list {
		var err error
		if filters[i], err = count(text, 1, MaxCount); err != nil {
			return err
		}
	}
	// A list that was given before may be longer.
	for i := range a.filters {
		delete(a.given, filtersQuestion(i))
	}
	for i, n := range filters {
		a.Give(filtersQuestion(i), strconv.Itoa(n))
	}
	a.filters = filters
	return nil
}

// A Wish is something that is offered after a training.
type Wish struct {
	Question string
	Path     string // question for the path of a file; "" for none
}

// Yes returns the flag -yes, whose value lists the wishes that are answered Y. The others are
// answered N, and so is the question for another experiment. what names the wishes for the help.
func (a *Answers) Yes(what string, wishes map[string]Wish) argparse.Flag {
	help := "what to do after the training, with commas between: " + what +
		", or nothing; no question is asked then"
	return answerFlag("yes", help, func(value string) error {
		answers := map[string]string{RepeatQuestion: "N"}
		for _, w := range wishes {
			answers[w.Question] = "N"
			delete(a.given, w.Path)
		}
		for wish := range strings.SplitSeq(value, ",") {
			name, file, named := strings.Cut(wish, "=")
			w, ok := wishes[name]
			switch {
			case value == "nothing":
				continue
			case !ok || named != (w.Path != "") || named && strings.TrimSpace(file) != file:
				return fmt.Errorf("invalid value: '%s', expected %s, or nothing", wish, what)
			case answers[w.Question] == "Y":
				return fmt.Errorf("invalid value: '%s', expected %s only once", wish, name)
			case named && file == "":
				return fmt.Errorf("invalid value: '%s', expected the name of a file after it", wish)
			case named:
				answers[w.Path] = file
			}
			answers[w.Question] = "Y"
		}
		for question, answer := range answers {
			a.Give(question, answer)
		}
		return nil
	})
}
