package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/quote"
)

// A network is a model as a model_config describes it. Keras 2 and 3 differ in a few places; each
// is told below.
type network struct {
	name            string
	entries         []*entry
	sequential      bool
	inputs, outputs []ref // of a Functional model
	// shape is that of the input of a Sequential model with the batch, if no InputLayer has it.
	shape json.RawMessage
}

// An entry is a layer of a network, or a network within it.
type entry struct {
	class   string
	name    string
	config  members
	network *network // nil for a layer
	calls   []call
	// offset is the number that the first of the calls has in the inputs of other layers. In the
	// outputs of the network it may be outputOffset.
	offset, outputOffset int
}

// A call is one use of a layer: the outputs that it takes, in order.
type call struct {
	inputs   []ref
	training bool // the call asks for what the layer does in training
}

// A ref is an output of a layer: that of a call, and which of its outputs.
type ref struct {
	name         string
	call, output int
}

// members are those of a JSON object. Their keys are exact, unlike those of encoding/json's
// structs.
type members map[string]json.RawMessage

const (
	// maxConfig bounds a model_config in bytes. Keras writes about 1000 for a layer; what is made of
	// it may take 100 times the memory.
	maxConfig = 1 << 19
	// maxDepth bounds the networks that lie in one another.
	maxDepth = 8
	// maxCalls bounds the calls of a layer.
	maxCalls = 1000
	// maxLayers bounds the layers of a model, with the repetitions of a network that is called often.
	maxLayers = 10_000
)

// parseConfig parses a model_config.
func parseConfig(text string) (*network, error) {
	if len(text) > maxConfig {
		return nil, fmt.Errorf("model_config: more than %d bytes", maxConfig)
	}
	var m members
	var class string
	err := decode([]byte(text), &m)
	if err == nil {
		err = m.get("class_name", &class)
	}
	if err == nil && networkKind(class) == notNetwork {
		err = fmt.Errorf("a model of class %s, expected Functional or Sequential", quote.Short(class))
	}
	var n *network
	if err == nil {
		n, err = parseNetwork(m["config"], networkKind(class) == sequential, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("model_config: %w", err)
	}
	return n, nil
}

// parseEntry parses a layer or a network that lies in depth others.
func parseEntry(text []byte, depth int) (*entry, error) {
	var m members
	if err := decode(text, &m); err != nil {
		return nil, err
	}
	e := &entry{}
	if err := m.get("class_name", &e.class); err != nil {
		return nil, err
	}
	// A class of the user's own is "Package>Class".
	e.class = e.class[strings.LastIndexByte(e.class, '>')+1:]
	kind := networkKind(e.class)
	if kind == notNetwork {
		if err := m.get("config", &e.config); err != nil {
			return nil, err
		}
	} else {
		if depth >= maxDepth {
			return nil, fmt.Errorf("models within models, deeper than %d", maxDepth)
		}
		var err error
		if e.network, err = parseNetwork(m["config"], kind == sequential, depth+1); err != nil {
			return nil, err
		}
		e.name = e.network.name
	}
	if err := e.config.get("name", &e.name); err != nil {
		return nil, err
	}
	outer := e.name // a Sequential model has names only in the configurations
	if err := m.get("name", &outer); err != nil {
		return nil, err
	}
	if outer == "" {
		return nil, fmt.Errorf("a layer of class %s without a name", quote.Short(e.class))
	}
	if e.name != outer && e.name != "" && e.network == nil {
		return nil, fmt.Errorf("layer %s: it is named %s in its config",
			quote.Short(outer), quote.Short(e.name))
	}
	e.name = outer
	return e, e.parseCalls(m["inbound_nodes"])
}

const (
	notNetwork = iota
	functional
	sequential
)

// networkKind returns whether a class is one of networks. Model is the name of Functional before
// Keras 2.3.
func networkKind(class string) int {
	switch class {
	case "Functional", "Model":
		return functional
	case "Sequential":
		return sequential
	}
	return notNetwork
}

// parseNetwork parses the configuration of a network.
func parseNetwork(text []byte, sequential bool, depth int) (*network, error) {
	n := &network{sequential: sequential}
	var m members
	if sequential && strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		m = members{"layers": text} // before Keras 2.3
	} else if err := decode(text, &m); err != nil {
		return nil, err
	}
	if err := m.get("name", &n.name); err != nil {
		return nil, err
	}
	var layers []json.RawMessage
	if err := m.get("layers", &layers); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for i, text := range layers {
		if string(text) == "null" {
			return nil, fmt.Errorf("layer %d is null", i)
		}
		e, err := parseEntry(text, depth)
		if err != nil {
			return nil, err
		}
		if names[e.name] {
			return nil, fmt.Errorf("two layers have the name %s", quote.Short(e.name))
		}
		names[e.name] = true
		n.entries = append(n.entries, e)
	}
	if len(n.entries) == 0 {
		return nil, fmt.Errorf("the model %s has no layers", quote.Short(n.name))
	}
	if sequential {
		n.shape = m["build_input_shape"]
		return n, nil
	}
	var err error
	if n.inputs, err = m.refs("input_layers"); err != nil {
		return nil, err
	}
	if n.outputs, err = m.refs("output_layers"); err != nil {
		return nil, err
	}
	if len(n.outputs) == 0 {
		return nil, fmt.Errorf("the model %s has no output", quote.Short(n.name))
	}
	return n, nil
}

// parseCalls parses the inbound_nodes of a layer, one for each call.
func (e *entry) parseCalls(text []byte) error {
	if text == nil {
		return nil
	}
	var nodes []any
	if err := decode(text, &nodes); err != nil {
		return fmt.Errorf("layer %s: inbound_nodes: %w", quote.Short(e.name), err)
	}
	if len(nodes) > maxCalls {
		return fmt.Errorf("layer %s is called %d times, expected at most %d",
			quote.Short(e.name), len(nodes), maxCalls)
	}
	for _, node := range nodes {
		var c call
		if object, ok := node.(map[string]any); ok {
			// Keras 3: {"args": [{"class_name": "__keras_tensor__",
			//                      "config": {"keras_history": [name, 0, 0]}}], "kwargs": {}}
			c.inputs = refs(object["args"], nil)
			c.inputs = refs(object["kwargs"], c.inputs)
			c.training = inTraining(object["kwargs"])
			// Keras 3 counts the call with which a Functional model was made, but in outputs only.
			if e.network != nil && !e.network.sequential {
				e.outputOffset = 1
			}
		} else {
			// Keras 2: [[name, 0, 0, {}], …], the last with the keywords of the call
			c.inputs = refs(node, nil)
			if list, ok := node.([]any); ok && len(list) > 0 {
				if first, ok := list[0].([]any); ok && len(first) > 3 {
					c.training = inTraining(first[3])
				}
			}
			// Keras 2 counts the call with which a network was made.
			if e.network != nil && e.network.entries[0].class == string(nn.InputLayer) {
				e.offset = 1
			}
		}
		e.calls = append(e.calls, c)
	}
	return nil
}

// inTraining returns whether the keywords of a call have training=True.
func inTraining(keywords any) bool {
	m, _ := keywords.(map[string]any)
	return m["training"] == true
}

// refs appends the outputs that v denotes to list. In Keras 2 an output is [name, 0, 0], perhaps in
// further brackets, in Keras 3 the keras_history of a tensor.
func refs(v any, list []ref) []ref {
	switch v := v.(type) {
	case []any:
		if r, ok := asRef(v); ok {
			return append(list, r)
		}
		for _, item := range v {
			list = refs(item, list)
		}
	case map[string]any:
		if config, ok := v["config"].(map[string]any); ok && v["class_name"] == "__keras_tensor__" {
			return refs(config["keras_history"], list)
		}
	}
	return list
}

func asRef(v []any) (ref, bool) {
	if len(v) < 3 {
		return ref{}, false
	}
	name, named := v[0].(string)
	call, called := v[1].(float64)
	output, put := v[2].(float64)
	r := ref{name, int(call), int(output)}
	return r, named && called && put && float64(r.call) == call && float64(r.output) == output
}

// refs returns the outputs that a member denotes. Those with names come in the order of these.
func (m members) refs(key string) ([]ref, error) {
	var v any
	if err := m.get(key, &v); err != nil {
		return nil, err
	}
	named, ok := v.(map[string]any)
	if !ok {
		return refs(v, nil), nil
	}
	var list []ref
	for _, name := range slices.Sorted(maps.Keys(named)) {
		list = refs(named[name], list)
	}
	return list, nil
}

// get decodes a member into v. It leaves v as it is if there is no such member.
func (m members) get(key string, v any) error {
	text, ok := m[key]
	if !ok {
		return nil
	}
	if err := decode(text, v); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// decode decodes a JSON text into v. Its errors do not show Go's types.
func decode(text []byte, v any) error {
	err := json.Unmarshal(text, v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s, expected %s", article(wrong.Value), expected(wrong.Type))
	}
	return err
}

// article returns the name of a kind of JSON values with an article.
func article(kind string) string {
	switch kind, _, _ := strings.Cut(kind, " "); kind {
	case "string":
		return "a text"
	case "bool":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	return "a number"
}

// expected names what a Go type takes.
func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	}
	return "a number"
}
