package nn

import (
	"math"

	G "gorgonia.org/gorgonia"

	"imagesimilarity/pkg/nn/internal/kernel"
	"imagesimilarity/pkg/parallel"
)

// Optimizer is the Keras name of an update rule, with the parameters that Keras takes by default.
type Optimizer string

const (
	RMSprop Optimizer = "RMSprop" // learning rate 0.001, rho 0.9, epsilon 1e-7
	Adam    Optimizer = "Adam"    // learning rate 0.001, beta 0.9 and 0.999, epsilon 1e-7
)

const (
	learningRate = 0.001
	epsilon      = 1e-7 // keeps the divisors from 0
	rho          = 0.9
	beta1, beta2 = 0.9, 0.999
)

// A solver changes weights by their gradients, with Keras' rules. Gorgonia's own solvers differ in where they add epsilon.
// The state belongs to the weight, so it outlives the network that computed the gradient.
type solver struct {
	kernels *kernel.Set
	rule    func(s *solver, w, grad, first, second []float32)
	step    int
	state   map[*float32]*moments // by the first value of a weight
}

// moments are the moving averages of a weight's gradient (Adam) and its square.
type moments struct{ first, second []float32 }

func newSolver(opt Optimizer) *solver {
	s := &solver{kernels: fastest, state: map[*float32]*moments{}}
	switch opt {
	case RMSprop:
		s.rule = (*solver).rmsprop
	case Adam:
		s.rule = (*solver).adam
	default:
		panic("nn: unknown optimizer")
	}
	return s
}

// Step changes every weight once; it makes solver a gorgonia.Solver.
func (s *solver) Step(weights []G.ValueGrad) error {
	s.step++
	for _, w := range weights {
		grad, err := w.Grad()
		if err != nil {
			return err
		}
		values := w.Value().Data().([]float32)
		m := s.state[&values[0]]
		if m == nil {
			m = &moments{make([]float32, len(values)), make([]float32, len(values))}
			s.state[&values[0]] = m
		}
		slopes := grad.Data().([]float32)
		const block = 1 << 14
		parallel.Blocks(len(values), block, func(from, to int) {
			s.rule(s, values[from:to], slopes[from:to], m.first[from:to], m.second[from:to])
		})
	}
	return nil
}

func (s *solver) rmsprop(w, grad, _, second []float32) {
	s.kernels.RMSprop(w, grad, second, learningRate, rho, 1-rho, epsilon)
}

func (s *solver) adam(w, grad, first, second []float32) {
	rate := float32(learningRate * math.Sqrt(1-power(beta2, s.step)) / (1 - power(beta1, s.step)))
	s.kernels.Adam(w, grad, first, second, rate, 1-beta1, 1-beta2, epsilon)
}

// power is x to the n by repeated squaring, rounded alike on every processor; math.Pow is not.
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
