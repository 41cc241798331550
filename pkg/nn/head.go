package nn

import (
	"fmt"
	"math/rand/v2"
)

// HeadNames returns the names of the layers that NewClassifierOn adds.
func HeadNames() []string { return []string{"fully_connected", "final_dropout", "output"} }

// NewClassifierOn makes a classifier of the layers of an encoder, which ends with its output, and
// new layers as those of NewClassifier after the embedding. Of c it takes FullyConnected, Classes
// and DropoutRate. An output of several dimensions is flattened: the encoder gets a layer for that.
func NewClassifierOn(encoder *Model, c ClassifierConfig, seed uint64) (*Model, error) {
	b := &builder{counts: map[string]int{}}
	last := len(encoder.Layers) - 1
	size := encoder.Output()
	if len(size) > 1 {
		b.add(Layer{Class: Flatten, Name: encoder.Layers[last].Name + "_flat"})
	}
	b.head(c)
	m, err := NewModel(encoder.Name, append(encoder.Layers[:last+1:last+1], b.layers...))
	if err != nil {
		return nil, fmt.Errorf("a classifier on the encoder: %w", err)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for _, l := range b.layers {
		l.draw(random)
	}
	return m, nil
}
