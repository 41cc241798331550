package keras

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
)

// transfer gives m weights of a file.
func transfer(t *testing.T, path string, m *nn.Model) []Transfer {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pairs, err := f.TransferWeights(m, "embedding")
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

func load(t *testing.T, name string) *nn.Model {
	t.Helper()
	m, err := Load(filepath.Join("../testdata/keras", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// digits returns the first 5 images of MNIST's test set, as the networks take them.
func digits(t *testing.T) *nn.Samples {
	t.Helper()
	images, err := idx.ReadImages("../testdata/keras/images5.dat")
	if err != nil {
		t.Fatal(err)
	}
	return nn.RowNormalised.Samples(images.Set(), nil)
}

// predictions holds what Keras predicted for the digits, one row for each.
type predictions struct {
	Output    [][]float64 `json:"output_first5"`
	Embedding [][]float64 `json:"embedding_first5"`
}

func readPredictions(t *testing.T, name string) map[string]predictions {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../testdata/keras", name))
	if err != nil {
		t.Fatal(err)
	}
	var models map[string]predictions
	if err := json.Unmarshal(b, &models); err != nil {
		t.Fatal(err)
	}
	return models
}

// Models trained by Keras give the predictions that Keras recorded.
func TestPredictions(t *testing.T) {
	for name, n := range map[string]int{
		"tf2.15.1_real_predictions.json": 4, "keras3.15.1_tf2.21_real_predictions.json": 4,
		"archive_predictions.json": 3,
	} {
		models := readPredictions(t, name)
		if len(models) != n {
			t.Errorf("%s: %d models, expected %d", name, len(models), n)
		}
		for model, want := range models {
			if !strings.HasSuffix(model, ".keras") && !strings.HasSuffix(model, ".h5") {
				model += ".h5"
			}
			t.Run(model, func(t *testing.T) {
				var m *nn.Model
				if strings.HasSuffix(model, ".weights.h5") {
					m = untrained(t)
					transfer(t, filepath.Join("../testdata/keras", model), m)
				} else {
					m = load(t, model)
				}
				comparePredictions(t, m, "", want.Output)
				comparePredictions(t, m, "embedding", want.Embedding)
			})
		}
	}
}

// untrained returns a new classifier of the size of the classifiers in testdata.
func untrained(t *testing.T) *nn.Model {
	t.Helper()
	m, err := nn.NewClassifier(nn.ClassifierConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: []int{4, 8}, Embedding: 5,
		FullyConnected: 12, Classes: 10, DropoutRate: 0.25,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func comparePredictions(t *testing.T, m *nn.Model, until string, want [][]float64) {
	t.Helper()
	got, err := m.Predict(cpu.New(), digits(t), until, 32, nil)
	if err != nil {
		t.Fatal(err)
	}
	list := slices.Concat(want...)
	if len(got) != len(list) || len(list) == 0 {
		t.Fatalf("until %q: %d values, expected %d", until, len(got), len(list))
	}
	worst := 0.0
	for i, w := range list {
		worst = max(worst, math.Abs(float64(got[i])-w))
	}
	if !(worst <= 1e-5) {
		t.Errorf("until %q: a difference of %v, expected at most 1e-5", until, worst)
	}
}

// Every weight of every model file gets its place: its checksum is that which the HDF5 library
// recorded for the data set.
func TestWeights(t *testing.T) {
	b, err := os.ReadFile("../testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]struct {
		Data map[string]struct{ SHA256 string }
	}
	if err := json.Unmarshal(b, &files); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("../testdata/keras/*.h5")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.Contains(name, "weights") { // no model_config
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			m := load(t, filepath.Base(name))
			n := 0
			for _, l := range m.Layers {
				for _, w := range l.Weights {
					sum := sum(t, w)
					n++
					found := false
					for path, d := range files[filepath.Base(name)].Data {
						path = strings.TrimSuffix(path, ":0")
						if strings.HasPrefix(path, "/model_weights/"+l.Name+"/") &&
							strings.HasSuffix(path, "/"+w.Name) {
							found = true
							if sum != d.SHA256 {
								t.Errorf("the weight %s of %s differs from %s", w.Name, l.Name, path)
							}
						}
					}
					if !found {
						t.Errorf("no data set for the weight %s of %s", w.Name, l.Name)
					}
				}
			}
			if n == 0 {
				t.Error("no weights")
			}
		})
	}
}

func sum(t *testing.T, w *nn.Weight) string {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, w.Data); err != nil {
		t.Fatal(err)
	}
	s := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(s[:])
}

// networks returns models with every class of layers. Each value of a weight depends on its place.
func networks(t *testing.T) map[string]*nn.Model {
	t.Helper()
	autoencoder, err := nn.NewAutoencoder(nn.AutoencoderConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: []int{4, 8, 8}, Embedding: 5,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := nn.NewClassifier(nn.ClassifierConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: []int{4, 8, 8}, Embedding: 5,
		FullyConnected: 12, Classes: 10, DropoutRate: 0.25,
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	models := map[string]*nn.Model{"autoencoder": autoencoder, "classifier": classifier}
	for _, m := range models {
		for i, l := range m.Layers {
			for j, w := range l.Weights {
				for k := range w.Data {
					w.Data[k] += float32(i) + float32(j)/8 + float32(k)/1024
				}
			}
		}
	}
	return models
}

// A saved model is the same to the last bit when it is loaded.
func TestSaveLoad(t *testing.T) {
	for name, m := range networks(t) {
		t.Run(name, func(t *testing.T) {
			m.Layers[1].Trainable = false
			m.Pixels = nn.GreyLevels
			path := filepath.Join(t.TempDir(), "model.h5")
			if err := Save(path, m, nn.CategoricalCrossentropy, nn.Adam); err != nil {
				t.Fatal(err)
			}
			got, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, m) {
				t.Error("another model came back")
			}
		})
	}
}

func pixels(t *testing.T, path string) nn.Pixels {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Pixels()
}

// A file says on which pixels its model was trained, unless Keras wrote it. Unknown pixels are an
// error.
func TestPixels(t *testing.T) {
	m := networks(t)["classifier"]
	path := filepath.Join(t.TempDir(), "model.h5")
	for _, want := range []nn.Pixels{nn.RowNormalised, nn.GreyLevels, nn.RawLevels, ""} {
		m.Pixels = want
		if err := Save(path, m, "", ""); err != nil {
			t.Fatal(err)
		}
		if got := pixels(t, path); got != want {
			t.Errorf("pixels %q, expected %q", got, want)
		}
	}
	if got := pixels(t, "../testdata/keras/tf2.15.1_real_ae_1x3_k5_e4.h5"); got != "" {
		t.Errorf("of Keras: pixels %q", got)
	}
	m.Pixels = "inverted"
	if err := Save(path, m, "", ""); err != nil {
		t.Fatal(err)
	}
	want := path + `: the attribute "pixels" is "inverted", expected "row-normalised", ` +
		`"grey-levels" or "raw"`
	if _, err := Load(path); err == nil || err.Error() != want {
		t.Errorf("error %v, expected %s", err, want)
	}
}

// The same model gives the same file.
func TestSaveIsDeterministic(t *testing.T) {
	m := networks(t)["autoencoder"]
	var files [2][]byte
	for i := range files {
		path := filepath.Join(t.TempDir(), "model.h5")
		if err := Save(path, m, nn.MeanSquaredError, nn.RMSprop); err != nil {
			t.Fatal(err)
		}
		var err error
		if files[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("two files of one model differ")
	}
}

func TestTransferWeights(t *testing.T) {
	models := networks(t)
	path := filepath.Join(t.TempDir(), "autoencoder.h5")
	if err := Save(path, models["autoencoder"], nn.MeanSquaredError, nn.RMSprop); err != nil {
		t.Fatal(err)
	}
	m := models["classifier"]
	var loaded []string
	for _, pair := range transfer(t, path, m) {
		if pair.Layer != pair.From {
			t.Errorf("%s has the weights of %s", pair.Layer, pair.From)
		}
		loaded = append(loaded, pair.Layer)
	}
	// Neither the decoder, whose convolutions have higher numbers, nor the classifier's own layers.
	want := []string{
		"conv2d", "batch_normalization", "conv2d_1", "batch_normalization_1", "conv2d_2",
		"batch_normalization_2", "embedding",
	}
	if !slices.Equal(loaded, want) {
		t.Errorf("loaded %v, expected %v", loaded, want)
	}
	original := networks(t)["classifier"]
	for i, l := range m.Layers {
		from := original.Layers[i]
		if slices.Contains(want, l.Name) {
			from = models["autoencoder"].Layer(l.Name)
		}
		for j, w := range l.Weights {
			if !slices.Equal(w.Data, from.Weights[j].Data) {
				t.Errorf("layer %s has the wrong weights", l.Name)
			}
		}
	}
}

// A weight of another shape is an error in Keras' words. Nothing is loaded then, not even what
// fits.
func TestTransferWeightsMismatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "autoencoder.h5")
	if err := Save(path, networks(t)["autoencoder"], "", ""); err != nil {
		t.Fatal(err)
	}
	c := nn.ClassifierConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: []int{4, 8, 8}, Embedding: 7,
		FullyConnected: 12, Classes: 10,
	}
	m, err := nn.NewClassifier(c, 2)
	if err != nil {
		t.Fatal(err)
	}
	untouched, err := nn.NewClassifier(c, 2)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.TransferWeights(m, "embedding")
	want := path + ": Shape mismatch in layer #13 (named embedding) for weight embedding/kernel:0. " +
		"Weight expects shape (392, 7). Received saved weight with shape (392, 5)"
	if err == nil || err.Error() != want {
		t.Errorf("error %q, expected %q", err, want)
	}
	if !reflect.DeepEqual(m, untouched) {
		t.Error("the model was changed")
	}
}

func TestSaveRefusesNames(t *testing.T) {
	m := networks(t)["classifier"]
	for _, name := range []string{"model.weights.h5", "model.keras"} {
		path := filepath.Join(t.TempDir(), name)
		if err := Save(path, m, "", ""); err == nil {
			t.Errorf("%s was written", name)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is there", name)
		}
	}
}
