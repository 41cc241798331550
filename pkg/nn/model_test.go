package nn

import (
	"math"
	"slices"
	"testing"
)

// The classes are listed by name, and each is declared in full.
func TestClasses(t *testing.T) {
	if got := Classes(); !slices.IsSorted(got) || len(got) < 40 {
		t.Errorf("%v", got)
	}
	for _, c := range Classes() {
		if !c.Supported() || c.Base() == "" || len(c.Parameters()) == 0 {
			t.Errorf("%s: %+v is no full declaration", c, classes[c])
		}
	}
	if Class("Lambda").Supported() {
		t.Error("a class that nobody declared is supported")
	}
}

// Sizes counts the parameters that NewModel makes and the values of the outputs.
func TestSizes(t *testing.T) {
	config := ClassifierConfig{
		Rows: 15, Cols: 13, FilterSize: 4, Filters: []int{3, 5}, Embedding: 2, FullyConnected: 5,
		Classes: 7,
	}
	layers, err := config.Layers()
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := Sizes(layers)
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewClassifier(config, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range m.Layers {
		var parameters int
		for _, w := range l.Weights {
			parameters += len(w.Data)
		}
		values := product(l.Output)
		switch l.Class {
		case Flatten:
			values = 0
		case MaxPooling2D:
			values *= 3
		}
		if s := sizes[i]; s.Parameters != float64(parameters) || s.Values != float64(values) {
			t.Errorf("%s: %+v, want %d parameters and %d values", l.Name, s, parameters, values)
		}
		if layers[i].Weights != nil || !slices.Equal(layers[i].Output, l.Output) {
			t.Errorf("%s: output %v, want %v, and no weights", l.Name, layers[i].Output, l.Output)
		}
	}
}

// Sizes beyond any integer are sizes nevertheless.
func TestSizesDoNotOverflow(t *testing.T) {
	layers := []*Layer{
		{Class: InputLayer, Name: "in", Output: []int{1 << 40, 1 << 40, 1}},
		{Class: UpSampling2D, Name: "up", Size: [2]int{1 << 40, 1}},
		{Class: Flatten, Name: "flatten"},
		{Class: Dense, Name: "dense", Output: []int{1 << 62}},
	}
	sizes, err := Sizes(layers)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sizes[1].Values, float64(math.MaxInt)*(1<<40); got != want {
		t.Errorf("%v values of the upsampling, want %v", got, want)
	}
	if got, want := sizes[3].Parameters, float64(math.MaxInt)*(1<<62)+(1<<62); got != want {
		t.Errorf("%v parameters of the dense layer, want %v", got, want)
	}
	if _, err := Connect(layers); err == nil {
		t.Error("such a network can be made")
	}
}

// Products stop at the greatest int.
func TestProduct(t *testing.T) {
	for _, tt := range []struct {
		shape []int
		want  int
	}{
		{nil, 1}, {[]int{3, 4, 5}, 60}, {[]int{1 << 31, 1 << 31}, 1 << 62}, {[]int{5, 0, 1 << 62}, 0},
		{[]int{1 << 31, 1 << 32}, math.MaxInt}, {[]int{1 << 62, 1 << 62, 2}, math.MaxInt},
		{[]int{math.MaxInt, 1}, math.MaxInt},
	} {
		if got := product(tt.shape); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.shape, got, tt.want)
		}
	}
}
