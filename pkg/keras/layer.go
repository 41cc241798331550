package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/quote"
)

// layer makes a layer from its class's parameters, and the layers that its activation becomes, if
// it is no function of package nn. keras2 is for a model of Keras 2. What the layer cannot do is an
// error.
func (e *entry) layer(keras2 bool) (l *nn.Layer, activation []*nn.Layer, err error) {
	class := nn.Class(e.class)
	if !class.Supported() {
		// The parameters of others may look otherwise.
		return nil, nil, unsupported(e.class)
	}
	config := members{}
	for key, value := range e.config {
		config[key] = value
	}
	if activation, err = activationLayers(config, keras2); err != nil {
		return nil, nil, err
	}
	l, err = newLayer(class, config)
	return l, activation, err
}

// inactive returns the layer without its activation, or nil if that cannot be made either.
func (e *entry) inactive() *nn.Layer {
	config := maps.Clone(e.config)
	delete(config, "activation")
	l, err := newLayer(nn.Class(e.class), config)
	if err != nil {
		return nil
	}
	return l
}

// unsupported returns the error of a class that package nn does not have.
func unsupported(class string) error {
	return fmt.Errorf("a layer of class %s is not supported", quote.Short(class))
}

// newLayer makes a layer from the parameters of its class. Members that the class does not declare
// are passed over.
func newLayer(class nn.Class, config members) (*nn.Layer, error) {
	if !class.Supported() {
		return nil, unsupported(string(class))
	}
	l := &nn.Layer{Class: class}
	for _, p := range class.Parameters() {
		if p.New == nil {
			continue
		}
		v := p.New()
		if err := config.get(p.Key, v); err != nil {
			return nil, err
		}
		if err := p.Set(l, v); err != nil {
			return nil, errors.New(quote.Printable(short(err.Error())))
		}
	}
	return l, nil
}

// short returns a text without what is beyond 300 bytes.
func short(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}

// activationLayers takes an activation that becomes layers from the parameters of a layer, and
// returns these. That is hard_sigmoid, and an object that is a layer:
// Dense(…, activation=ReLU(max_value=6)). A function, which Keras 3 writes as an object, becomes
// its name there.
func activationLayers(config members, keras2 bool) ([]*nn.Layer, error) {
	const key = "activation"
	if text := string(config[key]); !strings.HasPrefix(text, "{") {
		switch text {
		case `"log_softmax_v2"`:
			config[key] = json.RawMessage(`"log_softmax"`) // as Keras 2.12 writes it
		case `"hard_sigmoid"`:
			config[key] = json.RawMessage(`"linear"`)
			return hardSigmoid(keras2), nil
		}
		return nil, nil
	}
	var object, inner members
	var name string
	if err := config.get(key, &object); err != nil {
		return nil, err
	}
	if err := object.get("class_name", &name); err != nil {
		return nil, err
	}
	if name == "function" {
		var function string
		if object.get("config", &function) != nil || function == "<lambda>" {
			return nil, errors.New("an activation that is a function of the user's own is not supported")
		}
		config[key] = object["config"]
		return activationLayers(config, keras2)
	}
	refused := fmt.Errorf("an activation object of class %s is not supported", quote.Short(name))
	switch name {
	case "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax":
	default:
		return nil, refused // it may have weights
	}
	if object.get("config", &inner) != nil {
		return nil, refused
	}
	of, err := activationLayers(inner, keras2)
	if err != nil {
		return nil, err
	}
	l, err := newLayer(nn.Class(name), inner)
	if err != nil {
		return nil, fmt.Errorf("an activation object of class %s: %w", quote.Short(name), err)
	}
	config[key] = json.RawMessage(`"linear"`)
	return append([]*nn.Layer{l}, of...), nil
}

// hardSigmoid returns the layers of hard_sigmoid: a line, cut off below 0 and above 1. Keras 3
// changed its slope, but not its name. These layers mean the same in each version that reads them.
func hardSigmoid(keras2 bool) []*nn.Layer {
	slope, one := float32(1./6), 1.0
	if keras2 {
		slope = 0.2
	}
	return []*nn.Layer{
		{Class: nn.Rescaling, Scale: []float32{slope}, Offset: []float32{0.5}},
		{Class: nn.ReLULayer, MaxValue: &one},
	}
}
