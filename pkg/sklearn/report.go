package sklearn

import (
	"fmt"
	"strings"

	"imagesimilarity/pkg/numpy"
)

// A Score says how well one class was predicted. A ratio with the divisor 0 is 0.
type Score struct {
	Precision float64 // share of the images predicted to be of the class that are of it, 0 to 1
	Recall    float64 // share of the images of the class that were predicted to be of it, 0 to 1
	F1        float64 // harmonic mean of precision and recall
	Support   int     // images of the class
}

// Scores are the numbers of a classification_report.
type Scores struct {
	Classes  []uint8
	Class    []Score // of each class
	Accuracy float64 // share of the images whose true class was predicted, 0 to 1
	Macro    Score   // means over the classes; the support is the number of images
	Weighted Score   // means over the classes, weighted by support
}

// Scores computes the scores of all classes. The original stopped if a predicted class was missing
// in the test set; here that class has the support 0.
func (c Confusion) Scores() Scores {
	k := len(c.Classes)
	s := Scores{Classes: c.Classes, Class: make([]Score, k)}
	weight := make([]float64, k)
	ones := make([]float64, k)
	images := 0
	for i := range c.Classes {
		var predicted, truth int
		for j := range c.Classes {
			predicted += c.Count[j][i]
			truth += c.Count[i][j]
		}
		hits := c.Count[i][i]
		s.Class[i] = Score{
			Precision: ratio(hits, predicted),
			Recall:    ratio(hits, truth),
			F1:        ratio(2*hits, predicted+truth),
			Support:   truth,
		}
		weight[i] = float64(truth)
		ones[i] = 1
		images += truth
	}
	s.Accuracy = ratio(c.Right(), images)
	s.Macro = mean(s.Class, ones, images)
	s.Weighted = mean(s.Class, weight, images)
	return s
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// mean returns the weighted means of the scores. Means of few counts often lie half-way between two
// printed values, so the last bit decides: the sums are taken in NumPy's order.
func mean(scores []Score, weight []float64, images int) Score {
	total := numpy.Sum(weight)
	of := func(value func(Score) float64) float64 {
		p := make([]float64, len(scores))
		for i, s := range scores {
			p[i] = value(s) * weight[i]
		}
		return numpy.Sum(p) / total
	}
	return Score{
		Precision: of(func(s Score) float64 { return s.Precision }),
		Recall:    of(func(s Score) float64 { return s.Recall }),
		F1:        of(func(s Score) float64 { return s.F1 }),
		Support:   images,
	}
}

// Text returns the text of classification_report, with two decimals.
func (s Scores) Text() string {
	var b strings.Builder
	row := func(name, precision, recall, f1, support string) {
		const heading = len("weighted avg")
		fmt.Fprintf(&b, "%*s  %9s %9s %9s %9s\n", heading, name, precision, recall, f1, support)
	}
	decimals := func(x float64) string { return fmt.Sprintf("%.2f", x) }
	support := func(n int) string {
		if s.Accuracy == 0 {
			return fmt.Sprintf("%d.0", n) // scikit-learn counts in floating point if no image is right
		}
		return fmt.Sprint(n)
	}
	score := func(name string, c Score) {
		row(name, decimals(c.Precision), decimals(c.Recall), decimals(c.F1), support(c.Support))
	}
	row("", "precision", "recall", "f1-score", "support")
	b.WriteString("\n")
	for i, c := range s.Class {
		score(fmt.Sprint(s.Classes[i]), c)
	}
	b.WriteString("\n")
	row("accuracy", "", "", decimals(s.Accuracy), support(s.Macro.Support))
	score("macro avg", s.Macro)
	score("weighted avg", s.Weighted)
	return b.String()
}
