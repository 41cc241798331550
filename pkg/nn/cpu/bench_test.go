package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// networks are the autoencoders that are measured, for images of 28x28 in batches of 128.
var networks = []struct {
	filters   []int
	embedding int
}{{[]int{16, 32, 64}, 10}, {[]int{8, 16}, 10}, {[]int{32, 64, 128, 128}, 20}}

const benchmarkBatch = 128

// benchmarkNetworks measures one batch, which is the operation that prepare returns, for every
// network and implementation. GFLOP/s count the products and sums of the layers' plain definitions,
// passes times each.
func benchmarkNetworks(b *testing.B, passes int,
	prepare func(k *kernel.Set, m *nn.Model) (func() error, error)) {
	for _, c := range networks {
		for _, k := range kernel.Implementations {
			b.Run(fmt.Sprintf("filters=%v/%s", c.filters, k.Name), func(b *testing.B) {
				m, err := nn.NewAutoencoder(nn.AutoencoderConfig{
					Rows: 28, Cols: 28, FilterSize: 3, Filters: c.filters, Embedding: c.embedding,
				}, 1)
				if err != nil {
					b.Fatal(err)
				}
				batch, err := prepare(k, m)
				if err != nil {
					b.Fatal(err)
				}
				if err := batch(); err != nil { // the first one makes room
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := batch(); err != nil {
						b.Fatal(err)
					}
				}
				flops := 2 * float64(benchmarkBatch*passes*products(m))
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// products is the number of products in the plain definitions of the layers, for one image.
func products(m *nn.Model) int {
	n := 0
	for _, l := range m.Layers {
		switch l.Class {
		case nn.Conv2D:
			n += l.Output[0] * l.Output[1] * len(l.Weights[0].Data)
		case nn.Dense:
			n += len(l.Weights[0].Data)
		}
	}
	return n
}

// someImages fills input with grey levels, half of them black.
func someImages(input []float32) {
	random := rand.New(rand.NewPCG(1, 1))
	for i := range input {
		input[i] = random.Float32() * float32(random.IntN(2))
	}
}

func BenchmarkTrainingStep(b *testing.B) {
	// A pass for the outputs, one for the gradients of the weights, one for those of the inputs.
	benchmarkNetworks(b, 3, func(k *kernel.Set, m *nn.Model) (func() error, error) {
		n, err := newLearner(k, m.Layers, nn.MeanSquaredError, benchmarkBatch, 1)
		if err != nil {
			return nil, err
		}
		someImages(n.input)
		s := newSolver(k, nn.RMSprop)
		return func() error {
			if err := n.run(benchmarkBatch); err != nil {
				return err
			}
			return s.step(n)
		}, nil
	})
}

func BenchmarkPrediction(b *testing.B) {
	benchmarkNetworks(b, 1, func(k *kernel.Set, m *nn.Model) (func() error, error) {
		p, err := newPredictor(k, m.Layers, benchmarkBatch)
		if err != nil {
			return nil, err
		}
		images := make([]float32, benchmarkBatch*product(m.Input()))
		someImages(images)
		samples := &nn.Samples{N: benchmarkBatch, Input: copied(images, product(m.Input()))}
		index := inOrder(benchmarkBatch)
		return func() error { return p.Run(data{samples}, index) }, nil
	})
}

// BenchmarkConvolution runs the convolutions of the networks above on a group of images, on one
// core. GFLOP/s count every product and sum of the plain definition, including those with zeros and
// those that are saved.
func BenchmarkConvolution(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		in      []int
		up      int
		filters int
	}{
		{[]int{28, 28, 1}, 1, 16}, {[]int{14, 14, 16}, 1, 32},
		{[]int{7, 7, 32}, 1, 64}, {[]int{7, 7, 64}, 1, 64},
		{[]int{7, 7, 32}, 2, 16}, {[]int{14, 14, 16}, 2, 1},
		{[]int{14, 14, 8}, 1, 16}, {[]int{7, 7, 128}, 1, 128},
	} {
		l := &nn.Layer{Class: nn.Conv2D, Kernel: [2]int{3, 3}, Output: []int{0, 0, c.filters}}
		v := newConvolution(c.in, [2]int{c.up, c.up}, l)
		x, y := someValues(random, groupSize*product(c.in)), make([]float32, groupSize*v.h*v.w*v.f)
		each := func(tasks int, do func(task int, _ []float32)) {
			for t := range tasks {
				do(t, nil)
			}
		}
		weight := someValues(random, v.kh*v.kw*v.c*v.f)
		arranged := v.arrange(kernel.Implementations[0], make([]float32, v.arrangedSize()), weight, each)
		bias := make([]float32, v.f)
		dy, dx := someValues(random, groupSize*v.y.size()), make([]float32, groupSize*product(c.in))
		grad, scratch := make([]float32, v.windowSize()), make([]float32, v.scratch())
		spread := v.spread(kernel.Implementations[0], make([]float32, v.spreadSize()), weight, each)
		for _, k := range kernel.Implementations {
			for _, part := range []struct {
				name string
				run  func()
			}{
				{"forward", func() {
					for i, n := 0, min(v.imagesPerCall(), groupSize); i < groupSize; i += n {
						v.apply(k, y, x[i*product(c.in):(i+n)*product(c.in)], arranged, bias, scratch, true, n)
					}
				}},
				{"input gradient", func() { v.inputGradient(k, dx, dy, spread, scratch, groupSize) }},
				{"kernel gradient", func() { v.kernelGradient(k, grad, x, dy, scratch, groupSize) }},
			} {
				name := fmt.Sprintf("in=%v,up=%d,filters=%d/%s/%s",
					c.in, c.up, c.filters, part.name, k.Name)
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						part.run()
					}
					flops := float64(groupSize) * float64(v.h*v.w*v.kh*v.kw) * float64(v.c*v.f) * 2
					b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
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

// eachImplementation runs a test with the kernels of every instruction set that this processor has.
func eachImplementation(t *testing.T, test func(t *testing.T, k *kernel.Set)) {
	for _, k := range kernel.Implementations {
		t.Run(k.Name, func(t *testing.T) { test(t, k) })
	}
}
