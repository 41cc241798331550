package sklearn

import (
	"slices"
	"testing"
)

// Recorded from train_test_split(test_size=0.2, random_state=13) with NumPy 1.26.4.
func TestTrainTestSplit(t *testing.T) {
	train, test := TrainTestSplit(1003, 13)
	if len(train) != 802 || len(test) != 201 {
		t.Fatalf("%d and %d indices, want 802 and 201", len(train), len(test))
	}
	for _, c := range []struct{ part, want []uint32 }{
		{train, []uint32{510, 897, 133, 994, 878, 862}},
		{test, []uint32{114, 341, 0, 336, 304, 293}},
	} {
		if got := c.part[:len(c.want)]; !slices.Equal(got, c.want) {
			t.Errorf("a part begins with %v, want %v", got, c.want)
		}
	}
}

func TestTrainTestSplitOfFew(t *testing.T) {
	for n, want := range map[int][2]int{
		2: {1, 1}, 3: {2, 1}, 5: {4, 1}, 6: {4, 2}, 10: {8, 2}, 11: {8, 3},
	} {
		train, test := TrainTestSplit(n, 13)
		if got := [2]int{len(train), len(test)}; got != want {
			t.Errorf("%d indices are split into %v, want %v", n, got, want)
		}
	}
}
