package kernel

import (
	"math"
	"testing"
)

// The functions agree with their definitions in package math, relative to the result or to 1.
func TestFunctions(t *testing.T) {
	for _, f := range []struct {
		name string
		f    func(out, x []float32)
		want func(x float64) float64
	}{
		{"Exp", Exp, math.Exp},
		{"Tanh", Tanh, math.Tanh},
		{"ELU", func(out, x []float32) { ELU(out, x, 0.7, 1.3) }, func(x float64) float64 {
			if x < 0 {
				return 1.3 * 0.7 * math.Expm1(x)
			}
			return 1.3 * x
		}},
		{"Swish", Swish, func(x float64) float64 { return x / (1 + math.Exp(-x)) }},
		{"Softplus", Softplus, func(x float64) float64 {
			return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
		}},
		{"Mish", Mish, func(x float64) float64 {
			return x * math.Tanh(max(x, 0)+math.Log1p(math.Exp(-math.Abs(x))))
		}},
	} {
		for x := -50.0; x < 50; x += 0.00731 {
			for _, v := range []float32{float32(x), float32(x * x * x * 1e-8)} {
				checkFunction(t, f.name, f.f, f.want, v, 0)
			}
		}
	}
	for x := -8.0; x < 8; x += 0.000731 {
		gelu := func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }
		checkFunction(t, "GELU", GELU, gelu, float32(x), 1e-9)
		near(t, "erf", erf(x), math.Erf(x), 1e-10)
	}
}

func checkFunction(t *testing.T, name string, f func(out, x []float32),
	want func(x float64) float64, x float32, absolute float64) {
	t.Helper()
	out := make([]float32, 1)
	f(out, []float32{x})
	w := want(float64(x))
	tolerance := 2e-7*math.Abs(w) + absolute + math.SmallestNonzeroFloat32
	if d := math.Abs(float64(out[0]) - w); !(d <= tolerance) {
		t.Fatalf("%s(%v) = %v, want %v", name, x, out[0], w)
	}
}

// What is no number stays so, and infinities have a limit.
func TestFunctionsOfNoNumbers(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, f := range map[string]struct {
		f         func(out, x []float32)
		low, high float32
	}{
		"Exp":      {Exp, 0, inf},
		"Tanh":     {Tanh, -1, 1},
		"ELU":      {func(out, x []float32) { ELU(out, x, 2, 1) }, -2, inf},
		"Softplus": {Softplus, 0, inf},
		"GELU":     {GELU, float32(math.NaN()), inf},
	} {
		x := []float32{-inf, inf, float32(math.NaN())}
		f.f(x, x)
		for i, want := range []float32{f.low, f.high, float32(math.NaN())} {
			if x[i] != want && !(x[i] != x[i] && want != want) {
				t.Errorf("%s: %v, want %v", name, x[i], want)
			}
		}
	}
}
