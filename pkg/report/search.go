package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"imagesimilarity/pkg/imageset"
)

const (
	badAnswers = "report: a method needs K answers for each query"
	examples   = 12 // queries shown of each kind
)

// Search is one round of the nearest neighbour search: a whole query set, answered by several methods.
type Search struct {
	Facts                   []Fact // the files of this round
	Data, Queries           *imageset.Images[uint8]
	DataLabels, QueryLabels []uint8 // nil where they are not known
	Exact                   Answers
	Approximate             []Answers
}

// Answers are the K nearest neighbours that one method found for each query, row-major (queries, K).
type Answers struct {
	Name     string
	K        int
	Index    []int32   // image of the data set; -1 where none was found
	Distance []float64 // in Unit
	Unit     string
	Seconds  float64 // that the method took for all queries; NaN where it was not measured
}

func (a Answers) check(queries int) {
	if len(a.Index) != queries*a.K || len(a.Distance) != len(a.Index) {
		panic(badAnswers)
	}
}

// AddSearch appends the sections of one round of search.
func (p *Page) AddSearch(s Search) {
	p.round()
	s.Exact.check(s.Queries.N)
	methods := append([]Answers{s.Exact}, s.Approximate...)
	factors := make([][]float64, len(s.Approximate)) // of each query, NaN-free: only where there is one
	worst := make([]float64, s.Queries.N)            // the largest factor of each query, 1 where every method is right
	for q := range worst {
		worst[q] = 1
	}
	rows := [][]string{{s.Exact.Name, "1", "1", "1", "1", percent(s.Queries.N, s.Queries.N), "0", seconds(s.Exact.Seconds)}}
	for m, a := range s.Approximate {
		a.check(s.Queries.N)
		exact, missed := 0, 0
		for q, i := range a.Index {
			switch {
			case i < 0:
				missed++
				continue
			case a.Distance[q] == s.Exact.Distance[q]:
				exact++
			}
			if s.Exact.Distance[q] > 0 {
				f := a.Distance[q] / s.Exact.Distance[q]
				factors[m] = append(factors[m], f)
				worst[q] = max(worst[q], f)
			}
		}
		d := distribution(factors[m])
		rows = append(rows, []string{a.Name, number(d.mean), number(d.median), number(d.ninety), number(d.max),
			percent(exact, s.Queries.N), count(missed), seconds(a.Seconds)})
	}
	p.add("search", "Approximation", execute("search", map[string]any{
		"Facts": s.Facts,
		"Table": Table{
			Caption: fmt.Sprintf("Approximation factors over %s queries among %s images: distance of the neighbour found, divided by the distance of the nearest. "+
				"1 is exact. A query whose nearest image is identical to it, and a query without an answer, have no factor.", count(s.Queries.N), count(s.Data.N)),
			Head: []string{"Method", "mean", "median", "90 % below", "largest", "exact", "not found", "time"},
			Rows: rows,
		},
		"Plots": factorPlots(s.Approximate, factors),
	}))

	p.add("queries", "Queries and their neighbours", execute("gallery", map[string]any{
		"Text":  "Queries evenly spread over the query set, each with the nearest image by every method, its distance (" + s.Exact.Unit + ") and how many times farther than the nearest it is.",
		"Cards": s.cards(sample(s.Queries.N, examples), methods),
	}))

	order := sample(s.Queries.N, s.Queries.N)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(worst[b], worst[a]) })
	order = slices.DeleteFunc(order[:min(len(order), examples)], func(q int) bool { return worst[q] == 1 })
	p.add("disagree", "Where the methods disagree most", execute("gallery", map[string]any{
		"Text":  "The queries with the largest approximation factor of any method.",
		"Cards": s.cards(order, methods),
		"None":  "Every method found a nearest image for every query.",
	}))
}

// cards shows each query beside the answer of every method.
func (s Search) cards(queries []int, methods []Answers) []card {
	cards := make([]card, len(queries))
	for c, q := range queries {
		tiles := []tile{{
			Picture: picture(s.Queries.At(q), s.Queries.Rows, s.Queries.Cols),
			Alt:     "the query, " + called(q, s.QueryLabels),
			Lines:   []string{"query"},
		}}
		for _, a := range methods {
			i := int(a.Index[q])
			if i < 0 {
				tiles = append(tiles, tile{Picture: blank, Alt: "no image", Lines: []string{a.Name, "not found"}})
				continue
			}
			t := tile{
				Picture: picture(s.Data.At(i), s.Data.Rows, s.Data.Cols),
				Alt:     a.Name + ": " + called(i, s.DataLabels),
				Lines:   []string{a.Name, "#" + count(i), number(a.Distance[q])},
			}
			if exact := s.Exact.Distance[q]; a.Distance[q] != exact && exact > 0 {
				t.Lines = append(t.Lines, fmt.Sprintf("× %.3f", a.Distance[q]/exact))
			}
			if i < len(s.DataLabels) {
				t.Lines = append(t.Lines, fmt.Sprintf("label %d", s.DataLabels[i]))
			}
			if i < len(s.DataLabels) && q < len(s.QueryLabels) {
				t.Mark = mark(s.DataLabels[i] == s.QueryLabels[q])
			}
			tiles = append(tiles, t)
		}
		cards[c] = card{Title: "Query " + called(q, s.QueryLabels), Tiles: tiles}
	}
	return cards
}

func mark(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}

// blank stands for a picture that is not there.
var blank = picture(make([]uint8, 28*28), 28, 28)

// A spread is what is told of the distribution of values; all are NaN where there are none.
type spread struct{ mean, median, ninety, max float64 }

func distribution(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(share int) float64 { return sorted[(len(sorted)-1)*share/100] }
	return spread{sum / float64(len(values)), at(50), at(90), at(100)}
}

// factorPlots draws the factors of every method over the same range, which ends where 99 of 100 factors of the widest lie below.
func factorPlots(methods []Answers, factors [][]float64) []drawing {
	high := 1.5
	for _, f := range factors {
		if len(f) > 0 {
			high = max(high, slices.Sorted(slices.Values(f))[(len(f)-1)*99/100])
		}
	}
	var plots []drawing
	for m, f := range factors {
		if len(f) == 0 {
			continue
		}
		plots = append(plots, drawing{
			Drawing: histogram("Histogram of the approximation factors of "+methods[m].Name, "approximation factor", "queries", f, 1, high, 40, m),
			Caption: fmt.Sprintf("%s: how the factors of %s queries are spread. The last bar holds all from there on.", methods[m].Name, count(len(f))),
		})
	}
	return plots
}
