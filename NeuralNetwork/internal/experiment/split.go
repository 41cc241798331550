package experiment

import (
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/sklearn"
)

// splitSeed is the random_state that the original gives to train_test_split.
const splitSeed = 13

// Split returns four fifths of the samples to train on and one fifth to validate with, as the
// original splits them. s has 2 samples or more. Split returns an error if there is no memory.
func Split(s *nn.Samples) (train, validation *nn.Samples, err error) {
	need := float64(4*float64(s.N)) + float64(len(s.Labels)) // for the indices and the labels
	err = memory.Check(need, "splitting %s for training and validation needs",
		plural.Of(s.N, "image"))
	if err != nil {
		return nil, nil, err
	}
	trained, validated := sklearn.TrainTestSplit(s.N, splitSeed)
	return Choose(s, trained), Choose(s, validated), nil
}

// Choose returns the samples index[0], index[1], … of s.
func Choose[I int | uint32](s *nn.Samples, index []I) *nn.Samples {
	whole := func(of []int) []int {
		w := make([]int, len(of))
		for i, k := range of {
			w[i] = int(index[k])
		}
		return w
	}
	part := &nn.Samples{N: len(index), Room: s.Room}
	part.Input = func(dst []float32, of []int) error { return s.Input(dst, whole(of)) }
	if s.Ahead != nil {
		part.Ahead = func(of []int) { s.Ahead(whole(of)) }
	}
	if s.Labels != nil {
		part.Labels = make([]uint8, len(index))
		for i, k := range index {
			part.Labels[i] = s.Labels[k]
		}
	}
	return part
}
