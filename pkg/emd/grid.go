package emd

import (
	"encoding/binary"
	"fmt"
	"math"

	"imagesimilarity/pkg/plural"
)

const (
	// maxCells keeps the table of distances at 8 MiB, and potentials, which are sums of at most
	// maxCells distances, below 2^60 (fractionBits).
	maxCells = 1024
	// maxLevels is the most that the grey levels of an image can sum up to. Amounts of mass are
	// products of two such sums and must fit in an int64.
	maxLevels = math.MaxInt32
	// fractionBits is the number of binary places of a distance between cells. Distances are below
	// maxCells, so a cost has at most 50 bits.
	fractionBits = 40
)

// A grid cuts images into square cells and knows the distances between them.
type grid struct {
	cell       int // side of a cell in pixels
	high, wide int // rows and columns of cells
	cells      int

	// (cells, cells): the Euclidean distance between the centres of two cells, in cells, times
	// 2^fractionBits
	cost []int64
}

func newGrid(rows, cols, cell int) (*grid, error) {
	if cell < 1 || rows%cell != 0 || cols%cell != 0 {
		return nil, fmt.Errorf("cells of %d pixels do not divide images of %dx%d pixels",
			cell, rows, cols)
	}
	if rows > maxLevels/255/cols {
		return nil, fmt.Errorf("images of %dx%d pixels; expected at most %d pixels",
			rows, cols, maxLevels/255)
	}
	g := &grid{cell: cell, high: rows / cell, wide: cols / cell}
	g.cells = g.high * g.wide
	if g.cells > maxCells {
		return nil, fmt.Errorf("images of %dx%d pixels in cells of %s have %d cells; "+
			"expected at most %d", rows, cols, plural.Of(cell, "pixel"), g.cells, maxCells)
	}
	g.cost = make([]int64, g.cells*g.cells)
	for a := range g.cells {
		for b := range a {
			d := fixedLength(a%g.wide-b%g.wide, a/g.wide-b/g.wide)
			g.cost[a*g.cells+b], g.cost[b*g.cells+a] = d, d
		}
	}
	return g, nil
}

// levels computes the sums of the grey levels in each cell of an image, and returns their total.
func (g *grid) levels(cells []int32, image []uint8) (total int32) {
	cols := g.wide * g.cell
	if g.cell < 4 {
		clear(cells)
		for row := range g.high * g.cell {
			line := image[row*cols : (row+1)*cols]
			sums := cells[row/g.cell*g.wide : (row/g.cell+1)*g.wide]
			for c := range sums {
				for _, v := range line[c*g.cell : (c+1)*g.cell] {
					sums[c] += int32(v)
				}
			}
		}
		for _, sum := range cells {
			total += sum
		}
		return total
	}
	for y := range g.high {
		corner := y * g.cell * cols
		for c := range g.wide {
			sum := int32(0)
			for x := 0; x < g.cell; x += 8 {
				sum += sumColumns(image[corner+x:], min(8, g.cell-x), g.cell, cols)
			}
			cells[y*g.wide+c] = sum
			total += sum
			corner += g.cell
		}
	}
	return total
}

// sumColumns returns the sum of at most eight columns. pixels begins with the first pixel of the
// first column. The next row begins stride pixels later.
func sumColumns(pixels []uint8, columns, rows, stride int) (sum int32) {
	const (
		everyOther = 0x00ff00ff00ff00ff
		ones       = 0x0001000100010001
		atOnce     = 32 // rows: a sum of 8 x 32 pixels fits into 16 bits
	)
	mask := uint64(math.MaxUint64) >> (64 - 8*columns)
	for rows > 0 {
		sums := uint64(0) // four of 16 bits, of two columns each
		for range min(rows, atOnce) {
			row := eight(pixels) & mask
			sums += row&everyOther + row>>8&everyOther
			pixels = pixels[min(stride, len(pixels)):]
		}
		sum += int32(sums * ones >> 48)
		rows -= atOnce
	}
	return sum
}

// eight returns the first eight pixels, the first in the lowest byte. Zeros follow the last.
func eight(pixels []uint8) (packed uint64) {
	if len(pixels) >= 8 {
		return binary.LittleEndian.Uint64(pixels)
	}
	for i, v := range pixels {
		packed |= uint64(v) << (8 * i)
	}
	return packed
}

// fixedLength returns the length of the vector (dx, dy) times 2^fractionBits. With dx²+dy² =
// s²f, f free of squares, it is s times the rounded root of f. So lengths whose sums are equal
// stay equal, and the triangle inequality holds in integers.
func fixedLength(dx, dy int) int64 {
	f, s := dx*dx+dy*dy, 1
	for p := 2; p*p <= f; p++ {
		for f%(p*p) == 0 {
			f /= p * p
			s *= p
		}
	}
	return int64(s) * int64(math.Round(math.Sqrt(float64(f))*(1<<fractionBits)))
}
