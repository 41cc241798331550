package keras

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"imagesimilarity/pkg/hdf5"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
)

// A Transfer is a layer that got its weights from a layer of a file.
type Transfer struct{ Layer, From string }

// A source is a layer of a file with weights.
type source struct {
	name    string
	class   nn.Class  // "" if the file does not tell it
	layer   *nn.Layer // of the file's graph; nil if it has none
	weights []*hdf5.Object
	index   int // in the file
}

// TransferWeights copies weights from the file to m. The layers of m up to that named until must
// all get theirs. If the file has their names, they go by name, and the other layers of m that are
// in the file get weights, too. Else the layers up to until go by class and order, whatever their
// names: Keras counts the names of layers on in a session's second model. If a layer finds none,
// the error names it and m stays as it was.
func (f *File) TransferWeights(m *nn.Model, until string) ([]Transfer, error) {
	sources, err := f.sources()
	if err != nil {
		return nil, err
	}
	byName := map[string]source{}
	for _, s := range sources {
		byName[s.name] = s
	}
	last := slices.IndexFunc(m.Layers, func(l *nn.Layer) bool { return l.Name == until })
	if last < 0 {
		return nil, fmt.Errorf("the model has no layer named %s", quote.Short(until))
	}
	var encoder []*nn.Layer
	named := true
	ofEncoder := f.encoderSources(sources, until)
	for _, l := range nn.Sub(m.Layers, last) {
		if len(l.Weights) > 0 {
			encoder = append(encoder, l)
			named = named && slices.ContainsFunc(ofEncoder, func(s source) bool {
				return s.name == l.Name
			})
		}
	}
	from := map[*nn.Layer]source{}
	if named {
		for _, l := range m.Layers {
			if s, ok := byName[l.Name]; ok && len(l.Weights) > 0 {
				from[l] = s
			}
		}
	} else if from, err = f.byClass(encoder, ofEncoder); err != nil {
		return nil, err
	}
	values := map[*nn.Weight][]float32{}
	var transfers []Transfer
	var weights []*hdf5.Object
	for _, l := range m.Layers {
		s, ok := from[l]
		if !ok {
			continue
		}
		if err := f.check(s.index, l.Name, s.weights, specsOf(l)); err != nil {
			return nil, err
		}
		weights = append(weights, s.weights...)
	}
	if err := f.checkMemory(weights); err != nil {
		return nil, err
	}
	for _, l := range m.Layers {
		s, ok := from[l]
		if !ok {
			continue
		}
		for i, w := range l.Weights {
			if values[w], err = s.weights[i].Float32s(); err != nil {
				return nil, err
			}
		}
		transfers = append(transfers, Transfer{l.Name, s.name})
	}
	for w, v := range values {
		copy(w.Data, v)
	}
	return transfers, nil
}

// encoderSources returns those sources on which the output of the layer named until depends. They
// are all sources if the file does not tell.
func (f *File) encoderSources(sources []source, until string) []source {
	if f.graph == nil {
		return sources
	}
	l, err := f.graph.find(until)
	if err != nil || l == nil {
		return sources
	}
	sub := nn.Sub(f.graph.layers, slices.Index(f.graph.layers, l))
	return slices.DeleteFunc(slices.Clone(sources), func(s source) bool {
		return !slices.Contains(sub, s.layer)
	})
}

// byClass pairs layers with the sources of their class, in order.
func (f *File) byClass(layers []*nn.Layer, sources []source) (map[*nn.Layer]source, error) {
	from := map[*nn.Layer]source{}
	var without []string
	next := map[nn.Class]int{}
	for _, l := range layers {
		i := next[l.Class]
		for i < len(sources) && !sources[i].like(l) {
			i++
		}
		next[l.Class] = min(i+1, len(sources))
		if i == len(sources) || !sameShapes(sources[i].weights, l.Weights) {
			without = append(without, quote.Short(l.Name))
			continue
		}
		from[l] = sources[i]
	}
	if len(without) > 0 {
		return nil, f.errorf("no weights for the layers %s: the file has no layers of these names, "+
			"and those of their classes have other shapes or are too few",
			strings.Join(without, ", "))
	}
	return from, nil
}

// like returns whether a source could be a layer of l's class.
func (s source) like(l *nn.Layer) bool {
	if s.class != "" {
		return s.class == l.Class
	}
	if len(s.weights) != len(l.Weights) {
		return false
	}
	for i, w := range s.weights {
		if len(w.Shape) != len(l.Weights[i].Shape) {
			return false
		}
	}
	return true
}

func sameShapes(stored []*hdf5.Object, weights []*nn.Weight) bool {
	return slices.EqualFunc(stored, weights, func(s *hdf5.Object, w *nn.Weight) bool {
		return s.Dataset && slices.Equal(s.Shape, w.Shape)
	})
}

func specsOf(l *nn.Layer) []nn.WeightSpec {
	var specs []nn.WeightSpec
	for _, w := range l.Weights {
		specs = append(specs, w.WeightSpec)
	}
	return specs
}

// sources returns the layers of the file that have weights, in the order of the model.
func (f *File) sources() ([]source, error) {
	if f.graph != nil {
		leaves, err := f.assign(f.graph)
		if err != nil {
			return nil, err
		}
		var list []source
		for _, s := range leaves {
			l := s.layers[0]
			name := l.Name[strings.LastIndexByte(l.Name, '/')+1:]
			list = append(list, source{name, l.Class, l, s.weights, s.index})
		}
		return list, nil
	}
	if f.containers != nil {
		return f.containedSources(f.containers, nil, 0)
	}
	var list []source
	for k, s := range f.layers {
		// A network within the model has the weights of all its layers in one list.
		byLayer := map[string]int{}
		for i, w := range s.weights {
			layer, _, _ := cutLast(s.names[i])
			if len(s.names) == len(s.weights) && strings.Contains(layer, "/") {
				_, layer, _ = cutLast(layer)
			}
			at, ok := byLayer[layer]
			if !ok {
				at = len(list)
				byLayer[layer] = at
				list = append(list, source{name: layer, index: k})
			}
			list[at].weights = append(list[at].weights, w)
		}
		if len(byLayer) == 1 {
			list[len(list)-1].name = s.name // its variables may have kept another
		}
	}
	return list, nil
}

// cutLast splits a path before its last name.
func cutLast(path string) (before, last string, found bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return path, path, false
	}
	return path[:i], path[i+1:], true
}

// containedSources appends the layers of the containers in a group. Their names are those that only
// newer versions of Keras write, else those of the groups.
func (f *File) containedSources(group *hdf5.Object, list []source, depth int) ([]source, error) {
	if depth > maxDepth {
		return nil, f.errorf("models within models, deeper than %d", maxDepth)
	}
	names, err := group.Names()
	if err != nil {
		return nil, err
	}
	// conv2d, conv2d_1, …, conv2d_10
	slices.SortStableFunc(names, func(a, b string) int {
		baseA, countA := counted(a)
		baseB, countB := counted(b)
		return cmp.Or(strings.Compare(baseA, baseB), countA-countB)
	})
	for _, name := range names {
		container, err := group.Open(name)
		if err != nil {
			return nil, err
		}
		if inner, err := f.containerGroup(container); err == nil {
			if list, err = f.containedSources(inner, list, depth+1); err != nil {
				return nil, err
			}
			continue
		}
		vars, err := container.Open("vars")
		if err != nil {
			return nil, err
		}
		weights, err := variables(vars)
		if err != nil {
			return nil, err
		}
		if len(weights) == 0 {
			continue
		}
		if layer, err := vars.Text("name"); err == nil {
			name = layer
		}
		list = append(list, source{name: name, weights: weights, index: len(list)})
	}
	return list, nil
}

// counted splits a name into what Keras counts and the count.
func counted(name string) (base string, count int) {
	i := strings.LastIndexByte(name, '_')
	if i < 0 {
		return name, 0
	}
	count, err := strconv.Atoi(name[i+1:])
	if err != nil {
		return name, 0
	}
	return name[:i], count
}

// An Encoder describes the encoder of nn.AutoencoderConfig and nn.ClassifierConfig.
type Encoder struct {
	FilterSize int
	Filters    []int
	Embedding  int
}

func (e Encoder) String() string {
	var filters []string
	for _, n := range e.Filters {
		filters = append(filters, strconv.Itoa(n))
	}
	last := len(filters) - 1
	list := filters[last]
	if last > 0 {
		list = strings.Join(filters[:last], ", ") + " and " + list
	}
	return fmt.Sprintf("%s, %s filters of %dx%d, embedding %d",
		plural.Of(len(filters), "layer"), list, e.FilterSize, e.FilterSize, e.Embedding)
}

// Encoder returns the sizes of the encoder in the file, if it is like that of the two networks of
// package nn; dropout may differ. A file of weights only tells no more than their shapes.
func (f *File) Encoder() (e Encoder, ok bool) {
	sources, err := f.sources()
	if err != nil {
		return e, false
	}
	var kernels, dense [][]int
	for _, s := range sources {
		if len(s.weights) == 0 {
			continue
		}
		switch shape := s.weights[0].Shape; len(shape) {
		case 4:
			kernels = append(kernels, shape)
		case 2:
			dense = append(dense, shape)
		}
	}
	if len(dense) == 2 {
		kernels = kernels[:len(kernels)/2] // an autoencoder: a mirror image and the last convolution
	}
	if len(dense) == 0 || len(kernels) == 0 {
		return e, false
	}
	e.FilterSize, e.Embedding = kernels[0][0], dense[0][1]
	for _, shape := range kernels {
		e.Filters = append(e.Filters, shape[3])
	}
	return e, f.config == "" || f.hasEncoder(e)
}

// hasEncoder returns whether the layers up to the embedding are those of an encoder, but dropout.
func (f *File) hasEncoder(e Encoder) bool {
	if f.graphError != nil {
		return false
	}
	last, err := f.graph.find(embedding)
	if err != nil || last == nil {
		return false
	}
	layers, err := f.graph.until(last)
	if err != nil {
		return false
	}
	in := layers[0].Output
	if len(in) != 3 {
		return false
	}
	want, err := nn.ClassifierConfig{
		Rows: in[0], Cols: in[1], FilterSize: e.FilterSize, Filters: e.Filters,
		Embedding: e.Embedding, FullyConnected: 1, Classes: 1,
	}.Layers()
	if err != nil {
		return false
	}
	if _, err := nn.Connect(want); err != nil {
		return false
	}
	isEmbedding := func(l *nn.Layer) bool { return l.Name == embedding }
	want = want[:slices.IndexFunc(want, isEmbedding)+1]
	isDropout := func(l *nn.Layer) bool { return l.Class == nn.Dropout }
	chain := func(l *nn.Layer) bool { return len(l.Inputs) < 2 }
	for _, l := range layers {
		if !chain(l) {
			return false
		}
	}
	return slices.EqualFunc(
		slices.DeleteFunc(layers, isDropout), slices.DeleteFunc(want, isDropout), sameLayer)
}

// sameLayer returns whether two layers differ in their names only, and in whether they are frozen.
func sameLayer(a, b *nn.Layer) bool {
	if a.Class != b.Class || !slices.Equal(a.Output, b.Output) {
		return false
	}
	for _, p := range a.Class.Parameters() {
		if p.Get != nil && p.Key != "trainable" && fmt.Sprint(p.Get(a)) != fmt.Sprint(p.Get(b)) {
			return false
		}
	}
	return true
}
