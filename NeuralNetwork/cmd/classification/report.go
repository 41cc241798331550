package main

import (
	"fmt"
	"math"
	"strings"

	"imagesimilarity/pkg/report"
)

// A confusion counts how the images of each class were classified.
type confusion struct {
	classes []uint8 // all classes that are true or predicted for an image, ascending
	count   [][]int // count[i][j]: images of classes[i] that were taken for classes[j]
}

func confuse(truth, predicted []uint8) confusion {
	var seen [256]bool
	for i := range truth {
		seen[truth[i]], seen[predicted[i]] = true, true
	}
	var c confusion
	var place [256]int
	for class, ok := range seen {
		if ok {
			place[class] = len(c.classes)
			c.classes = append(c.classes, uint8(class))
		}
	}
	c.count = make([][]int, len(c.classes))
	for i := range c.count {
		c.count[i] = make([]int, len(c.classes))
	}
	for i := range truth {
		c.count[place[truth[i]]][place[predicted[i]]]++
	}
	return c
}

// right is the number of images that were taken for what they are.
func (c confusion) right() int {
	n := 0
	for i := range c.count {
		n += c.count[i][i]
	}
	return n
}

// scores are the rows of scikit-learn's classification_report: precision, recall, their harmonic mean and the number of images of every class, then the
// accuracy, which has no precision and recall, and the means over the classes. A ratio with the divisor 0 is 0. The original stopped
// where the test set lacked a class that was predicted; here that class has a row with support 0.
func (c confusion) scores() []report.Score {
	k := len(c.classes)
	precision, recall, f1, support := make([]float64, k), make([]float64, k), make([]float64, k), make([]float64, k)
	images := 0
	var rows []report.Score
	for i, class := range c.classes {
		var predicted, truth int
		for j := range c.classes {
			predicted += c.count[j][i]
			truth += c.count[i][j]
		}
		hits := c.count[i][i]
		precision[i], recall[i], f1[i] = ratio(hits, predicted), ratio(hits, truth), ratio(2*hits, predicted+truth)
		support[i] = float64(truth)
		images += truth
		rows = append(rows, report.Score{Name: fmt.Sprint(class), Precision: precision[i], Recall: recall[i], F1: f1[i], Support: truth})
	}
	ones := make([]float64, k)
	for i := range ones {
		ones[i] = 1
	}
	return append(rows,
		report.Score{Name: "accuracy", Precision: math.NaN(), Recall: math.NaN(), F1: ratio(c.right(), images), Support: images},
		report.Score{Name: "macro avg", Precision: mean(precision, ones), Recall: mean(recall, ones), F1: mean(f1, ones), Support: images},
		report.Score{Name: "weighted avg", Precision: mean(precision, support), Recall: mean(recall, support), F1: mean(f1, support), Support: images})
}

// report is the text of scikit-learn's classification_report, with two decimals.
func (c confusion) report() string {
	const heading = 12 // width of the first column, that of "weighted avg"
	var b strings.Builder
	fmt.Fprintf(&b, "%*s  %9s %9s %9s %9s\n\n", heading, "", "precision", "recall", "f1-score", "support")
	decimals := func(x float64) string {
		if math.IsNaN(x) {
			return ""
		}
		return fmt.Sprintf("%.2f", x)
	}
	for i, s := range c.scores() {
		if i == len(c.classes) {
			b.WriteString("\n")
		}
		support := fmt.Sprint(s.Support)
		if c.right() == 0 {
			support += ".0" // scikit-learn counts in floating point where no image is right
		}
		fmt.Fprintf(&b, "%*s  %9s %9s %9s %9s\n", heading, s.Name, decimals(s.Precision), decimals(s.Recall), decimals(s.F1), support)
	}
	return b.String()
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// mean is the mean of v by weight, its sums taken in NumPy's order: means of few counts often lie half-way between two printed values,
// where the last bit decides.
func mean(v, weight []float64) float64 {
	p := make([]float64, len(v))
	for i := range v {
		p[i] = v[i] * weight[i]
	}
	return numpySum(p) / numpySum(weight)
}

// numpySum adds as NumPy's pairwise summation does: in order below 8 values; up to 128 in 8 interleaved sums, which are then
// added in pairs; more values in two halves.
func numpySum(v []float64) float64 {
	switch {
	case len(v) < 8:
		var s float64
		for _, x := range v {
			s += x
		}
		return s
	case len(v) > 128:
		half := len(v) / 2
		half -= half % 8
		return numpySum(v[:half]) + numpySum(v[half:])
	}
	r := [8]float64(v)
	i := 8
	for ; i+8 <= len(v); i += 8 {
		for j := range r {
			r[j] += v[i+j]
		}
	}
	s := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for _, x := range v[i:] {
		s += x
	}
	return s
}

// matrix is the counts as NumPy prints an array: numbers right-aligned to the widest, lines wrapped at 75 columns, and of
// more than 1,000 numbers the first and last three rows and columns. It does not end the last line.
func (c confusion) matrix() string {
	k := len(c.classes)
	shown := make([]int, k)
	for i := range shown {
		shown[i] = i
	}
	const gap = -1
	if k*k > 1000 {
		shown = []int{0, 1, 2, gap, k - 3, k - 2, k - 1}
	}
	width := 0
	for _, i := range shown {
		for _, j := range shown {
			if i != gap && j != gap {
				width = max(width, len(fmt.Sprint(c.count[i][j])))
			}
		}
	}
	var rows []string
	for _, i := range shown {
		if i == gap {
			rows = append(rows, "...")
			continue
		}
		// Two columns stand for the brackets before a row, which take their place in the end.
		const indent, columns = "  ", 73
		var text strings.Builder
		line := indent
		for _, j := range shown {
			word := "..."
			if j != gap {
				word = fmt.Sprintf("%*d", width, c.count[i][j])
			}
			if len(line)+len(word) > columns && len(line) > len(indent) {
				text.WriteString(strings.TrimRight(line, " ") + "\n")
				line = indent
			}
			line += word + " "
		}
		text.WriteString(strings.TrimSuffix(line, " "))
		rows = append(rows, "["+text.String()[len(indent):]+"]")
	}
	return "[" + strings.Join(rows, "\n ") + "]"
}
