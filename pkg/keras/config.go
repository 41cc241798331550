package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"imagesimilarity/pkg/nn"
)

// modelConfig is what is read of a model_config. Keras 2 and 3 differ in a few places; each is told
// below.
type modelConfig struct {
	ClassName string `json:"class_name"`
	Config    struct {
		Name         string
		Layers       []*layerEntry
		OutputLayers any `json:"output_layers"`
	}
}

type layerEntry struct {
	ClassName    nn.Class `json:"class_name"`
	Name         string
	Config       json.RawMessage
	InboundNodes []any `json:"inbound_nodes"`
}

// maxConfig bounds a model_config in bytes. Keras writes about 1000 for a layer; what is made of it
// may take 100 times the memory.
const maxConfig = 1 << 19

// decodeConfig makes the layers of a model, connected and without weights, and returns the weights
// that each layer needs.
func decodeConfig(text string) (string, []*nn.Layer, [][]nn.WeightSpec, error) {
	fail := func(format string, args ...any) (string, []*nn.Layer, [][]nn.WeightSpec, error) {
		return "", nil, nil, fmt.Errorf(format, args...)
	}
	if len(text) > maxConfig {
		return fail("model_config: more than %d bytes", maxConfig)
	}
	var c modelConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fail("model_config: %w", err)
	}
	if c.ClassName != "Functional" && c.ClassName != "Model" {
		return fail("model_config: a model of class %q, expected Functional", c.ClassName)
	}
	var layers []*nn.Layer
	previous := ""
	for i, entry := range c.Config.Layers {
		if entry == nil {
			return fail("model_config: layer %d is null", i)
		}
		l, err := entry.layer()
		if err == nil {
			err = entry.follows(previous)
		}
		if err != nil {
			return fail("layer %q: %w", entry.Name, err)
		}
		layers = append(layers, l)
		previous = l.Name
	}
	if output := history(c.Config.OutputLayers); output != previous {
		return fail("model_config: the output is that of layer %q, expected the last layer, %q",
			output, previous)
	}
	specs, err := nn.Connect(layers)
	if err != nil {
		return "", nil, nil, err
	}
	return c.Config.Name, layers, specs, nil
}

// follows returns an error unless a layer takes the output of the previous one and nothing else.
// The first layer takes nothing.
func (e *layerEntry) follows(previous string) error {
	switch {
	case previous == "" && len(e.InboundNodes) == 0:
		return nil
	case len(e.InboundNodes) == 0:
		return errors.New("it has no input; only models with a single input are supported")
	case len(e.InboundNodes) > 1:
		return fmt.Errorf("it is used %d times; only chains of layers are supported",
			len(e.InboundNodes))
	}
	node := e.InboundNodes[0]
	// Keras 3: {"args": [{"class_name": "__keras_tensor__",
	//                      "config": {"keras_history": [name, 0, 0]}}], "kwargs": {}}
	if call, ok := node.(map[string]any); ok {
		node = nil
		if args, _ := call["args"].([]any); len(args) == 1 {
			tensor, _ := args[0].(map[string]any)
			config, _ := tensor["config"].(map[string]any)
			node = config["keras_history"]
		}
	}
	if from := history(node); from != previous || previous == "" {
		return fmt.Errorf("its input is %q, expected the layer before it, %q; "+
			"only chains of layers are supported", from, previous)
	}
	return nil
}

// history returns the name of the layer whose output v denotes, or "" if v does not denote one. An
// output is [name, 0, 0], perhaps in further brackets. The numbers count the calls of the layer and
// its outputs. In Keras 2 arguments of the call may follow.
func history(v any) string {
	list, _ := v.([]any)
	for len(list) == 1 {
		list, _ = list[0].([]any)
	}
	if len(list) < 3 || list[1] != 0.0 || list[2] != 0.0 {
		return ""
	}
	name, _ := list[0].(string)
	return name
}

// layer makes a layer from its class's parameters. The type of its numbers (dtype) is not read:
// package nn computes in float32. What a layer cannot do is an error.
func (e *layerEntry) layer() (*nn.Layer, error) {
	// Classes first: the configuration of others may look otherwise.
	if !e.ClassName.Supported() {
		return nil, fmt.Errorf("a layer of class %q is not supported; supported are %s",
			e.ClassName, classList())
	}
	name, values, err := decodeParameters(e.ClassName, e.Config)
	if err != nil {
		return nil, err
	}
	if name != e.Name || e.Name == "" {
		return nil, fmt.Errorf("it is named %q in its config", name)
	}
	l := &nn.Layer{Class: e.ClassName, Name: e.Name}
	for i, p := range e.ClassName.Parameters() {
		if values[i] == nil {
			continue
		}
		if err := p.Set(l, values[i]); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// decodeParameters decodes the configuration of a layer of class c, a JSON object. The values are,
// for each parameter, what its Set takes, or nil if the parameter is not read. Entries that the
// class does not declare are passed over.
func decodeParameters(c nn.Class, config []byte) (name string, values []any, err error) {
	// The parameters become the fields of one struct, so that encoding/json treats keys and nulls
	// as it does in any struct.
	var fields []reflect.StructField
	var places []reflect.Value // of the values, set to what Keras takes if an entry is missing
	add := func(key string, p any) {
		v := reflect.ValueOf(p).Elem()
		fields = append(fields, reflect.StructField{
			Name: fmt.Sprint("F", len(fields)),
			Type: v.Type(),
			Tag:  reflect.StructTag(fmt.Sprintf("json:%q", key)),
		})
		places = append(places, v)
	}
	add("name", &name)
	values = make([]any, len(c.Parameters()))
	for i, p := range c.Parameters() {
		if p.New != nil {
			values[i] = p.New()
			add(p.Key, values[i])
		}
	}
	object := reflect.New(reflect.StructOf(fields))
	for i, v := range places {
		object.Elem().Field(i).Set(v)
	}
	err = json.Unmarshal(config, object.Interface())
	if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) {
		t.Struct = string(c)
	}
	for i, v := range places {
		v.Set(object.Elem().Field(i))
	}
	return name, values, err
}

// classList returns the names of the supported classes.
func classList() string {
	var names []string
	for _, c := range nn.Classes() {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}
