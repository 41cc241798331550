package main

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// testdata/scale.json holds what scikit-learn's MinMaxScaler gives, recorded by testdata/scale.py.
func TestScaleIsMinMaxScalers(t *testing.T) {
	b, err := os.ReadFile("testdata/scale.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name string
		Dim  int
		In   []float32
		Out  []uint16
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 12 {
		t.Fatalf("%d cases, want 12", len(cases))
	}
	for _, c := range cases {
		got, err := fitScaler(c.In, c.Dim, false).apply(c.In, false)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for i := range got {
			if got[i] != c.Out[i] {
				t.Errorf("%s: value %d of row %d, %v, becomes %d, want %d", c.Name, i%c.Dim, i/c.Dim, c.In[i], got[i], c.Out[i])
			}
		}
	}
}

func TestScaleRefusesWhatIsNoNumber(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, v := range [][]float32{{0, 1, 2, nan, 4, 5}, {nan, 1, 2, 3, 4, 5}, {0, 1, 2, inf, 4, 5}, {0, 1, -inf, 3, 4, 5}, {nan, nan, nan, nan, nan, nan}} {
		if got, err := fitScaler(v, 2, false).apply(v, false); err == nil {
			t.Errorf("%v is scaled to %v", v, got)
		} else if !strings.Contains(err.Error(), "cannot be scaled") {
			t.Errorf("%v: error %q", v, err)
		}
	}
	// Its product with the factor overflows.
	huge := []float32{1e36, 1e36}
	if got, err := fitScaler(huge, 1, false).apply(huge, false); err == nil {
		t.Errorf("a constant column of 1e36 is scaled to %v", got)
	}
}

func TestScaleOfARangeThatOverflowsIsZero(t *testing.T) {
	v := []float32{-math.MaxFloat32, 0, math.MaxFloat32}
	got, err := fitScaler(v, 1, false).apply(v, false)
	if err != nil || got[0] != 0 || got[1] != 0 || got[2] != 0 {
		t.Errorf("scaled to %v, error %v", got, err)
	}
}

// The textbook's queries: on the scale of the dataset, at its ends where they are beyond it.
func TestQueriesAreClampedToTheRangeOfTheDataset(t *testing.T) {
	data := []float32{-1, 10, 5, 1, 20, 5}
	s := fitScaler(data, 3, false)
	got, err := s.apply([]float32{0, 15, 5, -1.5, 20.5, 5, math.MaxFloat32 / 1e6, -1e9, 6}, true)
	if want := []uint16{12750, 12750, 0, 0, 25500, 0, 25500, 0, 25500}; err != nil || !slices.Equal(got, want) {
		t.Errorf("scaled to %v, error %v, want %v", got, err, want)
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got, err := s.apply([]float32{0, float32(x), 5}, true); err == nil {
			t.Errorf("%v is scaled to %v", x, got)
		}
	}
}

// The textbook's columns keep their proportions: the widest reaches latentMax.
func TestColumnsScaledAlike(t *testing.T) {
	v := []float32{-1, 10, 5, 1, 20, 5}
	got, err := fitScaler(v, 3, true).apply(v, true)
	if want := []uint16{0, 0, 0, 5100, 25500, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("scaled to %v, error %v, want %v", got, err, want)
	}
	nan := float32(math.NaN())
	if got, err := fitScaler([]float32{0, 1, nan, 3}, 2, true).apply([]float32{0, 1, nan, 3}, true); err == nil {
		t.Errorf("vectors with NaN are scaled to %v", got)
	}
}
