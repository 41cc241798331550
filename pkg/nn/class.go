package nn

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Class is the Keras class of a layer. The classes are declared in classes*.go.
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
	// padded returns the shape of the input with zeros around it, once l is connected; nil for a class
	// that needs none. Its size is checked like that of an output.
	padded func(l *Layer, in []int) []int
	// activation is that of all layers of the class, "" for none.
	activation Activation
	// merge does so for a class that takes any number of inputs, and has no weights.
	merge func(l *Layer, in [][]int) error
	// kept is the number of values that a training keeps for each value of the output.
	kept int
}

var classes = map[Class]declaration{}

// declare adds a class.
func declare(c Class, d declaration) Class {
	classes[c] = d
	return c
}

// Classes returns the supported classes in alphabetical order.
func Classes() []Class { return slices.Sorted(maps.Keys(classes)) }

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

// outputs makes a parameter for the number of filters or units.
func outputs(key string) Parameter {
	return parameter(key, 0, func(l *Layer, n count) error {
		l.Output = []int{int(n)}
		return nil
	}, func(l *Layer) any { return l.outputs() })
}

// outputs returns the number of filters or units, or 0 if it is not set.
func (l *Layer) outputs() int {
	switch n := len(l.Output); {
	case n == 0:
		return 0
	case l.ChannelsFirst:
		return l.Output[0]
	default:
		return l.Output[n-1]
	}
}

// rowsAndColumns makes a parameter that is a pair.
func rowsAndColumns(key string, absent pair, field func(*Layer) *[2]int) Parameter {
	return parameter(key, absent, func(l *Layer, p pair) error {
		*field(l) = p
		return nil
	}, func(l *Layer) any { return *field(l) })
}

// toggle makes a parameter for a switch. The field is set if the value is meaning.
func toggle(key string, absent, meaning bool, field func(*Layer) *bool) Parameter {
	return parameter(key, nil, func(l *Layer, v *bool) error {
		value := absent
		if v != nil {
			value = *v
		}
		*field(l) = value == meaning
		return nil
	}, func(l *Layer) any { return *field(l) == meaning })
}

// slope makes a parameter with any value that NumPy may have written.
func slope(key string, absent float64, field func(*Layer) *float64) Parameter {
	return parameter(key, nil, func(l *Layer, v *numbers) error {
		*field(l) = absent
		if v != nil {
			return v.single(field(l))
		}
		return nil
	}, func(l *Layer) any { return *field(l) })
}

// axes makes a parameter for one axis or several.
func axes(key string, absent []int) Parameter {
	return parameter(key, nil, func(l *Layer, v *axisList) error {
		l.Axes = slices.Clone(absent)
		if v != nil {
			l.Axes = *v
		}
		return nil
	}, func(l *Layer) any { return l.Axes })
}

// An axisList is a list of whole numbers. JSON may have one number without brackets, or null for
// none.
type axisList []int

func (a *axisList) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*a = axisList{}
		return nil
	}
	var v numbers
	if err := v.UnmarshalJSON(b); err != nil {
		return err
	}
	*a = axisList{}
	for _, f := range v {
		if f != math.Trunc(f) || math.Abs(f) > maxRank {
			return fmt.Errorf("an axis of %v, expected a small whole number", f)
		}
		*a = append(*a, int(f))
	}
	return nil
}

// maxRank bounds the number of dimensions.
const maxRank = 16

// numbers are a number, or numbers in brackets of any depth, row-major. Keras writes those of NumPy
// as objects of the class __numpy__.
type numbers []float64

func (n *numbers) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*n = numbers{}
	return n.add(v)
}

func (n *numbers) add(v any) error {
	switch v := v.(type) {
	case float64:
		*n = append(*n, v)
		return nil
	case []any:
		for _, e := range v {
			if err := n.add(e); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		if config, ok := v["config"].(map[string]any); ok && v["class_name"] == "__numpy__" {
			return n.add(config["value"])
		}
	}
	return errors.New("a value that is no number")
}

// single sets f to the only number.
func (n numbers) single(f *float64) error {
	if len(n) != 1 {
		return fmt.Errorf("%d numbers, expected one", len(n))
	}
	*f = n[0]
	return nil
}

// narrow returns the numbers as float32.
func (n numbers) narrow() []float32 {
	f := make([]float32, len(n))
	for i, v := range n {
		f[i] = float32(v)
	}
	return f
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

// A dimension is a count, or -1 for what is left.
type dimension int

func (d *dimension) UnmarshalJSON(b []byte) error {
	if f, err := strconv.ParseFloat(string(b), 64); err == nil && f == -1 {
		*d = -1
		return nil
	}
	return (*count)(d).UnmarshalJSON(b)
}

// A whole is a whole number from 0 to maxValues.
type whole int

func (w *whole) UnmarshalJSON(b []byte) error {
	if f, err := strconv.ParseFloat(string(b), 64); err == nil && f == 0 {
		*w = 0
		return nil
	}
	return (*count)(w).UnmarshalJSON(b)
}

// offsets are wholes for rows and columns. JSON may have one number for both.
type offsets [2]int

func (o *offsets) UnmarshalJSON(b []byte) error {
	var both whole
	if json.Unmarshal(b, &both) == nil {
		*o = offsets{int(both), int(both)}
		return nil
	}
	var list []whole
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("%s, expected two numbers", b)
	}
	*o = offsets{int(list[0]), int(list[1])}
	return nil
}

// sides are rows (first, last) and columns. JSON may have one number for all, or one for rows and
// one for columns.
type sides [2][2]int

func (s *sides) UnmarshalJSON(b []byte) error {
	var both offsets
	if json.Unmarshal(b, &both) == nil {
		*s = sides{{both[0], both[0]}, {both[1], both[1]}}
		return nil
	}
	var list []offsets
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("%s, expected rows and columns", b)
	}
	*s = sides{list[0], list[1]}
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
