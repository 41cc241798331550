//go:build !purego

package metric

// instructionSets returns the implementations of this architecture. Every processor for arm64 has
// NEON.
func instructionSets() []implementation {
	return []implementation{
		assembly{
			rowNEON, byteTilesNEON, wordTilesNEON, withinNEON, smallestNEON,
		}.implementation("NEON", true),
	}
}
