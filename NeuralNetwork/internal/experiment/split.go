package experiment

import (
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/rng"
)

// splitSeed is the random_state that the original gives to scikit-learn.
const splitSeed = 13

// Split divides samples, 2 or more, as scikit-learn's train_test_split(test_size=0.2, random_state=13): a fifth of them,
// rounded up, validates the training on the others. Both keep the order in which they were drawn.
func Split(s *nn.Samples) (train, validation *nn.Samples) {
	order := rng.Permutation(splitSeed, s.N)
	fifth := (s.N + 4) / 5
	return Choose(s, order[fifth:]), Choose(s, order[:fifth])
}

// Choose is the samples index[0], index[1], … of s.
func Choose(s *nn.Samples, index []int) *nn.Samples {
	part := &nn.Samples{N: len(index)}
	part.Input = func(dst []float32, of []int) {
		whole := make([]int, len(of))
		for i, k := range of {
			whole[i] = index[k]
		}
		s.Input(dst, whole)
	}
	if s.Labels != nil {
		part.Labels = make([]uint8, len(index))
		for i, k := range index {
			part.Labels[i] = s.Labels[k]
		}
	}
	return part
}
