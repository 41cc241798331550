package sklearn

import "imagesimilarity/pkg/numpy"

// TrainTestSplit splits the indices 0 to n-1 as train_test_split(test_size=0.2,
// random_state=seed): a fifth of them, rounded up, are for testing. Both parts are in the order in
// which they were drawn.
func TrainTestSplit(n int, seed uint32) (train, test []uint32) {
	order := numpy.Permutation(seed, n)
	fifth := (n + 4) / 5
	return order[fifth:], order[:fifth]
}
