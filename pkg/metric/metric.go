// Package metric measures Manhattan distances: sums of absolute differences of grey levels or
// latent values.
//
// Manhattan measures two vectors. Measuring many against many is faster: Points lie in memory in
// the order in which the kernels read them, and every vector that is loaded serves four queries.
package metric

const differentLengths = "metric: vectors of different lengths"

// Manhattan returns Σ|a-b|. It panics if the lengths differ.
func Manhattan[P uint8 | uint16](a, b []P) int64 {
	if len(a) != len(b) {
		panic(differentLengths)
	}
	if a, ok := any(a).([]uint8); ok {
		return manhattanBytes(a, any(b).([]uint8))
	}
	// Words have no kernel here: latent vectors are too short to gain from one.
	var sum int64
	for i, x := range a {
		sum += int64(max(x, b[i]) - min(x, b[i]))
	}
	return sum
}

func manhattanBytes(a, b []uint8) int64 {
	whole := len(a) / byteStep * byteStep
	var sum int64
	if whole > 0 {
		sum = kernels.row(a[:whole], b[:whole])
	}
	for i := whole; i < len(a); i++ {
		sum += int64(max(a[i], b[i]) - min(a[i], b[i]))
	}
	return sum
}
