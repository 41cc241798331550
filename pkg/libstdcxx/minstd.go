package libstdcxx

import "math"

const (
	minstdFactor  = 16807
	minstdModulus = 1<<31 - 1
	minstdSpan    = minstdModulus - 2 // largest output (minstdModulus-1) minus the smallest (1)
)

// Minstd is default_random_engine, which is minstd_rand0 (Park and Miller 1988: x becomes
// 16807·x mod 2³¹-1), with the uniform distributions of <random>.
type Minstd struct {
	state uint64
}

// NewMinstd returns an engine with the default seed of a C++ program, 1.
func NewMinstd() *Minstd { return &Minstd{state: 1} }

// Next returns the engine's next output, 1 to 2³¹-2.
func (m *Minstd) Next() uint32 {
	m.state = m.state * minstdFactor % minstdModulus
	return uint32(m.state)
}

// Float64 draws from uniform_real_distribution<double>(0, b): a double in [0, b) from two outputs.
func (m *Minstd) Float64(b float64) float64 {
	const r = minstdSpan + 1
	lo := float64(m.Next() - 1)
	hi := float64(m.Next() - 1)
	// The conversion keeps the compiler from fusing product and sum, which would round only once.
	u := (lo + float64(hi*r)) / (float64(r) * float64(r))
	if u >= 1 {
		u = math.Nextafter(1, 0)
	}
	return u * b
}

// Float32 draws from uniform_real_distribution<float>(0, b): a float in [0, b) from one output.
func (m *Minstd) Float32(b float32) float32 {
	u := float32(m.Next()-1) / (1 << 31)
	if u >= 1 {
		u = math.Nextafter32(1, 0)
	}
	return u * b
}

const badBound = "libstdcxx: the bound of a uniform integer is outside 1 to 2³¹-3"

// Intn1 draws from uniform_int_distribution<int>(1, n): an int in [1, n], each equally likely.
// It panics unless n is in 1 to 2³¹-3, the number of values that one output can distinguish.
func (m *Minstd) Intn1(n int) int {
	if n < 1 || n > minstdSpan {
		panic(badBound)
	}
	width := minstdSpan / n
	past := width * n
	for {
		if v := int(m.Next() - 1); v < past {
			return v/width + 1
		}
	}
}
