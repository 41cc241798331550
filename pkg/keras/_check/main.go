// Check is the Go half of the exchange of models with real Keras. check.sh runs it:
//
//	check write DIR   trains small models and writes them as DIR/go_*.h5, with models.json
//	check read DIR    loads what check_keras.py trained, DIR/keras_*, and compares the predictions
//	check encoders DIR    the same for what encoders.py made, DIR/enc_*
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
)

const images = "pkg/testdata/keras/images5.dat"

// A model is a network with its training and its predictions for the images.
type model struct {
	Name           string
	FilterSize     int
	Filters        []int
	Embedding      int
	FullyConnected int // 0 for an autoencoder
	DropoutRate    float64
	Loss           nn.Loss
	Optimizer      nn.Optimizer
	Output         []float32
	Latent         []float32 // output of the layer embedding
}

var models = []model{
	{Name: "ae_1x3_k5_e4", FilterSize: 5, Filters: []int{3}, Embedding: 4,
		Loss: nn.MeanAbsoluteError, Optimizer: nn.RMSprop},
	{Name: "ae_2x4-8_k3_e5", FilterSize: 3, Filters: []int{4, 8}, Embedding: 5,
		Loss: nn.MeanSquaredError, Optimizer: nn.RMSprop},
	{Name: "ae_3x4-8-8_k2_e3", FilterSize: 2, Filters: []int{4, 8, 8}, Embedding: 3,
		Loss: nn.MeanSquaredError, Optimizer: nn.RMSprop},
	{Name: "classifier_2x4-8_k3_e5_fc12", FilterSize: 3, Filters: []int{4, 8}, Embedding: 5,
		FullyConnected: 12, DropoutRate: 0.25, Loss: nn.CategoricalCrossentropy, Optimizer: nn.Adam},
}

// build returns the network with initial weights.
func (m *model) build() (*nn.Model, error) {
	if m.FullyConnected == 0 {
		return nn.NewAutoencoder(nn.AutoencoderConfig{
			Rows: 28, Cols: 28,
			FilterSize: m.FilterSize, Filters: m.Filters, Embedding: m.Embedding,
		}, 1)
	}
	return nn.NewClassifier(nn.ClassifierConfig{
		Rows: 28, Cols: 28,
		FilterSize: m.FilterSize, Filters: m.Filters, Embedding: m.Embedding,
		FullyConnected: m.FullyConnected, Classes: 10, DropoutRate: m.DropoutRate,
	}, 1)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "encoders" {
		return encoders(args[1])
	}
	if len(args) != 2 || args[0] != "write" && args[0] != "read" {
		return errors.New("usage: check write|read|encoders DIR")
	}
	digits, err := idx.ReadImages(images)
	if err != nil {
		return err
	}
	samples := nn.RowNormalised.Samples(digits.Set(), []uint8{7, 2, 1, 0, 4})
	if args[0] == "write" {
		return write(args[1], samples)
	}
	return read(args[1], samples)
}

// write trains the models and writes them, their input and their predictions to dir.
func write(dir string, samples *nn.Samples) error {
	input := make([]float32, samples.N*28*28)
	if err := samples.Input(input, []int{0, 1, 2, 3, 4}); err != nil {
		return err
	}
	b, err := binary.Append(nil, binary.LittleEndian, input)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "input.f32"), b, 0o644); err != nil {
		return err
	}
	for i := range models {
		m := &models[i]
		network, err := m.build()
		if err != nil {
			return err
		}
		network.Pixels = nn.RowNormalised
		train := *samples
		if m.FullyConnected == 0 {
			train.Labels = nil
		}
		trainer := nn.NewTrainer(cpu.New(), network, m.Loss, m.Optimizer, 1)
		if _, err := trainer.Fit(&train, &train, 5, 2, nil); err != nil {
			return err
		}
		if m.Output, err = network.Predict(cpu.New(), samples, "", 32, nil); err != nil {
			return err
		}
		if m.Latent, err = network.Predict(cpu.New(), samples, "embedding", 32, nil); err != nil {
			return err
		}
		file := filepath.Join(dir, "go_"+m.Name+".h5")
		if err := keras.Save(file, network, m.Loss, m.Optimizer); err != nil {
			return err
		}
	}
	if b, err = json.Marshal(models); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "models.json"), b, 0o644)
}

// transfer gives a network the weights of a file.
func transfer(path string, network *nn.Model) error {
	f, err := keras.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.TransferWeights(network, "embedding")
	return err
}

// tolerance is the largest difference of two predictions that counts as equal.
const tolerance = 1e-5

// read loads the files that check_keras.py wrote to dir, and compares the predictions.
func read(dir string, samples *nn.Samples) error {
	b, err := os.ReadFile(filepath.Join(dir, "keras.json"))
	if err != nil {
		return err
	}
	var files []struct {
		// How: "load" a model, or put it "by_name" or "by_class" into one of ours
		File, Model, How string
		Output, Latent   []float32
	}
	if err := json.Unmarshal(b, &files); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.File)
		var network *nn.Model
		if f.How == "load" {
			network, err = keras.Load(path)
		} else {
			for _, m := range models {
				if m.Name == f.Model {
					if network, err = m.build(); err != nil {
						return err
					}
				}
			}
			err = transfer(path, network)
		}
		if err != nil {
			return err
		}
		worst := 0.0
		for until, want := range map[string][]float32{"": f.Output, "embedding": f.Latent} {
			if f.How == "by_class" && until == "" {
				continue // only the encoder was transferred
			}
			got, err := network.Predict(cpu.New(), samples, until, 32, nil)
			if err != nil {
				return err
			}
			if len(got) != len(want) {
				return fmt.Errorf("%s: %d values predicted, expected %d", path, len(got), len(want))
			}
			for i := range got {
				worst = math.Max(worst, math.Abs(float64(got[i])-float64(want[i])))
			}
		}
		fmt.Printf("  Go   %-8s %-50s differs by %.1e\n", f.How, f.File, worst)
		if !(worst <= tolerance) {
			return fmt.Errorf("%s: predictions differ by %v, expected at most %v",
				path, worst, tolerance)
		}
	}
	return nil
}
