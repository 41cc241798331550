package emd

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"
)

// signature draws grey levels for the cells of a grid. density is the share of cells that are not
// empty, top the highest level.
func signature(random *rand.Rand, cells int, density float64, top int) (
	levels []int32, total int32) {

	levels = make([]int32, cells)
	for c := range levels {
		if random.Float64() < density {
			levels[c] = int32(random.IntN(top + 1))
			total += levels[c]
		}
	}
	return levels, total
}

// byLinearProgram returns the distance in cells as the optimum of a program: minimise Σ f·d
// subject to f >= 0. The flows from each cell of w sum up to its weight, and so do those to each
// cell of v.
func byLinearProgram(t *testing.T, g *grid, w []int32, W int32, v []int32, V int32) float64 {
	t.Helper()
	n := g.cells
	cost := make([]float64, n*n)
	for i := range cost {
		a, b := i/n, i%n
		cost[i] = math.Hypot(float64(a%g.wide-b%g.wide), float64(a/g.wide-b/g.wide))
	}
	// The constraint of the last cell of v follows from the others.
	equations := mat.NewDense(2*n-1, n*n, nil)
	weights := make([]float64, 2*n-1)
	for a := range n {
		weights[a] = float64(w[a]) / float64(W)
		for b := range n {
			equations.Set(a, a*n+b, 1)
			if b < n-1 {
				equations.Set(n+b, a*n+b, 1)
				weights[n+b] = float64(v[b]) / float64(V)
			}
		}
	}
	d, _, err := lp.Simplex(cost, equations, weights, 1e-12, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDistanceIsTheLinearProgram(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, size := range []struct{ rows, cols, pairs int }{
		{1, 1, 5}, {1, 2, 20}, {2, 2, 100}, {3, 2, 100}, {1, 9, 30}, {4, 4, 10},
	} {
		g, err := newGrid(size.rows, size.cols, 1)
		if err != nil {
			t.Fatal(err)
		}
		s := newSolver(g)
		for range size.pairs {
			// Levels of at most 3 make the problem degenerate.
			top := []int{3, 255, 50_000}[random.IntN(3)]
			w, W := signature(random, g.cells, 0.7, top)
			v, V := signature(random, g.cells, 0.7, top)
			if W == 0 || V == 0 {
				continue
			}
			got, want := s.distance(w, W, v, V), byLinearProgram(t, g, w, W, v, V)
			if math.Abs(got-want) > 1e-9 {
				t.Errorf("%dx%d cells: %v to %v is %v, want %v", size.rows, size.cols, w, v, got, want)
			}
		}
	}
}

func TestDistanceOfOneCellToAnother(t *testing.T) {
	g, err := newGrid(5*4, 7*4, 4)
	if err != nil {
		t.Fatal(err)
	}
	s := newSolver(g)
	for a := range g.cells {
		for b := range g.cells {
			w, v := make([]int32, g.cells), make([]int32, g.cells)
			w[a], v[b] = 100, 7
			want := math.Hypot(float64(a%7-b%7), float64(a/7-b/7))
			if got := s.distance(w, 100, v, 7); math.Abs(got-want) > 1e-11 {
				t.Errorf("cell %d to cell %d: %v, want %v", a, b, got, want)
			}
		}
	}
}

// In one dimension the distance is the area between the cumulative distributions.
func TestDistanceInOneDimension(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for _, n := range []int{2, 10, 300, 1024} {
		for _, size := range [][2]int{{1, n}, {n, 1}} {
			g, err := newGrid(size[0], size[1], 1)
			if err != nil {
				t.Fatal(err)
			}
			s := newSolver(g)
			for range 3 {
				w, W := signature(random, n, 0.9, 255)
				v, V := signature(random, n, 0.9, 255)
				want, sumW, sumV := 0.0, int32(0), int32(0)
				for c := range n {
					sumW += w[c]
					sumV += v[c]
					want += math.Abs(float64(sumW)/float64(W) - float64(sumV)/float64(V))
				}
				if got := s.distance(w, W, v, V); math.Abs(got-want) > 1e-9 {
					t.Errorf("%v cells: %v, want %v", size, got, want)
				}
			}
		}
	}
}

func TestDistanceIsAMetric(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	for _, side := range []int{2, 4, 7, 12} {
		g, err := newGrid(side, side, 1)
		if err != nil {
			t.Fatal(err)
		}
		s := newSolver(g)
		for range 200 {
			var x [3][]int32
			var X [3]int32
			for i := range x {
				x[i], X[i] = signature(random, g.cells, 0.5, 255)
				x[i][0]++ // never black
				X[i]++
			}
			d := func(i, j int) float64 { return s.distance(x[i], X[i], x[j], X[j]) }
			if got := d(0, 0); got != 0 {
				t.Errorf("an image is %v from itself", got)
			}
			if there, back := d(0, 1), d(1, 0); there != back {
				t.Errorf("%v there, %v back", there, back)
			}
			if direct, detour := d(0, 1), d(0, 2)+d(2, 1); direct > detour+1e-12 {
				t.Errorf("%v direct, %v by a detour", direct, detour)
			}
			// Three times as bright is the same distribution: the same distance in all bits.
			bright := make([]int32, g.cells)
			for c := range bright {
				bright[c] = 3 * x[1][c]
			}
			if got, want := s.distance(x[0], X[0], bright, 3*X[1]), d(0, 1); got != want {
				t.Errorf("%v to the brighter image, %v to the darker", got, want)
			}
		}
	}
}

func TestDistanceToBlackIsZero(t *testing.T) {
	g, err := newGrid(2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := newSolver(g)
	white, black := []int32{255, 255, 255, 255}, make([]int32, 4)
	for _, d := range []float64{
		s.distance(white, 4*255, black, 0),
		s.distance(black, 0, white, 4*255),
		s.distance(black, 0, black, 0),
	} {
		if d != 0 {
			t.Errorf("distance %v to a black image, want 0", d)
		}
	}
}

// The largest images with the longest ways: no amount, potential or sum may overflow.
func TestDistanceAtTheLimits(t *testing.T) {
	for _, size := range [][3]int{
		{2896, 2896, 181}, {2900, 2900, 100}, {1, 1024, 1}, {32, 32, 1}, {2, 512, 1},
	} {
		g, err := newGrid(size[0], size[1], size[2])
		if err != nil {
			t.Fatal(err)
		}
		s := newSolver(g)
		full := int32(255 * size[2] * size[2])
		w, v := make([]int32, g.cells), make([]int32, g.cells)
		w[0], v[g.cells-1] = full, full
		want := math.Hypot(float64(g.wide-1), float64(g.high-1))
		if got := s.distance(w, full, v, full); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: from corner to corner %v, want %v", size, got, want)
		}
		// The upper half is white in one image, the lower half in the other. Everything moves half
		// the height or, in one row, half the width.
		total := int32(0)
		clear(w)
		clear(v)
		for c := range g.cells / 2 {
			w[c], v[g.cells-1-c] = full, full
			total += full
		}
		if g.high%2 == 0 || g.high == 1 {
			want := float64(g.high) / 2
			if g.high == 1 {
				want = float64(g.wide) / 2
			}
			if got := s.distance(w, total, v, total); math.Abs(got-want) > 1e-9 {
				t.Errorf("%v: from half to half %v, want %v", size, got, want)
			}
		}
	}
}
