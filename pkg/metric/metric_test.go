package metric

import (
	"math/rand/v2"
	"testing"
)

func naive[P uint8 | uint16](a, b []P) int64 {
	var sum int64
	for i := range a {
		d := int64(a[i]) - int64(b[i])
		sum += max(d, -d)
	}
	return sum
}

// fill draws values of the full range; with extremes only the smallest and the largest.
func fill[P uint8 | uint16](r *rand.Rand, v []P, extremes bool) {
	for i := range v {
		v[i] = P(r.Uint32())
		if extremes {
			v[i] = -(v[i] & 1)
		}
	}
}

func testManhattan[P uint8 | uint16](t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 301 {
		for offset := range 9 {
			a, b := make([]P, offset+n), make([]P, n+2*offset)
			fill(r, a, n%3 == 0)
			fill(r, b, n%5 == 0)
			x, y := a[offset:], b[offset:offset+n]
			if got, want := Manhattan(x, y), naive(x, y); got != want {
				t.Fatalf("length %d, offset %d: %d, want %d", n, offset, got, want)
			}
		}
	}
	// Far enough apart and long enough for every counter to overflow that can.
	x, y := make([]P, 100_003), make([]P, 100_003)
	for i := range x {
		x[i] = ^P(0)
	}
	want := int64(len(x)) * int64(^P(0))
	if got := Manhattan(x, y); got != want {
		t.Errorf("white from black: %d, want %d", got, want)
	}
	if got := Manhattan(y, x); got != want {
		t.Errorf("black from white: %d, want %d", got, want)
	}
}

func TestManhattan(t *testing.T) {
	t.Run("uint8", testManhattan[uint8])
	t.Run("uint16", testManhattan[uint16])
}

func TestManhattanRefusesDifferentLengths(t *testing.T) {
	defer func() {
		if recover() != differentLengths {
			t.Errorf("want a panic with %q", differentLengths)
		}
	}()
	Manhattan(make([]uint8, 3), make([]uint8, 4))
}
