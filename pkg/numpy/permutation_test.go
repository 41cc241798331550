package numpy

import (
	"slices"
	"testing"
)

// Recorded with NumPy 1.26.4: the numbers at the beginning of RandomState(13).permutation(n) and
// after its first fifth, where the training set of scikit-learn's train_test_split(test_size=0.2)
// begins.
func TestPermutation(t *testing.T) {
	tests := []struct {
		n, test     int
		first, rest []uint32
	}{
		{1003, 201, []uint32{114, 341, 0, 336, 304, 293}, []uint32{510, 897, 133, 994, 878, 862}},
		{60000, 12000,
			[]uint32{26308, 52512, 50061, 45393, 17259, 54629},
			[]uint32{54931, 12612, 21647, 22480, 49475, 25291}},
	}
	for _, tt := range tests {
		p := Permutation(13, tt.n)
		if got := p[:len(tt.first)]; !slices.Equal(got, tt.first) {
			t.Errorf("n = %d: begins %v, want %v", tt.n, got, tt.first)
		}
		if got := p[tt.test : tt.test+len(tt.rest)]; !slices.Equal(got, tt.rest) {
			t.Errorf("n = %d: at %d %v, want %v", tt.n, tt.test, got, tt.rest)
		}
	}
}

func TestPermutationHasEveryNumberOnce(t *testing.T) {
	for n := range 300 {
		p := Permutation(uint32(n), n)
		slices.Sort(p)
		for i, v := range p {
			if int(v) != i {
				t.Fatalf("n = %d: %d, want %d", n, v, i)
			}
		}
	}
}

// The C++ standard gives the 10,000th output of mt19937 with the default seed in [rand.predef].
func TestMT19937TenThousandthOutput(t *testing.T) {
	g := newMT19937(5489)
	var last uint32
	for range 10000 {
		last = g.uint32()
	}
	if last != 4123659995 {
		t.Errorf("output 10,000 is %d, want 4123659995", last)
	}
}
