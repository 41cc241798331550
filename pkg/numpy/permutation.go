package numpy

import "math/bits"

// Sizes of the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998).
const (
	mtWords = 624
	mtShift = 397
)

// mt19937 is the Mersenne Twister as RandomState seeds and draws it.
type mt19937 struct {
	state [mtWords]uint32
	next  int // word of state that gives the next output
}

func newMT19937(seed uint32) *mt19937 {
	g := &mt19937{next: mtWords}
	g.state[0] = seed
	for i := 1; i < mtWords; i++ {
		last := g.state[i-1]
		g.state[i] = 1812433253*(last^last>>30) + uint32(i)
	}
	return g
}

// uint32 draws 32 random bits.
func (g *mt19937) uint32() uint32 {
	if g.next == mtWords {
		g.twist()
	}
	y := g.state[g.next]
	g.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// twist computes the next mtWords words of state.
func (g *mt19937) twist() {
	s := &g.state
	for i := range s {
		y := s[i]&0x80000000 | s[(i+1)%mtWords]&0x7fffffff
		s[i] = s[(i+mtShift)%mtWords] ^ y>>1 ^ -(y&1)&0x9908b0df
	}
	g.next = 0
}

// Permutation returns RandomState(seed).permutation(n), a permutation of 0 to n-1. n is at most
// 2³².
func Permutation(seed uint32, n int) []uint32 {
	g := newMT19937(seed)
	p := make([]uint32, n)
	for i := range p {
		p[i] = uint32(i)
	}
	// Fisher-Yates from the end. A draw above i is rejected.
	for i := n - 1; i > 0; i-- {
		mask := uint32(1)<<bits.Len32(uint32(i)) - 1
		j := g.uint32() & mask
		for j > uint32(i) {
			j = g.uint32() & mask
		}
		p[i], p[j] = p[j], p[i]
	}
	return p
}
