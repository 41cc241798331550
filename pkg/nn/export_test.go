package nn

import (
	"math"
	"testing"
)

// KeepOrder makes the trainer take the samples in the order in which they come.
func (t *Trainer) KeepOrder() {
	t.order = func(n int) []uint32 {
		order := make([]uint32, n)
		for i := range order {
			order[i] = uint32(i)
		}
		return order
	}
}

// Near and WeightsOf are for the tests outside the package.
var (
	Near      = near
	WeightsOf = weightsOf
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func weightsOf(m *Model) []float32 {
	var all []float32
	for _, l := range m.Layers {
		for _, w := range l.Weights {
			all = append(all, w.Data...)
		}
	}
	return all
}
