package numpy

import "testing"

// Recorded with NumPy 2.4.6: numpy.sum of 1, 1/2, 1/3, …, 1/n. The values from 127 to 136, 1000
// and 5000 differ from a sum taken in order.
func TestSum(t *testing.T) {
	for _, c := range []struct {
		n    int
		want float64
	}{
		{0, 0}, {1, 1.0}, {7, 2.5928571428571425}, {8, 2.7178571428571425}, {9, 2.8289682539682537},
		{16, 3.3807289932289937}, {127, 5.425334592589172}, {128, 5.433147092589173},
		{129, 5.440899030573669}, {136, 5.493542515771517}, {255, 6.120438712817281},
		{257, 6.128236013400938}, {1000, 7.485470860550345}, {5000, 9.094508852984436},
	} {
		v := make([]float64, c.n)
		for i := range v {
			v[i] = 1 / float64(i+1)
		}
		if got := Sum(v); got != c.want {
			t.Errorf("the sum of %d values is %v, want %v", c.n, got, c.want)
		}
	}
}
