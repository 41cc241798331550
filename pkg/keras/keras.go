// Package keras reads and writes model files of Keras (https://keras.io): the .h5 files of Keras 2
// and 3, and the .keras archives of Keras 2.13 and later, which are read only.
//
// What is written loads in Keras 2.12, 2.15 and 3, as make check-keras shows. It is the form that
// Keras 2 wrote, without the entries that some version does not take: a group
// top_level_model_weights, a short name of the loss, an optimizer's state.
package keras

import (
	"fmt"
	"io"
	"strings"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
)

// Save writes m with its weights and the pixels it was trained on. Keras compiles the model with
// loss and opt when it loads the file; with an empty loss it does not. The file is replaced in one
// step.
func Save(path string, m *nn.Model, loss nn.Loss, opt nn.Optimizer) error {
	// Keras 3 chooses the way to read a file by these endings.
	for _, ending := range []string{".weights.h5", ".keras"} {
		if strings.HasSuffix(path, ending) {
			return fmt.Errorf("cannot write %s: Keras takes a name ending in %s for another format; "+
				"expected one like model.h5", path, ending)
		}
	}
	b, err := encode(m, loss, opt)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return outfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// Load reads a model with its weights. How it was compiled and the state of its optimizer are not
// read. A layer that package nn cannot express is an error that names it.
func Load(path string) (*nn.Model, error) {
	r, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := read(r, size, path)
	if err != nil {
		return nil, err
	}
	return f.model()
}

// LoadWeightsByName copies weights from the file to the layers of m that have the same names. It
// returns the names of the layers that got weights, in the order of the file. Layers whose name is
// not in the other model are passed over. If layers of one name have weights of different shapes,
// it returns an error and leaves m as it was.
func LoadWeightsByName(path string, m *nn.Model) (loaded []string, err error) {
	r, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := read(r, size, path)
	if err != nil {
		return nil, err
	}
	return f.assign(m)
}

// Pixels returns the pixels on which the model in a file was trained, or "" if the file does not
// say so. Files that Keras writes do not.
func Pixels(path string) (nn.Pixels, error) {
	r, size, err := open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	f, err := read(r, size, path)
	if err != nil {
		return "", err
	}
	return f.pixels, nil
}

// model makes the model that f describes.
func (f *modelFile) model() (*nn.Model, error) {
	if f.config == "" {
		return nil, f.errorf("the file has weights only, expected a whole model; " +
			"save it with model.save")
	}
	name, layers, specs, err := decodeConfig(f.config)
	if err != nil {
		return nil, f.errorf("%w", err)
	}
	// No weight is read before its shape has been found to be the one that the model needs.
	weights, err := f.byPosition(layers, specs)
	if err != nil {
		return nil, err
	}
	for i, l := range layers {
		for j, w := range weights[i] {
			values, err := w.Float32s()
			if err != nil {
				return nil, err
			}
			l.Weights = append(l.Weights, &nn.Weight{WeightSpec: specs[i][j], Data: values})
		}
	}
	m, err := nn.NewModel(name, layers)
	if err != nil {
		return nil, f.errorf("%w", err)
	}
	m.Pixels = f.pixels
	return m, nil
}

// assign copies the weights of f to the layers of m with the same names.
func (f *modelFile) assign(m *nn.Model) (loaded []string, err error) {
	type assignment struct {
		to     *nn.Weight
		values []float32
	}
	var assignments []assignment
	for k, stored := range f.layers {
		l := m.Layer(stored.name)
		if l == nil {
			continue
		}
		specs := make([]nn.WeightSpec, len(l.Weights))
		for i, w := range l.Weights {
			specs[i] = w.WeightSpec
		}
		if err := f.check(k, l.Name, specs); err != nil {
			return nil, err
		}
		if len(l.Weights) > 0 {
			loaded = append(loaded, l.Name)
		}
		for i, w := range l.Weights {
			values, err := stored.weights[i].Float32s()
			if err != nil {
				return nil, err
			}
			assignments = append(assignments, assignment{w, values})
		}
	}
	for _, a := range assignments {
		copy(a.to.Data, a.values)
	}
	return loaded, nil
}
