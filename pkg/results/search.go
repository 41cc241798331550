package results

import (
	"math"
	"slices"
)

// A Search is a run of search: the nearest image of every query in three ways.
type Search struct {
	Header
	Settings SearchSettings `json:"settings"`
	Data     LabelledSpaces `json:"data"`

	// What a page lets its reader ask, about images of the data set and of the queries.
	Neighbourhoods []Neighbourhoods `json:"neighbourhoods"`

	Rounds []SearchRound `json:"rounds"`
}

func (*Search) kind() string  { return "search" }
func (r *Search) rounds() int { return len(r.Rounds) }

// SearchSettings are what the command line set.
type SearchSettings struct {
	Output    string `json:"output"`    // the report as text
	Functions int    `json:"functions"` // hash functions of a table of LSH
	Tables    int    `json:"tables"`    // hash tables of LSH
}

// LabelledSpaces are the files of the same images in two spaces and of their labels.
type LabelledSpaces struct {
	Images  File   `json:"images"`
	Latents File   `json:"latents"`
	Labels  string `json:"labels"` // "" if they are not known
}

// A SearchRound is the answers to one set of queries.
type SearchRound struct {
	Queries  LabelledSpaces `json:"queries"`
	Exact    Nearest        `json:"exact"`
	Reduced  Approximation  `json:"reduced"`
	LSH      Approximation  `json:"lsh"`
	Compared Number         `json:"compared"` // distances that LSH measured, as a share of all
}

// Nearest holds the image that a method found nearest to each query. Distances are in the
// original space, in grey levels.
type Nearest struct {
	Seconds  Number  `json:"seconds"`  // for all queries
	Index    []int64 `json:"index"`    // of the image; -1 if none was found
	Distance Numbers `json:"distance"` // NaN if none was found
}

// An Approximation is the answers of a method that may miss the nearest image. A factor is the
// distance of the image found, divided by the distance of the nearest: 1 is exact.
type Approximation struct {
	Nearest
	Mean     Number  `json:"mean_factor"` // over all queries that have an answer, 0/0 and x/0 included
	Right    int     `json:"right"`       // answers that are as near as the nearest image
	NotFound int     `json:"not_found"`   // queries without an answer
	Factor   Numbers `json:"factor"`      // of each query, NaN if it has none
	Spread   Spread  `json:"spread"`      // of the factors that are not NaN
}

// A Spread describes the distribution of values. All of it is NaN if there are no values.
type Spread struct {
	Mean    Number `json:"mean"`
	Median  Number `json:"median"`
	Ninety  Number `json:"ninety"` // 90 % of the values are at most this large
	Largest Number `json:"largest"`
}

// NewSearchRound compares the answers of the two methods that may miss with the exact ones.
func NewSearchRound(reduced, lsh, exact Nearest) *SearchRound {
	return &SearchRound{
		Exact:   exact,
		Reduced: NewApproximation(reduced, exact),
		LSH:     NewApproximation(lsh, exact),
	}
}

// NewApproximation compares what a method found with the nearest images. A query has no factor if
// nothing was found or its nearest image is identical to it.
func NewApproximation(found, exact Nearest) Approximation {
	a := Approximation{Nearest: found, Factor: make(Numbers, len(found.Index))}
	sum := 0.0
	var factors []float64
	for q, i := range found.Index {
		a.Factor[q] = math.NaN()
		if i < 0 {
			a.NotFound++
			continue
		}
		if found.Distance[q] == exact.Distance[q] {
			a.Right++
		}
		f := found.Distance[q] / exact.Distance[q]
		sum += f
		if exact.Distance[q] > 0 {
			a.Factor[q] = f
			factors = append(factors, f)
		}
	}
	a.Mean = Number(sum / float64(len(found.Index)-a.NotFound))
	a.Spread = newSpread(factors)
	return a
}

func newSpread(values []float64) Spread {
	if len(values) == 0 {
		none := Number(math.NaN())
		return Spread{none, none, none, none}
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(percent int) Number { return Number(sorted[(len(sorted)-1)*percent/100]) }
	return Spread{Number(sum / float64(len(values))), at(50), at(90), at(100)}
}
