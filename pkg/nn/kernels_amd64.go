//go:build !purego

package nn

import "golang.org/x/sys/cpu"

//go:generate go run -C _asm . -out ../kernels_amd64.s -stubs ../kernels_stubs_amd64.go -pkg nn

// accelerated are the kernels in assembly that this processor can run, the fastest first.
func accelerated() []*kernels {
	var k []*kernels
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX2 && cpu.X86.HasBMI2 {
		k = append(k, &kernels{"AVX-512", &avx512})
	}
	if cpu.X86.HasAVX2 {
		k = append(k, &kernels{"AVX2", &avx2})
	}
	return k
}

var avx512 = assembly{
	lanes: 16, half: &avx2, halfRows: 7,
	tiles: [2][]tile{
		{tile1x1AVX512, tile2x1AVX512, tile3x1AVX512, tile4x1AVX512, tile5x1AVX512, tile6x1AVX512, tile7x1AVX512,
			tile8x1AVX512, tile9x1AVX512, tile10x1AVX512, tile11x1AVX512, tile12x1AVX512, tile13x1AVX512, tile14x1AVX512},
		{tile1x2AVX512, tile2x2AVX512, tile3x2AVX512, tile4x2AVX512, tile5x2AVX512, tile6x2AVX512, tile7x2AVX512,
			tile8x2AVX512, tile9x2AVX512, tile10x2AVX512, tile11x2AVX512, tile12x2AVX512, tile13x2AVX512, tile14x2AVX512},
	},
	addTo: addToAVX512, sum: sumAVX512, squares: squaresAVX512, normalise: normaliseAVX512, gradSums: gradSumsAVX512,
	backward: backwardAVX512, poolRow: poolRowAVX512, unpoolRow: unpoolRowAVX512,
	winogradIn: winogradInAVX512, winogradGradIn: winogradGradInAVX512, winogradOut: winogradOutAVX512,
	winogradFilter: winogradFilterAVX512, winogradFilterGrad: winogradFilterGradAVX512, sigmoid: sigmoidAVX512,
	rmsprop: rmspropAVX512, adam: adamAVX512,
}

var avx2 = assembly{
	lanes: 8, halfRows: 3,
	tiles: [2][]tile{
		{tile1x1AVX2, tile2x1AVX2, tile3x1AVX2, tile4x1AVX2, tile5x1AVX2, tile6x1AVX2},
		{tile1x2AVX2, tile2x2AVX2, tile3x2AVX2, tile4x2AVX2, tile5x2AVX2, tile6x2AVX2},
	},
	addTo: addToAVX2, sum: sumAVX2, squares: squaresAVX2, normalise: normaliseAVX2, gradSums: gradSumsAVX2,
	backward: backwardAVX2, poolRow: poolRowAVX2, unpoolRow: unpoolRowAVX2,
	winogradIn: winogradInAVX2, winogradGradIn: winogradGradInAVX2, winogradOut: winogradOutAVX2,
	winogradFilter: winogradFilterAVX2, winogradFilterGrad: winogradFilterGradAVX2, sigmoid: sigmoidAVX2,
	rmsprop: rmspropAVX2, adam: adamAVX2,
}
