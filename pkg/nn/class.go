package nn

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Class is the Keras class of a layer. The classes are declared in classes.go.
type Class string

// A declaration is all that a class of layers is, apart from the operator that computes it.
type declaration struct {
	// base begins the default names of Keras: base, base_1, base_2, ...
	base string
	// parameters are checked in this order.
	parameters []Parameter
	// image says that the input must have the shape (H,W,C).
	image bool
	// size returns a shape among the parameters, which is checked before connect; nil for none.
	size func(l *Layer) []int
	// connect sets l.Output from the shape of the input and returns the weights that l needs, in
	// Keras' order. The caller checks their sizes. nil for InputLayer, which has no input.
	connect func(l *Layer, in []int) ([]WeightSpec, error)
	// merge does so for a class that takes any number of inputs, and has no weights.
	merge func(l *Layer, in [][]int) error
	// kept is the number of values that a training keeps for each value of the output.
	kept int
}

var (
	classes = map[Class]declaration{}
	names   []Class // in the order of their declaration
)

// declare adds a class.
func declare(c Class, d declaration) Class {
	classes[c] = d
	names = append(names, c)
	return c
}

// Classes returns the supported classes.
func Classes() []Class { return slices.Clone(names) }

// Supported reports whether a model can have layers of class c.
func (c Class) Supported() bool {
	_, ok := classes[c]
	return ok
}

// Base returns the name that Keras gives the first layer of a class in a model, such as "conv2d".
// The k-th after it gets base_k.
func (c Class) Base() string { return classes[c].base }

// Parameters returns the entries of the class's configuration in Keras, but name and dtype.
func (c Class) Parameters() []Parameter { return classes[c].parameters }

// A Parameter is an entry of a layer's configuration in Keras, as get_config returns it.
type Parameter struct {
	Key string
	// New returns a pointer to what encoding/json decodes the entry's value into. It points to what
	// Keras takes if there is no such entry. nil for an entry that is written and not read.
	New func() any
	// Set sets the layer's fields from the pointer that New returned, or returns an error if the
	// value is not supported.
	Set func(l *Layer, p any) error
	// Get returns the value of a connected layer, for encoding/json; nil for an entry that is not
	// written.
	Get func(l *Layer) any
}

// unwritten returns p as an entry that is read only: some version of Keras does not know its key.
func (p Parameter) unwritten() Parameter {
	p.Get = nil
	return p
}

// parameter makes a parameter whose values are decoded into a T.
func parameter[T any](
	key string, absent T, set func(*Layer, T) error, get func(*Layer) any,
) Parameter {
	return Parameter{
		Key: key,
		New: func() any {
			v := absent
			return &v
		},
		Set: func(l *Layer, p any) error { return set(l, *p.(*T)) },
		Get: get,
	}
}

// only makes a parameter with one supported value, which Keras takes if the entry is missing or
// null. refuse returns the error for another value.
func only[T comparable](key string, value T, refuse func(T) error) Parameter {
	return parameter(key, nil, func(_ *Layer, v *T) error {
		if v != nil && *v != value {
			return refuse(*v)
		}
		return nil
	}, func(*Layer) any { return value })
}

// because returns the function refuse of only whose error has the text of format with the value.
func because[T any](format string) func(T) error {
	return func(v T) error { return fmt.Errorf(format, v) }
}

// flag makes a switch that is supported in one position, which Keras takes if the entry is missing
// or null. text is the error's text.
func flag(key string, value bool, text string) Parameter {
	return only(key, value, func(bool) error { return errors.New(text) })
}

// written makes an entry that some version of Keras wants to find and that is not read.
func written(key string, value any) Parameter {
	return Parameter{Key: key, Get: func(*Layer) any { return value }}
}

// number makes a parameter with any value.
func number(key string, absent float64, field func(*Layer) *float64) Parameter {
	return parameter(key, nil, func(l *Layer, v *float64) error {
		*field(l) = absent
		if v != nil {
			*field(l) = *v
		}
		return nil
	}, func(l *Layer) any { return *field(l) })
}

// lastDimension makes a parameter for the last dimension of the output.
func lastDimension(key string) Parameter {
	return parameter(key, 0, func(l *Layer, n count) error {
		l.Output = []int{int(n)}
		return nil
	}, func(l *Layer) any { return l.Output[len(l.Output)-1] })
}

// rowsAndColumns makes a parameter that is a pair.
func rowsAndColumns(key string, absent pair, field func(*Layer) *[2]int) Parameter {
	return parameter(key, absent, func(l *Layer, p pair) error {
		*field(l) = p
		return nil
	}, func(l *Layer) any { return *field(l) })
}

// A count is a whole number from 1 to maxValues. JSON may have it as 3.0.
type count int

func (c *count) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || f < 1 || f > maxValues || f != math.Trunc(f) {
		return fmt.Errorf("a size of %s, expected a whole number from 1 to %d", b, maxValues)
	}
	*c = count(f)
	return nil
}

// A pair is rows and columns. JSON may have it as one number for both.
type pair [2]int

func (p *pair) UnmarshalJSON(b []byte) error {
	var both count
	if json.Unmarshal(b, &both) == nil {
		*p = pair{int(both), int(both)}
		return nil
	}
	var list []count
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("%s, expected rows and columns", b)
	}
	*p = pair{int(list[0]), int(list[1])}
	return nil
}
