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
	"slices"
	"strings"

	"imagesimilarity/pkg/memory"
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
	write, err := content(path, m, loss, opt)
	if err != nil {
		return err
	}
	return outfile.Write(path, write)
}

// SaveNew is Save for a file that must replace no other. It returns the name of the file, which
// outfile.WriteNew chooses.
func SaveNew(path string, m *nn.Model, loss nn.Loss, opt nn.Optimizer) (saved string, err error) {
	write, err := content(path, m, loss, opt)
	if err != nil {
		return "", err
	}
	return outfile.WriteNew(path, write)
}

// content returns what writes the content of the file path.
func content(
	path string, m *nn.Model, loss nn.Loss, opt nn.Optimizer,
) (write func(w io.Writer) error, err error) {
	// The file as a whole, a slice that grows.
	need := 0.0
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			need += float64(4 * len(w.Data))
		}
	}
	if err := memory.Check(2.5*need, "%s: the model as a file needs", path); err != nil {
		return nil, fmt.Errorf("cannot write %w", err)
	}
	b, err := encode(m, loss, opt)
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", path, err)
	}
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}, nil
}

// Load reads a model with its weights, up to its output: the first if there are several. How it was
// compiled and the state of its optimizer are not read. If a layer that the output needs cannot be
// expressed in package nn, the error names it.
func Load(path string) (*nn.Model, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Model(nil)
}

// whole returns the graph of a file that has a whole model.
func (f *File) whole() (*graph, error) {
	if f.config == "" {
		return nil, f.errorf("the file has weights only, expected a whole model; " +
			"save it with model.save")
	}
	if f.graphError != nil {
		return nil, f.errorf("%w", f.graphError)
	}
	return f.graph, nil
}

// Policy returns the dtype policy of a model that Keras does not compute in float32 alone, such as
// "mixed_float16", and "" for others. Package nn computes in float32.
func (f *File) Policy() string {
	if f.graph == nil {
		return ""
	}
	return f.graph.policy
}

// Pixels returns the pixels on which the model was trained, or "" if the file does not say so.
// Files that Keras writes do not.
func (f *File) Pixels() nn.Pixels { return f.pixels }

// Input returns the shape of one sample of the model, or nil if the file has weights only.
func (f *File) Input() []int {
	if f.graph == nil {
		return nil
	}
	return f.graph.layers[0].Output
}

// Model reads the part of the model on which the output of one of its layers depends. That layer is
// the last. nil stands for the one whose output is the model's; the first, if there are several.
func (f *File) Model(until *nn.Layer) (*nn.Model, error) {
	g, err := f.whole()
	if err != nil {
		return nil, err
	}
	if until == nil {
		until = g.outputs[0]
	}
	layers, err := g.until(until)
	if err != nil {
		return nil, f.errorf("%w", err)
	}
	stored, err := f.assign(g)
	if err != nil {
		return nil, err
	}
	need := map[*nn.Layer]bool{}
	for _, l := range layers {
		need[l] = true
	}
	var leaves []leaf
	for _, s := range stored {
		// A layer that is called several times stands there as often; the weights are one.
		of := slices.DeleteFunc(slices.Clone(s.layers), func(l *nn.Layer) bool { return !need[l] })
		if len(of) > 0 {
			s.layers = of
			leaves = append(leaves, s)
		}
	}
	// No weight is read before its shape has been found to be the one that the model needs.
	if err := f.checkLeaves(g, leaves); err != nil {
		return nil, err
	}
	weights := map[*nn.Layer][]*nn.Weight{}
	for _, s := range leaves {
		var list []*nn.Weight
		needed := g.specs[s.layers[0]]
		stored, _ := used(s.weights, needed)
		for i, w := range stored {
			values, err := w.Float32s()
			if err != nil {
				return nil, err
			}
			list = append(list, &nn.Weight{WeightSpec: needed[i], Data: values})
		}
		for _, spec := range needed[len(list):] {
			list = append(list, nn.NewWeight(spec))
		}
		for _, l := range s.layers {
			weights[l] = list
		}
	}
	m, err := nn.NewModel(g.name, part(layers, weights))
	if err != nil {
		return nil, f.errorf("%w", err)
	}
	m.Pixels = f.pixels
	return m, nil
}

// part returns copies of layers, with weights, that take the outputs of one another. A layer that
// takes the output of the one before it does not name it.
func part(layers []*nn.Layer, weights map[*nn.Layer][]*nn.Weight) []*nn.Layer {
	var copies []*nn.Layer
	of := map[*nn.Layer]*nn.Layer{}
	for i, l := range layers {
		c := *l
		c.Weights = weights[l]
		c.Inputs = nil
		if l.Inputs != nil && (len(l.Inputs) > 1 || l.Inputs[0] != layers[i-1]) {
			for _, in := range l.Inputs {
				c.Inputs = append(c.Inputs, of[in])
			}
		}
		of[l] = &c
		copies = append(copies, &c)
	}
	return copies
}
