package keras

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"imagesimilarity/pkg/hdf5"
	"imagesimilarity/pkg/nn"
)

// A modelFile is a file with a model, or with weights only.
type modelFile struct {
	r      io.ReaderAt
	path   string
	config string // model_config; empty where there is none
	pixels nn.Pixels
	layers []storedLayer
	size   int64 // bytes of the HDF5 file
}

// A storedLayer is a layer's weights in a file, in the order of the layer's variables. They are not
// yet read.
type storedLayer struct {
	name    string
	weights []*hdf5.Object
}

// open opens a file to read it at any place.
func open(path string) (r *os.File, size int64, err error) {
	fail := func(err error) (*os.File, int64, error) {
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			err = p.Err
		}
		return nil, 0, fmt.Errorf("cannot read %s: %w", path, err)
	}
	// A pipe or a terminal could block for ever.
	info, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() {
		return fail(errors.New("not a regular file"))
	}
	if r, err = os.Open(path); err != nil {
		return fail(err)
	}
	return r, info.Size(), nil
}

// errorf returns an error that begins with the name of the file. Errors of package hdf5 already do.
func (f *modelFile) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{f.path}, args...)...)
}

// read finds out what is in a file. The weights stay there until they are asked for.
func read(r io.ReaderAt, size int64, path string) (*modelFile, error) {
	f := &modelFile{r: r, path: path}
	// The name of a file does not tell its format: Keras 2.12 wrote HDF5 files named .keras.
	var start [4]byte
	if _, err := r.ReadAt(start[:], 0); err != nil && err != io.EOF {
		return nil, f.errorf("%w", err)
	}
	if string(start[:]) == zipSignature {
		return f, f.readArchive(size)
	}
	h5, err := hdf5.Open(r, size, path)
	if err != nil {
		return nil, err
	}
	f.size = h5.Size
	if f.config, err = h5.Root.Text("model_config"); err != nil && !errors.Is(err, hdf5.ErrNotFound) {
		return nil, err
	}
	if err := f.readPixels(h5.Root); err != nil {
		return nil, err
	}
	// In a file of weights only, the root has what is in model_weights elsewhere.
	group, err := h5.Root.Open("model_weights")
	if errors.Is(err, hdf5.ErrNotFound) && f.config == "" {
		group, err = h5.Root, nil
	}
	if err != nil {
		return nil, err
	}
	err = f.readLayers(group)
	if errors.Is(err, errNoLayers) {
		err = f.readNamedContainers(h5.Root)
	}
	return f, err
}

// pixelsAttribute is an attribute of the root. Keras does not know it and passes over it.
const pixelsAttribute = "pixels"

func (f *modelFile) readPixels(root *hdf5.Object) error {
	text, err := root.Text(pixelsAttribute)
	if errors.Is(err, hdf5.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.pixels = nn.Pixels(text)
	if f.pixels != nn.RowNormalised && f.pixels != nn.GreyLevels {
		return f.errorf("the attribute %q is %q, expected %q or %q",
			pixelsAttribute, text, nn.RowNormalised, nn.GreyLevels)
	}
	return nil
}

var errNoLayers = errors.New("no layers")

// readLayers reads the layout of Keras 2, which Keras 3 keeps for .h5 files: a group for each
// layer.
func (f *modelFile) readLayers(group *hdf5.Object) error {
	names, err := list(group, "layer_names")
	if errors.Is(err, hdf5.ErrNotFound) {
		return errNoLayers
	}
	if err != nil {
		return err
	}
	// Keras would convert the weights of these.
	if version, err := group.Text("keras_version"); err != nil {
		return fmt.Errorf("%w; expected a file of Keras 2 or 3", err)
	} else if strings.HasPrefix(version, "1") {
		return f.errorf("written by Keras %s, expected Keras 2 or 3", version)
	}
	if backend, err := group.Text("backend"); err == nil && backend == "theano" {
		return f.errorf("written by Keras on Theano, whose filters are upside down; " +
			"expected TensorFlow")
	}
	for _, name := range names {
		layer, err := group.Open(name)
		if err != nil {
			return err
		}
		weightNames, err := list(layer, "weight_names")
		if err != nil {
			return err
		}
		s := storedLayer{name: name}
		for _, name := range weightNames {
			w, err := layer.Open(name)
			if err != nil {
				return err
			}
			s.weights = append(s.weights, w)
		}
		f.layers = append(f.layers, s)
	}
	return f.checkNames()
}

// list returns a list of texts, which may be in parts name0, name1, ...
func list(o *hdf5.Object, name string) ([]string, error) {
	all, err := o.Strings(name)
	if !errors.Is(err, hdf5.ErrNotFound) {
		return all, err
	}
	for i := 0; ; i++ {
		part, e := o.Strings(name + strconv.Itoa(i))
		if errors.Is(e, hdf5.ErrNotFound) {
			if i == 0 {
				return nil, err
			}
			return all, nil
		}
		if e != nil {
			return nil, e
		}
		all = append(all, part...)
	}
}

func (f *modelFile) checkNames() error {
	seen := map[string]bool{}
	for _, l := range f.layers {
		if seen[l.name] {
			return f.errorf("two layers have the name %q", l.name)
		}
		seen[l.name] = true
	}
	return nil
}

// byPosition pairs the layers of a model that have weights with those in the file, in order, and
// checks the shapes. It returns the stored weights of every layer.
func (f *modelFile) byPosition(
	layers []*nn.Layer, specs [][]nn.WeightSpec,
) ([][]*hdf5.Object, error) {
	var with []int // places of the stored layers that have weights
	for i, l := range f.layers {
		if len(l.weights) > 0 {
			with = append(with, i)
		}
	}
	weights := make([][]*hdf5.Object, len(layers))
	expected := 0
	for i, l := range layers {
		if len(specs[i]) == 0 {
			continue
		}
		if expected < len(with) {
			k := with[expected]
			if err := f.check(k, l.Name, specs[i]); err != nil {
				return nil, err
			}
			weights[i] = f.layers[k].weights
		}
		expected++
	}
	if expected != len(with) {
		return nil, f.errorf("weights of %d layers, expected %d as in model_config",
			len(with), expected)
	}
	// Data sets may share their bytes: what is then read could be much more than the file.
	total := int64(0)
	for _, list := range weights {
		for _, w := range list {
			n, err := w.Stored()
			if err != nil {
				return nil, err
			}
			if total += n; total > f.size {
				return nil, f.errorf("the weights have more bytes than the file")
			}
		}
	}
	return weights, nil
}

// check returns an error unless the k-th layer in the file has the weights that the layer named
// name needs. The sentences are those of Keras.
func (f *modelFile) check(k int, name string, specs []nn.WeightSpec) error {
	s := f.layers[k]
	if len(s.weights) != len(specs) {
		return f.errorf("Weight count mismatch for layer #%d (named %s). "+
			"Layer expects %d weight(s). Received %d saved weight(s)",
			k, name, len(specs), len(s.weights))
	}
	for i, w := range s.weights {
		if got, want := tuple(w.Shape), tuple(specs[i].Shape); !w.Dataset || got != want {
			if !w.Dataset {
				got = "of a group"
			}
			return f.errorf("Shape mismatch in layer #%d (named %s) for weight %s/%s:0. "+
				"Weight expects shape %s. Received saved weight with shape %s",
				k, name, name, specs[i].Name, want, got)
		}
		n, err := w.Stored()
		if err != nil {
			return err
		}
		if n == 0 {
			return f.errorf("the weight %s was never written", w.Path)
		}
	}
	return nil
}

// tuple returns a shape as Python prints it.
func tuple(shape []int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, d := range shape {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(d))
	}
	if len(shape) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}
