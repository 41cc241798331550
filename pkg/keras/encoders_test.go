package keras

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
)

const encoders = "../testdata/encoders/"

func openTest(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Encoders unlike those of the original give what Keras predicted at their bottleneck.
func TestEncoders(t *testing.T) {
	b, err := os.ReadFile(encoders + "predictions.json")
	if err != nil {
		t.Fatal(err)
	}
	var models map[string][][]float64
	if err := json.Unmarshal(b, &models); err != nil {
		t.Fatal(err)
	}
	if len(models) != 15 {
		t.Errorf("%d models, expected 15", len(models))
	}
	for name, rows := range models {
		t.Run(name, func(t *testing.T) {
			f := openTest(t, encoders+name)
			end, narrowest, err := f.Bottleneck("")
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Base(end.Name) != embedding || narrowest {
				t.Errorf("bottleneck %q, narrowest %v", end.Name, narrowest)
			}
			m, err := f.Model(end)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Predict(cpu.New(), digits(t), "", 32, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Concat(rows...)
			if len(got) != len(want) {
				t.Fatalf("%d values, expected %d", len(got), len(want))
			}
			worst := 0.0
			for i, w := range want {
				worst = max(worst, math.Abs(float64(got[i])-w))
			}
			if limit := 1e-5 * (slices.Max(want) - slices.Min(want)); !(worst <= limit) {
				t.Errorf("a difference of %v, expected at most %v", worst, limit)
			}
		})
	}
}

// What cannot be used is a sentence that names the place. Nothing from the file is in it that a
// terminal could take for a command.
func TestEncoderErrors(t *testing.T) {
	for name, want := range map[string]string{
		"escape_in_activation.h5": `layer "conv2d": the activation ` +
			`"\x1b]0;title\a\x1b[2J\x1b[31mall your data are gon..." is not supported`,
		"esc_axis.h5":      `layer "batch_normalization_7": axis: a value that is no number`,
		"k2_wo.weights.h5": "the file has weights only, expected a whole model; save it with model.save",
	} {
		_, err := Load(encoders + name)
		if want := encoders + name + ": " + want; err == nil || err.Error() != want {
			t.Errorf("error %v, expected %s", err, want)
		}
	}
}

// A dtype policy is told, since the engine computes in float32 whatever it is.
func TestPolicy(t *testing.T) {
	for name, want := range map[string]string{
		"k2_dtype_mixed_float16.h5": "mixed_float16", "k3_seq.h5": "", "k2_seq.h5": "",
	} {
		if got := openTest(t, encoders+name).Policy(); got != want {
			t.Errorf("%s: policy %q, expected %q", name, got, want)
		}
	}
}

// chainOf returns a Functional model_config of layers that follow one another.
func chainOf(layers ...string) string {
	list := []string{input}
	last := "in"
	for _, l := range layers {
		name, rest, _ := strings.Cut(l, " ")
		class, config, _ := strings.Cut(rest, " ")
		list = append(list, fmt.Sprintf(`{"class_name":%q,"name":%q,"inbound_nodes":[[[%q,0,0,{}]]],`+
			`"config":{"name":%q%s}}`, class, name, last, name, config))
		last = name
	}
	return functionalOf(last, list...)
}

func TestBottleneck(t *testing.T) {
	conv := `Conv2D ,"filters":1,"kernel_size":3,"padding":"same","strides":2`
	nested := strings.Replace(chainOf(`f Flatten `, `d Dense ,"units":3`), `"name":"model"`,
		`"name":"encoder"`, 1)
	nested = strings.Replace(nested, `"output_layers"`,
		`"input_layers":[["in",0,0]],"output_layers"`, 1)
	nested = strings.TrimSuffix(nested, "}") + `,"name":"encoder","inbound_nodes":[[["in",0,0,{}]]]}`
	outer := functionalOf("out", input, nested, `{"class_name":"Dense","name":"out",`+
		`"inbound_nodes":[[["encoder",1,0,{}]]],"config":{"name":"out","units":50}}`)
	for _, tt := range []struct{ config, name, want, fault string }{
		{chainOf("f Flatten ", `embedding Dense ,"units":9`, `x Dense ,"units":4`), "", "embedding", ""},
		{chainOf("f Flatten ", `a Dense ,"units":9`, `x Dense ,"units":40`), "", "a", ""},
		{chainOf("f Flatten ", `a Dense ,"units":9`, `x Dense ,"units":40`), "f", "f", ""},
		{chainOf("f Flatten ", `a Dense ,"units":9`), "", "a", ""},
		{
			chainOf("f Flatten ", `a Dense ,"units":9`, `b Dense ,"units":3,"activation":"softmax"`), "",
			"a", "",
		},
		{chainOf("f Flatten ", `b Dense ,"units":3,"activation":"softmax"`), "", "f", ""},
		{chainOf("f Flatten ", `a Dense ,"units":9,"activation":"hard_sigmoid"`,
			`b Dense ,"units":3,"activation":{"class_name":"Softmax","config":{}}`), "", "a", ""},
		{chainOf("a "+conv, "b "+conv, `c UpSampling2D `), "", "b", ""},
		{chainOf("a "+conv, "b "+conv, "f Flatten ", `x Dense ,"units":96`), "", "f", ""},
		{chainOf("f Flatten ", `a Dense ,"units":9`, "n BatchNormalization ", `b Dense ,"units":9`,
			`x Dense ,"units":40`), "", "", `the bottleneck is not clear, as several layers are ` +
			`equally narrow: "a" [9], "b" [9]; choose one by its name`},
		{chainOf("f Flatten ", `a Dense ,"units":9`, "l Lambda "), "", "a", ""},
		{
			chainOf(
				"f Flatten ", `a Dense ,"units":9`, "l Lambda ", `x Dense ,"units":9`, `y Dense ,"units":96`,
			),
			"", "a", "",
		},
		{chainOf("a "+conv, "g GroupNormalization ", "f Flatten ", `b Dense ,"units":9`), "", "",
			`the narrowest layer seems to be "b" [9], which cannot be used: layer "g": a layer of class ` +
				`"GroupNormalization" is not supported; of the others that is "a" [4 3 1]; ` +
				`choose one by its name`},
		{chainOf("a "+conv, "g GroupNormalization ", "b "+conv, "u UpSampling2D "), "", "",
			`seems to be "b" [2 2 1], which cannot be used: layer "g"`},
		{chainOf("a "+conv, "g GroupNormalization ", "f Flatten ", `b Dense ,"units":9`), "a", "a", ""},
		{chainOf("f Flatten ", `b Dense ,"units":9,"activation":"mine"`, `x Dense ,"units":96`), "", "",
			`seems to be "b" [9], which cannot be used: layer "b": the activation "mine" is not`},
		{
			chainOf("a "+conv, "f Flatten ", "l Lambda ", `b Dense ,"units":9,"activation":"softmax"`), "",
			"f", "",
		},
		{
			chainOf(
				"f Flatten ", `a Dense ,"units":9`, `b Dense ,"units":3`,
				`s Activation ,"activation":"softmax"`,
			),
			"", "a", "",
		},
		{
			chainOf(
				"f Flatten ", `a Dense ,"units":9`, `b Dense ,"units":3`, "n BatchNormalization ",
				"s Softmax ",
			),
			"", "a", "",
		},
		{
			chainOf(
				"f Flatten ", `a Dense ,"units":3`, `s Activation ,"activation":"softmax"`,
				`b Dense ,"units":9`,
			),
			"", "a", "",
		},
		{
			chainOf("f Flatten ", "l Lambda ", `a Dense ,"units":9`), "a", "",
			`layer "l": a layer of class "Lambda" is not supported`,
		},
		{
			chainOf("f Flatten ", `a Dense ,"units":9`), "b", "",
			`no layer named "b"; it has "f" [96], "a" [9]`,
		},
		{outer, "", "encoder/d", ""},
		{outer, "encoder", "encoder/d", ""},
		{outer, "d", "encoder/d", ""},
		{outer, "encoder/f", "encoder/f", ""},
	} {
		g, err := newGraph(tt.config, "")
		f := &File{path: "test.h5", config: tt.config, graph: g, graphError: err}
		l, _, err := f.Bottleneck(tt.name)
		if err == nil {
			_, err = g.until(l)
		}
		switch {
		case tt.fault != "":
			if err == nil || !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("%s: error %v, expected %q", tt.config, err, tt.fault)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.config, err)
		case l.Name != tt.want:
			t.Errorf("%s: layer %q, expected %q", tt.config, l.Name, tt.want)
		}
	}
}

// Keras 3 has another hard_sigmoid than Keras 2. What is written means the same in both.
func TestHardSigmoid(t *testing.T) {
	config := chainOf(`x Activation ,"activation":"hard_sigmoid"`)
	x := []float32{-9, -2.8, -1, 0, 0.5, 2.6, 9}
	samples := &nn.Samples{N: 1, Input: func(dst []float32, _ []int) error {
		clear(dst)
		copy(dst, x)
		return nil
	}}
	for version, f := range map[string]func(x float32) float32{
		"2.15.0": func(x float32) float32 { return min(max(0.2*x+0.5, 0), 1) },
		"3.15.1": func(x float32) float32 { return min(max(x/6+0.5, 0), 1) },
	} {
		g, err := newGraph(config, version)
		if err != nil {
			t.Fatal(err)
		}
		m, err := nn.NewModel("m", part(g.layers, nil))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "model.h5")
		if err := Save(path, m, "", ""); err != nil {
			t.Fatal(err)
		}
		again, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*nn.Model{m, again} {
			got, err := m.Predict(cpu.New(), samples, "", 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range x {
				if math.Abs(float64(got[i]-f(v))) > 1e-6 {
					t.Errorf("Keras %s: %v of %v, expected %v", version, got[i], v, f(v))
				}
			}
		}
	}
}

// The encoder of a session's second model has other names: it goes by class and order.
func TestTransferByClass(t *testing.T) {
	f := openTest(t, encoders+"second_experiment.h5")
	e, ok := f.Encoder()
	if want := "2 layers, 4 and 8 filters of 3x3, embedding 10"; !ok || e.String() != want {
		t.Fatalf("encoder %v, %v; expected %s", e, ok, want)
	}
	build := func(filters ...int) *nn.Model {
		m, err := nn.NewClassifier(nn.ClassifierConfig{
			Rows: 28, Cols: 28, FilterSize: 3, Filters: filters, Embedding: 10,
			FullyConnected: 12, Classes: 10,
		}, 1)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := build(4, 8)
	transfers, err := f.TransferWeights(m, embedding)
	if err != nil {
		t.Fatal(err)
	}
	const want = "[{conv2d conv2d_5} {batch_normalization batch_normalization_4} " +
		"{conv2d_1 conv2d_6} {batch_normalization_1 batch_normalization_5} {embedding embedding}]"
	if got := fmt.Sprint(transfers); got != want {
		t.Errorf("transfers %s, expected %s", got, want)
	}
	whole, err := f.Model(nil)
	if err != nil {
		t.Fatal(err)
	}
	var outputs [2][]float32
	for i, m := range []*nn.Model{m, whole} {
		if outputs[i], err = m.Predict(cpu.New(), digits(t), embedding, 32, nil); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(outputs[0], outputs[1]) {
		t.Error("the classifier's encoder is another than that in the file")
	}

	for _, filters := range [][]int{{4, 9}, {4, 8, 8}, {4}} {
		m := build(filters...)
		before := fmt.Sprint(m.Layers[1].Weights[0].Data)
		if _, err := f.TransferWeights(m, embedding); err == nil {
			t.Errorf("%v filters: no error", filters)
		}
		if fmt.Sprint(m.Layers[1].Weights[0].Data) != before {
			t.Errorf("%v filters: the model was changed", filters)
		}
	}
	_, err = f.TransferWeights(build(4, 9), embedding)
	const refused = `no weights for the layers "conv2d_1", "batch_normalization_1", "embedding": `
	if err == nil || !strings.Contains(err.Error(), refused) {
		t.Errorf("error %v, expected %q", err, refused)
	}
}

// A file of weights only, without the names of its layers, serves by class and order, too.
func TestTransferWithoutNames(t *testing.T) {
	for class, want := range map[string]string{
		"Conv2D": "conv2d", "SeparableConv2D": "separable_conv2d", "ReLU": "re_lu",
		"PReLU": "p_re_lu", "Conv2DTranspose": "conv2d_transpose", "TFOpLambda": "tf_op_lambda",
		"UpSampling2D": "up_sampling2d", "GlobalAveragePooling2D": "global_average_pooling2d",
	} {
		if got := snakeCase(class); got != want {
			t.Errorf("%s: %s, expected %s", class, got, want)
		}
	}
	f := openTest(t, encoders+"k2_wo.weights.h5")
	sources, err := f.sources()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range sources {
		list = append(list, fmt.Sprint(s.name, len(s.weights)))
	}
	if got := strings.Join(list, " "); got != "conv2d2 conv2d_12 conv2d_22 dense2 dense_12" {
		t.Errorf("layers %s", got)
	}
}
