package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// A run that must test the kernels of certain instruction sets names them in REQUIRE_KERNELS, a
// list with commas, such as AVX-512,AVX2. It fails if the processor or the build lacks one.
func TestRequiredImplementations(t *testing.T) {
	var here []string
	for _, s := range Implementations {
		here = append(here, s.Name)
	}
	required := strings.FieldsFunc(os.Getenv("REQUIRE_KERNELS"), func(r rune) bool { return r == ',' })
	for _, name := range required {
		if !slices.Contains(here, name) {
			t.Errorf("REQUIRE_KERNELS names %s; this processor and build have %q", name, here)
		}
	}
	if len(Implementations) < 3 {
		t.Logf("tested are %q alone, on this processor and in this build", here)
	}
}

// A guarded slice lies between values that are not numbers, to detect reads and writes beyond its
// ends.
type guarded struct{ all, in []float32 }

const guard = 40

func newGuarded(values []float32) guarded {
	all := make([]float32, len(values)+2*guard)
	for i := range all {
		all[i] = float32(math.NaN())
	}
	copy(all[guard:], values)
	return guarded{all, all[guard : guard+len(values) : guard+len(values)]}
}

func (g guarded) check(t *testing.T, what string) {
	t.Helper()
	for i, v := range g.all {
		if (i < guard || i >= guard+len(g.in)) && v == v {
			t.Fatalf("%s: wrote beyond an end, at %d of %d", what, i-guard, len(g.in))
		}
	}
}

// someValues returns random values. Some of them are equal, some zero.
func someValues(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		if v[i] = float32(r.NormFloat64()); r.IntN(4) == 0 {
			v[i] = float32(r.IntN(3) - 1)
		}
	}
	return v
}

// compare runs a kernel of every implementation on the same values. Results must be those of the
// portable one to the last bit. call gets guarded copies of the slices and may change them.
func compare(t *testing.T, what string, slicesOf [][]float32, call func(k *Set, s [][]float32)) {
	t.Helper()
	run := func(k *Set) []guarded {
		var g []guarded
		var in [][]float32
		for _, s := range slicesOf {
			g = append(g, newGuarded(s))
			in = append(in, g[len(g)-1].in)
		}
		call(k, in)
		return g
	}
	want := run(Implementations[len(Implementations)-1])
	for _, k := range Implementations[:len(Implementations)-1] {
		for i, g := range run(k) {
			g.check(t, what+" "+k.Name)
			for j, v := range g.in {
				if math.Float32bits(v) != math.Float32bits(want[i].in[j]) {
					t.Fatalf("%s %s: slice %d[%d] = %v, portable %v", what, k.Name, i, j, v, want[i].in[j])
				}
			}
		}
	}
}

// random returns slices of random values with these lengths.
func random(r *rand.Rand, lengths ...int) [][]float32 {
	var s [][]float32
	for _, n := range lengths {
		s = append(s, someValues(r, n))
	}
	return s
}

func TestKernelsAgreeOnEveryLength(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	positive := func(s []float32) {
		for i, v := range s {
			s[i] = max(v, -v)
		}
	}
	infinity, nan := float32(math.Inf(1)), float32(math.NaN())
	for n := range 150 {
		name := func(kernel string) string { return fmt.Sprintf("%s of %d", kernel, n) }
		compare(t, name("addTo"), random(r, n, n),
			func(k *Set, s [][]float32) { k.AddTo(s[0], s[1]) })
		for _, special := range []float32{1, 60, infinity, -infinity, nan} {
			v := random(r, n, n)
			for i := range v[1] {
				v[1][i] *= special
			}
			compare(t, name("sigmoid"), v,
				func(k *Set, s [][]float32) { k.Sigmoid(s[0], s[1]) })
		}
		v := random(r, n, n, n)
		positive(v[2])
		compare(t, name("rmsprop"), v, func(k *Set, s [][]float32) {
			k.RMSprop(s[0], s[1], s[2], 0.01, 0.9, 0.1, 1e-7)
		})
		v = random(r, n, n, n, n)
		positive(v[3])
		compare(t, name("adam"), v, func(k *Set, s [][]float32) {
			k.Adam(s[0], s[1], s[2], s[3], 0.01, 0.1, 0.001, 1e-7)
		})
	}
}

func TestKernelsAgreeOnEveryNumberOfChannels(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for c := 1; c <= 40; c++ {
		wide := Period(c)
		if wide%c != 0 || wide%vectorLanes != 0 {
			t.Fatalf("Period(%d) = %d", c, wide)
		}
		// with adds slices of parameters by channel.
		with := func(s [][]float32, parameters int) [][]float32 {
			for range parameters {
				p := make([]float32, wide)
				Repeat(p, someValues(r, c))
				s = append(s, p)
			}
			return s
		}
		floors := []float32{0, NoFloor}
		for _, pixels := range []int{1, 2, 3, 7, 16, 33} {
			n := c * pixels
			name := func(kernel string) string {
				return fmt.Sprintf("%s of %d pixels of %d channels", kernel, pixels, c)
			}
			compare(t, name("sum"), random(r, wide, n),
				func(k *Set, s [][]float32) { k.Sum(s[0], s[1]) })
			compare(t, name("squares"), with(random(r, wide, n), 1),
				func(k *Set, s [][]float32) { k.Squares(s[0], s[1], s[2]) })
			compare(t, name("normalise"), with(random(r, n, n), 3),
				func(k *Set, s [][]float32) {
					k.Normalise(s[0], s[1], &Normalisation{s[2], s[3], s[4]})
				})
			compare(t, name("gradSums"), with(random(r, wide, wide, n, n), 1),
				func(k *Set, s [][]float32) { k.GradSums(s[0], s[1], s[2], s[3], s[4]) })
			for _, floor := range floors {
				compare(t, name("backward"), with(random(r, n, n, n), 4),
					func(k *Set, s [][]float32) {
						k.Backward(s[0], s[1], s[2], &Slope{s[3], s[4], s[5], s[6], floor})
					})
			}
			// A row of windows.
			for _, window := range [][2]int{{2, 2}, {3, 2}, {1, 4}} {
				line := pixels*window[1]*c + 5
				image := (window[0]-1)*line + pixels*window[1]*c
				g := Pooling{line, window, c}
				compare(t, name("poolRow"), with(random(r, n, n, image), 3),
					func(k *Set, s [][]float32) {
						k.PoolRow(s[0], s[1], s[2], &Normalisation{s[3], s[4], s[5]}, g)
					})
				x, best := someValues(r, image), make([]float32, n)
				p := with(nil, 3)
				portable.PoolRow(make([]float32, n), best, x, &Normalisation{p[0], p[1], p[2]}, g)
				for _, floor := range floors {
					compare(t, name("unpoolRow"), with(append(random(r, image, n), best, x), 4),
						func(k *Set, s [][]float32) {
							p := &Slope{s[4], s[5], s[6], s[7], floor}
							k.UnpoolRow(s[0], line, s[1], s[2], s[3], p, g)
						})
				}
			}
		}
	}
}

func TestWinogradTransformsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for c := 1; c <= 40; c++ {
		for _, tiles := range []int{1, 2, 5} {
			line, plane := (4*tiles+2)*c+r.IntN(3), tiles*c+r.IntN(3)
			transforms := last*plane + tiles*c
			what := fmt.Sprintf("%d tiles of %d channels", tiles, c)
			compare(t, "winogradIn of "+what, random(r, transforms, 5*line+(4*tiles+2)*c),
				func(k *Set, s [][]float32) { k.WinogradIn(s[0], s[1], line, plane, c, tiles) })
			compare(t, "winogradGradIn of "+what, random(r, transforms, 3*line+4*tiles*c),
				func(k *Set, s [][]float32) { k.WinogradGradIn(s[0], s[1], line, plane, c, tiles) })
			for _, floor := range []float32{0, NoFloor} {
				compare(t, "winogradOut of "+what, random(r, 3*line+4*tiles*c, transforms, c),
					func(k *Set, s [][]float32) {
						k.WinogradOut(s[0], s[1], s[2], floor, line, plane, c, tiles)
					})
			}
			n, size := c, c+r.IntN(3)
			compare(t, fmt.Sprintf("winogradFilter of %d", n),
				random(r, last*plane+n, 8*size+n),
				func(k *Set, s [][]float32) { k.WinogradFilter(s[0], s[1], plane, size, n) })
			compare(t, fmt.Sprintf("winogradFilterGrad of %d", n),
				random(r, 8*size+n, last*plane+n),
				func(k *Set, s [][]float32) { k.WinogradFilterGrad(s[0], s[1], size, plane, n) })
		}
	}
}

func TestMatmulsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	// Every number of rows and columns.
	for m := 1; m <= 30; m++ {
		for _, lines := range []int{1, 2, 3} {
			checkMatmul(t, r, Matmul{
				Lines: lines, M: m, N: 1 + r.IntN(40), Outer: 2, Inner: 3,
				A: Left{Row: 5, Outer: 11, Inner: 2},
				B: Right{Outer: 130, Inner: 41},
				C: Result{Row: 43},
			})
		}
	}
	for n := 1; n <= 70; n++ {
		checkMatmul(t, r, Matmul{
			Lines: 1 + r.IntN(3), M: 1 + r.IntN(8), N: n, Outer: 1, Inner: 4,
			A: Transposed(9),
			B: Right{Inner: n},
			C: Result{Row: n + r.IntN(2)},
		})
	}
	for range 200 {
		n := 1 + r.IntN(70)
		checkMatmul(t, r, Matmul{
			Lines: 1 + r.IntN(5), M: 1 + r.IntN(20), N: n, Outer: 1 + r.IntN(4), Inner: 1 + r.IntN(6),
			A: Left{Row: r.IntN(9), Outer: r.IntN(50), Inner: r.IntN(9)},
			B: Right{Outer: n + r.IntN(90), Inner: n + r.IntN(4)},
			C: Result{Row: n + r.IntN(5)},
		})
	}
}

// checkMatmul draws what is missing in p and runs it with every implementation.
func checkMatmul(t *testing.T, r *rand.Rand, p Matmul) {
	t.Helper()
	p = p.Prepare().Matmul
	p.Middle, p.A.Middle, p.B.Middle = 1+r.IntN(3), r.IntN(20), r.IntN(100)
	p.A.Line, p.C.Line = p.M*p.A.Row+r.IntN(3), p.M*p.C.Row+r.IntN(3)
	p.A.At, p.B.At, p.C.At = r.IntN(3), r.IntN(3), r.IntN(3)
	at := func(line, m, o, h, i int) int {
		return p.A.At + line*p.A.Line + m*p.A.Row + o*p.A.Outer + h*p.A.Middle + i*p.A.Inner
	}
	row := func(o, h, i int) int { return p.B.At + o*p.B.Outer + h*p.B.Middle + i*p.B.Inner }
	result := func(line, m int) int { return p.C.At + line*p.C.Line + m*p.C.Row }
	a := someValues(r, at(p.Lines-1, p.M-1, p.Outer-1, p.Middle-1, p.Inner-1)+1)
	b := someValues(r, row(p.Outer-1, p.Middle-1, p.Inner-1)+p.N)
	c := someValues(r, result(p.Lines-1, p.M-1)+p.N)
	bias := someValues(r, p.N)
	for _, p.ReLU = range []bool{false, true} {
		q := p.Prepare()
		what := fmt.Sprintf("%+v", p)
		compare(t, what, [][]float32{a, b, c},
			func(k *Set, s [][]float32) { k.Matmul(q, s[0], s[1], s[2], nil) })
		compare(t, what+" with bias", [][]float32{a, b, c, bias},
			func(k *Set, s [][]float32) { k.Matmul(q, s[0], s[1], s[2], s[3]) })
	}
	// The portable product is the loop in Matmul's comment.
	got := slices.Clone(c)
	portable.Matmul(p.Prepare(), a, b, got, bias)
	for line := range p.Lines {
		for m := range p.M {
			for f := range p.N {
				var sum float32
				for o := range p.Outer {
					for h := range p.Middle {
						for i := range p.Inner {
							sum += float32(a[at(line, m, o, h, i)] * b[row(o, h, i)+f])
						}
					}
				}
				c[result(line, m)+f] = max(sum+bias[f], 0)
			}
		}
	}
	if !slices.Equal(got, c) {
		t.Fatalf("%+v: not the sums of the products", p)
	}
}

// BenchmarkMatmul measures the rate at which the kernels multiply and add with everything in the
// first-level cache. No network can be faster on the same number of products.
func BenchmarkMatmul(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	const m, n, inner = 28, 32, 128
	p := Matmul{M: m, N: n, Inner: inner, A: Rows(inner), B: Right{Inner: n}, C: Result{Row: n}}
	q := p.Prepare()
	x, w, y := someValues(r, m*inner), someValues(r, inner*n), make([]float32, m*n)
	for _, k := range Implementations {
		b.Run(k.Name, func(b *testing.B) {
			for b.Loop() {
				k.Matmul(q, x, w, y, nil)
			}
			b.ReportMetric(2*m*n*inner*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
