package results

import (
	"math"
	"slices"
	"testing"
)

func TestSpread(t *testing.T) {
	values := make([]float64, 101)
	for i := range values {
		values[i] = float64((i * 37) % 101)
	}
	if got, want := newSpread(values), (Spread{50, 50, 90, 100}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	got := newSpread(nil)
	if !math.IsNaN(float64(got.Mean)) || !math.IsNaN(float64(got.Largest)) {
		t.Errorf("%v for no values", got)
	}
}

func TestApproximation(t *testing.T) {
	nan := math.NaN()
	exact := Nearest{Index: []int64{1, 2, 3, 4, 5}, Distance: []float64{10, 20, 0, 40, 50}}
	found := Nearest{Index: []int64{1, -1, 6, 7, 8}, Distance: []float64{10, nan, 7, 50, 100}}
	a := NewApproximation(found, exact)
	if a.Right != 1 || a.NotFound != 1 || !math.IsInf(float64(a.Mean), 1) {
		t.Errorf("%d right, %d not found, mean %v; want 1, 1, +Inf", a.Right, a.NotFound, a.Mean)
	}
	want := []float64{1, nan, nan, 1.25, 2}
	same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
	if !slices.EqualFunc(a.Factor, want, same) || a.Spread.Median != 1.25 || a.Spread.Largest != 2 {
		t.Errorf("factors %v, %+v; want %v", a.Factor, a.Spread, want)
	}
}

func TestCorrectness(t *testing.T) {
	dataLabels := []uint8{7, 7, 3, 3, 7}
	for _, c := range []struct {
		name           string
		queryLabels    []uint8
		neighbours     []int64
		want, textbook Number
	}{
		{"all right", []uint8{7, 3}, []int64{0, 1, 3, 2}, 1, 1},
		{"one of two queries", []uint8{7, 3}, []int64{0, 4, 3, 0}, 0.5, 0.75},
		{"one neighbour of four wrong", []uint8{7}, []int64{0, 4, 2, 1}, 0, 0.75},
		{"nobody right", []uint8{7}, []int64{2, 3}, 0, 0},
	} {
		for textbook, want := range map[bool]Number{false: c.want, true: c.textbook} {
			k := len(c.neighbours) / len(c.queryLabels)
			r := NewRanking(0, k, c.neighbours, make([]float64, len(c.neighbours)),
				c.queryLabels, dataLabels, textbook)
			if got := r.Correctness; got != want {
				t.Errorf("%s, textbook %v: %v, want %v", c.name, textbook, got, want)
			}
		}
	}
}

func TestRanking(t *testing.T) {
	r := NewRanking(0, 2, []int64{0, 2, 2, 1, 2, 3}, make([]float64, 6),
		[]uint8{7, 9, 9}, []uint8{7, 7, 9, 8}, true)
	if r.Right != 3 || r.NearestRight != 3 || !slices.Equal(r.Queries, []int{0, 3, 0}) ||
		!slices.Equal(r.RightOf, []int{1, 1, 1}) {
		t.Errorf("%+v", r)
	}
	if want := []LabelScore{{7, 1, 1}, {9, 2, 2}}; !slices.Equal(r.Labels, want) {
		t.Errorf("labels %v, want %v", r.Labels, want)
	}
}

// The table of a pair counts the images; of too many clusters there is only the index.
func TestPairs(t *testing.T) {
	c := func(k int, label ...int32) Clustering {
		return Clustering{Label: label, Sizes: make([]int, k)}
	}
	r := ClusterRound{
		Reduced: c(2, 0, 0, 1), Original: c(3, 2, 2, 0), Network: c(MaxTable+1, 0, 1, 40),
	}
	r.Compare()
	if len(r.Pairs) != 3 {
		t.Fatalf("%d pairs, want 3", len(r.Pairs))
	}
	p := r.Pairs[0]
	if p.First != 0 || p.Second != 1 || p.AdjustedRand != 1 ||
		!slices.Equal(p.Count[0], []int{0, 0, 2}) || !slices.Equal(p.Count[1], []int{1, 0, 0}) {
		t.Errorf("%+v", p)
	}
	if p := r.Pairs[2]; p.First != 1 || p.Second != 2 || p.Count != nil {
		t.Errorf("%+v", p)
	}
}

func TestJudge(t *testing.T) {
	c := func(k int, label ...int32) Clustering {
		return Clustering{Label: label, Sizes: make([]int, k)}
	}
	r := ClusterRound{
		Reduced: c(2, 0, 0, 1, 1), Original: c(3, 2, 2, 2, 0), Network: c(MaxTable+1, 0, 1, 40, 0),
	}
	r.Judge("labels", []uint8{9, 9, 4, 4})
	if a := r.Reduced.Truth; a.Purity != 1 || a.AdjustedRand != 1 ||
		!slices.Equal(a.Labels, []int{4, 9}) || !slices.Equal(a.Count[0], []int{0, 2}) {
		t.Errorf("%+v", a)
	}
	if a := r.Original.Truth; a.Purity != 0.75 || !slices.Equal(a.Count[2], []int{1, 2}) ||
		!slices.Equal(a.Count[1], []int{0, 0}) {
		t.Errorf("%+v", a)
	}
	if a := r.Network.Truth; a.Purity != 0.75 || a.Count != nil || r.Labels != "labels" {
		t.Errorf("%+v of %q", a, r.Labels)
	}
}
