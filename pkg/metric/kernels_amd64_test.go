//go:build !purego

package metric

import (
	"testing"

	"golang.org/x/sys/cpu"
)

// implementations runs test once with each form of the kernels that the machine has, and says aloud which it lacks.
func implementations(t *testing.T, test func(t *testing.T)) {
	avx2, avx512 := useAVX2, useAVX512
	defer func() { useAVX2, useAVX512 = avx2, avx512 }()
	for _, c := range []struct {
		name         string
		has          bool
		avx2, avx512 bool
	}{
		{"AVX512", avx512, true, true},
		{"AVX2", cpu.X86.HasAVX2, true, false},
		{"portable", true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !c.has {
				t.Skipf("this processor has no %s", c.name)
			}
			useAVX2, useAVX512 = c.avx2, c.avx512
			test(t)
		})
	}
}

func benchmarkImplementations(b *testing.B, run func(b *testing.B)) {
	avx2, avx512 := useAVX2, useAVX512
	defer func() { useAVX2, useAVX512 = avx2, avx512 }()
	if avx512 {
		b.Run("AVX512", run)
	}
	if avx2 {
		useAVX512 = false
		b.Run("AVX2", run)
	}
	useAVX2, useAVX512 = false, false
	b.Run("portable", run)
}
