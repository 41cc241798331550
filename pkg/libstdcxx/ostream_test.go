package libstdcxx

import (
	"math"
	"testing"
)

func TestDouble(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want string
	}{
		{0, "0"}, {1, "1"}, {-3, "-3"}, {9550, "9550"}, {199920, "199920"}, {1e6, "1e+06"},
		{20696712, "2.06967e+07"},
		{1.178234, "1.17823"}, {0.097787, "0.097787"}, {0.0001, "0.0001"}, {0.00001, "1e-05"},
		{999999.5, "1e+06"}, {1e100, "1e+100"},
		{math.NaN(), "-nan"}, {math.Inf(1), "inf"}, {math.Inf(-1), "-inf"},
	} {
		if got := Double(c.x); got != c.want {
			t.Errorf("%v is written %q, want %q", c.x, got, c.want)
		}
	}
}
