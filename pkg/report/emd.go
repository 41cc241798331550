package report

import (
	"cmp"
	"fmt"
	"slices"

	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/results"
)

const badLabels = "report: a label is needed for each image and each query"

// NewEMD returns the page of a run of search -EMD, without its rounds.
func NewEMD(run *results.EMD) *Page {
	return newPage("Earth Mover's Distance against Manhattan distance", run.Header,
		Fact{"report as text", run.Settings.Output}, algorithmsFact(run.Header))
}

// An emdRound is one round and the images that it is about.
type emdRound struct {
	data, queries Images
	files         [2]string // of both
	k             int       // neighbours of a query
	rankings      [2]ranking
}

// A ranking is the neighbours by one of the two distances.
type ranking struct {
	name string
	results.Ranking
}

// AddEMD appends the sections of one round of a run of search -EMD.
func (p *Page) AddEMD(run *results.EMD, round *results.EMDRound, data, queries Images) {
	if !p.round() {
		return
	}
	if len(data.Labels) < data.N || len(queries.Labels) < queries.N {
		panic(badLabels)
	}
	files := [2]string{round.Data.Images.Name, round.Queries.Images.Name}
	r := emdRound{data, queries, files, round.Neighbours, [2]ranking{
		{"Earth Mover's Distance", round.EMD},
		{"Manhattan", round.Manhattan},
	}}
	names := make([]string, len(r.rankings))
	spread := make([][]int, len(r.rankings))
	for i, a := range r.rankings {
		if len(a.Index) != queries.N || len(a.Distance) != queries.N {
			panic(badAnswers)
		}
		names[i], spread[i] = a.name, a.Queries
	}
	cell := run.Settings.Cell
	right := bars("Bar chart of the number of right neighbours",
		"neighbours with the query's label", "queries", names, spread)
	p.keep("right-neighbours", right)
	p.add("emd", "Correctness", execute("emd", map[string]any{
		"Facts": []Fact{labelled("data set", round.Data), labelled("queries", round.Queries),
			{"cells", fmt.Sprintf("%d × %d pixels", cell, cell)}},
		"Table": r.table(),
		"Plots": []drawing{right.drawing(fmt.Sprintf("Queries by the number of right ones among "+
			"their %s: the more to the right, the better.", plural.Of(r.k, "neighbour")))},
		"Classes": r.classes(),
	}))

	p.add("queries", "Queries and their neighbours", execute("rankings", map[string]any{
		"Text": "Queries evenly spread over the query set. A green frame is a neighbour with the " +
			"label of the query, a red one has another.",
		"Cards": r.cards(sample(queries.N, examples)),
	}))
	p.add("disagree", "Where the distances disagree most", execute("rankings", map[string]any{
		"Text": "The queries for which one distance finds many more right neighbours than the " +
			"other.",
		"Cards": r.cards(parting(round)),
		"None":  "Both distances find as many right neighbours for every query.",
	}))
	if len(round.Flows) > 0 {
		p.add("flows", "What Earth Mover's Distance moves", r.flows(round.Flows))
		for _, f := range round.Flows {
			title := fmt.Sprintf("Query %d to image %d: %s", f.Query, f.Image, r.flowTitle(f))
			p.keep(fmt.Sprintf("flow-%d-%d", f.Query, f.Image), flowGraph(f, title))
		}
	}
}

// ShownOfEMD returns the images of the data set and the queries that AddEMD shows of the round.
func ShownOfEMD(round *results.EMDRound) (data, queries []int) {
	queries = append(sample(len(round.EMD.Index), examples), parting(round)...)
	for _, q := range queries {
		for _, r := range []results.Ranking{round.EMD, round.Manhattan} {
			for _, i := range r.Index[q] {
				data = append(data, int(i))
			}
		}
	}
	for _, f := range round.Flows {
		data, queries = append(data, int(f.Image)), append(queries, f.Query)
	}
	return data, queries
}

// parting returns the queries for which one distance finds many more right neighbours than the
// other, the largest difference first.
func parting(round *results.EMDRound) []int {
	order := sample(len(round.EMD.RightOf), len(round.EMD.RightOf))
	apart := func(q int) int {
		a, b := round.EMD.RightOf[q], round.Manhattan.RightOf[q]
		return max(a-b, b-a)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(apart(b), apart(a)) })
	return slices.DeleteFunc(order[:min(len(order), examples)], func(q int) bool {
		return apart(q) == 0
	})
}

func labelled(name string, l results.Labelled) Fact {
	f := fileFact(name, l.Images)
	f.Value += ", labels " + l.Labels
	return f
}

func (r emdRound) table() Table {
	n := r.queries.N
	t := Table{
		Caption: fmt.Sprintf("How many of the %d nearest among %s images have the label of the "+
			"query, over %s queries.", r.k, count(r.data.N), count(n)),
		Head: []string{"Distance", fmt.Sprintf("queries with all %d right", r.k),
			"mean share right", "nearest one right", "time"},
	}
	for _, a := range r.rankings {
		t.Rows = append(t.Rows, []string{a.name, percent(a.Queries[r.k], n),
			percent(a.Right, n*r.k), percent(a.NearestRight, n), seconds(a.Seconds)})
	}
	return t
}

// classes returns the mean share of right neighbours for the queries of each label.
func (r emdRound) classes() Table {
	t := Table{
		Caption: "Mean share of right neighbours by label of the query.",
		Head:    []string{"Label", "queries"},
	}
	for _, a := range r.rankings {
		t.Head = append(t.Head, a.name)
	}
	for l, label := range r.rankings[0].Labels {
		row := []string{fmt.Sprint(label.Label), count(label.Queries)}
		for _, a := range r.rankings {
			row = append(row, percent(a.Labels[l].Right, label.Queries*r.k))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// A rankedCard is a query with a row of neighbours for each ranking.
type rankedCard struct {
	Title string
	Query tile
	Rows  []card
}

func (r emdRound) cards(queries []int) []rankedCard {
	cards := make([]rankedCard, len(queries))
	for c, q := range queries {
		cards[c] = rankedCard{
			Title: "Query " + called(q, r.queries.Labels),
			Query: tile{
				Picture: picture(r.queries.At(q), r.queries.Rows, r.queries.Cols),
				Ask:     key{r.files[1], q}.text(),
				Alt:     "the query, " + called(q, r.queries.Labels),
				Lines:   []string{fmt.Sprintf("label %d", r.queries.Labels[q])},
			},
		}
		for _, a := range r.rankings {
			row := card{Title: fmt.Sprintf("%s: %d of %d right", a.name, a.RightOf[q], r.k)}
			for j := range a.Index[q] {
				row.Tiles = append(row.Tiles, r.neighbour(a, q, j))
			}
			cards[c].Rows = append(cards[c].Rows, row)
		}
	}
	return cards
}

// neighbour shows neighbour j of query q.
func (r emdRound) neighbour(a ranking, q, j int) tile {
	i := int(a.Index[q][j])
	right, sign := r.data.Labels[i] == r.queries.Labels[q], "✗"
	if right {
		sign = "✓"
	}
	return tile{
		Picture: picture(r.data.At(i), r.data.Rows, r.data.Cols),
		Ask:     key{r.files[0], i}.text(),
		Alt:     fmt.Sprintf("neighbour %d by %s: %s", j+1, a.name, called(i, r.data.Labels)),
		Lines: []string{fmt.Sprintf("%s %d", sign, r.data.Labels[i]),
			fmt.Sprintf("%.5g", a.Distance[q][j])},
		Mark: mark(right),
	}
}
