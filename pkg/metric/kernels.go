package metric

//go:generate go run -C _asm . -out ../kernels_amd64.s -stubs ../kernels_stubs_amd64.go -pkg metric
//go:generate go run imagesimilarity/pkg/cmd/neon metric

// An implementation is one form of the kernels. An instruction set may bring some kernels only: the
// others stay portable.
type implementation struct {
	name string // of the instruction set
	has  bool   // this processor has it

	// row returns Σ|a-b|. The lengths are equal and a multiple of byteStep, at least one.
	row func(a, b []uint8) int64
	// byteTiles and wordTiles write the distances of a quad of queries, (Quad, width), to the
	// points of some tiles, (tiles, steps, Tile, step), to dst, (Quad, tiles·Tile). There is at
	// least one tile and one step.
	byteTiles func(dst []uint32, quad, points []uint8)
	wordTiles func(dst []uint32, quad, points []uint16)
	// within sets bit i%32 of bits[i/32] to distance[i] <= limit. bits has at least one element.
	within func(bits, distance []uint32, limit uint32)
	// smallest returns the smallest of distances, which are whole tiles of them, at least one.
	smallest func(distance []uint32) uint32
}

var portable = implementation{
	name:      "portable",
	has:       true,
	row:       rowPortable,
	byteTiles: byteTilesPortable,
	wordTiles: wordTilesPortable,
	within:    withinPortable,
	smallest:  smallestPortable,
}

// implementations are all forms of the kernels for this architecture, the fastest first.
var implementations = append(instructionSets(), portable)

// kernels is the form of the kernels in use.
var kernels = fastest()

// fastest returns the first implementation that this processor has.
func fastest() implementation {
	for _, i := range implementations {
		if i.has {
			return i
		}
	}
	return portable
}
