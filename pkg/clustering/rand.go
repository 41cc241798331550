package clustering

import "slices"

// AdjustedRand returns the adjusted Rand index of two clusterings, given as the cluster of each
// image, from 0 (Hubert and Arabie 1985, equation 5): the share of pairs of images on which they
// agree, corrected for chance. It is 1 for equal clusterings, about 0 for unrelated ones, and never
// above 1. If every two clusterings of such sizes would agree by chance alone, it is 1.
func AdjustedRand[A, B int32 | uint8](a []A, b []B) float64 {
	n := len(a)
	if n < 2 {
		return 1
	}
	inA, inB := counts(a), counts(b)
	// Of each cluster of a, its images are counted by their cluster in b.
	ofA := make([]B, n)
	next := make([]int, len(inA))
	for c, from := 1, 0; c < len(inA); c++ {
		from += inA[c-1]
		next[c] = from
	}
	for i, c := range a {
		ofA[next[c]] = b[i]
		next[c]++
	}
	both := uint64(0)
	joint := make([]int, len(inB))
	for _, size := range inA {
		for _, c := range ofA[:size] {
			both += uint64(joint[c]) // pairs of this image with those counted before
			joint[c]++
		}
		for _, c := range ofA[:size] {
			joint[c] = 0
		}
		ofA = ofA[size:]
	}
	all := float64(n) * float64(n-1) / 2
	pairsA, pairsB := pairs(inA), pairs(inB)
	chance := float64(pairsA / all * pairsB)
	if most := float64((pairsA + pairsB) / 2); most != chance {
		return (float64(both) - chance) / (most - chance)
	}
	return 1
}

// AdjustedRandSize returns the bytes that AdjustedRand takes for clusterings of n images into up to
// k clusters each.
func AdjustedRandSize(n, k int) float64 { return float64(4*n) + float64(32*k) }

// counts returns the number of times that each value from 0 on occurs.
func counts[V int32 | uint8](values []V) []int {
	n := make([]int, int(slices.Max(values))+1)
	for _, v := range values {
		n[v]++
	}
	return n
}

// pairs returns the number of pairs of images in the same cluster, for clusters of these sizes.
func pairs(sizes []int) float64 {
	sum := uint64(0)
	for _, n := range sizes {
		sum += uint64(n) * uint64(max(n-1, 0)) / 2
	}
	return float64(sum)
}
