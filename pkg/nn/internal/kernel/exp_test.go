package kernel

import (
	"math"
	"testing"
)

func TestExp(t *testing.T) {
	for x := -87.0; x <= 88; x += 0.0137 {
		want := math.Exp(float64(float32(x)))
		near(t, "exp", float64(exp(float32(x)))/want, 1, 2.5e-7)
	}
	for _, c := range []struct{ x, want float32 }{
		{0, 1},
		{-1000, exp(-87)}, {float32(math.Inf(-1)), exp(-87)},
		{1000, exp(88)}, {float32(math.Inf(1)), exp(88)},
	} {
		if got := exp(c.x); got != c.want {
			t.Errorf("exp(%v) = %v, want %v", c.x, got, c.want)
		}
	}
	if got := exp(float32(math.NaN())); got == got {
		t.Errorf("exp(NaN) = %v", got)
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestLog(t *testing.T) {
	for x := 1e-300; x < 1e300; x *= 1.37 {
		near(t, "Log", Log(x), math.Log(x), 4e-16*max(1, math.Abs(math.Log(x))))
	}
	if got := Log(1); got != 0 {
		t.Errorf("Log(1) = %v", got)
	}
}
