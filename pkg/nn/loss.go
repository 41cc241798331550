package nn

import "fmt"

// Loss is the Keras name of a loss. All are means over the samples.
type Loss string

const (
	MeanSquaredError  Loss = "mean_squared_error"  // mean over all values of a sample
	MeanAbsoluteError Loss = "mean_absolute_error" // mean over all values of a sample
	// CategoricalCrossentropy is -sum(target*log(output)), of a softmax.
	CategoricalCrossentropy Loss = "categorical_crossentropy"
)

// check returns an error if layers cannot be trained with the loss.
func (l Loss) check(layers []*Layer) error {
	in, last := layers[0].Output, layers[len(layers)-1]
	switch l {
	case MeanSquaredError, MeanAbsoluteError:
		if product(last.Output) != product(in) {
			return fmt.Errorf("nn: the output of layer %q has the shape %v; expected %v, "+
				"that of the input", last.Name, last.Output, in)
		}
	case CategoricalCrossentropy:
		if last.Activation != Softmax {
			return fmt.Errorf("nn: the loss %s needs a last layer with the activation softmax; "+
				"layer %q has %q", l, last.Name, last.Activation)
		}
	default:
		return fmt.Errorf("nn: the loss %q is not supported; expected %s, %s or %s",
			l, MeanSquaredError, MeanAbsoluteError, CategoricalCrossentropy)
	}
	return nil
}
