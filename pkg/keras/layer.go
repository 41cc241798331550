package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/quote"
)

// layer makes a layer from its class's parameters, and the layer that its activation is, nil if it
// is none. What the layer cannot do is an error.
func (e *entry) layer() (l, activation *nn.Layer, err error) {
	class := nn.Class(e.class)
	if !class.Supported() {
		// The parameters of others may look otherwise.
		return nil, nil, unsupported(e.class)
	}
	config := members{}
	for key, value := range e.config {
		config[key] = value
	}
	if activation, err = activationLayer(config); err != nil {
		return nil, nil, err
	}
	l, err = newLayer(class, config)
	return l, activation, err
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

// activationLayer takes an activation that is an object from the parameters of a layer, and returns
// the layer that it is: Dense(…, activation=ReLU(max_value=6)). A function, which Keras 3 writes
// as an object, becomes its name there.
func activationLayer(config members) (*nn.Layer, error) {
	const key = "activation"
	if text := string(config[key]); !strings.HasPrefix(text, "{") {
		if text == `"log_softmax_v2"` {
			config[key] = json.RawMessage(`"log_softmax"`) // as Keras 2.12 writes it
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
		return nil, nil
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
	l, err := newLayer(nn.Class(name), inner)
	if err != nil {
		return nil, fmt.Errorf("an activation object of class %s: %w", quote.Short(name), err)
	}
	config[key] = json.RawMessage(`"linear"`)
	return l, nil
}
