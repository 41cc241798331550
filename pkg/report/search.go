package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/results"
)

const (
	badAnswers = "report: a method needs an answer for each query"
	examples   = 12 // queries shown of each kind
)

// NewSearch returns the page of a run of search, without its rounds.
func NewSearch(run *results.Search) *Page {
	s := run.Settings
	return newPage("Nearest neighbours: reduced, LSH, exact", run.Header,
		Fact{"report as text", s.Output},
		algorithmsFact(run.Header),
		Fact{"LSH", plural.Of(s.Functions, "hash function") + ", " + plural.Of(s.Tables, "table")})
}

// A searchRound is one round and the images that it is about.
type searchRound struct {
	*results.SearchRound
	file          string // of the data set
	data, queries Images
	methods       []method // the exact one first
}

// A method is the answers of one of the three searches.
type method struct {
	name string
	results.Approximation
}

// AddSearch appends the sections of one round of a run of search.
func (p *Page) AddSearch(run *results.Search, round *results.SearchRound, data, queries Images) {
	if !p.round() {
		return
	}
	r := searchRound{round, run.Data.Images.Name, data, queries, []method{
		{"exact", results.Approximation{Nearest: round.Exact}},
		{"reduced", round.Reduced},
		{"LSH", round.LSH},
	}}
	for _, m := range r.methods {
		if len(m.Index) != queries.N || len(m.Distance) != queries.N {
			panic(badAnswers)
		}
	}
	p.add("search", "Approximation", execute("search", map[string]any{
		"Facts": []Fact{
			fileFact("data set", run.Data.Images),
			fileFact("its latent vectors", run.Data.Latents),
			fileFact("queries", round.Queries.Images),
			fileFact("their latent vectors", round.Queries.Latents),
			{"images that LSH compared with a query",
				fmt.Sprintf("%.3g %% of the data set, on the average", 100*float64(round.Compared))},
		},
		"Table": r.table(),
		"Plots": p.factorPlots(r.methods[1:]),
	}))

	p.add("queries", "Queries and their neighbours", execute("gallery", map[string]any{
		"Text": "Queries evenly spread over the query set, each with the nearest image by every " +
			"method, its distance (sum of grey-level differences) and how many times farther than " +
			"the nearest it is.",
		"Cards": r.cards(sample(queries.N, examples)),
	}))

	p.add("disagree", "Where the methods disagree most", execute("gallery", map[string]any{
		"Text":  "The queries with the largest approximation factor of any method.",
		"Cards": r.cards(disagreeing(round)),
		"None":  "Every method found a nearest image for every query.",
	}))
}

// ShownOfSearch returns the images of the data set and the queries that AddSearch shows of the
// round.
func ShownOfSearch(round *results.SearchRound) (data, queries []int) {
	queries = append(sample(len(round.Exact.Index), examples), disagreeing(round)...)
	for _, q := range queries {
		for _, n := range []*results.Nearest{
			&round.Exact, &round.Reduced.Nearest, &round.LSH.Nearest,
		} {
			if n.Index[q] >= 0 {
				data = append(data, int(n.Index[q]))
			}
		}
	}
	return data, queries
}

func (r searchRound) table() Table {
	t := Table{
		Caption: fmt.Sprintf("Approximation factors over %s queries among %s images: "+
			"distance of the neighbour found, divided by the distance of the nearest. "+
			"1 is exact. A query whose nearest image is identical to it, and a query without an "+
			"answer, have no factor.", count(r.queries.N), count(r.data.N)),
		Head: []string{"Method", "mean", "median", "90 % below", "largest", "exact", "not found",
			"time"},
		Rows: [][]string{{r.methods[0].name, "1", "1", "1", "1", percent(r.queries.N, r.queries.N),
			"0", seconds(r.Exact.Seconds)}},
	}
	for _, m := range r.methods[1:] {
		s := m.Spread
		t.Rows = append(t.Rows, []string{m.name,
			number(s.Mean), number(s.Median), number(s.Ninety), number(s.Largest),
			percent(m.Right, r.queries.N), count(m.NotFound), seconds(m.Seconds)})
	}
	return t
}

// disagreeing returns the queries with the largest factor of any method, the largest first.
func disagreeing(round *results.SearchRound) []int {
	worst := make([]float64, len(round.Exact.Index))
	for q := range worst {
		worst[q] = 1 // every method is right
		for _, m := range []*results.Approximation{&round.Reduced, &round.LSH} {
			if f := m.Factor[q]; f > worst[q] { // false for NaN
				worst[q] = f
			}
		}
	}
	order := sample(len(worst), len(worst))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(worst[b], worst[a]) })
	return slices.DeleteFunc(order[:min(len(order), examples)], func(q int) bool {
		return worst[q] == 1
	})
}

// cards shows each query beside the answer of every method.
func (r searchRound) cards(queries []int) []card {
	cards := make([]card, len(queries))
	for c, q := range queries {
		tiles := []tile{{
			Picture: picture(r.queries.At(q), r.queries.Rows, r.queries.Cols),
			Ask:     key{r.Queries.Images.Name, q}.text(),
			Alt:     "the query, " + called(q, r.queries.Labels),
			Lines:   []string{"query"},
		}}
		for _, m := range r.methods {
			tiles = append(tiles, r.answer(m, q))
		}
		cards[c] = card{Title: "Query " + called(q, r.queries.Labels), Tiles: tiles}
	}
	return cards
}

// answer shows the image that a method found for query q.
func (r searchRound) answer(m method, q int) tile {
	i := int(m.Index[q])
	if i < 0 {
		return tile{Picture: blank, Alt: "no image", Lines: []string{m.name, "not found"}}
	}
	t := tile{
		Picture: picture(r.data.At(i), r.data.Rows, r.data.Cols),
		Ask:     key{r.file, i}.text(),
		Alt:     m.name + ": " + called(i, r.data.Labels),
		Lines:   []string{m.name, "#" + count(i), number(results.Number(m.Distance[q]))},
	}
	if m.Factor != nil && !math.IsNaN(m.Factor[q]) && m.Distance[q] != r.Exact.Distance[q] {
		t.Lines = append(t.Lines, fmt.Sprintf("× %.3f", m.Factor[q]))
	}
	if i < len(r.data.Labels) {
		t.Lines = append(t.Lines, fmt.Sprintf("label %d", r.data.Labels[i]))
		if q < len(r.queries.Labels) {
			t.Mark = mark(r.data.Labels[i] == r.queries.Labels[q])
		}
	}
	return t
}

func mark(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}

// blank stands for a picture that is not there.
var blank = picture(make([]uint8, 28*28), 28, 28)

// factorPlots draws the factors of every method on the same scale. It ends at the factor below
// which 99 of 100 factors lie, for the method with the largest such factor.
func (p *Page) factorPlots(methods []method) []drawing {
	const bins = 40
	high := 1.5
	factors := make([][]float64, len(methods))
	for m := range methods {
		factors[m] = finite(methods[m].Factor)
		if f := factors[m]; len(f) > 0 {
			high = max(high, slices.Sorted(slices.Values(f))[(len(f)-1)*99/100])
		}
	}
	counts, top := make([][]int, len(methods)), 0
	for m, f := range factors {
		counts[m] = binned(f, 1, high, bins)
		top = max(top, slices.Max(counts[m]))
	}
	var plots []drawing
	for m, f := range factors {
		if len(f) == 0 {
			continue
		}
		name := methods[m].name
		plot := histogram("Histogram of the approximation factors of "+name,
			"approximation factor", "queries", counts[m], 1, high, top, m)
		p.keep("factors-"+strings.ToLower(name), plot)
		plots = append(plots, plot.drawing(fmt.Sprintf("How the factors of %s queries are spread: the "+
			"more at 1, the better. The last bar holds all from there on. The plots of all methods "+
			"have one scale.", count(len(f)))))
	}
	return plots
}
