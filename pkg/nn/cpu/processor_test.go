package cpu

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// TestSameOnEveryProcessor trains both networks of the programs and compares the bits of weights,
// losses and predictions with those of all other processors, whatever their instruction sets, their
// order of bytes and their cores, by whose number the work is cut: one hash was made for all.
func TestSameOnEveryProcessor(t *testing.T) {
	const want = "1ad2fcd1b865d76c"
	const rows, cols, n, batch = 28, 20, 21, 8
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, k := range slices.Repeat(kernel.Implementations, 3) {
		cores := []int{1, 6, 16}[i/len(kernel.Implementations)]
		runtime.GOMAXPROCS(cores)
		random := rand.New(rand.NewPCG(1, 1))
		x, labels := make([]float32, n*rows*cols), make([]uint8, n)
		for i := range x {
			x[i] = float32(random.IntN(256)) / 255
		}
		for i := range labels {
			labels[i] = uint8(random.IntN(10))
		}
		samples := &nn.Samples{N: n, Input: copied(x, rows*cols), Labels: labels}

		autoencoder, err := nn.NewAutoencoder(nn.AutoencoderConfig{
			Rows: rows, Cols: cols, FilterSize: 3, Filters: []int{4, 9, 16}, Embedding: 10,
		}, 1)
		if err != nil {
			t.Fatal(err)
		}
		classifier, err := nn.NewClassifier(nn.ClassifierConfig{
			Rows: rows, Cols: cols, FilterSize: 5, Filters: []int{3, 8}, Embedding: 6,
			FullyConnected: 20, Classes: 10, DropoutRate: 0.3,
		}, 1)
		if err != nil {
			t.Fatal(err)
		}
		hash := sha256.New()
		add := func(data any) {
			t.Helper()
			if err := binary.Write(hash, binary.LittleEndian, data); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			model     *nn.Model
			loss      nn.Loss
			optimizer nn.Optimizer
			until     string
		}{
			{autoencoder, nn.MeanSquaredError, nn.RMSprop, "embedding"},
			{classifier, nn.CategoricalCrossentropy, nn.Adam, ""},
		} {
			trainer := nn.NewTrainer(With(k), c.model, c.loss, c.optimizer, 1)
			history, err := trainer.Fit(samples, samples, 2, batch, nil)
			if err != nil {
				t.Fatal(err)
			}
			add(history.Loss)
			add(history.ValLoss)
			for _, l := range c.model.Layers {
				for _, w := range l.Weights {
					add(w.Data)
				}
			}
			predicted, err := c.model.Predict(With(k), samples, c.until, batch, nil)
			if err != nil {
				t.Fatal(err)
			}
			add(predicted)
		}
		if got := fmt.Sprintf("%x", hash.Sum(nil)[:8]); got != want {
			t.Errorf("%s, %d cores: weights, losses and predictions have the hash %s, want %s",
				k.Name, cores, got, want)
		}
	}
}
