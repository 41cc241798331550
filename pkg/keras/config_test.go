package keras

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
)

const input = `{"class_name":"InputLayer","name":"in","inbound_nodes":[],` +
	`"config":{"name":"in","batch_input_shape":[null,8,6,2]}}`

// layerX returns a layer named x that follows the input.
func layerX(class, config string) string {
	return fmt.Sprintf(`{"class_name":%q,"name":"x","inbound_nodes":[[["in",0,0,{}]]],`+
		`"config":{"name":"x",%s}}`, class, config)
}

// functionalOf returns a model_config of the layers. The last is named output.
func functionalOf(output string, layers ...string) string {
	return fmt.Sprintf(`{"class_name":"Functional","config":{"name":"model","layers":[%s],`+
		`"output_layers":[[%q,0,0]]}}`, strings.Join(layers, ","), output)
}

// one returns the model_config of the input and one layer named x.
func one(class, config string) string { return functionalOf("x", input, layerX(class, config)) }

// deep returns a model within n others.
func deep(n int) string {
	text := layerX("Flatten", `"trainable":true`)
	for range n {
		text = fmt.Sprintf(`{"class_name":"Sequential","config":{"name":"s","layers":[%s]}}`, text)
	}
	return text
}

// doubled returns a model that calls a model eight times, which does so too, n deep.
func doubled(n int) string {
	text := `{"class_name":"Flatten","config":{"name":"x"}`
	for i := range n {
		calls := strings.Repeat(`[["in",0,0,{}]],`, 7) + `[["in",0,0,{}]]`
		text = fmt.Sprintf(`{"class_name":"Functional","config":{"name":"x","layers":[%s,`+
			`%s,"name":"x","inbound_nodes":[%s]}],"input_layers":[["in",0,0]],`+
			`"output_layers":[["x",%d,0]]}`, input, text, calls, min(i, 1))
	}
	text += "}"
	return text
}

// decodeConfig makes the layers of a model_config and checks that all that its output needs can be
// used.
func decodeConfig(text string) (name string, layers []*nn.Layer, err error) {
	g, err := newGraph(text, "")
	if err != nil {
		return "", nil, err
	}
	layers, err = g.until(g.outputs[0])
	return g.name, layers, err
}

// Keras 2 and 3 write a configuration differently; some entries may be missing or have several
// forms.
func TestDecodeConfig(t *testing.T) {
	conv := &nn.Layer{
		Class: nn.Conv2D, Name: "x", Trainable: true, Output: []int{8, 6, 3},
		Kernel: [2]int{5, 5}, Strides: [2]int{1, 1}, Dilation: [2]int{1, 1}, Padding: nn.Same,
		Groups: 1, Activation: nn.ReLU,
	}
	norm := &nn.Layer{
		Class: nn.BatchNormalization, Name: "x", Trainable: true, Output: []int{8, 6, 2},
		Axes: []int{3}, Momentum: 0.99, Epsilon: 0.001,
	}
	pool := &nn.Layer{
		Class: nn.MaxPooling2D, Name: "x", Trainable: true, Output: []int{4, 3, 2},
		Size: [2]int{2, 2}, Strides: [2]int{2, 2}, Dilation: [2]int{1, 1}, Padding: nn.Valid,
	}
	frozen := &nn.Layer{Class: nn.Flatten, Name: "x", Output: []int{96}}
	reshape := &nn.Layer{Class: nn.Reshape, Name: "x", Trainable: true, Output: []int{4, 4, 6}}
	for _, tt := range []struct {
		name   string
		config string
		want   *nn.Layer
	}{
		{
			"least", one("Conv2D", `"filters":3,"kernel_size":5,"padding":"same","activation":"relu"`), conv,
		},
		{"all", one("Conv2D", `"filters":3.0,"kernel_size":[5,5],"strides":1,"dilation_rate":[1,1],
			"groups":1,"padding":"same","activation":"relu","use_bias":true,"data_format":"channels_last",
			"dtype":"float32","trainable":true`), conv},
		{"Model", strings.Replace(
			one("Conv2D", `"filters":3,"kernel_size":5,"padding":"same","activation":"relu"`),
			"Functional", "Model", 1), conv},
		{"Keras 3", `{"class_name":"Functional","registered_name":"Functional","module":"keras",
			"config":{"name":"model","output_layers":["x",0,0],"layers":[
			{"class_name":"InputLayer","name":"in","inbound_nodes":[],
			 "config":{"name":"in","batch_shape":[null,8,6,2],"optional":false}},
			{"class_name":"Conv2D","name":"x",
			 "config":{"name":"x","dtype":{"class_name":"DTypePolicy","config":{"name":"float32"}},
				"filters":3,"kernel_size":[5,5],"padding":"same","activation":"relu",
				"kernel_initializer":{"class_name":"GlorotUniform"}},
			 "inbound_nodes":[{"args":[{"class_name":"__keras_tensor__",
				"config":{"keras_history":["in",0,0]}}],"kwargs":{"mask":null}}]}]}}`, conv},
		{"axis left out", one("BatchNormalization", `"dtype":"float32"`), norm},
		{"axis -1", one("BatchNormalization", `"axis":-1,"center":true,"scale":true`), norm},
		{"axis 3", one("BatchNormalization", `"axis":3`), norm},
		{"axis [3]", one("BatchNormalization", `"axis":[3]`), norm},
		{"no strides", one("MaxPooling2D", `"pool_size":[2,2]`), pool},
		{"strides null", one("MaxPooling2D", `"pool_size":2,"strides":null`), pool},
		{"same padding that adds nothing", one("MaxPooling2D", `"pool_size":2,"padding":"same"`), pool},
		{"momentum null", one("BatchNormalization", `"momentum":null`), norm},
		{"capitals", one("BatchNormalization", `"Momentum":0.5,"MOMENTUM":0.99`), norm},
		{"entries of other classes", one("MaxPooling2D", `"filters":0,"units":"many","axis":{}`), pool},
		{"frozen", one("Flatten", `"trainable":false`), frozen},
		{"reshape", one("Reshape", `"target_shape":[4,4,6]`), reshape},
	} {
		name, layers, err := decodeConfig(tt.config)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if name != "model" || len(layers) != 2 || !reflect.DeepEqual(layers[1], tt.want) {
			t.Errorf("%s: %+v, expected %+v", tt.name, layers[1], tt.want)
		}
	}
}

// A Sequential model tells the shape of its input in several places. A layer that is called twice
// becomes two, and an activation that is an object becomes a layer.
func TestDecodeContainers(t *testing.T) {
	const (
		shape = `"batch_input_shape":[null,8,6,2]`
		conv  = `{"class_name":"Conv2D","config":{"name":"c","filters":2,"kernel_size":3,"padding":"same"`
		list  = `{"class_name":"Flatten","config":{"name":"f"}}]`
	)
	seq := func(config string) string {
		return `{"class_name":"Sequential","config":` + config + `}`
	}
	twice := strings.Replace(layerX("Conv2D", `"filters":2,"kernel_size":3,"padding":"same"`),
		`[[["in",0,0,{}]]]`, `[[["in",0,0,{}]],[["x",0,0,{}]]]`, 1)
	for name, tt := range map[string]struct{ config, want string }{
		"InputLayer": {seq(`{"name":"s","layers":[` + input + `,` + conv + `}},` + list + `}`),
			"in [8 6 2], c [8 6 2], f [96]"},
		"first layer": {seq(`{"name":"s","layers":[` + conv + `,` + shape + `}},` + list + `}`),
			"s_input [8 6 2], c [8 6 2], f [96]"},
		"build_input_shape": {
			seq(`{"name":"s","build_input_shape":[null,8,6,2],"layers":[` + conv + `}},` + list + `}`),
			"s_input [8 6 2], c [8 6 2], f [96]"},
		"before Keras 2.3": {seq(`[` + conv + `,` + shape + `}},` + list),
			"_input [8 6 2], c [8 6 2], f [96]"},
		"nested": {
			seq(`{"name":"s","layers":[` + seq(`{"name":"e","layers":[`+conv+`,`+shape+`}},`+list+`}`) +
				`]}`),
			"s_input [8 6 2], e/c [8 6 2], e/f [96]"},
		"twice": {strings.Replace(functionalOf("x", input, twice), `["x",0,0]]}`, `["x",1,0]]}`, 1),
			"in [8 6 2], x [8 6 2], x:1 [8 6 2]"},
		"outputs by name": {strings.Replace(functionalOf("x", input, layerX("Flatten", `"a":0`)),
			`[["x",0,0]]}`, `{"b":["in",0,0],"a":["x",0,0]}}`, 1), "in [8 6 2], x [96]"},
		"activation": {one("Conv2D", `"filters":2,"kernel_size":3,"activation":{"class_name":"ReLU",`+
			`"config":{"name":"r","max_value":6}}`), "in [8 6 2], x/x [6 4 2], x [6 4 2]"},
		"activation that is an Activation": {one("Dense", `"units":2,"activation":`+
			`{"class_name":"Activation","config":{"name":"a","activation":"tanh"}}`),
			"in [8 6 2], x/x [8 6 2], x [8 6 2]"},
		"hard_sigmoid": {one("Dense", `"units":2,"activation":"hard_sigmoid"`),
			"in [8 6 2], x/x/x [8 6 2], x/x [8 6 2], x [8 6 2]"},
		"activation by name": {one("Dense", `"units":2,"activation":{"class_name":"function",`+
			`"config":"relu"}`), "in [8 6 2], x [8 6 2]"},
	} {
		_, layers, err := decodeConfig(tt.config)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, l := range layers {
			got = append(got, fmt.Sprint(l.Name, " ", l.Output))
		}
		if got := strings.Join(got, ", "); got != tt.want {
			t.Errorf("%s: %s, expected %s", name, got, tt.want)
		}
	}
}

// What package nn cannot express is an error that names the layer.
func TestDecodeConfigErrors(t *testing.T) {
	flatten := layerX("Flatten", `"trainable":true`)
	for _, tt := range []struct{ name, config, want string }{
		{
			"class", one("Attention", `"axis":-1`),
			`layer "x": a layer of class "Attention" is not supported`,
		},
		{
			"class with another config", one("Lambda", `"axis":{},"filters":[]`),
			`layer "x": a layer of class "Lambda"`,
		},
		{
			"activation object",
			one(
				"Conv2D",
				`"filters":4,"kernel_size":3,"padding":"same","activation":{"class_name":"PReLU","config":{}}`,
			),
			`layer "x": an activation object of class "PReLU" is not supported`,
		},
		{
			"activation of the user's own",
			one(
				"Conv2D",
				`"filters":4,"kernel_size":3,"padding":"same","activation":{"class_name":"function","config"`+
					`:"<lambda>"}`,
			),
			`layer "x": an activation that is a function of the user's own`,
		},
		{"groups", one("Conv2D", `"filters":4,"kernel_size":3,"groups":3`), `layer "x": 3 groups`},
		{
			"large filter", one("Conv2D", `"filters":4,"kernel_size":7`), `layer "x": windows of 7x7 pixels`,
		},
		{
			"padding of a convolution", one("Conv2D", `"filters":4,"kernel_size":3,"padding":"causal"`),
			`layer "x": padding "causal"`,
		},
		{
			"activation", one("Conv2D", `"filters":4,"kernel_size":3,"padding":"same","activation":"cubed"`),
			`layer "x": the activation "cubed" is not supported`,
		},
		{
			"data format", one("Conv2D", `"filters":4,"kernel_size":3,"data_format":"channels"`),
			`layer "x": data_format`,
		},
		{"axis", one("BatchNormalization", `"axis":4`), `layer "x": the axes [4]`},
		{"axes", one("BatchNormalization", `"axis":[2,3]`), `layer "x": the axes [2 3]`},
		{
			"interpolation", one("UpSampling2D", `"size":2,"interpolation":"bicubic"`),
			`layer "x": interpolation`,
		},
		{"shape -1", one("Reshape", `"target_shape":[-1,5]`), `layer "x": cannot reshape`},
		{"renorm", one("BatchNormalization", `"renorm":true`), `layer "x": batch renorm`},
		{
			"other padding", one("MaxPooling2D", `"pool_size":2,"padding":"causal"`),
			`layer "x": padding "causal"`,
		},
		{"noise shape", one("Dropout", `"rate":0.5,"noise_shape":[1]`), `layer "x": a noise_shape`},
		{"rate", one("Dropout", `"rate":1.5`), `layer "x": a dropout rate of 1.5`},
		{"reshape", one("Reshape", `"target_shape":[5]`), `layer "x": cannot reshape`},
		{
			"0 filters", one("Conv2D", `"filters":0,"kernel_size":3,"padding":"same"`),
			`layer "x": filters: a size of 0`,
		},
		{"no filters", one("Conv2D", `"kernel_size":3,"padding":"same"`), `layer "x": `},
		{
			"key in other letters", one("Conv2D", `"Filters":3,"kernel_size":3`),
			`layer "x": the number of filters`,
		},
		{"no kernel", one("Conv2D", `"filters":3,"padding":"same"`), `layer "x": `},
		{
			"half a filter", one("Conv2D", `"filters":2.5,"kernel_size":3`),
			`layer "x": filters: a size of 2.5`,
		},
		{"huge", one("Conv2D", `"filters":1e300,"kernel_size":3`), `layer "x": filters: a size of 1e300`},
		{"huge output", one("UpSampling2D", `"size":[200000000,1]`), `layer "x": a size of`},
		{
			"three sides", one("Conv2D", `"filters":2,"kernel_size":[3,3,3]`),
			`layer "x": kernel_size: [3,3,3], expected rows and columns`,
		},
		{
			"text for a number", one("Conv2D", `"filters":"2"`),
			`layer "x": filters: a size of "2", expected a whole number`,
		},
		{"text for a rate", one("Dropout", `"rate":"x"`), `layer "x": rate: a text, expected a number`},
		{
			"open dimension", functionalOf("in", strings.Replace(input, "8,6,2", "null,6,2", 1)),
			`layer "in": a shape with an open dimension`,
		},
		{
			"no shape", functionalOf("in", strings.Replace(input, "batch_input_shape", "b", 1)),
			`layer "in": a shape of 0 dimensions`,
		},
		{
			"other name",
			functionalOf(
				"x", input, strings.Replace(flatten, `"config":{"name":"x"`, `"config":{"name":"y"`, 1),
			),
			`layer "x": it is named "y"`,
		},
		{
			"no input", functionalOf("x", input, strings.Replace(flatten, `[[["in",0,0,{}]]]`, `[]`, 1)),
			`layer "x": it has no input`,
		},
		{
			"two inputs",
			functionalOf(
				"x", input, strings.Replace(flatten, `[[["in",0,0,{}]]]`, `[[["in",0,0,{}],["in",0,0,{}]]]`, 1),
			),
			`layer "x": 2 inputs, expected one`,
		},
		{
			"input from elsewhere", functionalOf("x", input, strings.Replace(flatten, `"in"`, `"other"`, 1)),
			`there is no layer "other", whose output is taken`,
		},
		{
			"second output", functionalOf("x", input, strings.Replace(flatten, `"in",0,0`, `"in",0,1`, 1)),
			`layer "in" has 1 outputs; that with index 1 is taken`,
		},
		{
			"cycle", functionalOf("x", input, strings.Replace(flatten, `["in"`, `["x"`, 1)),
			`layer "x" takes its own output, by way of others`,
		},
		{
			"third call", functionalOf("x", input, strings.Replace(flatten, `"in",0,0`, `"in",2,0`, 1)),
			`layer "in" is called 0 times; the output of another call is taken`,
		},
		{
			"many calls",
			functionalOf(
				"x", input,
				strings.Replace(
					flatten, `[["in",0,0,{}]]`, strings.Repeat(`[["in",0,0,{}]],`, 1000)+`[["in",0,0,{}]]`, 1,
				),
			),
			`layer "x" is called 1001 times, expected at most 1000`,
		},
		{"no output", functionalOf("", input, flatten), `there is no layer ""`},
		{"deep models", deep(10), "models within models, deeper than 8"},
		{"many layers", doubled(8), "more than 10000 layers"},
		{
			"training",
			functionalOf(
				"x", input,
				strings.Replace(layerX("BatchNormalization", `"axis":3`), `0,{}`, `0,{"training":true}`, 1),
			),
			`layer "x": it is called with training=True`,
		},
		{
			"control characters", one("Conv2D", `"filters":3,"kernel_size":3,"activation":"\u001b[31m"`),
			`\x1b[31m`,
		},
		{
			"same name twice",
			functionalOf(
				"in", input, strings.ReplaceAll(strings.ReplaceAll(flatten, `"x"`, `"in"`), "x", "x"),
			),
			`two layers have the name "in"`,
		},
		{
			"no input layer", functionalOf("x", strings.Replace(flatten, `[[["in",0,0,{}]]]`, `[]`, 1)),
			"must be an InputLayer",
		},
		{"null", functionalOf("in", input, "null"), "layer 1 is null"},
		{"no layers", functionalOf(""), "has no layers"},
		{
			"subclass", `{"class_name":"MyModel","config":{}}`,
			`a model of class "MyModel", expected Functional or Sequential`,
		},
		{"Sequential of none", `{"class_name":"Sequential","config":{}}`, `has no layers`},
		{"list", `[]`, "model_config: a list, expected an object"},
		{"no JSON", `model`, "model_config: invalid character"},
		{"long", strings.Repeat(" ", maxConfig+1), "model_config: more than 524288 bytes"},
		{"deep", strings.Repeat("[", 100000), "model_config: "},
	} {
		_, _, err := decodeConfig(tt.config)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected %q", tt.name, err, tt.want)
		}
	}
}

// A short text can stand for much memory in JSON; what is made of a configuration stays small.
func TestDecodeConfigMemory(t *testing.T) {
	list := func(element string, n int) string {
		return strings.Repeat(element+",", n) + element
	}
	inbound := func(nodes string) string {
		layer := layerX("Flatten", `"x":0`)
		return functionalOf("x", input, strings.Replace(layer, `[["in",0,0,{}]]`, nodes, 1))
	}
	many := strings.Replace(functionalOf("in", input), `["in",0,0]`, list("0", 250000), 1)
	for name, config := range map[string]string{
		"numbers":       inbound(list("0", 250000)),
		"brackets":      inbound(list("[]", 150000)),
		"empty objects": inbound(list("{}", 150000)),
		"layers":        functionalOf("x", list("{}", 150000)),
		"shape":         functionalOf("in", strings.Replace(input, "8,6,2", list("1", 250000), 1)),
		"output":        many,
	} {
		var err error
		n := allocated(func() { _, _, err = decodeConfig(config) })
		if len(config) > maxConfig || n > 64<<20 {
			t.Errorf("%s: %d bytes of memory for %d, error %v; expected at most 64 MiB",
				name, n, len(config), err)
		}
	}
}

// Every key and value that is written stands in the configuration that Keras 2.15 wrote for the
// same model.
func TestEncodeConfig(t *testing.T) {
	for _, name := range []string{
		"tf2.15.1_real_ae_3x4-8-8_k2_e3.h5", "tf2.15.1_real_classifier_2x4-8_k3_e5_fc12.h5",
	} {
		b, err := os.ReadFile("../testdata/keras/" + name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := readBytes(b)
		if err != nil {
			t.Fatal(err)
		}
		written, err := encodeConfig(load(t, name))
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := json.Unmarshal([]byte(written), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(f.config), &want); err != nil {
			t.Fatal(err)
		}
		subset(t, name, got, want)
	}
}

// Some versions of Keras fail if a key is missing, others if there is an unknown one.
func TestEncodeTraining(t *testing.T) {
	const (
		head = `,"loss_weights":null,"metrics":null,"optimizer_config":{"class_name":`
		rest = `"sample_weight_mode":null,"weighted_metrics":null}`
	)
	for _, tt := range []struct {
		loss nn.Loss
		opt  nn.Optimizer
		want string
	}{
		{nn.MeanSquaredError, nn.RMSprop, `{"loss":"mean_squared_error"` + head +
			`"RMSprop","config":{"centered":false,"epsilon":1e-7,"learning_rate":0.001,` +
			`"momentum":0,"name":"RMSprop","rho":0.9}},` + rest},
		{nn.CategoricalCrossentropy, nn.Adam, `{"loss":"categorical_crossentropy"` + head +
			`"Adam","config":{"amsgrad":false,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-7,` +
			`"learning_rate":0.001,"name":"Adam"}},` + rest},
	} {
		if got, err := encodeTraining(tt.loss, tt.opt); err != nil || got != tt.want {
			t.Errorf("%s: %s, error %v; expected %s", tt.loss, got, err, tt.want)
		}
	}
	if _, err := encodeTraining(nn.MeanSquaredError, "SGD"); err == nil {
		t.Error("an optimizer that package nn does not have was written")
	}
}

// subset fails the test if got has a key or value that want does not have. Lists must be as long.
func subset(t *testing.T, path string, got, want any) {
	t.Helper()
	switch got := got.(type) {
	case map[string]any:
		want, _ := want.(map[string]any)
		for key, v := range got {
			w, ok := want[key]
			if !ok {
				t.Errorf("%s/%s: Keras has no such key", path, key)
				continue
			}
			subset(t, path+"/"+key, v, w)
		}
	case []any:
		want, _ := want.([]any)
		if len(got) != len(want) {
			t.Errorf("%s: %v, expected %v", path, got, want)
			return
		}
		for i := range got {
			subset(t, fmt.Sprint(path, "/", i), got[i], want[i])
		}
	default:
		if got != want {
			t.Errorf("%s: %v, expected %v", path, got, want)
		}
	}
}
