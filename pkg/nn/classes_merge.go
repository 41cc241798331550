package nn

import (
	"fmt"
	"slices"
)

// The classes that put several inputs together, value by value. Where an input has 1 place along an
// axis, it stands for all of them.
var (
	Add      = declare("Add", elementwise("add", 1))
	Subtract = declare("Subtract", elementwise("subtract", 2))
	Multiply = declare("Multiply", elementwise("multiply", 1))
	Average  = declare("Average", elementwise("average", 1))
	Maximum  = declare("Maximum", elementwise("maximum", 1))
	Minimum  = declare("Minimum", elementwise("minimum", 1))
)

// elementwise declares such a class; Subtract takes two inputs.
func elementwise(base string, least int) declaration {
	return declaration{
		base: base, parameters: []Parameter{trainable()},
		merge: func(l *Layer, in [][]int) error {
			if len(in) < least || least == 2 && len(in) > 2 {
				return fmt.Errorf("%d inputs, expected %d", len(in), least)
			}
			l.Output = nil
			for _, shape := range in {
				// An input with fewer axes has 1 place along those before.
				rank := max(len(shape), len(l.Output))
				a, b := Widen(l.Output, rank), Widen(shape, rank)
				for i := range a {
					if a[i] != b[i] && a[i] != 1 && b[i] != 1 {
						return fmt.Errorf("inputs of shapes %v do not fit together", in)
					}
					a[i] = max(a[i], b[i])
				}
				l.Output = a
			}
			return nil
		},
		kept: 1,
	}
}

// Widen returns a shape with axes of one place before it, of that rank.
func Widen(shape []int, rank int) []int {
	wide := slices.Repeat([]int{1}, rank-len(shape))
	return append(wide, shape...)
}

// Concatenate puts its inputs one after the other along an axis.
var Concatenate = declare("Concatenate", declaration{
	base:       "concatenate",
	parameters: []Parameter{trainable(), axes("axis", []int{-1})},
	merge: func(l *Layer, in [][]int) error {
		if err := l.setAxes(in[0], -1); err != nil {
			return err
		}
		if len(l.Axes) != 1 {
			return fmt.Errorf("%d axes, expected one", len(l.Axes))
		}
		axis := l.Axes[0] - 1
		l.Output = slices.Clone(in[0])
		for _, shape := range in[1:] {
			if len(shape) != len(l.Output) {
				return fmt.Errorf("inputs of shapes %v do not fit together", in)
			}
			for i, d := range shape {
				if i == axis {
					l.Output[i] = add(l.Output[i], d)
				} else if d != l.Output[i] {
					return fmt.Errorf("inputs of shapes %v do not fit together", in)
				}
			}
		}
		return nil
	},
	kept: 1,
})
