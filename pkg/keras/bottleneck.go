package keras

import (
	"fmt"
	"slices"
	"strings"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/quote"
)

// embedding is the name of the bottleneck of the original's networks.
const embedding = "embedding"

// Bottleneck returns the layer whose output stands for an image. It is the layer of that name, or
// the output of the nested model of that name. For "" it is the layer "embedding", else the one
// whose output has the fewest values, of the layers that compute new ones: Dense, convolutions and
// poolings, and Flatten. A layer's name may lack the names of the models that it is in. found is
// true if the layer was found by its width.
func (f *File) Bottleneck(name string) (l *nn.Layer, found bool, err error) {
	g, err := f.whole()
	if err != nil {
		return nil, false, err
	}
	if name != "" {
		l, err := g.find(name)
		if err == nil && l == nil {
			err = fmt.Errorf("the model has no layer named %s; it has %s",
				quote.Short(name), g.list(g.usable()))
		}
		if err != nil {
			return nil, false, f.errorf("%w", err)
		}
		return l, false, nil
	}
	if l, err := g.find(embedding); err != nil || l != nil {
		if err != nil {
			return nil, false, f.errorf("%w", err)
		}
		return l, false, nil
	}
	if l, err = g.narrowest(); err != nil {
		return nil, false, f.errorf("%w", err)
	}
	return l, true, nil
}

// find returns the layer of a name: the whole name, or its end in one layer only. It returns nil if
// there is none.
func (g *graph) find(name string) (*nn.Layer, error) {
	for _, l := range g.layers {
		if l.Name == name {
			return l, nil
		}
	}
	if l := g.results[name]; l != nil {
		return l, nil
	}
	var like []*nn.Layer
	for _, l := range g.layers {
		if strings.HasSuffix(l.Name, "/"+name) {
			like = append(like, l)
		}
	}
	if len(like) > 1 {
		return nil, fmt.Errorf("several layers are named %s: %s", quote.Short(name), g.list(like))
	}
	if len(like) == 1 {
		return like[0], nil
	}
	return nil, nil
}

// usable returns the layers that can be used and are not the input.
func (g *graph) usable() []*nn.Layer {
	var list []*nn.Layer
	for _, l := range g.layers {
		if l.Output != nil && l.Class != nn.InputLayer && g.faults[l] == nil {
			list = append(list, l)
		}
	}
	return list
}

// narrowest returns the layer whose output has the fewest values.
func (g *graph) narrowest() (*nn.Layer, error) {
	var best []*nn.Layer
	for pass := range 2 {
		for _, l := range g.usable() {
			if !g.narrows[l] || pass == 0 && g.ends(l) {
				continue
			}
			switch n := size(l); {
			case len(best) == 0 || n < size(best[0]):
				best = []*nn.Layer{l}
			case n == size(best[0]):
				best = append(best, l)
			}
		}
		if len(best) > 0 {
			break // only an encoder alone may end with its bottleneck
		}
	}
	// A Flatten has the same values as the layer before it.
	flattened := map[*nn.Layer]bool{}
	for i, l := range g.layers {
		if l.Class == nn.Flatten {
			for _, in := range nn.InputsOf(g.layers, i) {
				flattened[in] = size(in) == size(l)
			}
		}
	}
	best = slices.DeleteFunc(best, func(l *nn.Layer) bool { return flattened[l] })
	switch len(best) {
	case 1:
		return best[0], nil
	case 0:
		for _, l := range g.layers {
			if err := g.faults[l]; err != nil {
				return nil, fmt.Errorf("layer %s: %w", quote.Short(l.Name), err)
			}
		}
		return nil, fmt.Errorf("the model has no layer that could be the bottleneck; it has %s",
			g.list(g.usable()))
	}
	return nil, fmt.Errorf("the bottleneck is not clear, as several layers are equally narrow: %s; "+
		"choose one by its name", g.list(best))
}

// computes returns whether layers of a class compute new values, of which there can be few.
func computes(c nn.Class) bool {
	return c == nn.Dense || c == nn.Flatten ||
		strings.Contains(string(c), "Conv2D") || strings.Contains(string(c), "Pooling2D")
}

// ends returns whether a layer is an output of the model that is no bottleneck: the classes of a
// classifier, or an image like the input.
func (g *graph) ends(l *nn.Layer) bool {
	if !slices.Contains(g.outputs, l) {
		return false
	}
	return l.Activation == nn.Softmax || size(l) >= size(g.layers[0])
}

// size returns the number of values of a layer's output.
func size(l *nn.Layer) int {
	n := 1
	for _, d := range l.Output {
		n *= d
	}
	return n
}

// list names layers with the shapes of their outputs: the first ones, if there are many.
func (g *graph) list(layers []*nn.Layer) string {
	const most = 12
	var names []string
	for i, l := range layers {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(layers)-most))
			break
		}
		names = append(names, fmt.Sprintf("%s %v", quote.Short(l.Name), l.Output))
	}
	if len(names) == 0 {
		return "none that can be used"
	}
	return strings.Join(names, ", ")
}
