package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
)

// BenchmarkTrainingStep trains autoencoders of 28x28 images on batches of 128: one operation is one batch.
func BenchmarkTrainingStep(b *testing.B) {
	for _, c := range []struct {
		filters   []int
		embedding int
	}{{[]int{16, 32, 64}, 10}, {[]int{8, 16}, 10}, {[]int{32, 64, 128, 128}, 20}} {
		for _, k := range implementations {
			b.Run(fmt.Sprintf("filters=%v/%s", c.filters, k.name), func(b *testing.B) {
				use(b, k)
				m, err := NewAutoencoder(AutoencoderConfig{Rows: 28, Cols: 28, FilterSize: 3, Filters: c.filters, Embedding: c.embedding}, 1)
				if err != nil {
					b.Fatal(err)
				}
				n, err := newLearner(m.Layers, MeanSquaredError, 128, 1)
				if err != nil {
					b.Fatal(err)
				}
				random := rand.New(rand.NewPCG(1, 1))
				for i := range n.input {
					n.input[i] = random.Float32() * float32(random.IntN(2))
				}
				s, weights := newSolver(RMSprop), G.NodesToValueGrads(n.learn)
				b.ReportAllocs()
				for b.Loop() {
					if err := n.run(128); err != nil {
						b.Fatal(err)
					}
					if err := s.Step(weights); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// use makes new networks use the kernels until the test ends.
func use(t testing.TB, k *kernels) {
	before := fastest
	fastest = k
	t.Cleanup(func() { fastest = before })
}
