package emd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The moves of a flow use up the weights of both images, and their cost is the distance that the
// search finds.
func TestFlow(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	for _, c := range []struct{ rows, cols, cell int }{
		{28, 28, 4}, {28, 28, 7}, {28, 28, 14}, {6, 9, 3}, {5, 8, 1}, {4, 4, 4},
	} {
		for range 20 {
			image := func() []uint8 {
				pix := make([]uint8, c.rows*c.cols)
				for i := range pix {
					if random.IntN(3) == 0 {
						pix[i] = uint8(random.Uint32())
					}
				}
				pix[random.IntN(len(pix))] = 1 // never black
				return pix
			}
			from, to := image(), image()
			f, err := NewFlow(from, to, c.rows, c.cols, c.cell)
			if err != nil {
				t.Fatal(err)
			}
			out, in := make([]float64, len(f.From)), make([]float64, len(f.To))
			cost, last := 0.0, -1
			for _, m := range f.Moves {
				out[m.From] += m.Weight
				in[m.To] += m.Weight
				dx, dy := m.From%f.Cols-m.To%f.Cols, m.From/f.Cols-m.To/f.Cols
				cost += m.Weight * math.Hypot(float64(dx), float64(dy)) * float64(c.cell)
				if way := m.From*len(f.To) + m.To; way <= last || m.Weight <= 0 {
					t.Fatalf("%+v: moves %v are not in order or have no weight", c, f.Moves)
				} else {
					last = way
				}
			}
			sum := 0.0
			for i := range out {
				sum += f.From[i]
				if math.Abs(out[i]-f.From[i]) > 1e-12 || math.Abs(in[i]-f.To[i]) > 1e-12 {
					t.Fatalf("%+v: cell %d gives %v and gets %v, want %v and %v",
						c, i, out[i], in[i], f.From[i], f.To[i])
				}
			}
			g, err := newGrid(c.rows, c.cols, c.cell)
			if err != nil {
				t.Fatal(err)
			}
			w, v := make([]int32, g.cells), make([]int32, g.cells)
			W, V := g.levels(w, from), g.levels(v, to)
			want := newSolver(g).distance(w, W, v, V) * float64(c.cell)
			if f.Distance != want || math.Abs(cost-want) > 1e-9 || math.Abs(sum-1) > 1e-12 {
				t.Errorf("%+v: distance %v, cost of the moves %v, want %v; weights add up to %v",
					c, f.Distance, cost, want, sum)
			}
		}
	}
}

func TestFlowOfFewCells(t *testing.T) {
	f, err := NewFlow([]uint8{3, 0, 1, 0}, []uint8{0, 2, 1, 1}, 2, 2, 1)
	// A quarter stays, half goes one cell to the right, a quarter along the diagonal.
	want := []Move{{0, 1, 0.5}, {0, 3, 0.25}, {2, 2, 0.25}}
	other := []Move{{0, 1, 0.5}, {0, 2, 0.25}, {2, 3, 0.25}} // is dearer: 1 instead of √2/4+1/2
	if err != nil || !slices.Equal(f.Moves, want) || slices.Equal(f.Moves, other) {
		t.Errorf("%+v, %v; want the moves %v", f, err, want)
	}
	f, err = NewFlow(make([]uint8, 4), []uint8{0, 2, 1, 1}, 2, 2, 1)
	if err != nil || f.Moves != nil || f.Distance != 0 || f.From[0] != 0 || f.To[1] != 0.5 {
		t.Errorf("from a black image: %+v, %v", f, err)
	}
	if _, err := NewFlow(make([]uint8, 4), make([]uint8, 4), 2, 2, 3); err == nil {
		t.Error("cells of 3 pixels in an image of 2 give no error")
	}
}

// Of several cheapest flows it is always the same one.
func TestFlowAmongEqualOnes(t *testing.T) {
	f, err := NewFlow([]uint8{0, 0, 1, 2, 0, 2}, []uint8{1, 2, 0, 0, 2, 0}, 2, 3, 1)
	want := []Move{{2, 1, 0.2}, {3, 0, 0.2}, {3, 1, 0.2}, {5, 4, 0.4}}
	if err != nil || !slices.Equal(f.Moves, want) {
		t.Errorf("%+v, %v; want the moves %v", f, err, want)
	}
}
