package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
)

// networks are the autoencoders that are measured, for images of 28x28 in batches of 128.
var networks = []struct {
	filters   []int
	embedding int
}{{[]int{16, 32, 64}, 10}, {[]int{8, 16}, 10}, {[]int{32, 64, 128, 128}, 20}}

// benchmarkNetworks measures, for every network with every implementation, the operation that prepare returns: one batch.
func benchmarkNetworks(b *testing.B, prepare func(m *Model) (func() error, error)) {
	for _, c := range networks {
		for _, k := range implementations {
			b.Run(fmt.Sprintf("filters=%v/%s", c.filters, k.name), func(b *testing.B) {
				use(b, k)
				m, err := NewAutoencoder(AutoencoderConfig{Rows: 28, Cols: 28, FilterSize: 3, Filters: c.filters, Embedding: c.embedding}, 1)
				if err != nil {
					b.Fatal(err)
				}
				batch, err := prepare(m)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := batch(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// someImages fills input with grey levels, half of them black.
func someImages(input []float32) {
	random := rand.New(rand.NewPCG(1, 1))
	for i := range input {
		input[i] = random.Float32() * float32(random.IntN(2))
	}
}

func BenchmarkTrainingStep(b *testing.B) {
	benchmarkNetworks(b, func(m *Model) (func() error, error) {
		n, err := newLearner(m.Layers, MeanSquaredError, 128, 1)
		if err != nil {
			return nil, err
		}
		someImages(n.input)
		s, weights := newSolver(RMSprop), G.NodesToValueGrads(n.learn)
		return func() error {
			if err := n.run(128); err != nil {
				return err
			}
			return s.Step(weights)
		}, nil
	})
}

func BenchmarkPrediction(b *testing.B) {
	benchmarkNetworks(b, func(m *Model) (func() error, error) {
		n, err := newPredictor(m.Layers, 128)
		if err != nil {
			return nil, err
		}
		someImages(n.input)
		return func() error { return n.run(128) }, nil
	})
}

// use makes new networks use the kernels until the test ends.
func use(t testing.TB, k *kernels) {
	before := fastest
	fastest = k
	t.Cleanup(func() { fastest = before })
}
