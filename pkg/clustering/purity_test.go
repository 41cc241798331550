package clustering

import (
	"math"
	"testing"
)

func TestPurity(t *testing.T) {
	for _, c := range []struct {
		count [][]int
		want  float64
	}{
		// Figure 16.4 of Manning, Raghavan and Schütze has three clusters of 17 points.
		{[][]int{{5, 1, 0}, {1, 4, 1}, {2, 0, 3}}, 12. / 17},
		{[][]int{{3, 0}, {0, 4}}, 1},
		{[][]int{{1, 1}, {0, 0}}, 0.5},
	} {
		if got := Purity(c.count); math.Abs(got-c.want) > 1e-15 {
			t.Errorf("%v: %v, want %v", c.count, got, c.want)
		}
	}
	if got := Purity([][]int{{0}}); !math.IsNaN(got) {
		t.Errorf("%v without images, want NaN", got)
	}
}
