package nn

import (
	"fmt"
	"slices"
)

// CheckTrainable returns an error unless engines can train the layers, which are connected: a chain
// of some classes with the parameters that the networks of these programs have.
func CheckTrainable(layers []*Layer) error {
	for i, l := range layers {
		if i > 0 && (len(l.Inputs) > 1 || l.Inputs != nil && l.Inputs[0] != layers[i-1]) {
			return fmt.Errorf("nn: layer %q takes other inputs than the layer before "+
				"it; expected a chain of layers", l.Name)
		}
		if err := l.checkTrainable(); err != nil {
			return fmt.Errorf("nn: layer %q cannot be trained: %w", l.Name, err)
		}
	}
	return nil
}

// checkTrainable returns an error unless a network that is trained can have the layer, which is
// connected.
func (l *Layer) checkTrainable() error {
	refuse := func(what string) error {
		return fmt.Errorf("%s with %s is not supported", l.Class, what)
	}
	if l.ChannelsFirst {
		return refuse("channels_first")
	}
	switch l.Class {
	case InputLayer, Dropout, Flatten, Reshape:
		return nil
	case Conv2D, Dense:
		switch one := [2]int{1, 1}; {
		case l.Class == Dense && len(l.Output) != 1:
			return refuse("an input other than a vector")
		case l.Class == Conv2D && l.Strides != one:
			return refuse("strides")
		case l.Class == Conv2D && l.Padding != Same && l.Kernel != one:
			return refuse("padding valid")
		case l.Class == Conv2D && l.Dilation != one && l.Kernel != one:
			return refuse("dilation")
		case l.Groups > 1:
			return refuse("groups")
		case l.NoBias:
			return refuse("no bias")
		case l.Activation == Linear || l.Activation == Sigmoid || l.Activation == Softmax,
			l.Activation == "" || l.PlainReLU():
			return nil
		}
		return refuse("the activation " + string(l.Activation))
	case BatchNormalization:
		switch {
		case len(l.Output) != 3 || l.Axes[0] != 3:
			return refuse("an axis other than an image's channels")
		case l.NoScale || l.NoCentre:
			return refuse("no scale or no centre")
		}
		return nil
	case MaxPooling2D:
		if l.Strides != l.Size || l.Padding != Valid {
			return refuse("strides or padding")
		}
		return nil
	case UpSampling2D:
		if l.Bilinear {
			return refuse("interpolation")
		}
		return nil
	}
	return fmt.Errorf("the class %s is not supported", l.Class)
}

// Effective returns the layers of a chain that can be trained without those that do nothing, which
// would part layers that an engine computes together: a pooling of single pixels, and a dropout of
// nothing. Outside of a training a dropout does nothing.
func Effective(layers []*Layer, training bool) []*Layer {
	return slices.DeleteFunc(slices.Clone(layers), func(l *Layer) bool {
		switch l.Class {
		case MaxPooling2D:
			return l.Size == [2]int{1, 1}
		case Dropout:
			return !training || l.Rate == 0
		}
		return false
	})
}
