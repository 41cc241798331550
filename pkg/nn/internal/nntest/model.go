package nntest

import (
	"math/rand/v2"
	"testing"

	"imagesimilarity/pkg/nn"
)

// RandomModel names the layers and draws their weights. Variances and gammas are near 1.
func RandomModel(t testing.TB, layers []*nn.Layer, r *rand.Rand) *nn.Model {
	t.Helper()
	for i, l := range layers {
		l.Name = string(rune('a' + i))
	}
	m, err := nn.NewModel("model", layers)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			for i := range w.Data {
				w.Data[i] = float32(r.NormFloat64() * 0.3)
				if w.Name == "gamma" || w.Name == "moving_variance" || w.Name == "variance" {
					w.Data[i] = float32(0.5 + float64(r.Float64()))
				}
			}
		}
	}
	return m
}
