package sklearn

import "slices"

// A MinMaxScaler maps every column of vectors linearly. It computes in float32, as MinMaxScaler
// does with float32 vectors.
type MinMaxScaler struct {
	Lo            []float32 // smallest value of each column
	Scale, Offset []float32 // of each column: x becomes x·Scale + Offset
}

// FitMinMaxScaler returns MinMaxScaler((0, top)) fitted on vectors whose columns have these ranges:
// the values of a column then reach from 0 to top. A constant column becomes 0. A column with a NaN
// becomes NaN, whereas scikit-learn ignores it.
func FitMinMaxScaler(r Ranges, top float32) *MinMaxScaler {
	// A smaller range counts as constant: ten times the distance from 1 to the next float32.
	const noRange = 10 * 0x1p-23
	dim := len(r.Lo)
	s := &MinMaxScaler{Lo: r.Lo, Scale: make([]float32, dim), Offset: make([]float32, dim)}
	for j := range dim {
		span := r.Hi[j] - r.Lo[j]
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

// Ranges are the smallest and the largest value of each column of vectors; NaN if the column has
// one.
type Ranges struct{ Lo, Hi []float32 }

// Add adds the values of more vectors, (n,dim).
func (r *Ranges) Add(v []float32, dim int) {
	if r.Lo == nil && len(v) > 0 {
		r.Lo, r.Hi = slices.Clone(v[:dim]), slices.Clone(v[:dim])
	}
	for row := range slices.Chunk(v, dim) {
		for j, x := range row {
			r.Lo[j], r.Hi[j] = min(r.Lo[j], x), max(r.Hi[j], x)
		}
	}
}
