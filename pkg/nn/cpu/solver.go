package cpu

import (
	"fmt"

	"gorgonia.org/tensor"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// A solver changes weights by their gradients, with Keras' rules. Gorgonia's solvers add epsilon at
// other places. The state belongs to the weight, so it outlives the network that computed the
// gradient.
type solver struct {
	kernels *kernel.Set
	rule    func(s *solver, w, grad, first, second []float32)
	steps   int
	state   map[*float32]*moments // by the first value of a weight
	parts   []part                // of the weights, in the step that runs
}

// A part of a weight with its gradient and moments is a task.
type part struct{ w, grad, first, second []float32 }

// moments are the moving averages of a weight's gradient (Adam) and its square.
type moments struct{ first, second []float32 }

func newSolver(k *kernel.Set, opt nn.Optimizer) *solver {
	s := &solver{kernels: k, state: map[*float32]*moments{}}
	switch opt {
	case nn.RMSprop:
		s.rule = (*solver).rmsprop
	case nn.Adam:
		s.rule = (*solver).adam
	default:
		panic("nn: unknown optimizer")
	}
	return s
}

// step changes the weights of a network once, by the gradients of its last run.
func (s *solver) step(n *network) error {
	s.steps++
	s.parts = s.parts[:0]
	for _, w := range n.learn {
		grad, err := w.Grad()
		if err != nil {
			return fmt.Errorf("nn: %w", err)
		}
		values := w.Value().(*tensor.Dense).Float32s()
		m := s.state[&values[0]]
		if m == nil {
			m = &moments{make([]float32, len(values)), make([]float32, len(values))}
			s.state[&values[0]] = m
		}
		slopes := grad.(*tensor.Dense).Float32s()
		const block = 1 << 12 // values of a part: a task takes microseconds
		for from := 0; from < len(values); from += block {
			to := min(from+block, len(values))
			s.parts = append(s.parts, part{
				values[from:to], slopes[from:to], m.first[from:to], m.second[from:to],
			})
		}
	}
	n.each(len(s.parts), func(task int, _ []float32) {
		p := s.parts[task]
		s.rule(s, p.w, p.grad, p.first, p.second)
	})
	return nil
}

func (s *solver) rmsprop(w, grad, _, second []float32) {
	s.kernels.RMSprop(w, grad, second, nn.LearningRate, nn.Rho, 1-nn.Rho, nn.Epsilon)
}

func (s *solver) adam(w, grad, first, second []float32) {
	s.kernels.Adam(w, grad, first, second, nn.AdamRate(s.steps), 1-nn.Beta1, 1-nn.Beta2, nn.Epsilon)
}
