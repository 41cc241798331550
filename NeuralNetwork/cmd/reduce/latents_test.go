package main

import (
	"math"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/sklearn"
)

// scaled returns v, (n,dim), scaled by a scaler that is fitted on it. proportional is the
// textbook's scaling.
func scaled(v []float32, dim int, proportional bool) ([]uint16, error) {
	q := fitted(v, dim)
	if proportional {
		q.scale.KeepProportions()
	}
	q.clamp = proportional
	return q.append(nil, v)
}

// fitted returns a quantizer that is fitted on v, (n,dim).
func fitted(v []float32, dim int) *quantizer {
	q := &quantizer{}
	q.ranges.Add(v, dim)
	q.scale = sklearn.FitMinMaxScaler(q.ranges, latentMax)
	return q
}

func TestScaleRefusesWhatIsNoNumber(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, v := range [][]float32{
		{0, 1, 2, nan, 4, 5}, {nan, 1, 2, 3, 4, 5}, {0, 1, 2, inf, 4, 5}, {0, 1, -inf, 3, 4, 5},
		{nan, nan, nan, nan, nan, nan},
	} {
		if got, err := scaled(v, 2, false); err == nil {
			t.Errorf("%v is scaled to %v", v, got)
		} else if !strings.Contains(err.Error(), "cannot be scaled") {
			t.Errorf("%v: error %q", v, err)
		}
	}
	// Its product with the factor overflows.
	huge := []float32{1e36, 1e36}
	if got, err := scaled(huge, 1, false); err == nil {
		t.Errorf("a constant column of 1e36 is scaled to %v", got)
	}
}

func TestScaleOfARangeThatOverflowsIsZero(t *testing.T) {
	v := []float32{-math.MaxFloat32, 0, math.MaxFloat32}
	got, err := scaled(v, 1, false)
	if err != nil || got[0] != 0 || got[1] != 0 || got[2] != 0 {
		t.Errorf("scaled to %v, error %v", got, err)
	}
}

// The textbook's queries are on the scale of the dataset, and clamped to its range.
func TestQueriesAreClampedToTheRangeOfTheDataset(t *testing.T) {
	data := []float32{-1, 10, 5, 1, 20, 5}
	s := fitted(data, 3)
	s.clamp = true
	got, err := s.append(nil,
		[]float32{0, 15, 5, -1.5, 20.5, 5, math.MaxFloat32 / 1e6, -1e9, 6})
	want := []uint16{12750, 12750, 0, 0, 25500, 0, 25500, 0, 25500}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("scaled to %v, error %v, want %v", got, err, want)
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got, err := s.append(nil, []float32{0, float32(x), 5}); err == nil {
			t.Errorf("%v is scaled to %v", x, got)
		}
	}
}

// The textbook's columns keep their proportions: the widest reaches latentMax.
func TestColumnsScaledAlike(t *testing.T) {
	v := []float32{-1, 10, 5, 1, 20, 5}
	got, err := scaled(v, 3, true)
	if want := []uint16{0, 0, 0, 5100, 25500, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("scaled to %v, error %v, want %v", got, err, want)
	}
	nan := float32(math.NaN())
	if got, err := scaled([]float32{0, 1, nan, 3}, 2, true); err == nil {
		t.Errorf("vectors with NaN are scaled to %v", got)
	}
}
