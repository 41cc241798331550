package experiment

import (
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/sklearn"
)

// splitSeed is the random_state that the original gives to train_test_split.
const splitSeed = 13

// Split returns four fifths of the samples to train on and one fifth to validate with, as the
// original splits them. s has 2 samples or more.
func Split(s *nn.Samples) (train, validation *nn.Samples) {
	trained, validated := sklearn.TrainTestSplit(s.N, splitSeed)
	return Choose(s, trained), Choose(s, validated)
}

// Choose returns the samples index[0], index[1], … of s.
func Choose(s *nn.Samples, index []int) *nn.Samples {
	part := &nn.Samples{N: len(index)}
	part.Input = func(dst []float32, of []int) error {
		whole := make([]int, len(of))
		for i, k := range of {
			whole[i] = index[k]
		}
		return s.Input(dst, whole)
	}
	if s.Labels != nil {
		part.Labels = make([]uint8, len(index))
		for i, k := range index {
			part.Labels[i] = s.Labels[k]
		}
	}
	return part
}
