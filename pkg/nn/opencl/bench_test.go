//go:build gpu

package opencl

import (
	"fmt"
	"testing"

	"imagesimilarity/pkg/nn"
)

// sizes are the filters of the networks whose times package _peers tells.
var sizes = [][]int{{16, 32, 64}, {8, 16}, {32, 64, 128, 128}}

// stepOf returns a training of an autoencoder in batches of 128 images of 28x28 pixels.
func stepOf(t testing.TB, e nn.Engine, filters []int) nn.Training {
	t.Helper()
	m, err := nn.NewAutoencoder(nn.AutoencoderConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: filters, Embedding: 10,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := e.NewTraining(nn.Plan{
		Layers: m.Layers, Loss: nn.MeanSquaredError, Batch: 128, EvaluationBatch: 128,
	}, e.NewSolver(nn.RMSprop))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// A step has few launches: each costs some microseconds.
func TestLaunches(t *testing.T) {
	e := testEngine(t)
	for i, most := range []int{53, 39, 67} {
		tr := stepOf(t, e, sizes[i]).(*training)
		n := len(tr.learner.launches) + len(tr.update.launches)
		t.Logf("filters %v: %d launches", sizes[i], n)
		if n > most {
			t.Errorf("filters %v: %d launches, expected at most %d", sizes[i], n, most)
		}
		tr.Close()
	}
}

// A training step of 128 images, on a device that is none of the processor.
func BenchmarkTrainingStep(b *testing.B) {
	d, err := first()
	if err != nil || d.Processor {
		b.Skip("graphics processors: not measured, there is none")
	}
	for _, filters := range sizes {
		b.Run(fmt.Sprint(d.Name, filters), func(b *testing.B) {
			tr := stepOf(b, engine{d}, filters)
			defer tr.Close()
			data, err := engine{d}.Load(even(1280, 784, false))
			if err != nil {
				b.Fatal(err)
			}
			defer data.Close()
			pending := 0
			for i := 0; b.Loop(); i++ {
				index := make([]int, 128)
				for k := range index {
					index[k] = (i*128 + k*7) % 1280
				}
				if err := tr.Run(data, index); err != nil {
					b.Fatal(err)
				}
				if pending++; pending > queued {
					if _, err := tr.Loss(); err != nil {
						b.Fatal(err)
					}
					pending--
				}
				if err := tr.Step(); err != nil {
					b.Fatal(err)
				}
			}
			for range pending {
				if _, err := tr.Loss(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
