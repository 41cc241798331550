//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// accelerated returns the sets of kernels in assembly that this processor can run, the fastest
// first.
func accelerated() []*Set {
	var sets []*Set
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX2 && cpu.X86.HasBMI2 {
		sets = append(sets, avx512())
	}
	if cpu.X86.HasAVX2 {
		sets = append(sets, avx2())
	}
	return sets
}

func avx512() *Set {
	s := portable
	s.Name = "AVX-512"
	s.half, s.halfLanes = avx2(), 8
	s.matmul = (&tiles{
		lanes: 16, rows: 14,
		tiles: [][]tile{{
			tile1x1AVX512, tile2x1AVX512, tile3x1AVX512, tile4x1AVX512, tile5x1AVX512,
			tile6x1AVX512, tile7x1AVX512, tile8x1AVX512, tile9x1AVX512, tile10x1AVX512,
			tile11x1AVX512, tile12x1AVX512, tile13x1AVX512, tile14x1AVX512,
		}, {
			tile1x2AVX512, tile2x2AVX512, tile3x2AVX512, tile4x2AVX512, tile5x2AVX512,
			tile6x2AVX512, tile7x2AVX512, tile8x2AVX512, tile9x2AVX512, tile10x2AVX512,
			tile11x2AVX512, tile12x2AVX512, tile13x2AVX512, tile14x2AVX512,
		}},
	}).matmul
	s.addTo, s.sum, s.squares = addToAVX512, sumAVX512, squaresAVX512
	s.normalise, s.gradSums, s.backward = normaliseAVX512, gradSumsAVX512, backwardAVX512
	s.pool2x2, s.unpool2x2 = pool2x2AVX512, unpool2x2AVX512
	s.winogradIn, s.winogradGradIn = winogradInAVX512, winogradGradInAVX512
	s.winogradOut = winogradOutAVX512
	s.winogradFilter, s.winogradFilterGrad = winogradFilterAVX512, winogradFilterGradAVX512
	s.maxTo, s.mulTo, s.clip, s.leak = maxToAVX512, mulToAVX512, clipAVX512, leakAVX512
	s.depthwise = func(out, x, w, bias []float32, p *Window) {
		depthwiseAVX512(out, x, w, bias, &p.C)
	}
	s.sigmoid, s.exp, s.tanh, s.swish = sigmoidAVX512, expAVX512, tanhAVX512, swishAVX512
	s.softplus, s.softsign, s.mish = softplusAVX512, softsignAVX512, mishAVX512
	s.gelu, s.elu = geluAVX512, eluAVX512
	s.rmsprop, s.adam = rmspropAVX512, adamAVX512
	return &s
}

func avx2() *Set {
	s := portable
	s.Name = "AVX2"
	s.matmul = (&tiles{
		lanes: 8, rows: 6,
		tiles: [][]tile{
			{tile1x1AVX2, tile2x1AVX2, tile3x1AVX2, tile4x1AVX2, tile5x1AVX2, tile6x1AVX2},
			{tile1x2AVX2, tile2x2AVX2, tile3x2AVX2, tile4x2AVX2, tile5x2AVX2, tile6x2AVX2},
		},
	}).matmul
	s.addTo, s.sum, s.squares = addToAVX2, sumAVX2, squaresAVX2
	s.normalise, s.gradSums, s.backward = normaliseAVX2, gradSumsAVX2, backwardAVX2
	s.pool2x2, s.unpool2x2 = pool2x2AVX2, unpool2x2AVX2
	s.winogradIn, s.winogradGradIn, s.winogradOut = winogradInAVX2, winogradGradInAVX2, winogradOutAVX2
	s.winogradFilter, s.winogradFilterGrad = winogradFilterAVX2, winogradFilterGradAVX2
	s.maxTo, s.mulTo, s.clip, s.leak = maxToAVX2, mulToAVX2, clipAVX2, leakAVX2
	s.depthwise = func(out, x, w, bias []float32, p *Window) {
		depthwiseAVX2(out, x, w, bias, &p.C)
	}
	s.sigmoid, s.exp, s.tanh, s.swish = sigmoidAVX2, expAVX2, tanhAVX2, swishAVX2
	s.softplus, s.softsign, s.mish = softplusAVX2, softsignAVX2, mishAVX2
	s.gelu, s.elu = geluAVX2, eluAVX2
	s.rmsprop, s.adam = rmspropAVX2, adamAVX2
	return &s
}
