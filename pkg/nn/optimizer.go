package nn

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
