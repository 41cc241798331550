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

// narrowest returns the layer whose output has the fewest values. It returns an error if one that
// cannot be used seems to have fewer.
func (g *graph) narrowest() (*nn.Layer, error) {
	var best []*nn.Layer
	ends := g.ends()
	for pass := range 2 {
		for _, l := range g.usable() {
			if !g.narrows[l] || pass == 0 && ends[l] {
				continue
			}
			switch n := size(l.Output); {
			case len(best) == 0 || n < size(best[0].Output):
				best = []*nn.Layer{l}
			case n == size(best[0].Output):
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
				flattened[in] = size(in.Output) == size(l.Output)
			}
		}
	}
	best = slices.DeleteFunc(best, func(l *nn.Layer) bool { return flattened[l] })
	if len(best) == 0 {
		for _, l := range g.layers {
			if err := g.faults[l]; err != nil {
				return nil, fmt.Errorf("layer %s: %w", quote.Short(l.Name), err)
			}
		}
		return nil, fmt.Errorf("the model has no layer that could be the bottleneck; it has %s",
			g.list(g.usable()))
	}
	for _, l := range g.layers {
		shape := g.likely[l]
		if shape != nil && g.narrows[l] && !ends[l] && size(shape) < size(best[0].Output) {
			_, err := g.until(l)
			return nil, fmt.Errorf("the narrowest layer seems to be %s %v, which cannot be used: %w; "+
				"of the others that is %s; choose one by its name",
				quote.Short(l.Name), shape, err, g.list(best))
		}
	}
	if len(best) > 1 {
		return nil, fmt.Errorf("the bottleneck is not clear, as several layers are equally narrow: "+
			"%s; choose one by its name", g.list(best))
	}
	return best[0], nil
}

// computes returns whether layers of a class compute new values, of which there can be few.
func computes(c nn.Class) bool {
	return c == nn.Dense || c == nn.Flatten ||
		strings.Contains(string(c), "Conv2D") || strings.Contains(string(c), "Pooling2D")
}

// ends returns the layers that are outputs of the model and no bottleneck: the classes of a
// classifier, also before their softmax, or an image like the input.
func (g *graph) ends() map[*nn.Layer]bool {
	ends := map[*nn.Layer]bool{}
	index := map[*nn.Layer]int{}
	for i, l := range g.layers {
		index[l] = i
	}
	for _, l := range g.outputs {
		classes := l.Activation == nn.Softmax || l.Class == nn.SoftmaxLayer
		if !classes && size(g.shape(l)) < size(g.layers[0].Output) {
			continue
		}
		ends[l] = true
		for classes && !g.narrows[l] {
			inputs := nn.InputsOf(g.layers, index[l])
			if len(inputs) != 1 {
				break
			}
			l = inputs[0]
			ends[l] = true
		}
	}
	return ends
}

// size returns the number of values of an output.
func size(shape []int) int {
	n := 1
	for _, d := range shape {
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
