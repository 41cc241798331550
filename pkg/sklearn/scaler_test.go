package sklearn

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// ranges returns the ranges of the columns of v, (n,dim), which are added in parts.
func ranges(v []float32, dim int) Ranges {
	var r Ranges
	for at, rows := 0, 1; at < len(v); rows++ {
		end := min(at+rows*dim, len(v))
		r.Add(v[at:end], dim)
		at = end
	}
	return r
}

// testdata/scale.json holds what scikit-learn's MinMaxScaler gives, recorded by testdata/scale.py.
func TestMinMaxScaler(t *testing.T) {
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
		s := FitMinMaxScaler(ranges(c.In, c.Dim), 25500)
		for i, x := range c.In {
			j := i % c.Dim
			if got := math.RoundToEven(float64(s.At(j, x))); got != float64(c.Out[i]) {
				t.Errorf("%s: value %d of row %d, %v, becomes %v, want %d",
					c.Name, j, i/c.Dim, x, got, c.Out[i])
			}
		}
	}
}

func TestMinMaxScalerKeepsNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, v := range [][]float32{{nan, 1, 2}, {0, nan, 2}, {0, 1, nan}} {
		s := FitMinMaxScaler(ranges(v, 1), 1)
		if y := s.At(0, 1); y == y {
			t.Errorf("fitted on %v, 1 becomes %v, want NaN", v, y)
		}
	}
}

func TestKeepProportions(t *testing.T) {
	v := []float32{-1, 10, 5, 1, 20, 5}
	s := FitMinMaxScaler(ranges(v, 3), 100)
	s.KeepProportions()
	for i, want := range []float32{0, 0, 0, 20, 100, 0} {
		if got := s.At(i%3, v[i]); got != want {
			t.Errorf("value %d of row %d becomes %v, want %v", i%3, i/3, got, want)
		}
	}
}
