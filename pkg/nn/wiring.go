package nn

import (
	"fmt"
	"slices"
)

// idle are the classes that do nothing in a prediction.
var idle = []Class{
	Dropout, SpatialDropout2D, GaussianNoise, GaussianDropout, AlphaDropout, ActivityRegularization,
	Identity,
}

// A Wiring tells which layers of a prediction take the outputs of which. It leaves out layers that
// do nothing in a prediction: what takes their output takes their input.
type Wiring struct {
	Layers []*Layer            // that do something, in the order of the list
	Inputs map[*Layer][]*Layer // whose outputs a layer takes
	Users  map[*Layer][]*Layer // that take a layer's output; nil stands for who asks for the result
	Result *Layer              // the layer whose output is that of the last layer of the list
}

// NewWiring returns the wiring of layers, of which the first is the input. It returns an error if a
// layer takes the output of one that does not come before it.
func NewWiring(layers []*Layer) (*Wiring, error) {
	w := &Wiring{Inputs: map[*Layer][]*Layer{}, Users: map[*Layer][]*Layer{}}
	source := map[*Layer]*Layer{} // the layer whose output a layer hands on
	for i, l := range layers {
		for _, in := range InputsOf(layers, i) {
			if source[in] == nil {
				return nil, fmt.Errorf("nn: an input of layer %q is missing", l.Name)
			}
			w.Inputs[l] = append(w.Inputs[l], source[in])
		}
		if source[l] = l; slices.Contains(idle, l.Class) {
			source[l] = w.Inputs[l][0]
			continue
		}
		w.Layers = append(w.Layers, l)
		for _, in := range w.Inputs[l] {
			w.Users[in] = append(w.Users[in], l)
		}
	}
	w.Result = source[layers[len(layers)-1]]
	w.Users[w.Result] = append(w.Users[w.Result], nil)
	return w, nil
}

// OnlyUser returns the layer that alone takes the output of l, if it is of that class, and nil
// otherwise.
func (w *Wiring) OnlyUser(l *Layer, c Class) *Layer {
	if u := w.Users[l]; len(u) == 1 && u[0] != nil && u[0].Class == c {
		return u[0]
	}
	return nil
}
