package clustering

import "slices"

// AdjustedRand returns the adjusted Rand index of two clusterings, given as the cluster of each
// image (Hubert and Arabie 1985, equation 5): the share of pairs of images on which they agree,
// corrected for chance. It is 1 for equal clusterings, about 0 for unrelated ones, and never
// above 1. If every two clusterings of such sizes would agree by chance alone, it is 1.
func AdjustedRand(a, b []int32) float64 {
	n := len(a)
	if n < 2 {
		return 1
	}
	joint := make([]int64, n)
	for i := range a {
		joint[i] = int64(a[i])<<32 | int64(b[i])
	}
	both, inA, inB := equalPairs(joint), equalPairs(a), equalPairs(b)
	all := float64(n) * float64(n-1) / 2
	chance := float64(inA / all * inB)
	if most := float64((inA + inB) / 2); most != chance {
		return (both - chance) / (most - chance)
	}
	return 1
}

// equalPairs returns the number of pairs of equal values.
func equalPairs[V int32 | int64](values []V) float64 {
	sorted := slices.Sorted(slices.Values(values))
	pairs := 0.0
	for first := 0; first < len(sorted); {
		n := 1
		for first+n < len(sorted) && sorted[first+n] == sorted[first] {
			n++
		}
		pairs += float64(float64(n) * float64(n-1) / 2)
		first += n
	}
	return pairs
}
