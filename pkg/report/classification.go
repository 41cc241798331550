package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"imagesimilarity/pkg/results"
)

const (
	maxMistakes    = 24
	maxConfused    = 10 // pairs of classes
	badPredictions = "report: a label, a class and its probability are needed for each image"
)

// NewClassification returns the page of a run of classification, without its rounds.
func NewClassification(run *results.Classification) *Page {
	return newPage("Classification", run.Header,
		Fact{"training set", run.TrainingSet.Images.Name + ", labels " + run.TrainingSet.Labels},
		Fact{"test set", run.TestSet.Images.Name + ", labels " + run.TestSet.Labels},
		Fact{"trained encoder", run.Settings.Model},
		Fact{"seed", fmt.Sprint(run.Settings.Seed)})
}

// AddClassification appends the sections of one classifier. test are the test images, at least
// those that AskedOfClassification returns, and the labels of all.
func (p *Page) AddClassification(
	run *results.Classification, round *results.Classifier, test Images,
) {
	if !p.round() {
		return
	}
	a, training := round.Answers, run.TrainingSet.Images
	p.compare(slices.Concat(encoderFacts(a.Encoder, a.Embedding), []Fact{
		{"fully connected", fmt.Sprint(a.FullyConnected)},
		{"dropout rate", fmt.Sprint(float64(a.DropoutRate))},
		{"epochs", fmt.Sprintf("%d + %d", a.FrozenEpochs, a.FreeEpochs)},
		{"batch size", fmt.Sprint(a.Batch)},
	}, lossFacts(round.Training), accuracyFacts(round.Test)))
	p.add("network", "The network", execute("network", map[string]any{
		"Facts": []Fact{
			{"images", fmt.Sprintf("%d to train on, %d to test with, of %d × %d pixels",
				training.Images, test.N, test.Rows, test.Cols)},
			layersFact(a.Encoder),
			{"dense layers", fmt.Sprintf("embedding %d, fully connected %d, classes %d",
				a.Embedding, a.FullyConnected, run.Classes)},
			{"dropout rate", fmt.Sprint(float64(a.DropoutRate))},
			{"epochs", fmt.Sprintf("%d with the encoder frozen, then %d with all layers",
				a.FrozenEpochs, a.FreeEpochs)},
			{"batch size", fmt.Sprint(a.Batch)},
			{"computed by", round.Device},
		},
		"Plots": p.trainingPlots(round.Training),
	}))
	t := round.Test
	if t == nil {
		return
	}
	if n := test.N; len(test.Labels) != n || len(t.Predicted) != n ||
		len(t.Probability) != n || len(t.OfTruth) != n {
		panic(badPredictions)
	}
	p.add("scores", "Scores", execute("table", scores(t)))

	names := make([]string, len(t.Classes))
	for i, class := range t.Classes {
		names[i] = fmt.Sprint(class)
	}
	confusion := heatMap{
		Title: "Confusion matrix",
		Caption: "Images of each class by what they were taken for. Green is right; the stronger a " +
			"colour, the larger the share of the row. The shares of mistakes, in red, have a scale of " +
			"their own: the largest has the strongest red.",
		Down: "true class", Across: "taken for", Rows: texts(names), Columns: texts(names),
		Count: t.Confusion, Diagonal: true,
	}
	p.add("confusion", "Confusion matrix",
		confusion.html()+execute("table", confusion.confused(maxConfused)))
	p.keep("confusion", confusion.graph())
	p.add("mistakes", "The worst mistakes",
		execute("mistakes", mistakes(run.TestSet.Images.Name, t, test)))
}

// scores returns scikit-learn's classification report as a table.
func scores(t *results.Test) Table {
	images := t.Right + t.Wrong
	table := Table{
		Caption: fmt.Sprintf("%s of %s test images are right (%s), %s wrong.",
			count(t.Right), count(images), percent(t.Right, images), count(t.Wrong)),
		Head: []string{"Class", "precision", "recall", "F1", "images"},
	}
	ratio := func(x results.Number) string {
		if math.IsNaN(float64(x)) {
			return ""
		}
		return fmt.Sprintf("%.4f", float64(x))
	}
	for _, s := range t.Scores {
		table.Rows = append(table.Rows, []string{
			s.Name, ratio(s.Precision), ratio(s.Recall), ratio(s.F1), count(s.Support),
		})
	}
	return table
}

// mistakes shows the wrong answers that the network was most sure of.
func mistakes(file string, t *results.Test, test Images) []tile {
	wrong := worst(t, test.Labels)
	tiles := make([]tile, len(wrong))
	for k := range tiles {
		i := wrong[k]
		tiles[k] = tile{
			Picture: picture(test.At(i), test.Rows, test.Cols),
			Ask:     key{file, i}.text(),
			Alt:     fmt.Sprintf("test %s, taken for %d", called(i, test.Labels), t.Predicted[i]),
			Lines: []string{
				"#" + count(i),
				fmt.Sprintf("took %d: %s", t.Predicted[i], probability(t.Probability[i])),
				fmt.Sprintf("true %d: %s", test.Labels[i], probability(t.OfTruth[i])),
			},
		}
	}
	return tiles
}

// worst returns the images with the wrong answers that the network was most sure of, the surest
// first.
func worst(t *results.Test, labels []uint8) []int {
	var wrong []int
	for i, l := range labels {
		if t.Predicted[i] == l {
			continue
		}
		at, _ := slices.BinarySearchFunc(wrong, t.Probability[i], func(k int, p float32) int {
			if cmp.Compare(t.Probability[k], p) >= 0 { // of equally sure answers the first comes first
				return -1
			}
			return 1
		})
		if at < maxMistakes {
			wrong = slices.Insert(wrong[:min(len(wrong), maxMistakes-1)], at, i)
		}
	}
	return wrong
}

// probability returns a probability in percent, and a dash for NaN.
func probability(p float32) string {
	if notFinite(p) {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*p)
}
