package nn

import "math"

// Optimizer is the Keras name of an update rule.
type Optimizer string

const (
	RMSprop Optimizer = "RMSprop"
	Adam    Optimizer = "Adam"
)

// The parameters of the update rules are those that Keras takes by default.
const (
	LearningRate = 0.001
	Epsilon      = 1e-7       // keeps divisors from 0
	Rho          = 0.9        // RMSprop: share of the old mean of squares that is kept
	Beta1, Beta2 = 0.9, 0.999 // Adam: shares of the old moments that are kept
)

// AdamRate returns what Adam multiplies the first moments with in a step, which is counted from 1:
// the learning rate, corrected for moments that begin at 0.
func AdamRate(step int) float32 {
	return float32(LearningRate * math.Sqrt(1-power(Beta2, step)) / (1 - power(Beta1, step)))
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
