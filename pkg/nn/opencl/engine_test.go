//go:build gpu

package opencl

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/nn/internal/nntest"
)

// large is the number of units of an H100.
const large = 132

var first = sync.OnceValues(func() (*device, error) {
	list, err := Devices()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("no device")
	}
	if list[0].Processor {
		list[0].Units = large // the tiles that large devices take are tested, too
	}
	return openDevice(list[0])
})

// testEngine returns an engine on the first device. If there is none, the test is skipped, unless
// REQUIRE_OPENCL says that there must be one.
func testEngine(t *testing.T) engine {
	t.Helper()
	d, err := first()
	if err != nil {
		if os.Getenv("REQUIRE_OPENCL") != "" {
			t.Fatal(err)
		}
		t.Skip("OpenCL: not tested, ", err)
	}
	return engine{d}
}

// listed returns samples that lie one after the other.
func listed(x []float32, size int, labels []uint8) *nn.Samples {
	input := func(dst []float32, index []int) error {
		for i, k := range index {
			copy(dst[i*size:(i+1)*size], x[k*size:])
		}
		return nil
	}
	return &nn.Samples{N: len(x) / size, Labels: labels, Input: input}
}

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// near compares values with those that are wanted, within a share of the greatest of them.
func near(t *testing.T, what string, got, want []float32, share float64) {
	t.Helper()
	scale := 1e-30
	for _, w := range want {
		scale = max(scale, math.Abs(float64(w)))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i]-w)) <= share*scale) {
			t.Errorf("%s: value %d is %v, want %v; the greatest is %v", what, i, got[i], w, scale)
			return
		}
	}
}

// Every class, alone and in random graphs, computes what the CPU's engine does.
func TestClassesAgreeWithCPU(t *testing.T) {
	e := testEngine(t)
	graphs := 3
	if testing.Short() {
		graphs = 1
	}
	for _, class := range nn.Classes() {
		if class == nn.InputLayer {
			continue
		}
		t.Run(string(class), func(t *testing.T) {
			tested := 0
			for seed := uint64(0); tested < graphs; seed++ {
				r := rand.New(rand.NewPCG(seed, 5))
				layers := nntest.RandomGraph(r, class)
				if layers[len(layers)-1].Class != class {
					if seed > 100 {
						t.Fatal("hardly any graph ends with the class")
					}
					continue
				}
				tested++
				agree(t, e, nntest.RandomModel(t, layers, r), r)
			}
		})
	}
}

// agree compares a prediction, in batches of which the last is short, with that of the CPU's
// engine.
func agree(t *testing.T, e nn.Engine, m *nn.Model, r *rand.Rand) {
	t.Helper()
	const n, batch = 5, 3
	s := listed(random(r, n*product(m.Input())), product(m.Input()), nil)
	want, err := m.Predict(cpu.New(), s, "", batch, nil)
	if err != nil {
		t.Fatal(err)
	}
	// What is great within may cancel out at the end.
	scale := 1.0
	for _, l := range m.Layers {
		out, err := m.Predict(cpu.New(), s, l.Name, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out {
			scale = max(scale, math.Abs(float64(v)))
		}
	}
	if !(scale < 1e6) {
		return // an exponential of an exponential
	}
	got, err := m.Predict(e, s, "", batch, nil)
	if err != nil {
		t.Fatalf("%v: %s", err, nntest.Describe(m.Layers))
	}
	for i, w := range want {
		if !(math.Abs(float64(got[i]-w)) <= 3e-5*scale) {
			t.Fatalf("value %d is %v, want %v: %s", i, got[i], w, nntest.Describe(m.Layers))
		}
	}
}

// gradientsOf returns the gradients of the last run, at the places of the weights.
func (t *training) gradientsOf() ([]float32, error) {
	g := make([]float32, t.weights.memory.values)
	all := make([]float32, max(t.learner.gradients.values, 1))
	err := t.read(all, t.learner.gradients, 0)
	for table := range slices.Chunk(t.learner.table, tableRow) {
		for i := table[0]; i < table[1]; i++ {
			for s := range table[3] {
				g[i] += all[table[2]+i-table[0]+s*table[4]]
			}
		}
	}
	return g, err
}

// Every tile computes products of odd sizes, with values moved one by one or four at a time: those
// of a dense layer, its way back, and its gradients in slices.
func TestTiles(t *testing.T) {
	e := testEngine(t)
	r := rand.New(rand.NewPCG(3, 4))
	for i, tile := range tiles {
		for _, wide := range []bool{false, true} {
			if !testing.Short() || i%5 == 0 {
				testTile(t, e, tile, wide, r)
			}
		}
	}
}

func testTile(t *testing.T, e engine, tile tile, wide bool, r *rand.Rand) {
	t.Helper()
	// Some rows, units and inputs are beyond the last whole tile and step.
	samples, in, units := tile.rows+5, 2*step+4, tile.columns+4
	if !wide {
		in, units = in+1, units+1
	}
	x, w, dy := random(r, samples*in), random(r, (in+1)*units), random(r, samples*units)
	for _, c := range []struct {
		name string
		matmul
		x, y []float32
		want func(row, k, column int) float32 // the product for k
	}{
		{"forward", matmul{
			slices: 1, rows: samples, columns: units, inner: in, ofRows: "n", ofInner: "IN",
			a: "(row) * IN + (k)", b: "(k) * UNITS + (column)", out: "(row) * UNITS + (column)",
			alongA: true,
		}, x, w, func(row, k, column int) float32 { return x[row*in+k] * w[k*units+column] }},
		{"back", matmul{
			slices: 1, rows: samples, columns: in, inner: units, ofRows: "n", ofInner: "UNITS",
			a: "(row) * UNITS + (k)", b: "(column) * UNITS + (k)", out: "(row) * IN + (column)",
			alongA: true, alongB: true,
		}, dy, w, func(row, k, column int) float32 { return dy[row*units+k] * w[column*units+k] }},
		{"gradient", matmul{
			slices: 3, rows: in + 1, columns: units, inner: samples, ofRows: "(IN + 1)", ofInner: "n",
			a: "((row) == IN ? NOWHERE : (k) * IN + (row))", ones: "IN", b: "(k) * UNITS + (column)",
			out: "(slice * (IN + 1) + (row)) * UNITS + (column)",
		}, x, dy, func(row, k, column int) float32 {
			if row == in {
				return dy[k*units+column]
			}
			return x[k*in+row] * dy[k*units+column]
		}},
	} {
		p := c.matmul
		p.tile, p.wideA, p.wideB, p.wideC, p.result = tile, wide, wide, wide, "value"
		columns := tile.columns // that lie side by side in the right matrix
		if p.alongB {
			columns = step
		}
		if tile.threads()%(columns/width(wide)) != 0 {
			t.Errorf("%v, %s: the work-items cannot share the right matrix", tile, c.name)
		}
		if !tile.fits(p.alongA, wide) {
			continue // no such product gets this tile
		}
		n := &network{schedule: newSchedule(e.device)}
		defer n.close()
		n.head = n.own(words)
		out := n.own(p.slices * p.rows * p.columns)
		a, b := n.own(len(c.x)), n.own(len(c.y))
		n.multiply(p, defines{"IN", in, "UNITS", units}, a, view{b, 0}, none, view{out, 0})
		err := cmp.Or(n.build(),
			n.driver.write(n.queue, n.head.handle, 0, bytesOf([]int32{int32(samples)}), true),
			n.write(a, 0, c.x), n.write(b, 0, c.y), n.run(0, 1))
		sums := make([]float32, out.values)
		if err = cmp.Or(err, n.read(sums, out, 0)); err != nil {
			t.Fatal(err)
		}
		got, want := sums[:p.rows*p.columns], make([]float32, p.rows*p.columns)
		for i, s := range sums[len(got):] {
			got[i%len(got)] += s
		}
		for i := range want {
			var sum float64
			for k := range p.inner {
				sum += float64(c.want(i/p.columns, k, i%p.columns))
			}
			want[i] = float32(sum)
		}
		near(t, fmt.Sprint(c.name, tile, wide), got, want, 2e-6)
	}
}

// Losses and gradients of every kind of layer that is trained are those of the oracle, at odd sizes
// and for a batch that is not full; moving statistics are those of the CPU's engine.
func TestGradients(t *testing.T) {
	e := testEngine(t)
	for i, c := range nntest.Chains {
		if testing.Short() && i%5 != 0 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			m := nntest.RandomModel(t, c.Layers(), r)
			const batch, samples = 13, 11
			size := product(m.Input())
			labels := make([]uint8, samples)
			for i := range labels {
				labels[i] = uint8(r.IntN(min(product(m.Output()), 256)))
			}
			x := random(r, samples*size)
			o := nntest.NewOracle(m, c.Loss, x, labels)
			type slope struct {
				at     []int
				slopes []float64
			}
			want := map[*nn.Weight]slope{}
			for _, l := range m.Layers {
				for _, w := range l.Weights {
					if l.Trainable && !w.Moving {
						at := r.Perm(len(w.Data))
						at = at[:min(len(at), 6)]
						want[w] = slope{at, o.Slopes(w, at)}
					}
				}
			}
			index := r.Perm(samples)
			before := weightsIn(m)
			run := func(e nn.Engine) (tr nn.Training, losses [2]float64) {
				tr, err := e.NewTraining(nn.Plan{
					Layers: m.Layers, Loss: c.Loss, Batch: batch, EvaluationBatch: batch,
				}, e.NewSolver(nn.Adam))
				if err != nil {
					t.Fatal(err)
				}
				d, err := e.Load(listed(x, size, labels))
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				for i, run := range []func(nn.Data, []int) error{tr.Evaluate, tr.Run} {
					if err := run(d, index); err != nil {
						t.Fatal(err)
					}
					if losses[i], err = tr.Loss(); err != nil {
						t.Fatal(err)
					}
				}
				return tr, losses
			}
			mine, losses := run(e)
			defer mine.Close()
			grads, err := mine.(*training).gradientsOf()
			if err != nil {
				t.Fatal(err)
			}
			if err := mine.Pull(); err != nil {
				t.Fatal(err)
			}
			after := weightsIn(m)
			for i, w := range before {
				copy(w.of.Data, before[i].values)
			}
			_, theirs := run(cpu.New())
			for i, name := range []string{"loss of an evaluation", "loss"} {
				if math.Abs(losses[i]/theirs[i]-1) > 3e-6 {
					t.Errorf("%s: %v, the CPU's engine %v", name, losses[i], theirs[i])
				}
			}
			if loss := o.Loss(); math.Abs(losses[1]/loss-1) > 3e-6 {
				t.Errorf("loss: %v, want %v", losses[1], loss)
			}
			for _, w := range after {
				near(t, "after the run, "+w.of.Name, w.values, w.of.Data, 1e-6)
			}
			for w, s := range want {
				at := mine.(*training).weights.at[w]
				var got, slopes []float32
				for i, k := range s.at {
					got, slopes = append(got, grads[at+k]), append(slopes, float32(s.slopes[i]))
				}
				near(t, "gradient of "+w.Name, got, slopes, 5e-5)
			}
		})
	}
}

// A kept is a weight with the values that it had.
type kept struct {
	of     *nn.Weight
	values []float32
}

func weightsIn(m *nn.Model) (list []kept) {
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			list = append(list, kept{w, slices.Clone(w.Data)})
		}
	}
	return list
}
