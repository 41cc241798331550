package report

import (
	"cmp"
	"fmt"
	"slices"

	"imagesimilarity/pkg/imageset"
)

const badLabels = "report: a label is needed for each image and each query"

// EMD compares rankings of the same K nearest neighbours by the labels they bring.
type EMD struct {
	Facts                   []Fact
	Data, Queries           *imageset.Images[uint8]
	DataLabels, QueryLabels []uint8
	Rankings                [2]Answers // of equal K: by Earth Mover's Distance, and what it is compared with
}

// AddEMD appends the sections of a comparison of rankings.
func (p *Page) AddEMD(e EMD) {
	p.round()
	if len(e.DataLabels) < e.Data.N || len(e.QueryLabels) < e.Queries.N {
		panic(badLabels)
	}
	k := e.Rankings[0].K
	names := make([]string, len(e.Rankings))
	right := make([][]int, len(e.Rankings))  // neighbours with the query's label, of each query
	spread := make([][]int, len(e.Rankings)) // queries with 0, 1, … such neighbours
	var rows [][]string
	for r, a := range e.Rankings {
		a.check(e.Queries.N)
		names[r], right[r], spread[r] = a.Name, make([]int, e.Queries.N), make([]int, k+1)
		sum, nearest := 0, 0
		for q := range right[r] {
			for j := range k {
				if e.right(a, q, j) {
					right[r][q]++
					if j == 0 {
						nearest++
					}
				}
			}
			sum += right[r][q]
			spread[r][right[r][q]]++
		}
		rows = append(rows, []string{a.Name, percent(spread[r][k], e.Queries.N), percent(sum, e.Queries.N*k), percent(nearest, e.Queries.N), seconds(a.Seconds)})
	}
	p.add("emd", "Correctness", execute("emd", map[string]any{
		"Facts": e.Facts,
		"Table": Table{
			Caption: fmt.Sprintf("How many of the %d nearest among %s images have the label of the query, over %s queries.", k, count(e.Data.N), count(e.Queries.N)),
			Head:    []string{"Distance", fmt.Sprintf("queries with all %d right", k), "mean share right", "nearest one right", "time"},
			Rows:    rows,
		},
		"Plots": []drawing{{
			Drawing: bars("Bar chart of the number of right neighbours", "neighbours with the query's label", "queries", names, spread),
			Caption: fmt.Sprintf("Queries by the number of right ones among their %d neighbours.", k),
		}},
		"Classes": e.classes(right),
	}))

	p.add("queries", "Queries and their neighbours", execute("rankings", map[string]any{
		"Text":  "Queries evenly spread over the query set. A green frame is a neighbour with the label of the query, a red one has another.",
		"Cards": e.cards(sample(e.Queries.N, examples), right),
	}))
	order := sample(e.Queries.N, e.Queries.N)
	apart := func(q int) int { return max(right[0][q]-right[1][q], right[1][q]-right[0][q]) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(apart(b), apart(a)) })
	order = slices.DeleteFunc(order[:min(len(order), examples)], func(q int) bool { return apart(q) == 0 })
	p.add("disagree", "Where the distances disagree most", execute("rankings", map[string]any{
		"Text":  "The queries for which one distance finds many more right neighbours than the other.",
		"Cards": e.cards(order, right),
		"None":  "Both distances find as many right neighbours for every query.",
	}))
}

// right tells whether neighbour j of query q has the query's label.
func (e EMD) right(a Answers, q, j int) bool {
	i := a.Index[q*a.K+j]
	return i >= 0 && e.DataLabels[i] == e.QueryLabels[q]
}

// classes is the mean share of right neighbours for the queries of each label.
func (e EMD) classes(right [][]int) Table {
	t := Table{Caption: "Mean share of right neighbours by label of the query.", Head: []string{"Label", "queries"}}
	for _, a := range e.Rankings {
		t.Head = append(t.Head, a.Name)
	}
	for label := range 256 {
		n := 0
		sums := make([]int, len(right))
		for q, l := range e.QueryLabels[:e.Queries.N] {
			if int(l) == label {
				n++
				for r := range sums {
					sums[r] += right[r][q]
				}
			}
		}
		if n == 0 {
			continue
		}
		row := []string{fmt.Sprint(label), count(n)}
		for r, sum := range sums {
			row = append(row, percent(sum, n*e.Rankings[r].K))
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

func (e EMD) cards(queries []int, right [][]int) []rankedCard {
	cards := make([]rankedCard, len(queries))
	for c, q := range queries {
		cards[c] = rankedCard{
			Title: "Query " + called(q, e.QueryLabels),
			Query: tile{
				Picture: picture(e.Queries.At(q), e.Queries.Rows, e.Queries.Cols),
				Alt:     "the query, " + called(q, e.QueryLabels),
				Lines:   []string{fmt.Sprintf("label %d", e.QueryLabels[q])},
			},
		}
		for r, a := range e.Rankings {
			row := card{Title: fmt.Sprintf("%s: %d of %d right", a.Name, right[r][q], a.K)}
			for j := range a.K {
				i := int(a.Index[q*a.K+j])
				if i < 0 {
					continue
				}
				sign := "✗"
				if e.right(a, q, j) {
					sign = "✓"
				}
				row.Tiles = append(row.Tiles, tile{
					Picture: picture(e.Data.At(i), e.Data.Rows, e.Data.Cols),
					Alt:     fmt.Sprintf("neighbour %d by %s: %s", j+1, a.Name, called(i, e.DataLabels)),
					Lines:   []string{fmt.Sprintf("%s %d", sign, e.DataLabels[i]), fmt.Sprintf("%.5g", a.Distance[q*a.K+j])},
					Mark:    mark(e.right(a, q, j)),
				})
			}
			cards[c].Rows = append(cards[c].Rows, row)
		}
	}
	return cards
}
