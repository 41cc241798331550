package libstdcxx

import (
	"math"
	"testing"
)

// The wanted values were printed by programs built with g++ 12.2.

func TestMinstdNext(t *testing.T) {
	m := NewMinstd()
	for i, want := range []uint32{16807, 282475249, 1622650073} {
		if got := m.Next(); got != want {
			t.Errorf("output %d is %d, want %d", i, got, want)
		}
	}
	// The C++ standard gives the 10,000th output in [rand.predef].
	m = NewMinstd()
	for range 9999 {
		m.Next()
	}
	if got := m.Next(); got != 1043618065 {
		t.Errorf("output 10000 is %d, want 1043618065", got)
	}
}

func TestMinstdFloat64(t *testing.T) {
	m := NewMinstd()
	for i, want := range []float64{0.13153778773876065, 0.4586501320232198, 0.21895918621247895} {
		if got := m.Float64(1); got != want {
			t.Errorf("value %d is %v, want %v", i, got, want)
		}
	}
}

func TestMinstdFloat32(t *testing.T) {
	m := NewMinstd()
	for i, want := range []float32{7.82590359e-06, 0.131537795, 0.75560534} {
		if got := m.Float32(1); got != want {
			t.Errorf("value %d is %v, want %v", i, got, want)
		}
	}
}

func TestMinstdStaysBelowTheBound(t *testing.T) {
	// The largest output less one, 2³¹-3, rounds up to 2³¹ as a float32.
	// Its predecessor is the state x with 16807·x = -1 mod 2³¹-1.
	last := &Minstd{state: minstdModulus - inverse(minstdFactor)}
	if got, want := last.Float32(1), math.Nextafter32(1, 0); got != want {
		t.Errorf("largest float32 is %v, want %v", got, want)
	}
}

// inverse returns 1/a modulo minstdModulus, by Fermat's little theorem.
func inverse(a uint64) uint64 {
	r := uint64(1)
	for e := uint64(minstdModulus - 2); e > 0; e >>= 1 {
		if e&1 == 1 {
			r = r * a % minstdModulus
		}
		a = a * a % minstdModulus
	}
	return r
}

func TestMinstdIntn1(t *testing.T) {
	for _, c := range []struct{ n, want int }{{1, 1}, {2, 1}, {60000, 1}, {127773, 1}, {127774, 2}} {
		if got := NewMinstd().Intn1(c.n); got != c.want {
			t.Errorf("first of 1 to %d is %d, want %d", c.n, got, c.want)
		}
	}
	m, seen := NewMinstd(), make([]int, 8)
	for range 7000 {
		seen[m.Intn1(7)]++
	}
	if seen[0] != 0 {
		t.Errorf("0 came %d times, want never", seen[0])
	}
	for v, n := range seen[1:] {
		if n < 850 || n > 1150 { // 5 standard deviations around 1000
			t.Errorf("%d came %d times of 7000, want about 1000", v+1, n)
		}
	}
}

func TestMinstdIntn1RefusesBadBounds(t *testing.T) {
	for _, n := range []int{0, -1, minstdSpan + 1} {
		func() {
			defer func() {
				if recover() != badBound {
					t.Errorf("n = %d: want a panic with %q", n, badBound)
				}
			}()
			NewMinstd().Intn1(n)
		}()
	}
}
