//go:build !purego

package kernel

// accelerated returns the set of kernels in assembly. Every processor for arm64 has NEON.
func accelerated() []*Set {
	s := portable
	s.Name = "NEON"
	s.matmul = (&tiles{
		lanes: 4, rows: 6,
		tiles: [][]tile{
			{tile1x1NEON, tile2x1NEON, tile3x1NEON, tile4x1NEON, tile5x1NEON, tile6x1NEON},
			{tile1x2NEON, tile2x2NEON, tile3x2NEON, tile4x2NEON, tile5x2NEON, tile6x2NEON},
			{tile1x3NEON, tile2x3NEON, tile3x3NEON, tile4x3NEON, tile5x3NEON, tile6x3NEON},
			{tile1x4NEON, tile2x4NEON, tile3x4NEON, tile4x4NEON, tile5x4NEON, tile6x4NEON},
		},
	}).matmul
	s.addTo, s.sum, s.squares = addToNEON, sumNEON, squaresNEON
	s.normalise, s.gradSums, s.backward = normaliseNEON, gradSumsNEON, backwardNEON
	s.pool2x2, s.unpool2x2 = pool2x2NEON, unpool2x2NEON
	s.winogradIn, s.winogradGradIn, s.winogradOut = winogradInNEON, winogradGradInNEON, winogradOutNEON
	s.winogradFilter, s.winogradFilterGrad = winogradFilterNEON, winogradFilterGradNEON
	s.maxTo, s.mulTo, s.clip, s.leak = maxToNEON, mulToNEON, clipNEON, leakNEON
	s.depthwise = func(out, x, w, bias []float32, p *Window) {
		depthwiseNEON(out, x, w, bias, &p.C)
	}
	s.sigmoid, s.exp, s.tanh, s.swish = sigmoidNEON, expNEON, tanhNEON, swishNEON
	s.softplus, s.softsign, s.mish = softplusNEON, softsignNEON, mishNEON
	s.gelu, s.elu = geluNEON, eluNEON
	s.rmsprop, s.adam = rmspropNEON, adamNEON
	return []*Set{&s}
}
