package nn

import (
	"slices"
	"strings"
	"testing"
)

// A diamond with two branches that end nowhere.
func diamond() []*Layer {
	in := &Layer{Class: InputLayer, Name: "in", Output: []int{4, 6, 2}}
	a := &Layer{Class: Flatten, Name: "a"}
	b := &Layer{Class: UpSampling2D, Name: "b", Size: [2]int{2, 2}, Inputs: []*Layer{in}}
	c := &Layer{Class: Flatten, Name: "c"}
	d := &Layer{Class: Dense, Name: "d", Output: []int{3}, Inputs: []*Layer{a}}
	e := &Layer{Class: "Lambda", Name: "e"}
	return []*Layer{in, a, b, c, d, e}
}

func TestSub(t *testing.T) {
	layers := diamond()
	for i, want := range []string{"in", "in a", "in b", "in b c", "in a d", "in a d e"} {
		var got []string
		for _, l := range Sub(layers, i) {
			got = append(got, l.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("until %s: %q, want %q", layers[i].Name, got, want)
		}
	}
}

// A layer's input is the one that it names, or the one before it in the list.
func TestConnectGraph(t *testing.T) {
	layers := diamond()
	_, err := Connect(layers)
	if err == nil || !strings.Contains(err.Error(), `layer "e": layers of`) {
		t.Errorf("error %v about the layer of an unknown class", err)
	}
	specs, err := Connect(Sub(layers, 4))
	if err != nil {
		t.Fatal(err)
	}
	if got := specs[2][0].Shape; !slices.Equal(got, []int{48, 3}) {
		t.Errorf("a kernel %v, want 48x3", got)
	}
	if _, err := Connect(Sub(layers, 3)); err != nil || !slices.Equal(layers[3].Output, []int{192}) {
		t.Errorf("output %v, error %v", layers[3].Output, err)
	}
	for name, change := range map[string]func([]*Layer){
		"itself":     func(l []*Layer) { l[1].Inputs = []*Layer{l[1]} },
		"later":      func(l []*Layer) { l[1].Inputs = []*Layer{l[3]} },
		"elsewhere":  func(l []*Layer) { l[1].Inputs = []*Layer{{Name: "x"}} },
		"nothing":    func(l []*Layer) { l[1].Inputs = []*Layer{} },
		"two inputs": func(l []*Layer) { l[1].Inputs = []*Layer{l[0], l[0]} },
	} {
		layers := diamond()[:4]
		change(layers)
		if _, err := Connect(layers); err == nil || !strings.Contains(err.Error(), `layer "a"`) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
