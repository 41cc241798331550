package keras

import (
	"encoding/json"
	"fmt"
	"strconv"

	"imagesimilarity/pkg/hdf5"
	"imagesimilarity/pkg/nn"
)

// writtenVersion is the version of Keras whose form is written. Without a version Keras would
// convert the weights as those of Keras 1.
const writtenVersion = "2.11.0"

// encode returns the content of an .h5 file.
func encode(m *nn.Model, loss nn.Loss, opt nn.Optimizer) ([]byte, error) {
	root := &hdf5.Group{}
	weights, err := root.Group("model_weights")
	if err != nil {
		return nil, err
	}
	for _, g := range []*hdf5.Group{root, weights} {
		if err := g.Text("keras_version", writtenVersion); err != nil {
			return nil, err
		}
		if err := g.Text("backend", "tensorflow"); err != nil {
			return nil, err
		}
	}
	config, err := encodeConfig(m)
	if err != nil {
		return nil, err
	}
	if err := root.Text("model_config", config); err != nil {
		return nil, err
	}
	if m.Pixels != "" {
		if err := root.Text(pixelsAttribute, string(m.Pixels)); err != nil {
			return nil, err
		}
	}
	if loss != "" {
		training, err := encodeTraining(loss, opt)
		if err != nil {
			return nil, err
		}
		if err := root.Text("training_config", training); err != nil {
			return nil, err
		}
	}
	var layerNames []string
	for _, l := range m.Layers {
		layerNames = append(layerNames, l.Name)
		group, err := weights.Group(l.Name)
		if err != nil {
			return nil, err
		}
		var weightNames []string
		for _, w := range l.Weights {
			name := l.Name + "/" + w.Name + ":0" // as TensorFlow names its variables
			weightNames = append(weightNames, name)
			if err := group.Float32s(name, w.Shape, w.Data); err != nil {
				return nil, err
			}
		}
		if err := setList(group, "weight_names", weightNames); err != nil {
			return nil, err
		}
	}
	if err := setList(weights, "layer_names", layerNames); err != nil {
		return nil, err
	}
	return root.Encode(), nil
}

// maxList is the most bytes that Keras puts into one list: the number of texts times the length of
// the longest.
const maxList = 64512

// setList adds a list of texts as an attribute. A list that is too long is written as name0, name1,
// ...: in the fewest parts that are short enough, of about equal length.
func setList(g *hdf5.Group, name string, list []string) error {
	longest := 1
	for _, s := range list {
		longest = max(longest, len(s))
	}
	if len(list)*longest <= maxList {
		return g.Strings(name, list)
	}
	most := max(1, maxList/longest) // texts in a part
	parts := (len(list) + most - 1) / most
	for i := range parts {
		// Texts that are left over go to the first parts, one each.
		n := len(list) / (parts - i)
		if len(list)%(parts-i) > 0 {
			n++
		}
		if err := g.Strings(name+strconv.Itoa(i), list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// An object is a JSON object; encoding/json writes its keys in alphabetical order.
type object map[string]any

// encodeConfig returns the model_config of Keras 2: a Functional model, its layers in a chain.
// A key that some version does not know is left out if Keras takes the wanted value without it.
func encodeConfig(m *nn.Model) (string, error) {
	var layers []object
	for i, l := range m.Layers {
		config, err := encodeLayer(l)
		if err != nil {
			return "", fmt.Errorf("layer %q: %w", l.Name, err)
		}
		inbound := []any{}
		if i > 0 {
			var inputs []any
			for _, in := range nn.InputsOf(m.Layers, i) {
				inputs = append(inputs, []any{in.Name, 0, 0, object{}})
			}
			inbound = []any{inputs}
		}
		layers = append(layers, object{
			"class_name": l.Class, "config": config, "name": l.Name, "inbound_nodes": inbound,
		})
	}
	b, err := json.Marshal(object{
		"class_name": "Functional",
		"config": object{
			"name":          m.Name,
			"trainable":     true,
			"layers":        layers,
			"input_layers":  []any{[]any{m.Layers[0].Name, 0, 0}},
			"output_layers": []any{[]any{m.Layers[len(m.Layers)-1].Name, 0, 0}},
		},
	})
	return string(b), err
}

// encodeLayer returns the configuration of a layer.
func encodeLayer(l *nn.Layer) (object, error) {
	if !l.Class.Supported() {
		return nil, fmt.Errorf("layers of class %q cannot be written", l.Class)
	}
	c := object{"name": l.Name, "dtype": "float32"}
	for _, p := range l.Class.Parameters() {
		if p.Get != nil {
			c[p.Key] = p.Get(l)
		}
	}
	return c, nil
}

// encodeTraining returns the training_config, with the optimizer in the form of Keras before 2.11,
// which all versions take.
func encodeTraining(loss nn.Loss, opt nn.Optimizer) (string, error) {
	config := object{"name": opt, "learning_rate": 0.001, "epsilon": 1e-7}
	switch opt {
	case nn.RMSprop:
		config["rho"] = 0.9
		config["momentum"] = 0.0
		config["centered"] = false
	case nn.Adam:
		config["beta_1"] = 0.9
		config["beta_2"] = 0.999
		config["amsgrad"] = false
	default:
		return "", fmt.Errorf("the optimizer %q cannot be written", opt)
	}
	b, err := json.Marshal(object{
		"loss":               loss,
		"metrics":            nil,
		"weighted_metrics":   nil,
		"sample_weight_mode": nil,
		"loss_weights":       nil,
		"optimizer_config":   object{"class_name": opt, "config": config},
	})
	return string(b), err
}
