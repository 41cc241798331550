package clustering

import (
	"encoding/binary"
	"iter"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/parallel"
)

// tile is the number of pixels that are counted together: a cache line of 8-bit pixels. Their
// histograms, 64 KiB, stay in the cache of a core.
const tile = 64

// A histogram counts values by one of their bytes. The count of 0 has no meaning: most pixels of a
// digit are black, and are not counted.
type histogram [256]uint32

// Histograms of the pixels of clusters are made in groups, with a pass over the images for each.
// Those of 64 MiB are few enough. Kept images, whose passes cost little, have groups of 16 MiB.
const (
	mostHistograms = 1 << 16
	mostOfKept     = 1 << 14
	histogramSize  = 4 * 256 // bytes
)

// Histograms hold one histogram for each pixel of a group of jobs. A job is up to 64 consecutive
// pixels, a tile, of a cluster. Jobs are numbered cluster by cluster. The histograms of several
// blocks are added up.
type histograms struct {
	k, dim   int
	from, to int         // the jobs of the group
	count    []histogram // (k, dim), from the first pixel of job from on
}

func newHistograms(k, dim int) *histograms { return &histograms{k: k, dim: dim} }

// tiles returns the number of jobs of a cluster.
func (h *histograms) tiles() int { return (h.dim + tile - 1) / tile }

// jobs returns the number of all jobs.
func (h *histograms) jobs() int { return h.k * h.tiles() }

// place returns the cluster and the pixels, from to to-1, of a job.
func (h *histograms) place(job int) (c, from, to int) {
	c, t := job/h.tiles(), job%h.tiles()
	return c, t * tile, min(h.dim, (t+1)*tile)
}

// at returns the place of a job's first histogram among those of all jobs.
func (h *histograms) at(job int) int {
	c, from, _ := h.place(job)
	return c*h.dim + from
}

// of returns the histograms of a job.
func (h *histograms) of(job int) []histogram {
	_, from, to := h.place(job)
	return h.count[h.at(job)-h.at(h.from):][:to-from]
}

// begin makes the jobs from to to-1 the group, and clears their histograms.
func (h *histograms) begin(from, to int) {
	h.from, h.to = from, to
	n := h.at(to) - h.at(from)
	if cap(h.count) < n {
		h.count = make([]histogram, n)
		return
	}
	h.count = h.count[:n]
	clear(h.count)
}

// part returns the jobs from to to-1 of the group. Their histograms share its memory.
func (h *histograms) part(from, to int) *histograms {
	return &histograms{k: h.k, dim: h.dim, from: from, to: to,
		count: h.count[h.at(from)-h.at(h.from):]}
}

// groupSize returns the number of jobs in groups of at most that many histograms, but one at least.
func groupSize(histograms int) int { return max(1, histograms/tile) }

// groups returns how many groups of size jobs there are.
func (h *histograms) groups(size int) int { return (h.jobs() + size - 1) / size }

// group makes the group with that number, counted from 0, the one of h.
func (h *histograms) group(g, size int) { h.begin(g*size, min(h.jobs(), (g+1)*size)) }

// bytes returns the bytes that the histograms of some jobs take, with the numbers that rank needs.
func (h *histograms) bytes(jobs int) float64 {
	const rank = 4
	return float64((histogramSize + rank) * min(float64(jobs)*tile, float64(h.k)*float64(h.dim)))
}

// each hands the jobs of the group to workers.
func (h *histograms) each(worker func(jobs iter.Seq[int])) {
	parallel.Do(h.to-h.from, func(jobs iter.Seq[int]) {
		worker(func(yield func(int) bool) {
			for job := range jobs {
				if !yield(h.from + job) {
					return
				}
			}
		})
	})
}

// count adds the images of a block to the histograms of the group: those of lists[c] to cluster c.
// It counts the byte at shift of every value that agrees with its median above that byte. medians
// are (k, dim).
func count[P uint8 | uint16](h *histograms, b *imageset.Images[P], lists [][]int32, medians []P,
	shift int) {

	h.each(func(jobs iter.Seq[int]) {
		for job := range jobs {
			c, from, to := h.place(job)
			if len(lists[c]) == 0 {
				continue
			}
			count := h.of(job)
			if shift+8 == bits[P]() {
				for _, i := range lists[c] {
					addLevels(count, b.At(int(i))[from:to], 1)
				}
				continue
			}
			median := medians[c*h.dim+from:][:to-from]
			for _, i := range lists[c] {
				for p, v := range b.At(int(i))[from:to] {
					if v>>(shift+8) == median[p]>>(shift+8) {
						count[p][uint8(v>>shift)]++
					}
				}
			}
		}
	})
}

// addLevels adds n to the count of the highest byte of each pixel. It passes over eight pixels at a
// time if all are black, as most of a digit is.
func addLevels[P uint8 | uint16](count []histogram, pixels []P, n uint32) {
	grey, ok := any(pixels).([]uint8)
	if !ok {
		for p, v := range pixels {
			count[p][uint8(v>>(bits[P]()-8))] += n
		}
		return
	}
	p := 0
	for ; p+8 <= len(grey); p += 8 {
		eight := (*[8]uint8)(grey[p:])
		if binary.LittleEndian.Uint64(eight[:]) == 0 {
			continue
		}
		of := (*[8]histogram)(count[p:])
		for q, v := range eight {
			of[q][v] += n
		}
	}
	for ; p < len(grey); p++ {
		count[p][grey[p]] += n
	}
}

// rank finds the byte at shift of the medians of the group's clusters. above, one for each
// histogram, is how many values that agree above that byte come after the median in ascending
// order; rank makes it those that agree in that byte, too. Clusters of size 0 keep their medians.
func rank[P uint8 | uint16](h *histograms, size []int, above []uint32, medians []P, shift int) {
	h.each(func(jobs iter.Seq[int]) {
		for job := range jobs {
			c, from, _ := h.place(job)
			if size[c] == 0 {
				continue
			}
			counts := h.of(job)
			above := above[h.at(job)-h.at(h.from):]
			median := medians[c*h.dim+from:]
			for p := range counts {
				level := 255 // from above, so that values of 0 need no count
				for ; level > 0 && counts[p][level] <= above[p]; level-- {
					above[p] -= counts[p][level]
				}
				if shift+8 == bits[P]() {
					median[p] = 0
				}
				median[p] |= P(level << shift)
			}
		}
	})
}

// firstAbove returns how many values come after the median of each histogram of the group. The
// median of s values in ascending order is the one at index s/2, the upper of two middle ones.
func (h *histograms) firstAbove(above []uint32, size []int) []uint32 {
	above = above[:0]
	for job := h.from; job < h.to; job++ {
		c, from, to := h.place(job)
		for range to - from {
			above = append(above, uint32(max(0, size[c]-1-size[c]/2)))
		}
	}
	return above
}

// A grouping lists the images of a block by their clusters.
type grouping struct {
	all   []int32
	lists [][]int32
	size  []int
}

// members returns the images of each of k clusters, in ascending order, until its next call. An
// image with another label, such as -1, is in no list.
func (g *grouping) members(label []int32, k int) [][]int32 {
	if cap(g.all) < len(label) {
		g.all = make([]int32, len(label))
	}
	if len(g.size) < k {
		g.size, g.lists = make([]int, k), make([][]int32, k)
	}
	clear(g.size)
	for _, c := range label {
		if c >= 0 {
			g.size[c]++
		}
	}
	for c, from := 0, 0; c < k; c++ {
		g.lists[c] = g.all[from : from : from+g.size[c]]
		from += g.size[c]
	}
	for i, c := range label {
		if c >= 0 {
			g.lists[c] = append(g.lists[c], int32(i))
		}
	}
	return g.lists[:k]
}

// sizes returns the number of images of each of k clusters.
func sizes(label []int32, k int) []int {
	size := make([]int, k)
	for _, c := range label {
		size[c]++
	}
	return size
}
