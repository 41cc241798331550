package sklearn

import "slices"

// A MinMaxScaler maps every column of vectors linearly. It computes in float32, as MinMaxScaler
// does with float32 vectors.
type MinMaxScaler struct {
	Lo            []float32 // smallest value of each column
	Scale, Offset []float32 // of each column: x becomes x·Scale + Offset
}

// FitMinMaxScaler returns MinMaxScaler((0, top)) fitted on v, (n,dim): the values of a column reach
// from 0 to top. A constant column becomes 0. A column with a NaN becomes NaN, whereas scikit-learn
// ignores it.
func FitMinMaxScaler(v []float32, dim int, top float32) *MinMaxScaler {
	// A smaller range counts as constant: ten times the distance from 1 to the next float32.
	const noRange = 10 * 0x1p-23
	lo, hi := ColumnRanges(v, dim)
	s := &MinMaxScaler{Lo: lo, Scale: make([]float32, dim), Offset: make([]float32, dim)}
	for j := range dim {
		span := hi[j] - lo[j]
		if span < noRange {
			span = 1
		}
		s.setScale(j, top/span)
	}
	return s
}

// KeepProportions gives all columns the scale of the widest column. It is no part of scikit-learn.
func (s *MinMaxScaler) KeepProportions() {
	scale := slices.Min(s.Scale)
	for j := range s.Scale {
		s.setScale(j, scale)
	}
}

// setScale sets the scale of column j so that its smallest value becomes 0.
func (s *MinMaxScaler) setScale(j int, scale float32) {
	s.Scale[j] = scale
	s.Offset[j] = 0 - float32(s.Lo[j]*scale)
}

// At returns the scaled value of x in column j.
func (s *MinMaxScaler) At(j int, x float32) float32 { return float32(x*s.Scale[j]) + s.Offset[j] }

// ColumnRanges returns the smallest and the largest value of each column of v, (n,dim); NaN if the
// column has one.
func ColumnRanges(v []float32, dim int) (lo, hi []float32) {
	lo, hi = make([]float32, dim), make([]float32, dim)
	copy(lo, v)
	copy(hi, v)
	for i, x := range v {
		j := i % dim
		lo[j], hi[j] = min(lo[j], x), max(hi[j], x)
	}
	return lo, hi
}
