package cpu

import (
	"fmt"
	"math"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
	"imagesimilarity/pkg/parallel"
)

// A solver changes weights by their gradients, with Keras' rules. Gorgonia's solvers add epsilon at
// other places. The state belongs to the weight, so it outlives the network that computed the
// gradient.
type solver struct {
	kernels *kernel.Set
	rule    func(s *solver, w, grad, first, second []float32)
	steps   int
	state   map[*float32]*moments // by the first value of a weight
}

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
	for _, w := range n.learn {
		grad, err := w.Grad()
		if err != nil {
			return fmt.Errorf("nn: %w", err)
		}
		values := w.Value().Data().([]float32)
		m := s.state[&values[0]]
		if m == nil {
			m = &moments{make([]float32, len(values)), make([]float32, len(values))}
			s.state[&values[0]] = m
		}
		slopes := grad.Data().([]float32)
		const block = 1 << 14 // values of a task: several times the cost of starting it
		parallel.Blocks(len(values), block, func(from, to int) {
			s.rule(s, values[from:to], slopes[from:to], m.first[from:to], m.second[from:to])
		})
	}
	return nil
}

func (s *solver) rmsprop(w, grad, _, second []float32) {
	s.kernels.RMSprop(w, grad, second, nn.LearningRate, nn.Rho, 1-nn.Rho, nn.Epsilon)
}

func (s *solver) adam(w, grad, first, second []float32) {
	numerator := nn.LearningRate * math.Sqrt(1-power(nn.Beta2, s.steps))
	rate := float32(numerator / (1 - power(nn.Beta1, s.steps)))
	s.kernels.Adam(w, grad, first, second, rate, 1-nn.Beta1, 1-nn.Beta2, nn.Epsilon)
}

// power returns x to the n by repeated squaring. It is rounded alike on every processor; math.Pow
// is not.
func power(x float64, n int) float64 {
	p := 1.0
	for ; n > 0; n /= 2 {
		if n%2 == 1 {
			p *= x
		}
		x *= x
	}
	return p
}
