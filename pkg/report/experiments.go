package report

import (
	"fmt"
	"strings"

	"imagesimilarity/pkg/results"
)

// compare adds an experiment to the table that compares the rounds.
func (p *Page) compare(facts []Fact) {
	row, head := []string{fmt.Sprint(p.rounds)}, []string{"Experiment"}
	for _, f := range facts {
		row, head = append(row, f.Value), append(head, f.Name)
		p.size += len(f.Value) + len("<td></td>")
	}
	p.experiments.Head = head
	p.experiments.Rows = append(p.experiments.Rows, row)
}

// compared returns the sections of the page, the table of the experiments first if there are
// several.
func (p *Page) compared() []section {
	if len(p.experiments.Rows) < 2 {
		return p.sections
	}
	t := p.experiments
	t.Caption = "Settings and results of all experiments on this page. The losses are those after " +
		"the last epoch; lower is better."
	return append([]section{{"experiments", "The experiments", execute("table", t)}}, p.sections...)
}

// encoderFacts returns the settings of an encoder for the table of experiments.
func encoderFacts(e results.Encoder, embedding int) []Fact {
	filters := strings.Trim(strings.ReplaceAll(fmt.Sprint(e.Filters), " ", ", "), "[]")
	return []Fact{
		{"filters", fmt.Sprintf("%s of %d × %d", filters, e.FilterSize, e.FilterSize)},
		{"embedding", fmt.Sprint(embedding)},
	}
}

// lossFacts returns the time of a training and its last losses, for the table of experiments.
func lossFacts(t *results.Training) []Fact {
	loss, valLoss, time := "–", "–", "–"
	if t != nil {
		time = seconds(t.Seconds)
		if n := len(t.Loss); n > 0 {
			loss, valLoss = number(results.Number(t.Loss[n-1])), number(results.Number(t.ValLoss[n-1]))
		}
	}
	return []Fact{{"time", time}, {"training loss", loss}, {"validation loss", valLoss}}
}

// accuracyFacts returns the share of right answers and the number of mistakes, for the table of
// experiments.
func accuracyFacts(t *results.Test) []Fact {
	accuracy, mistakes := "–", "–"
	if t != nil {
		accuracy, mistakes = percent(t.Right, t.Right+t.Wrong), count(t.Wrong)
	}
	return []Fact{{"accuracy", accuracy}, {"mistakes", mistakes}}
}
