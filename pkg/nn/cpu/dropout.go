package cpu

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// dropout adds a Dropout layer in training. It sets values to zero with the probability rate and
// multiplies the others by 1/(1-rate). A rate of 1 leaves nothing.
func (n *network) dropout(rate float64, x signal) signal {
	layer := uint64(n.operators)
	// A 32-bit number is drawn for each value; the value is dropped if the number is below threshold.
	threshold := uint64(float64(rate * (1 << 32)))
	var scale float32
	if rate < 1 {
		scale = float32(1 / (1 - rate))
	}
	size := product(x.shape)
	mask := func(out, in []float32) {
		n.each(n.n, func(i int, _ []float32) {
			key := mix(mix(mix(n.seed^layer)+n.step) + uint64(i))
			o := out[i*size : (i+1)*size]
			var bits uint64
			for j, v := range in[i*size : (i+1)*size] {
				if j%2 == 0 {
					bits = mix(key + uint64(j))
				}
				if bits&(1<<32-1) < threshold {
					o[j] = 0
				} else {
					o[j] = v * scale
				}
				bits >>= 32
			}
		})
	}
	run := func(in [][]float32, out []float32) { mask(out, in[0]) }
	gradient := func(_, grad *G.Node) []*G.Node {
		return []*G.Node{n.apply("dropout gradient", tensor.Shape{n.batch, size}, run, grad)}
	}
	x.Node = n.applyDifferentiable("dropout", x.Node.Shape(), run,
		[]bool{x.active}, gradient, x.Node)
	return x
}

// mix turns a counter into random bits: SplitMix64 (Steele, Lea and Flood 2014). The bits depend on
// the place alone. So the gradient draws the numbers of the forward pass again, and many cores draw
// at once.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
