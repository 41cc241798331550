package nn_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
)

// From the same initial weights, on the same batches, losses and weights go where those of
// TensorFlow 2.15 went. The recorded runs took the first 840 of 1,000 training images in file
// order, the last batch short, and validated on the rest.
func TestTrainingFollowsTensorFlow(t *testing.T) {
	const recorded = "../testdata/keras/trajectories/"
	text, err := os.ReadFile(recorded + "trajectories.json")
	if err != nil {
		t.Fatal(err)
	}
	var runs map[string]struct {
		Kind          string
		Batch, Epochs int
		History       struct {
			Loss    []float64
			ValLoss []float64 `json:"val_loss"`
		}
	}
	if err := json.Unmarshal(text, &runs); err != nil {
		t.Fatal(err)
	}
	if len(runs) != 3 {
		t.Fatalf("%d runs, want 3", len(runs))
	}
	images, err := idx.ReadImages("../testdata/mnist/train1000.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	labels, err := idx.ReadLabels("../testdata/mnist/trainl1000.dat")
	if err != nil {
		t.Fatal(err)
	}
	const split = 840
	samples := func(from, to int) *nn.Samples {
		return nn.RowNormalised.Samples(images.Set().Part(from, to), labels[from:to])
	}
	train, validation := samples(0, split), samples(split, images.N)

	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			want, err := keras.Load(recorded + name + "_trained.h5")
			if err != nil {
				t.Fatal(err)
			}
			eachEngine(t, func(t *testing.T, e nn.Engine) {
				m, err := keras.Load(recorded + name + "_initial.h5")
				if err != nil {
					t.Fatal(err)
				}
				loss, optimizer := nn.MeanSquaredError, nn.RMSprop
				if run.Kind == "clf" {
					loss, optimizer = nn.CategoricalCrossentropy, nn.Adam
				}
				trainer := nn.NewTrainer(e, m, loss, optimizer, 1)
				trainer.KeepOrder()
				h, err := trainer.Fit(train, validation, run.Epochs, run.Batch, nil)
				if err != nil {
					t.Fatal(err)
				}
				worst := 0.0
				for e := range run.Epochs {
					for _, v := range []struct {
						name      string
						got, want float64
					}{
						{"loss", h.Loss[e], run.History.Loss[e]},
						{"val_loss", h.ValLoss[e], run.History.ValLoss[e]},
					} {
						off := math.Abs(v.got/v.want - 1)
						worst = max(worst, off)
						if !(off <= 1e-3) {
							t.Errorf("epoch %d: %s is %v, TensorFlow's %v", e+1, v.name, v.got, v.want)
						}
					}
				}
				t.Logf("losses differ by at most %.1e of their size", worst)

				worst = 0
				for i, l := range m.Layers {
					for j, w := range l.Weights {
						for k, v := range w.Data {
							worst = max(worst, math.Abs(float64(v-want.Layers[i].Weights[j].Data[k])))
						}
					}
				}
				t.Logf("weights differ by at most %.1e", worst)
				// Both optimizers divide a gradient by its size. If it is next to nothing, rounding
				// decides the direction of a step of 0.001 or more. Those few weights may differ by
				// some of the 18 to 21 steps that are taken.
				if !(worst <= 0.005) {
					t.Errorf("a weight differs by %v from TensorFlow's", worst)
				}
			})
		})
	}
}
