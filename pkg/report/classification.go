package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"imagesimilarity/pkg/imageset"
)

const (
	maxMistakes    = 24
	badPredictions = "report: a label and a row of probabilities are needed for each image"
)

// Classification is one classifier and what it did on a test set.
type Classification struct {
	Facts         []Fact
	Training      *Training
	Images        *imageset.Images[uint8]
	Labels        []uint8   // the true classes
	Predicted     []uint8   // what they were taken for; nil where the test set was not classified
	Probabilities []float32 // (N, classes)
	Classes       []uint8   // all that occur in Labels or Predicted, ascending
	Confusion     [][]int   // images of each class by what they were taken for, both in the order of Classes
	Scores        []Score
}

// A Score is a row of the classification report.
type Score struct {
	Name                  string
	Precision, Recall, F1 float64 // NaN where the row has none
	Support               int
}

// AddClassification appends the sections of one classifier.
func (p *Page) AddClassification(c Classification) {
	p.round()
	p.add("network", "The network", execute("network", map[string]any{"Facts": c.Facts, "Plots": c.Training.plots()}))
	if len(c.Predicted) == 0 {
		return
	}
	if len(c.Labels) != c.Images.N || len(c.Predicted) != c.Images.N || len(c.Probabilities)%c.Images.N != 0 {
		panic(badPredictions)
	}
	var wrong []int
	for i, l := range c.Labels {
		if c.Predicted[i] != l {
			wrong = append(wrong, i)
		}
	}
	var rows [][]string
	ratio := func(x float64) string {
		if math.IsNaN(x) {
			return ""
		}
		return fmt.Sprintf("%.4f", x)
	}
	for _, s := range c.Scores {
		rows = append(rows, []string{s.Name, ratio(s.Precision), ratio(s.Recall), ratio(s.F1), count(s.Support)})
	}
	p.add("scores", "Scores", execute("table", Table{
		Caption: fmt.Sprintf("%s of %s test images are right (%s), %s wrong.", count(c.Images.N-len(wrong)), count(c.Images.N),
			percent(c.Images.N-len(wrong), c.Images.N), count(len(wrong))),
		Head: []string{"Class", "precision", "recall", "F1", "images"},
		Rows: rows,
	}))

	names := make([]string, len(c.Classes))
	for i, class := range c.Classes {
		names[i] = fmt.Sprint(class)
	}
	p.add("confusion", "Confusion matrix", heatMap{
		Caption: "Images of each class (rows) by what they were taken for (columns); the stronger the colour, the larger the share of the row.",
		Corner:  "true ↓, taken for →", Rows: names, Columns: names, Count: c.Confusion, Diagonal: true,
	}.html())

	classes := len(c.Probabilities) / c.Images.N
	sure := func(i int) float32 { return c.Probabilities[i*classes+int(c.Predicted[i])] }
	slices.SortStableFunc(wrong, func(a, b int) int { return cmp.Compare(sure(b), sure(a)) })
	wrong = wrong[:min(len(wrong), maxMistakes)]
	tiles := make([]tile, len(wrong))
	for t, i := range wrong {
		truth := "–" // a class that training did not have
		if l := int(c.Labels[i]); l < classes {
			truth = fmt.Sprintf("%.1f %%", 100*c.Probabilities[i*classes+l])
		}
		tiles[t] = tile{
			Picture: picture(c.Images.At(i), c.Images.Rows, c.Images.Cols),
			Alt:     fmt.Sprintf("test %s, taken for %d", called(i, c.Labels), c.Predicted[i]),
			Lines:   []string{"#" + count(i), fmt.Sprintf("took %d: %.1f %%", c.Predicted[i], 100*sure(i)), fmt.Sprintf("true %d: %s", c.Labels[i], truth)},
		}
	}
	p.add("mistakes", "The worst mistakes", execute("mistakes", tiles))
}
