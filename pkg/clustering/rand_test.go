package clustering

import (
	"math"
	"math/rand/v2"
	"testing"
)

// naiveRandIndex counts the pairs of images one by one.
func naiveRandIndex(a, b []int32) float64 {
	var both, inA, inB, all float64
	for i := range a {
		for j := range i {
			all++
			if a[i] == a[j] {
				inA++
			}
			if b[i] == b[j] {
				inB++
			}
			if a[i] == a[j] && b[i] == b[j] {
				both++
			}
		}
	}
	chance := inA * inB / all
	return (both - chance) / ((inA+inB)/2 - chance)
}

func TestAdjustedRand(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		kA, kB := 2+rng.Int32N(5), 2+rng.Int32N(5)
		a, b := make([]int32, 60), make([]int32, 60)
		for i := range a {
			a[i], b[i] = rng.Int32N(kA), rng.Int32N(kB)
			if rng.IntN(2) == 0 { // a part agrees
				b[i] = a[i] % kB
			}
		}
		got, want := AdjustedRand(a, b), naiveRandIndex(a, b)
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%v, want %v", got, want)
		}
	}
	for _, test := range []struct {
		name string
		a, b []int32
		want float64
	}{
		{"equal up to the names", []int32{0, 0, 0, 1, 1}, []int32{1, 1, 1, 0, 0}, 1},
		{"all in one", []int32{0, 0, 0}, []int32{0, 0, 0}, 1},
		{"one against many", []int32{0, 0, 0, 0}, []int32{0, 1, 2, 3}, 0},
		{"one image", []int32{0}, []int32{0}, 1},
		{"none", nil, nil, 1},
	} {
		if got := AdjustedRand(test.a, test.b); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
