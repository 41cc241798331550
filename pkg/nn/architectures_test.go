package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestAutoencoderLayers(t *testing.T) {
	m, err := NewAutoencoder(AutoencoderConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: []int{16, 32, 64}, Embedding: 10,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`
		input_1[28,28,1]
		conv2d[28,28,16] batch_normalization[28,28,16] max_pooling2d[14,14,16] dropout[14,14,16]
		conv2d_1[14,14,32] batch_normalization_1[14,14,32] max_pooling2d_1[7,7,32] dropout_1[7,7,32]
		conv2d_2[7,7,64] batch_normalization_2[7,7,64] dropout_2[7,7,64]
		flatten[3136] embedding[10] dense[3136] reshape[7,7,64]
		conv2d_3[7,7,64] batch_normalization_3[7,7,64] dropout_3[7,7,64]
		conv2d_4[7,7,32] batch_normalization_4[7,7,32] up_sampling2d[14,14,32] dropout_4[14,14,32]
		conv2d_5[14,14,16] batch_normalization_5[14,14,16] up_sampling2d_1[28,28,16] dropout_5[28,28,16]
		conv2d_6[28,28,1]`)
	if got := describe(m); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if got := len(weightsOf(m)); got != 150219 {
		t.Errorf("%d parameters, expected 150219", got)
	}
}

func TestClassifierLayers(t *testing.T) {
	m, err := NewClassifier(ClassifierConfig{
		Rows: 15, Cols: 13, FilterSize: 4, Filters: []int{3}, Embedding: 2, FullyConnected: 5,
		Classes: 7, DropoutRate: 0.25,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`
		input_1[15,13,1]
		conv2d[15,13,3] batch_normalization[15,13,3] max_pooling2d[7,6,3] dropout[7,6,3]
		flatten[126] embedding[2] fully_connected[5] final_dropout[5] output[7]`)
	if got := describe(m); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if m.Layer("dropout").Rate != 0.25 || m.Layer("final_dropout").Rate != 0.25 ||
		m.Layer("output").Activation != Softmax {
		t.Error("wrong dropout rate or activation")
	}
}

func describe(m *Model) []string {
	var layers []string
	for _, l := range m.Layers {
		layers = append(layers, l.Name+strings.ReplaceAll(fmt.Sprint(l.Output), " ", ","))
	}
	return layers
}

// Kernels are uniform in ±sqrt(6/(fan in + fan out)) and depend on the seed. All other weights
// begin at 0 or 1.
func TestInitialValues(t *testing.T) {
	build := func(seed uint64) *Model {
		m, err := NewAutoencoder(AutoencoderConfig{
			Rows: 28, Cols: 28, FilterSize: 3, Filters: []int{16, 32}, Embedding: 10,
		}, seed)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := build(5)
	for name, fans := range map[string]int{
		"conv2d_1": 9*16 + 9*32, "embedding": 7*7*32 + 10, "dense": 10 + 7*7*32,
	} {
		limit := math.Sqrt(6 / float64(fans))
		kernel := m.Layer(name).Weights[0].Data
		lowest, highest := float64(slices.Min(kernel)), float64(slices.Max(kernel))
		var sum float64
		for _, v := range kernel {
			sum += float64(v)
		}
		near(t, name+" lowest", lowest, -limit, 0.01*limit)
		near(t, name+" highest", highest, limit, 0.01*limit)
		near(t, name+" mean", sum/float64(len(kernel)), 0, 4*limit/math.Sqrt(3*float64(len(kernel))))
	}
	for _, w := range append(m.Layer("batch_normalization").Weights,
		m.Layer("conv2d").Weights[1], m.Layer("embedding").Weights[1]) {
		want := float32(0)
		if w.Name == "gamma" || w.Name == "moving_variance" {
			want = 1
		}
		if slices.Min(w.Data) != want || slices.Max(w.Data) != want {
			t.Errorf("%s does not begin at %v", w.Name, want)
		}
	}
	if !slices.Equal(weightsOf(m), weightsOf(build(5))) ||
		slices.Equal(weightsOf(m), weightsOf(build(6))) {
		t.Error("the seed does not decide the initial values")
	}
}

func TestConfigErrors(t *testing.T) {
	type change struct {
		name string
		do   func(a *AutoencoderConfig, c *ClassifierConfig)
		want string
	}
	for _, c := range []change{
		{
			"no layers", func(a *AutoencoderConfig, c *ClassifierConfig) { a.Filters, c.Filters = nil, nil },
			"at least one convolutional layer",
		},
		{
			"no filters",
			func(a *AutoencoderConfig, c *ClassifierConfig) {
				a.Filters, c.Filters = []int{4, 0}, []int{4, 0}
			},
			`layer "conv2d_1"`,
		},
		{
			"negative filter size",
			func(a *AutoencoderConfig, c *ClassifierConfig) { a.FilterSize, c.FilterSize = -1, -1 },
			`layer "conv2d"`,
		},
		{
			"huge filter size",
			func(a *AutoencoderConfig, c *ClassifierConfig) { a.FilterSize, c.FilterSize = 1<<40, 1<<40 },
			"expected at most",
		},
		{
			"huge number of filters",
			func(a *AutoencoderConfig, c *ClassifierConfig) {
				a.Filters, c.Filters = []int{1 << 62}, []int{1 << 62}
			},
			"expected at most",
		},
		{
			"embedding of 0",
			func(a *AutoencoderConfig, c *ClassifierConfig) { a.Embedding, c.Embedding = 0, 0 },
			`layer "embedding"`,
		},
		{
			"no pixels", func(a *AutoencoderConfig, c *ClassifierConfig) { a.Rows, c.Rows = 0, 0 },
			"every dimension must be at least 1",
		},
	} {
		a := AutoencoderConfig{Rows: 8, Cols: 8, FilterSize: 3, Filters: []int{4, 4}, Embedding: 3}
		l := ClassifierConfig{
			Rows: 8, Cols: 8, FilterSize: 3, Filters: []int{4, 4}, Embedding: 3,
			FullyConnected: 3, Classes: 3,
		}
		c.do(&a, &l)
		_, err := NewAutoencoder(a, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: autoencoder: error %v, expected one with %q", c.name, err, c.want)
		}
		_, err = NewClassifier(l, 1)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: classifier: error %v, expected one with %q", c.name, err, c.want)
		}
	}
	for _, size := range []struct{ rows, cols, layers, multiple int }{
		{26, 28, 2, 4}, {28, 30, 3, 4}, {27, 28, 1, 2},
	} {
		_, err := NewAutoencoder(AutoencoderConfig{
			Rows: size.rows, Cols: size.cols, FilterSize: 3, Filters: make([]int, size.layers),
			Embedding: 3,
		}, 1)
		want := fmt.Sprintf("expected multiples of %d", size.multiple)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, expected one with %q", size, err, want)
		}
	}
	for _, rate := range []float64{-0.1, 1.5, math.NaN(), math.Inf(1)} {
		_, err := NewClassifier(ClassifierConfig{
			Rows: 8, Cols: 8, FilterSize: 3, Filters: []int{4}, Embedding: 3,
			FullyConnected: 3, Classes: 3, DropoutRate: rate,
		}, 1)
		if err == nil || !strings.Contains(err.Error(), "expected a value between 0 and 1") {
			t.Errorf("rate %v: error %v", rate, err)
		}
	}
}
