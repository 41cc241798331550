package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// eachImplementation runs a test with every kernels that this processor has.
func eachImplementation(t *testing.T, test func(t *testing.T)) {
	for _, k := range implementations {
		t.Run(k.name, func(t *testing.T) {
			use(t, k)
			test(t)
		})
	}
	if len(implementations) < 3 {
		t.Logf("this processor or build has only %d of 3 implementations", len(implementations))
	}
}

// A guarded slice lies between values that are not numbers, to detect reads and writes beyond its ends.
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

// random values, some of them equal, some zero.
func someValues(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		if v[i] = float32(r.NormFloat64()); r.IntN(4) == 0 {
			v[i] = float32(r.IntN(3) - 1)
		}
	}
	return v
}

// compare runs a kernel of every implementation on the same values: results must be those of the portable one to the last bit.
// call gets guarded copies of the slices, of which it may change any.
func compare(t *testing.T, what string, slicesOf [][]float32, call func(k *kernels, s [][]float32)) {
	t.Helper()
	run := func(k *kernels) []guarded {
		var g []guarded
		var in [][]float32
		for _, s := range slicesOf {
			g = append(g, newGuarded(s))
			in = append(in, g[len(g)-1].in)
		}
		call(k, in)
		return g
	}
	want := run(implementations[len(implementations)-1])
	for _, k := range implementations[:len(implementations)-1] {
		for i, g := range run(k) {
			g.check(t, what+" "+k.name)
			for j, v := range g.in {
				if math.Float32bits(v) != math.Float32bits(want[i].in[j]) {
					t.Fatalf("%s %s: slice %d[%d] = %v, portable %v", what, k.name, i, j, v, want[i].in[j])
				}
			}
		}
	}
}

func TestKernelsAgreeOnEveryLength(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 150 {
		values := func(count int) [][]float32 {
			var s [][]float32
			for range count {
				s = append(s, someValues(r, n))
			}
			return s
		}
		positive := func(s []float32) []float32 {
			for i, v := range s {
				s[i] = max(v, -v)
			}
			return s
		}
		name := func(kernel string) string { return fmt.Sprintf("%s of %d", kernel, n) }
		compare(t, name("addTo"), values(2), func(k *kernels, s [][]float32) { k.addTo(s[0], s[1]) })
		for _, special := range []float32{1, 60, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())} {
			v := values(2)
			for i := range v[1] {
				v[1][i] *= special
			}
			compare(t, name("sigmoid"), v, func(k *kernels, s [][]float32) { k.sigmoid(s[0], s[1]) })
		}
		v := values(3)
		positive(v[2])
		compare(t, name("rmsprop"), v, func(k *kernels, s [][]float32) { k.rmsprop(s[0], s[1], s[2], 0.01, 0.9, 0.1, 1e-7) })
		v = values(4)
		positive(v[3])
		compare(t, name("adam"), v, func(k *kernels, s [][]float32) { k.adam(s[0], s[1], s[2], s[3], 0.01, 0.1, 0.001, 1e-7) })
	}
}

func TestKernelsAgreeOnEveryNumberOfChannels(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for c := 1; c <= 40; c++ {
		wide := period(c)
		if wide%c != 0 || wide%16 != 0 {
			t.Fatalf("period(%d) = %d", c, wide)
		}
		byChannel := func() []float32 {
			p := make([]float32, wide)
			repeat(p, someValues(r, c))
			return p
		}
		for _, pixels := range []int{1, 2, 3, 7, 16, 33} {
			n := c * pixels
			name := func(kernel string) string { return fmt.Sprintf("%s of %d pixels of %d channels", kernel, pixels, c) }
			compare(t, name("sum"), [][]float32{someValues(r, wide), someValues(r, n)}, func(k *kernels, s [][]float32) { k.sum(s[0], s[1]) })
			compare(t, name("squares"), [][]float32{someValues(r, wide), someValues(r, n), byChannel()},
				func(k *kernels, s [][]float32) { k.squares(s[0], s[1], s[2]) })
			compare(t, name("normalise"), [][]float32{someValues(r, n), someValues(r, n), byChannel(), byChannel(), byChannel()},
				func(k *kernels, s [][]float32) { k.normalise(s[0], s[1], &normalisation{s[2], s[3], s[4]}) })
			compare(t, name("gradSums"), [][]float32{someValues(r, wide), someValues(r, wide), someValues(r, n), someValues(r, n), byChannel()},
				func(k *kernels, s [][]float32) { k.gradSums(s[0], s[1], s[2], s[3], s[4]) })
			for _, floor := range []float32{0, float32(math.Inf(-1))} {
				compare(t, name("backward"), [][]float32{someValues(r, n), someValues(r, n), someValues(r, n), byChannel(), byChannel(), byChannel(), byChannel()},
					func(k *kernels, s [][]float32) { k.backward(s[0], s[1], s[2], &slope{s[3], s[4], s[5], s[6], floor}) })
			}
			// A row of windows.
			for _, window := range [][2]int{{2, 2}, {3, 2}, {1, 4}} {
				line := pixels*window[1]*c + 5
				image := (window[0]-1)*line + pixels*window[1]*c
				g := pooling{line, window, c}
				compare(t, name("poolRow"), [][]float32{someValues(r, n), someValues(r, n), someValues(r, image), byChannel(), byChannel(), byChannel()},
					func(k *kernels, s [][]float32) { k.poolRow(s[0], s[1], s[2], &normalisation{s[3], s[4], s[5]}, g) })
				x, best := someValues(r, image), make([]float32, n)
				(&kernels{}).poolRow(make([]float32, n), best, x, &normalisation{byChannel(), byChannel(), byChannel()}, g)
				for _, floor := range []float32{0, float32(math.Inf(-1))} {
					compare(t, name("unpoolRow"), [][]float32{someValues(r, image), someValues(r, n), best, x, byChannel(), byChannel(), byChannel(), byChannel()},
						func(k *kernels, s [][]float32) {
							k.unpoolRow(s[0], line, s[1], s[2], s[3], &slope{s[4], s[5], s[6], s[7], floor}, g)
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
			what := fmt.Sprintf("%d tiles of %d channels", tiles, c)
			compare(t, "winogradIn of "+what, [][]float32{someValues(r, 35*plane+tiles*c), someValues(r, 5*line+(4*tiles+2)*c)},
				func(k *kernels, s [][]float32) { k.winogradIn(s[0], s[1], line, plane, c, tiles) })
			compare(t, "winogradGradIn of "+what, [][]float32{someValues(r, 35*plane+tiles*c), someValues(r, 3*line+4*tiles*c)},
				func(k *kernels, s [][]float32) { k.winogradGradIn(s[0], s[1], line, plane, c, tiles) })
			for _, floor := range []float32{0, noFloor} {
				compare(t, "winogradOut of "+what, [][]float32{someValues(r, 3*line+4*tiles*c), someValues(r, 35*plane+tiles*c), someValues(r, c)},
					func(k *kernels, s [][]float32) { k.winogradOut(s[0], s[1], s[2], floor, line, plane, c, tiles) })
			}
			n, size := c, c+r.IntN(3)
			compare(t, fmt.Sprintf("winogradFilter of %d", n), [][]float32{someValues(r, 35*plane+n), someValues(r, 8*size+n)},
				func(k *kernels, s [][]float32) { k.winogradFilter(s[0], s[1], plane, size, n) })
			compare(t, fmt.Sprintf("winogradFilterGrad of %d", n), [][]float32{someValues(r, 8*size+n), someValues(r, 35*plane+n)},
				func(k *kernels, s [][]float32) { k.winogradFilterGrad(s[0], s[1], size, plane, n) })
		}
	}
}

func TestMatmulsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	check := func(p matmul) {
		t.Helper()
		p = p.ready().matmul
		p.Middle, p.AMiddle, p.BMiddle = 1+r.IntN(3), r.IntN(20), r.IntN(100)
		p.ALine, p.CLine = p.M*p.AM+r.IntN(3), p.M*p.CM+r.IntN(3)
		a := someValues(r, (p.Lines-1)*p.ALine+(p.M-1)*p.AM+(p.Outer-1)*p.AOuter+(p.Middle-1)*p.AMiddle+(p.Inner-1)*p.AInner+1)
		b := someValues(r, (p.Outer-1)*p.BOuter+(p.Middle-1)*p.BMiddle+(p.Inner-1)*p.BInner+p.N)
		c := someValues(r, (p.Lines-1)*p.CLine+(p.M-1)*p.CM+p.N)
		bias := someValues(r, p.N)
		for _, p.Add = range []bool{false, true} {
			for _, p.ReLU = range []bool{false, true} {
				q := p.ready()
				what := fmt.Sprintf("%+v", p)
				compare(t, what, [][]float32{a, b, c}, func(k *kernels, s [][]float32) { q.run(k, s[0], s[1], s[2], nil) })
				compare(t, what+" with bias", [][]float32{a, b, c, bias}, func(k *kernels, s [][]float32) { q.run(k, s[0], s[1], s[2], s[3]) })
			}
		}
		// The portable product is the loop in matmul's comment.
		p.Add, p.ReLU = true, true
		got := slices.Clone(c)
		p.ready().run(&kernels{}, a, b, got, bias)
		for line := range p.Lines {
			for m := range p.M {
				for f := range p.N {
					at := line*p.CLine + m*p.CM + f
					s := c[at]
					for o := range p.Outer {
						for h := range p.Middle {
							for i := range p.Inner {
								s += float32(a[line*p.ALine+m*p.AM+o*p.AOuter+h*p.AMiddle+i*p.AInner] * b[o*p.BOuter+h*p.BMiddle+i*p.BInner+f])
							}
						}
					}
					c[at] = max(s+bias[f], 0)
				}
			}
		}
		if !slices.Equal(got, c) {
			t.Fatalf("%+v: not the sums of the products", p)
		}
	}
	// Every number of rows and columns.
	for m := 1; m <= 30; m++ {
		for _, lines := range []int{1, 2, 3} {
			check(matmul{Lines: lines, M: m, N: 1 + r.IntN(40), Outer: 2, Inner: 3, AM: 5, AOuter: 11, AInner: 2, BOuter: 130, BInner: 41, CM: 43})
		}
	}
	for n := 1; n <= 70; n++ {
		check(matmul{Lines: 1 + r.IntN(3), M: 1 + r.IntN(8), N: n, Outer: 1, Inner: 4, AM: 1, AInner: 9, BInner: n, CM: n + r.IntN(2)})
	}
	for range 200 {
		n := 1 + r.IntN(70)
		check(matmul{Lines: 1 + r.IntN(5), M: 1 + r.IntN(20), N: n, Outer: 1 + r.IntN(4), Inner: 1 + r.IntN(6), AM: r.IntN(9), AOuter: r.IntN(50), AInner: r.IntN(9),
			BOuter: n + r.IntN(90), BInner: n + r.IntN(4), CM: n + r.IntN(5)})
	}
}
