package numpy

// Sum returns numpy.sum(v) to the last bit: fewer than 8 values are added in order; up to 128
// values are added in 8 interleaved sums, which are then added in pairs; more are added in two
// halves.
func Sum(v []float64) float64 {
	switch {
	case len(v) < 8:
		var s float64
		for _, x := range v {
			s += x
		}
		return s
	case len(v) > 128:
		half := len(v) / 2
		half -= half % 8
		return Sum(v[:half]) + Sum(v[half:])
	}
	r := [8]float64(v)
	i := 8
	for ; i+8 <= len(v); i += 8 {
		for j := range r {
			r[j] += v[i+j]
		}
	}
	s := ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
	for _, x := range v[i:] {
		s += x
	}
	return s
}
