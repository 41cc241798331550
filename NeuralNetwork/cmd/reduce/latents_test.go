package main

import (
	"encoding/json"
	"math"
	"os"
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
		got, err := scale(c.In, c.Dim)
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
		if got, err := scale(v, 2); err == nil {
			t.Errorf("%v is scaled to %v", v, got)
		} else if !strings.Contains(err.Error(), "cannot be scaled") {
			t.Errorf("%v: error %q", v, err)
		}
	}
	// Its product with the factor overflows.
	if got, err := scale([]float32{1e36, 1e36}, 1); err == nil {
		t.Errorf("a constant column of 1e36 is scaled to %v", got)
	}
}

func TestScaleOfARangeThatOverflowsIsZero(t *testing.T) {
	got, err := scale([]float32{-math.MaxFloat32, 0, math.MaxFloat32}, 1)
	if err != nil || got[0] != 0 || got[1] != 0 || got[2] != 0 {
		t.Errorf("scaled to %v, error %v", got, err)
	}
}
