package keras

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"imagesimilarity/pkg/hdf5"
	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
)

// A File is a file with a model, or with weights only. Weights stay in the file until they are
// asked for.
type File struct {
	r      io.ReaderAt
	close  func() error
	path   string
	size   int64  // bytes of the HDF5 file
	config string // model_config; empty if there is none
	// version is that of Keras, such as "2.15.0"; empty if the file does not say so.
	version string
	pixels  nn.Pixels

	graph      *graph // of the config
	graphError error  // why the config has no graph

	// A file has one of these: weights by layer, or a tree of groups.
	layers     []storedLayer
	containers *hdf5.Object
	twice      bool // containers are counted as Keras 2.12 does: layers with weights twice
}

// A storedLayer is the weights of a layer in an .h5 file, in the order of the layer's variables, or
// those of a network within the model: first all that are trained, then the others.
type storedLayer struct {
	name    string
	names   []string // of the weights
	weights []*hdf5.Object
}

// Open reads what is in a model file, but no weights.
func Open(path string) (*File, error) {
	r, size, err := open(path)
	if err != nil {
		return nil, err
	}
	f, err := read(r, size, path)
	if err != nil {
		r.Close()
		return nil, err
	}
	f.close = r.Close
	return f, nil
}

// Close closes the file.
func (f *File) Close() error { return f.close() }

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
	if info.IsDir() {
		return fail(fmt.Errorf("not a regular file: %w", infile.Folder(path)))
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
func (f *File) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{f.path}, args...)...)
}

// read finds out what is in a file. The weights stay there until they are asked for.
func read(r io.ReaderAt, size int64, path string) (*File, error) {
	f := &File{r: r, path: path}
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
		f.containers, err = f.containerGroup(h5.Root)
	}
	f.readGraph()
	return f, err
}

// readGraph makes the graph of the config.
func (f *File) readGraph() {
	if f.config != "" {
		f.graph, f.graphError = newGraph(f.config, f.version)
	}
}

// pixelsAttribute is an attribute of the root. Keras does not know it and passes over it.
const pixelsAttribute = "pixels"

func (f *File) readPixels(root *hdf5.Object) error {
	text, err := root.Text(pixelsAttribute)
	if errors.Is(err, hdf5.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.pixels = nn.Pixels(text)
	switch f.pixels {
	case nn.RowNormalised, nn.GreyLevels, nn.RawLevels:
		return nil
	}
	return f.errorf("the attribute %q is %s, expected %q, %q or %q",
		pixelsAttribute, quote.Short(text), nn.RowNormalised, nn.GreyLevels, nn.RawLevels)
}

var errNoLayers = errors.New("no layers")

// readLayers reads the layout of Keras 2, which Keras 3 keeps for .h5 files: a group for each
// layer.
func (f *File) readLayers(group *hdf5.Object) error {
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
	} else if f.version = version; strings.HasPrefix(version, "1") {
		return f.errorf("written by Keras %s, expected Keras 2 or 3", quote.Printable(version))
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
		s := storedLayer{name: name, names: weightNames}
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

func (f *File) checkNames() error {
	seen := map[string]bool{}
	for _, l := range f.layers {
		if seen[l.name] {
			return f.errorf("two layers have the name %q", l.name)
		}
		seen[l.name] = true
	}
	return nil
}

// A leaf is a layer with weights: those in the file, and the layers of the graph that are its
// calls.
type leaf struct {
	layers  []*nn.Layer
	index   int // of the layer in the file, for errors
	weights []*hdf5.Object
}

// assign finds the weights of all layers in the file. It does not check their shapes.
func (f *File) assign(g *graph) ([]leaf, error) {
	if f.containers != nil {
		return f.assignContainers(g, f.containers, g.network)
	}
	return f.assignLayers(g)
}

// assignLayers finds weights in an .h5 file: by the names of the layers, if all are there, else by
// their order.
func (f *File) assignLayers(g *graph) ([]leaf, error) {
	byName := map[string]int{}
	var with []int // places of the stored layers that have weights
	for i, s := range f.layers {
		byName[s.name] = i
		if len(s.weights) > 0 {
			with = append(with, i)
		}
	}
	var entries []*entry // those that need weights
	named := true
	for _, e := range g.network.entries {
		if len(g.leavesOf(e)) > 0 {
			entries = append(entries, e)
			_, ok := byName[e.name]
			named = named && ok
		}
	}
	if !named && len(entries) != len(with) {
		return nil, f.errorf("weights of %s, expected %d as in model_config",
			plural.Of(len(with), "layer"), len(entries))
	}
	var leaves []leaf
	for i, e := range entries {
		k := byName[e.name]
		if !named {
			k = with[i]
		}
		part, err := f.split(g, e, k)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, part...)
	}
	return leaves, nil
}

// leavesOf returns the entries with weights in an entry and the networks within it, in order.
func (g *graph) leavesOf(e *entry) []*entry {
	if e.network == nil {
		if g.specsOf(e) == nil {
			return nil
		}
		return []*entry{e}
	}
	var list []*entry
	for _, inner := range e.network.entries {
		list = append(list, g.leavesOf(inner)...)
	}
	return list
}

// specsOf returns the weights of an entry.
func (g *graph) specsOf(e *entry) []nn.WeightSpec {
	for _, l := range g.leaves[e] {
		if specs := g.specs[l]; specs != nil {
			return specs
		}
	}
	return nil
}

// split gives the weights of the k-th layer in the file to the entries within e that they belong
// to.
func (f *File) split(g *graph, e *entry, k int) ([]leaf, error) {
	s := f.layers[k]
	if e.network == nil {
		return []leaf{{g.leaves[e], k, s.weights}}, nil
	}
	entries := g.leavesOf(e)
	weights := make([][]*hdf5.Object, len(entries))
	total := 0
	for i, e := range entries {
		weights[i] = make([]*hdf5.Object, len(g.specsOf(e)))
		total += len(weights[i])
	}
	next := 0
	for _, moving := range []bool{false, true} {
		for i, e := range entries {
			frozen := !g.leaves[e][0].Trainable
			for j, spec := range g.specsOf(e) {
				if (spec.Moving || frozen) != moving {
					continue
				}
				place := next
				if total != len(s.weights) {
					// The file has weights of layers that are not supported.
					place = slices.IndexFunc(s.names, func(name string) bool {
						return isWeight(name, e.name, spec.Name)
					})
				}
				if place < 0 && spec.Name == "count" {
					continue // see used
				}
				if place < 0 {
					return nil, f.errorf("the weight %s of layer %s is not in the group %s",
						quote.Short(spec.Name), quote.Short(e.name), quote.Short(s.name))
				}
				weights[i][j] = s.weights[place]
				next++
			}
		}
	}
	var leaves []leaf
	for i, e := range entries {
		leaves = append(leaves, leaf{g.leaves[e], k, weights[i]})
	}
	return leaves, nil
}

// isWeight returns whether a variable's name, such as encoder/dense/kernel:0, is that of a weight
// of a layer.
func isWeight(variable, layer, weight string) bool {
	variable, _, _ = strings.Cut(variable, ":")
	name := layer + "/" + weight
	return variable == name || strings.HasSuffix(variable, "/"+name)
}

// checkLeaves returns an error unless every layer has the weights that it needs, and unless there
// is memory to read them.
func (f *File) checkLeaves(g *graph, leaves []leaf) error {
	// Data sets may share their bytes: what is then read could be much more than the file.
	total := int64(0)
	var all []*hdf5.Object
	for _, s := range leaves {
		l := s.layers[0]
		weights, specs := used(s.weights, g.specs[l])
		if err := f.check(s.index, l.Name, weights, specs); err != nil {
			return err
		}
		for _, w := range weights {
			n, err := w.Stored()
			if err != nil {
				return err
			}
			if total += n; total > f.size {
				return f.errorf("the weights have more bytes than the file")
			}
		}
		all = append(all, weights...)
	}
	return f.checkMemory(all)
}

// checkMemory returns an error if there is no memory to read the weights one after the other.
func (f *File) checkMemory(weights []*hdf5.Object) error {
	need, scratch := 0.0, 0.0
	for _, w := range weights {
		bytes, err := w.Memory()
		if err != nil {
			return err
		}
		values := 4.0
		for _, d := range w.Shape {
			values *= float64(d)
		}
		need += values
		scratch = max(scratch, float64(bytes)-values)
	}
	return memory.Check(need+scratch, "%s: the weights of the model need", f.path)
}

// used returns the weights that are read, and what they have to be. The count of a Normalization is
// not among them: no prediction uses it, it is a whole number, and Keras 3 does not save it.
func used(weights []*hdf5.Object, specs []nn.WeightSpec) ([]*hdf5.Object, []nn.WeightSpec) {
	last := len(specs) - 1
	if last >= 0 && specs[last].Name == "count" {
		specs = specs[:last]
		if len(weights) > last {
			weights = weights[:last]
		}
	}
	return weights, specs
}

// check returns an error unless weights of the k-th layer in the file are those that the layer
// named name needs. The sentences are those of Keras.
func (f *File) check(k int, name string, weights []*hdf5.Object, specs []nn.WeightSpec) error {
	name = quote.Printable(name)
	if len(weights) != len(specs) {
		return f.errorf("Weight count mismatch for layer #%d (named %s). "+
			"Layer expects %d weight(s). Received %d saved weight(s)",
			k, name, len(specs), len(weights))
	}
	for i, w := range weights {
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
			return f.errorf("the weight %s was never written", quote.Printable(w.Path))
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
