package nn

import (
	"testing"

	"imagesimilarity/pkg/nn/internal/kernel"
)

// KeepOrder makes the trainer take the samples in the order in which they come.
func (t *Trainer) KeepOrder() {
	t.order = func(n int) []int {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		return order
	}
}

// WithEachImplementation runs the test with the kernels of each instruction set; in short mode with the fastest alone.
func WithEachImplementation(t *testing.T, test func(t *testing.T)) {
	for i, k := range kernel.Implementations {
		if i > 0 && testing.Short() {
			return
		}
		t.Run(k.Name, func(t *testing.T) {
			use(t, k)
			test(t)
		})
	}
}
