package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The functions agree with their definitions in package math.
func TestFunctions(t *testing.T) {
	softplus := func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }
	for _, f := range []struct {
		name     string
		f        func(s *Set, out, x []float32)
		want     func(x float64) float64
		absolute float64 // tolerance, besides a relative one
	}{
		{"Exp", (*Set).Exp, math.Exp, 0},
		{"Tanh", (*Set).Tanh, math.Tanh, 0},
		{"ELU", func(s *Set, out, x []float32) { s.ELU(out, x, 0.75, 1.5) }, func(x float64) float64 {
			return 1.5*max(x, 0) + 0.75*math.Expm1(min(x, 0))
		}, 0},
		{"Swish", (*Set).Swish, func(x float64) float64 { return x / (1 + math.Exp(-x)) }, 0},
		{"Softplus", (*Set).Softplus, softplus, 0},
		{"Softsign", (*Set).Softsign, func(x float64) float64 { return x / (1 + math.Abs(x)) }, 0},
		{"Mish", (*Set).Mish, func(x float64) float64 { return x * math.Tanh(softplus(x)) }, 0},
		{"GELU", (*Set).GELU, func(x float64) float64 {
			return x / 2 * math.Erfc(-x/math.Sqrt2)
		}, 3e-7},
	} {
		for x := -50.0; x < 50; x += 0.00731 {
			for _, v := range []float32{float32(x), float32(x * x * x * 1e-8)} {
				out := make([]float32, 1)
				f.f(&portable, out, []float32{v})
				want := f.want(float64(v))
				tolerance := 7e-7*math.Abs(want) + f.absolute + math.SmallestNonzeroFloat32
				if d := math.Abs(float64(out[0]) - want); !(d <= tolerance) {
					t.Fatalf("%s(%v) = %v, want %v", f.name, v, out[0], want)
				}
			}
		}
		nan := []float32{float32(math.NaN())}
		if f.f(&portable, nan, nan); nan[0] == nan[0] {
			t.Errorf("%s(NaN) = %v", f.name, nan[0])
		}
	}
}

func TestFunctionsAgreeOnEveryLength(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for n := range 70 {
		for _, f := range []struct {
			name string
			f    func(s *Set, out, x []float32)
		}{
			{"exp", (*Set).Exp}, {"tanh", (*Set).Tanh}, {"swish", (*Set).Swish},
			{"softplus", (*Set).Softplus}, {"softsign", (*Set).Softsign}, {"mish", (*Set).Mish},
			{"gelu", (*Set).GELU},
			{"elu", func(s *Set, out, x []float32) { s.ELU(out, x, 1.7, 1.05) }},
			{"clip", func(s *Set, out, x []float32) { s.Clip(out, x, -0.5, 0.75) }},
			{"maxTo", (*Set).MaxTo}, {"mulTo", (*Set).MulTo},
		} {
			for _, scale := range []float64{1, 60, 1e-3, math.Inf(1), math.NaN()} {
				x := someValues(r, n)
				for i := range x {
					x[i] *= float32(scale)
				}
				compare(t, fmt.Sprintf("%s of %d", f.name, n), [][]float32{someValues(r, n), x},
					func(s *Set, v [][]float32) { f.f(s, v[0], v[1]) })
			}
		}
		for _, c := range []int{1, 3, 16, 17} {
			slopes := make([]float32, Period(c))
			Repeat(slopes, someValues(r, c))
			compare(t, fmt.Sprintf("leak of %d, %d channels", n, c),
				[][]float32{someValues(r, n), someValues(r, n), slopes},
				func(s *Set, v [][]float32) { s.Leak(v[0], v[1], v[2]) })
		}
	}
}

// The softmax of rows of any width is that of the function Softmax, whatever their number.
func TestSoftmaxOfRows(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, width := range []int{1, 2, 7, 32, 300, 1025} {
		for _, rows := range []int{1, 3, 4, 5, 70} {
			x, want := someValues(r, rows*width), make([]float32, rows*width)
			for at := 0; at < len(x); at += width {
				Softmax(want[at:at+width], x[at:at+width])
			}
			for _, s := range Implementations {
				got, logs := slices.Clone(x), slices.Clone(x) // in place
				s.Softmax(got, got, width)
				s.LogSoftmax(logs, logs, make([]float32, SoftmaxScratch(width)), width)
				for i, w := range want {
					if got[i] != w {
						t.Fatalf("%s, %d rows of %d: %v, want %v", s.Name, rows, width, got[i], w)
					}
					if d := math.Abs(float64(logs[i]) - math.Log(float64(w))); w > 1e-30 && d > 1e-5 {
						t.Fatalf("%s, %d rows of %d: logarithm %v of %v",
							s.Name, rows, width, logs[i], w)
					}
				}
			}
		}
	}
}

// Depthwise convolutions agree for any number of channels and pixels, and read no value beyond.
func TestDepthwiseAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for c := 1; c <= 40; c++ {
		for range 8 {
			pixels := 1 + r.IntN(11)
			p := &Window{
				C: c, Pixel: c * (1 + r.IntN(3)), Rows: 1 + r.IntN(4), Cols: 1 + r.IntN(4),
				Step: c * (1 + r.IntN(2)), Line: r.IntN(50),
			}
			x := (pixels-1)*p.Pixel + (p.Rows-1)*p.Line + (p.Cols-1)*p.Step + c
			compare(t, fmt.Sprintf("depthwise %+v of %d pixels", *p, pixels), [][]float32{
				someValues(r, pixels*c), someValues(r, x), someValues(r, p.Rows*p.Cols*c),
				someValues(r, c),
			}, func(s *Set, v [][]float32) {
				s.Depthwise(v[0], v[1], v[2], v[3], p)
				s.Depthwise(v[0], v[1], v[2], nil, p)
			})
		}
	}
}
