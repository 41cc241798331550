package nearest

import (
	"errors"
	"fmt"
	"math"
)

// Blocks records the blocks of images that make a data set: the size of the images, and which
// indices each block has. It states which blocks and queries an index accepts.
type Blocks struct {
	rows, cols int
	blocks     []interval
}

// An interval holds the indices from first to end-1.
type interval struct{ first, end int64 }

// Add records a block of n images, which have the indices first, first+1 and so on in the whole
// data set. Blocks may come in any order. Add returns an error if n is 0, if the images differ in
// size from those before, if an index is negative or beyond 64 bits, or if it is already taken.
func (b *Blocks) Add(n, rows, cols int, first int64) error {
	if n == 0 {
		return errors.New("there are no images to search")
	}
	if len(b.blocks) == 0 {
		b.rows, b.cols = rows, cols
	} else if rows != b.rows || cols != b.cols {
		return fmt.Errorf("images of %dx%d values; expected %dx%d as in the blocks before",
			rows, cols, b.rows, b.cols)
	}
	if n > math.MaxInt32 {
		return fmt.Errorf("%d images; expected at most %d", n, math.MaxInt32)
	}
	if first < 0 || first > math.MaxInt64-int64(n) {
		return fmt.Errorf("%d images from index %d on; expected indices from 0 to %d",
			n, first, int64(math.MaxInt64))
	}
	added := interval{first, first + int64(n)}
	for _, other := range b.blocks {
		if added.first < other.end && other.first < added.end {
			return fmt.Errorf("images with the indices %d to %d; there are images %d to %d already",
				added.first, added.end-1, other.first, other.end-1)
		}
	}
	// Thousands of blocks that follow each other are one interval.
	if last := len(b.blocks) - 1; last >= 0 && b.blocks[last].end == added.first {
		b.blocks[last].end = added.end
		return nil
	}
	b.blocks = append(b.blocks, added)
	return nil
}

// Check returns an error if queries of this size cannot be compared with the images.
func (b *Blocks) Check(rows, cols int) error { return CheckSize(rows, cols, b.rows, b.cols) }

// CheckSize returns an error if queries of rows x cols values differ in size from the images of a
// data set.
func CheckSize(rows, cols, dataRows, dataCols int) error {
	if rows != dataRows || cols != dataCols {
		return fmt.Errorf("queries of %dx%d pixels; expected %dx%d as in the data set",
			rows, cols, dataRows, dataCols)
	}
	return nil
}

// Most returns the number of neighbours that a query for k gets: k, or the number of images if
// that is lower. It is 0 if k is negative.
func (b *Blocks) Most(k int) int {
	n := int64(0)
	for _, block := range b.blocks {
		n += block.end - block.first
	}
	return int(max(0, min(int64(k), n)))
}
