package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"imagesimilarity/pkg/results"
)

const (
	maxPoints  = 2000      // points of the scatter
	maxSheet   = 1_600_000 // pixels of the pictures behind them
	badLatents = "report: a latent vector is needed for each point"
	badHistory = "report: training loss and validation loss need a value an epoch"
	badExample = "report: a reconstruction needs an input and an output of the images' size"
)

// Points returns those of n images, evenly spread, whose latent vectors a page has room for.
func Points(n, rows, cols int) []int {
	_, h, w := shrink(make([]uint8, rows*cols), rows, cols)
	return sample(n, min(maxPoints, maxSheet/(h*w)))
}

// Examples returns those of n images, evenly spread, whose reconstructions a page shows.
func Examples(n int) []int { return sample(n, examples) }

// NewReduce returns the page of a run of reduce, without its rounds.
func NewReduce(run *results.Reduce) *Page {
	s := run.Settings
	return newPage("Images as short vectors", run.Header,
		Fact{"dataset", run.Dataset.Name},
		Fact{"query set", run.Queryset.Name},
		Fact{"their vectors", s.DatasetLatents + ", " + s.QuerysetLatents},
		Fact{"seed", fmt.Sprint(s.Seed)})
}

// AddReduce appends the sections of one autoencoder. images is the dataset of the run, at least its
// images that the round names.
func (p *Page) AddReduce(run *results.Reduce, round *results.Autoencoder, images Images) {
	if !p.round() {
		return
	}
	var facts []Fact
	if round.Answers == nil {
		facts = append(facts, Fact{"model", round.Loaded})
	} else {
		a := round.Answers
		facts = append(facts,
			layersFact(a.Encoder),
			Fact{"embedding", fmt.Sprint(a.Embedding)},
			Fact{"epochs", fmt.Sprint(a.Epochs)},
			Fact{"batch size", fmt.Sprint(a.Batch)})
	}
	if a := round.Answers; a != nil {
		p.compare(slices.Concat(encoderFacts(a.Encoder, a.Embedding), []Fact{
			{"epochs", fmt.Sprint(a.Epochs)}, {"batch size", fmt.Sprint(a.Batch)},
		}, lossFacts(round.Training)))
	}
	facts = append(facts, Fact{"images",
		fmt.Sprintf("%d of %d × %d pixels", images.N, images.Rows, images.Cols)},
		Fact{"computed by", round.Device})
	p.add("network", "The network", execute("network", map[string]any{
		"Facts": facts, "Plots": p.trainingPlots(round.Training),
	}))
	if len(round.Points) > 0 {
		file := run.Dataset.Name
		p.Show(file, images, round.Points)
		p.add("latents", "Latent space", p.scatter(round, file, images))
	}
	if len(round.Reconstructions) > 0 {
		cards := make([]card, len(round.Reconstructions))
		for i, c := range round.Reconstructions {
			cards[i] = reconstruction(c, images)
		}
		p.add("reconstructions", "Reconstructions", execute("gallery", map[string]any{
			"Text": "Images, what the network gets of them, and what it makes of that; both drawn " +
				"on the scale of the input.",
			"Cards": cards,
		}))
	}
}

// layersFact describes the convolutional layers, with the filters as Python shows a list.
func layersFact(e results.Encoder) Fact {
	if len(e.Filters) == 0 {
		return Fact{"encoder", "that of the model file"}
	}
	filters := strings.ReplaceAll(fmt.Sprint(e.Filters), " ", ", ")
	return Fact{"convolutional layers", fmt.Sprintf("%d, filters %s of %d × %d",
		len(e.Filters), filters, e.FilterSize, e.FilterSize)}
}

// reconstruction shows an image, the input and the output of the network.
func reconstruction(c results.Reconstruction, images Images) card {
	if len(c.Input) != images.Dim() || len(c.Output) != images.Dim() {
		panic(badExample)
	}
	rows, cols := images.Rows, images.Cols
	name, top := called(c.Image, images.Labels), slices.Max(c.Input)
	return card{Title: name, Tiles: []tile{
		{
			Picture: picture(images.At(c.Image), rows, cols),
			Alt:     name, Lines: []string{"original"},
		},
		{
			Picture: picture(grey(c.Input, top), rows, cols),
			Alt:     "the same as input of the network", Lines: []string{"input"},
		},
		{
			Picture: picture(grey(c.Output, top), rows, cols),
			Alt:     "the output of the network", Lines: []string{"output"},
		},
	}}
}

// trainingPlots draws the losses of a training, which is nil if there was none.
func (p *Page) trainingPlots(t *results.Training) []drawing {
	if t == nil || len(t.Loss) == 0 {
		return nil
	}
	if len(t.ValLoss) != len(t.Loss) {
		panic(badHistory)
	}
	caption := "Loss after every epoch, better when lower. If it falls on the training data alone, " +
		"the network learns these by heart."
	var marks []int
	if len(t.Phases) > 1 {
		caption += " The dashed line parts the phases."
		marks = t.Phases[:len(t.Phases)-1]
	}
	curves := []curve{{"training data", t.Loss}, {"validation data", t.ValLoss}}
	plot := losses("Loss curves", curves, marks...)
	p.keep("losses", plot)
	return []drawing{plot.drawing(caption)}
}

// grey scales values from 0 to top to grey levels.
func grey(values []float32, top float32) []uint8 {
	pix := make([]uint8, len(values))
	for i, v := range values {
		if level := math.Round(float64(v) / float64(top) * 255); level > 0 { // false for NaN, too
			pix[i] = uint8(min(level, 255))
		}
	}
	return pix
}
