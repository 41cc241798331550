package clustering

import (
	"bytes"
	"encoding/binary"
	"iter"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/parallel"
)

// A tally is the histograms of the highest bytes of all clusters, kept from pass to pass. It knows
// where the medians were, so it finds the next ones nearby.
type tally struct {
	*histograms
	level []uint8  // highest byte of each median; 255 before the first
	over  []uint32 // how many values have a higher byte than that
	above []uint32 // how many values that agree in that byte come after the median
}

func newTally(k, dim int) *tally {
	t := &tally{histograms: newHistograms(k, dim)}
	t.begin(0, t.jobs())
	n := k * dim
	t.level, t.over = bytes.Repeat([]byte{255}, n), make([]uint32, n)
	return t
}

// tallySize returns the bytes of a tally.
func tallySize(k, dim int) float64 {
	const numbers = 1 + 4 // level and over
	h := newHistograms(k, dim)
	return h.bytes(h.jobs()) + float64(numbers*float64(k)*float64(dim))
}

// moveAll moves images of a block to the clusters in label.
func moveAll[P uint8 | uint16](t *tally, b *imageset.Images[P], moved []move, label []int32) {
	parallel.Do(t.tiles(), func(jobs iter.Seq[int]) {
		for job := range jobs {
			_, from, to := t.place(job)
			for _, m := range moved {
				pixels := b.At(int(m.image))[from:to]
				if m.from != unassigned {
					const minusOne = ^uint32(0)
					addTallied(t, int(m.from)*t.dim+from, pixels, minusOne)
				}
				addTallied(t, int(label[m.image])*t.dim+from, pixels, 1)
			}
		}
	})
}

// addTallied adds n to the counts of the highest bytes of pixels, whose histograms begin with the
// one at place at.
func addTallied[P uint8 | uint16](t *tally, at int, pixels []P, n uint32) {
	count, level, over := t.count[at:][:len(pixels)], t.level[at:], t.over[at:]
	addLevels(count, pixels, n)
	level, over = level[:len(pixels)], over[:len(pixels)]
	grey, ok := any(pixels).([]uint8)
	if !ok {
		for p, v := range pixels {
			over[p] += n & ifOver(uint8(v>>(bits[P]()-8)), level[p])
		}
		return
	}
	p := 0
	for ; p+8 <= len(grey); p += 8 {
		if binary.LittleEndian.Uint64(grey[p:p+8]) == 0 {
			continue // nothing is over
		}
		for q, v := range grey[p : p+8] {
			over[p+q] += n & ifOver(v, level[p+q])
		}
	}
	for ; p < len(grey); p++ {
		over[p] += n & ifOver(grey[p], level[p])
	}
}

// ifOver returns all bits if v is over the level, and none if not. A jump would often be guessed
// wrongly.
func ifOver(v, level uint8) uint32 { return uint32((int32(level) - int32(v)) >> 31) }

// rankTally sets the highest bytes of the medians of clusters of these sizes, and the tally's
// above. Clusters of size 0 keep their medians.
func rankTally[P uint8 | uint16](t *tally, size []int, medians []P) {
	t.above = t.firstAbove(t.above, size)
	t.each(func(jobs iter.Seq[int]) {
		for job := range jobs {
			c, from, to := t.place(job)
			if size[c] == 0 {
				continue
			}
			for p := c*t.dim + from; p < c*t.dim+to; p++ {
				count, level, over, after := &t.count[p], t.level[p], t.over[p], t.above[p]
				for ; over > after; over -= count[level] {
					level++
				}
				for ; level > 0 && over+count[level] <= after; level-- {
					over += count[level]
				}
				t.level[p], t.over[p], t.above[p] = level, over, after-over
				medians[p] = P(level) << (bits[P]() - 8)
			}
		}
	})
}
