//go:build !purego

package metric

import "golang.org/x/sys/cpu"

// instructionSets returns the implementations of this architecture, the fastest first.
func instructionSets() []implementation {
	hasAVX2 := cpu.X86.HasAVX2
	hasAVX512 := hasAVX2 && cpu.X86.HasBMI2 &&
		cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ
	return []implementation{
		assembly{
			rowAVX512, byteTilesAVX512, wordTilesAVX512, withinAVX512, smallestAVX512,
		}.implementation("AVX-512", hasAVX512),
		assembly{
			rowAVX2, byteTilesAVX2, wordTilesAVX2, withinAVX2, smallestAVX2,
		}.implementation("AVX2", hasAVX2),
	}
}
