// Package numpy imitates what the original programs show of NumPy (https://numpy.org/doc/stable/):
// the permutations of RandomState, the order in which sum adds, and the text of an array.
package numpy
