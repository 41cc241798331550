package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/quote"
)

// A graph is the layers of a network and of the networks within it, in one list in which a layer
// comes after those whose outputs it takes. They have no weights yet. A layer that package nn
// cannot express is among them; to use it is an error.
type graph struct {
	name    string
	layers  []*nn.Layer
	faults  map[*nn.Layer]error           // why a layer cannot be used
	likely  map[*nn.Layer][]int           // what the output's shape could be if it cannot be derived
	specs   map[*nn.Layer][]nn.WeightSpec // the weights of a layer
	outputs []*nn.Layer
	// results has the layer that a network's name stands for: its output.
	results map[string]*nn.Layer
	network *network
	// leaves are the layers that one entry of a network became: one for each call.
	leaves map[*entry][]*nn.Layer
	// narrows has the layers whose output may be the bottleneck: the last one of each entry of a class
	// that computes new values.
	narrows map[*nn.Layer]bool
	policy  string // the dtype policy, if it is not float32 alone
}

// newGraph makes the layers of a model_config that a version of Keras wrote, "" for an unknown one.
func newGraph(text, version string) (*graph, error) {
	n, err := parseConfig(text)
	if err != nil {
		return nil, err
	}
	g := &graph{
		name:    n.name,
		network: n,
		faults:  map[*nn.Layer]error{},
		likely:  map[*nn.Layer][]int{},
		specs:   map[*nn.Layer][]nn.WeightSpec{},
		results: map[string]*nn.Layer{},
		leaves:  map[*entry][]*nn.Layer{},
		narrows: map[*nn.Layer]bool{},
	}
	b := &builder{
		graph: g, names: map[string]bool{}, keras2: strings.HasPrefix(version, "2"),
	}
	if g.outputs, err = b.network(n, "", nil); err != nil {
		return nil, fmt.Errorf("model_config: %w", err)
	}
	if g.layers[0].Class != nn.InputLayer {
		return nil, errors.New("model_config: the first layer of a model must be an InputLayer")
	}
	g.endWith(g.outputs[0])
	// A layer that takes the output of the one before it does not name it.
	for i, l := range g.layers {
		if i > 0 && len(l.Inputs) == 1 && l.Inputs[0] == g.layers[i-1] {
			l.Inputs = nil
		}
	}
	return g, nil
}

// endWith moves a layer to the end of the list, if no other takes its output. The last layer of a
// list is the model's output.
func (g *graph) endWith(output *nn.Layer) {
	for _, l := range g.layers {
		if slices.Contains(l.Inputs, output) {
			return
		}
	}
	i := slices.Index(g.layers, output)
	g.layers = append(slices.Delete(g.layers, i, i+1), output)
}

// until returns the layers on which the output of l depends, and l as the last, or an error if one
// of them cannot be used.
func (g *graph) until(l *nn.Layer) ([]*nn.Layer, error) {
	sub := nn.Sub(g.layers, slices.Index(g.layers, l))
	for _, l := range sub {
		if err := g.faults[l]; err != nil {
			return nil, fmt.Errorf("layer %s: %w", quote.Short(l.Name), err)
		}
	}
	return sub, nil
}

// A builder makes the layers of a graph.
type builder struct {
	*graph
	names  map[string]bool
	keras2 bool // the model is one of Keras 2
}

// network makes the layers of a network, whose names get a prefix. given are its inputs, nil for
// the outermost network. It returns its outputs.
func (b *builder) network(n *network, prefix string, given []*nn.Layer) ([]*nn.Layer, error) {
	if n.sequential {
		return b.sequence(n, prefix, given)
	}
	run := &run{
		builder: b, network: n, prefix: prefix, given: given,
		index: map[string]int{}, outputs: map[key][]*nn.Layer{}, open: map[key]bool{},
	}
	for i, e := range n.entries {
		run.index[e.name] = i
	}
	for i, e := range n.entries {
		for k := range max(1, len(e.calls)) {
			if _, err := run.call(i, k); err != nil {
				return nil, err
			}
		}
	}
	var outputs []*nn.Layer
	for _, r := range n.outputs {
		if i, ok := run.index[r.name]; ok && r.call > 0 {
			r.call -= n.entries[i].outputOffset
		}
		l, err := run.output(r)
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, l)
	}
	return outputs, nil
}

// sequence makes the layers of a Sequential model.
func (b *builder) sequence(n *network, prefix string, given []*nn.Layer) ([]*nn.Layer, error) {
	entries := n.entries
	var last *nn.Layer
	if given != nil {
		if len(given) != 1 {
			return nil, fmt.Errorf("the model %s takes %d outputs, expected one",
				quote.Short(n.name), len(given))
		}
		last = given[0]
		if entries[0].class == string(nn.InputLayer) {
			entries = entries[1:]
		}
	} else if entries[0].class != string(nn.InputLayer) {
		// Keras makes an InputLayer of the shape that was given to the first layer.
		input := &entry{
			class: string(nn.InputLayer), name: n.name + "_input", config: members{},
		}
		if shape := n.inputShape(); shape != nil {
			input.config["batch_input_shape"] = shape
		}
		entries = append([]*entry{input}, entries...)
	}
	for _, e := range entries {
		var inputs []*nn.Layer
		if last != nil {
			inputs = []*nn.Layer{last}
		}
		outputs, err := b.entry(e, 0, call{}, prefix, inputs)
		if err != nil {
			return nil, err
		}
		if len(outputs) != 1 {
			return nil, fmt.Errorf("layer %s has %d outputs, expected one in a Sequential model",
				quote.Short(prefix+e.name), len(outputs))
		}
		last = outputs[0]
	}
	if last == nil {
		return nil, fmt.Errorf("the model %s has no layers", quote.Short(n.name))
	}
	return []*nn.Layer{last}, nil
}

// inputShape returns the shape of the input with the batch, as JSON, or nil if it is not known.
func (n *network) inputShape() json.RawMessage {
	first := n.entries[0]
	for _, key := range []string{"batch_shape", "batch_input_shape"} {
		if shape := first.config[key]; shape != nil {
			return shape
		}
	}
	if n.sequential && n.shape != nil {
		return n.shape
	}
	if first.network != nil {
		return first.network.inputShape()
	}
	return nil
}

// A key is a call of an entry of a network.
type key struct{ entry, call int }

// A run makes the layers of one call of a Functional model.
type run struct {
	*builder
	network *network
	prefix  string
	given   []*nn.Layer
	index   map[string]int // of the entries by name
	outputs map[key][]*nn.Layer
	open    map[key]bool // calls whose inputs are being made
}

// output makes the layer that has an output.
func (r *run) output(of ref) (*nn.Layer, error) {
	i, ok := r.index[of.name]
	if !ok {
		return nil, fmt.Errorf("there is no layer %s, whose output is taken",
			quote.Short(r.prefix+of.name))
	}
	outputs, err := r.call(i, of.call-r.network.entries[i].offset)
	if err != nil {
		return nil, err
	}
	if of.output < 0 || of.output >= len(outputs) {
		return nil, fmt.Errorf("layer %s has %d outputs; that with index %d is taken",
			quote.Short(r.prefix+of.name), len(outputs), of.output)
	}
	return outputs[of.output], nil
}

// call makes the layers of a call of an entry, after those of its inputs. It returns the outputs.
func (r *run) call(i, k int) ([]*nn.Layer, error) {
	e := r.network.entries[i]
	at := key{i, k}
	if outputs, ok := r.outputs[at]; ok {
		return outputs, nil
	}
	name := quote.Short(r.prefix + e.name)
	if k < 0 || k >= max(1, len(e.calls)) {
		return nil, fmt.Errorf("layer %s is called %d times; the output of another call is taken",
			name, len(e.calls))
	}
	if r.open[at] {
		return nil, fmt.Errorf("layer %s takes its own output, by way of others", name)
	}
	r.open[at] = true
	place := -1 // among the inputs, of which the outermost network gets none
	if r.given != nil {
		place = slices.IndexFunc(r.network.inputs, func(in ref) bool { return in.name == e.name })
	}
	if place >= 0 {
		if place >= len(r.given) {
			return nil, fmt.Errorf("layer %s gets no input", name)
		}
		r.outputs[at] = r.given[place : place+1]
		return r.outputs[at], nil
	}
	var c call
	var inputs []*nn.Layer
	if k < len(e.calls) {
		c = e.calls[k]
		for _, ref := range c.inputs {
			l, err := r.output(ref)
			if err != nil {
				return nil, err
			}
			inputs = append(inputs, l)
		}
	}
	outputs, err := r.entry(e, k, c, r.prefix, inputs)
	if err != nil {
		return nil, err
	}
	r.outputs[at] = outputs
	return outputs, nil
}

// entry makes the layers of the k-th call of an entry and returns the outputs.
func (b *builder) entry(
	e *entry, k int, c call, prefix string, inputs []*nn.Layer,
) ([]*nn.Layer, error) {
	name := prefix + e.name
	if e.network != nil {
		if inputs == nil && len(b.layers) > 0 {
			return nil, fmt.Errorf("the model %s has no input", quote.Short(name))
		}
		inner := name + "/"
		if k > 0 {
			inner = fmt.Sprintf("%s:%d/", name, k)
		}
		outputs, err := b.network(e.network, inner, inputs)
		if err == nil && k == 0 {
			b.results[name] = outputs[0]
		}
		return outputs, err
	}
	if k > 0 {
		name = fmt.Sprintf("%s:%d", name, k)
	}
	l, err := b.layer(e, c, name, inputs)
	if err != nil {
		return nil, err
	}
	return []*nn.Layer{l}, nil
}

// layer makes a layer. If its activation becomes layers, too, the last one has the name of the
// entry.
func (b *builder) layer(e *entry, c call, name string, inputs []*nn.Layer) (*nn.Layer, error) {
	b.readPolicy(e)
	l, activation, err := e.layer(b.keras2)
	switch {
	case err != nil:
	case c.training && (l.Class == nn.BatchNormalization || l.Class == nn.Dropout):
		err = errors.New("it is called with training=True")
	case l.Class == nn.InputLayer && len(inputs) > 0:
		err = errors.New("an InputLayer takes no output")
	case l.Class != nn.InputLayer && len(inputs) == 0:
		err = errors.New("it has no input; only models with a single input are supported")
	}
	if err != nil {
		unusable := &nn.Layer{Class: nn.Class(e.class), Name: name, Inputs: inputs}
		b.faults[unusable] = err
		b.narrows[unusable] = computes(unusable.Class)
		if len(inputs) > 0 {
			b.likely[unusable] = b.shape(inputs[0]) // as after a normalisation or a sampling
		}
		if l := e.inactive(); l != nil && b.guess(l, inputs) {
			b.likely[unusable] = l.Output
		}
		return unusable, b.add(unusable)
	}
	chain := append([]*nn.Layer{l}, activation...)
	of := e // has the weights of the first one
	for i, part := range chain {
		part.Name = name + strings.Repeat("/"+e.name, len(chain)-1-i)
		if err := b.connect(of, part, inputs); err != nil {
			return nil, err
		}
		of, inputs = nil, []*nn.Layer{part}
	}
	last := chain[len(chain)-1]
	b.narrows[last] = computes(l.Class)
	return last, nil
}

// connect adds a layer and derives its output. e is the entry whose weights it has, nil if it has
// none.
func (b *builder) connect(e *entry, l *nn.Layer, inputs []*nn.Layer) error {
	l.Inputs = inputs
	if err := b.add(l); err != nil {
		return err
	}
	if l.Class == nn.InputLayer {
		if len(b.layers) > 1 {
			b.faults[l] = errors.New("it is a second input; only models with a single input are supported")
		}
		l.Inputs = nil
		return nil
	}
	if e != nil {
		b.leaves[e] = append(b.leaves[e], l)
	}
	for _, in := range inputs {
		if b.faults[in] != nil || in.Output == nil {
			// Its own fault is told if the layer is used: it depends on that one.
			if b.guess(l, inputs) {
				b.likely[l] = l.Output
			}
			l.Output = nil
			return nil
		}
	}
	specs, err := l.Connect(inputs)
	if err != nil {
		b.faults[l] = err
		l.Output = nil
	}
	b.specs[l] = specs
	return nil
}

// guess derives the output of l from the likely shapes of its inputs. It reports whether it can.
func (b *builder) guess(l *nn.Layer, inputs []*nn.Layer) bool {
	var like []*nn.Layer
	for _, in := range inputs {
		shape := b.shape(in)
		if shape == nil {
			return false
		}
		like = append(like, &nn.Layer{Output: shape})
	}
	_, err := l.Connect(like)
	return err == nil
}

// shape returns the shape of a layer's output, or the likely one, or nil if there is none.
func (g *graph) shape(l *nn.Layer) []int {
	if l.Output != nil {
		return l.Output
	}
	return g.likely[l]
}

// add adds a layer to the list.
func (b *builder) add(l *nn.Layer) error {
	if len(b.layers) >= maxLayers {
		return fmt.Errorf("more than %d layers", maxLayers)
	}
	if b.names[l.Name] {
		return fmt.Errorf("two layers have the name %s", quote.Short(l.Name))
	}
	b.names[l.Name] = true
	b.layers = append(b.layers, l)
	return nil
}

// readPolicy notes the first dtype policy of a layer other than float32. Package nn computes in
// float32, whatever the policy.
func (b *builder) readPolicy(e *entry) {
	if b.policy != "" {
		return
	}
	// Keras 2: "float32" or {"class_name": "Policy", "config": {"name": "mixed_float16"}}
	var policy string
	if json.Unmarshal(e.config["dtype"], &policy) != nil {
		var object struct{ Config members }
		if json.Unmarshal(e.config["dtype"], &object) != nil ||
			object.Config.get("name", &policy) != nil {
			return
		}
	}
	if strings.Contains(policy, "float") && policy != "float32" {
		b.policy = policy
	}
}
