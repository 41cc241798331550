package clustering

import (
	"iter"
	"sync/atomic"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
)

// unassigned stands for the cluster of an image before the first pass.
const unassigned = -1

const (
	// settled is the number of images that may still change their cluster in the original's last
	// pass. So up to 100 images are clustered in one pass. The textbook's Lloyd stops when none
	// changes.
	settled = 100

	// maxPasses ends the textbook's iteration if it does not settle before. The 60,000 images of
	// MNIST in 10 clusters took 50 to 275 passes.
	maxPasses = 1000
)

// Lloyd clusters by k-medians and returns the cluster of each image, 0 to len(seeds)-1. Every image
// goes to the nearest centroid, then every centroid becomes the median of its images, and so on
// until at most 100 images change. The textbook goes on until none changes, or for 1,000 passes.
// seeds are the images that are the first centroids. Ties go to the lower cluster. A cluster that
// loses all its images keeps its centroid; the original crashed.
//
// After each pass, progress, unless nil, gets its number, from 1, and the number of images that
// changed their cluster. A pass of the iteration reads the images once. It reads them again for the
// lower bytes of medians of 16 bits, and for many clusters: for each 64 MiB of histograms.
//
// Lloyd returns an error if there is no memory for the centroids, twice, for a cluster and a few
// more bytes for each image, and for the histograms, or if the images cannot be read.
func (s *Space[P]) Lloyd(
	seeds []int, mode Mode, progress func(pass, changed int),
) ([]int32, error) {
	k, dim := len(seeds), s.images.Dim()
	err := memory.Check(s.lloydSize(k), "making %d clusters of %d images of %dx%d values needs",
		k, s.images.N, s.images.Rows, s.images.Cols)
	if err != nil {
		return nil, err
	}
	centroids, err := imageset.SelectFrom(s.images, seeds)
	if err != nil {
		return nil, err
	}
	l := lloyd[P]{Space: s, label: make([]int32, s.images.N), moved: make([]move, s.mostOfBlock())}
	for i := range l.label {
		l.label[i] = unassigned
	}
	if s.tallied(k) {
		l.tally = newHistograms(k, dim)
		l.tally.begin(0, l.tally.jobs())
	}
	err = Iterate(mode, progress,
		func() (int, error) { return l.assign(centroids) },
		func() error { return l.medians(centroids) })
	return l.label, err
}

// Iterate makes the passes of Lloyd, wherever the images are. assign gives each image the nearest
// centroid and returns the number of images that changed their cluster. medians makes each centroid
// the median of its images.
func Iterate(mode Mode, progress func(pass, changed int), assign func() (changed int, err error),
	medians func() error) error {

	still := settled
	if mode == Textbook {
		still = 0
	}
	for pass := 1; ; pass++ {
		changed, err := assign()
		if err != nil {
			return err
		}
		if progress != nil {
			progress(pass, changed)
		}
		if changed <= still || mode == Textbook && pass == maxPasses {
			return nil
		}
		if err := medians(); err != nil {
			return err
		}
	}
}

// lloydSize returns the bytes that Lloyd takes.
func (s *Space[P]) lloydSize(k int) float64 {
	h := newHistograms(k, s.images.Dim())
	size := float64(2*metric.QueriesSize[P](k, h.dim)) + float64(4*s.images.N+40*k) +
		float64(8*s.mostOfBlock()) // what moves
	if s.tallied(k) {
		size += h.bytes(h.jobs())
	}
	if !s.tallied(k) || bits[P]() > 8 {
		size += s.rankingSize(h)
	}
	return size
}

// A lloyd is the state of an iteration.
type lloyd[P uint8 | uint16] struct {
	*Space[P]
	label []int32     // cluster of each image, or unassigned
	tally *histograms // of the highest bytes, kept from pass to pass; nil if they are too many
	above []uint32    // in the tally, how many values come after the median
	moved []move      // buffer for those of a block
	lists grouping    // memory for the medians
}

// tallied reports whether the histograms of k clusters are few enough to be kept.
func (s *Space[P]) tallied(k int) bool { return k <= s.most/s.images.Dim() }

// A move is an image of a block that changes its cluster.
type move struct {
	image int32
	from  int32 // cluster before, or unassigned
}

// assign gives each image the nearest centroid. It returns the number of images that changed their
// cluster, and moves them in the tally while they are in memory.
func (l *lloyd[P]) assign(centroids *imageset.Images[P]) (changed int, err error) {
	queries := pack(centroids)
	err = l.each(func(b block[P]) {
		label := l.label[b.first:][:b.N]
		moved := b.assign(queries, label, l.moved)
		changed += len(moved)
		if l.tally != nil {
			moveAll(l.tally, b.Images, moved, label)
		}
	})
	return changed, err
}

// assign gives each image of the block the nearest centroid. It returns those that changed their
// cluster, in the memory of moved.
func (b block[P]) assign(centroids *metric.Queries[P], label []int32, moved []move) []move {
	var n atomic.Int64
	b.strips(centroids, func(r *ruler[P], strips iter.Seq[int]) {
		var nearest [strip]uint32
		var cluster [strip]int32
		found := make([]move, 0, strip)
		for range strips {
			r.each(func(c int, distances []uint32) {
				for i, d := range distances {
					if c == 0 || d < nearest[i] {
						nearest[i], cluster[i] = d, int32(c)
					}
				}
			})
			found = found[:0]
			for i, before := range label[r.from:][:r.n] {
				if now := cluster[i]; now != before {
					found = append(found, move{int32(r.from + i), before})
					label[r.from+i] = now
				}
			}
			end := int(n.Add(int64(len(found))))
			copy(moved[end-len(found):], found)
		}
	})
	return moved[:n.Load()]
}

// moveAll moves images of a block to the clusters in label, in the histograms of all jobs.
func moveAll[P uint8 | uint16](h *histograms, b *imageset.Images[P], moved []move, label []int32) {
	parallel.Do(h.tiles(), func(jobs iter.Seq[int]) {
		for job := range jobs {
			_, from, to := h.place(job)
			for _, m := range moved {
				pixels := b.At(int(m.image))[from:to]
				if m.from != unassigned {
					const minusOne = ^uint32(0)
					addLevels(h.count[int(m.from)*h.dim+from:][:to-from], pixels, minusOne)
				}
				addLevels(h.count[int(label[m.image])*h.dim+from:][:to-from], pixels, 1)
			}
		}
	})
}

// medians sets each centroid to the median of its cluster's images, pixel by pixel. The centroid of
// an empty cluster stays as it is.
func (l *lloyd[P]) medians(centroids *imageset.Images[P]) error {
	m := ranking[P]{
		Space: l.Space, label: l.label, size: sizes(l.label, centroids.N), medians: centroids,
		lists: &l.lists,
	}
	if l.tally == nil {
		return m.find(nil, bits[P]()-8)
	}
	l.above = l.tally.firstAbove(l.above, m.size)
	rank(l.tally, m.size, l.above, centroids.Pix, bits[P]()-8)
	if bits[P]() == 8 {
		return nil
	}
	return m.find(l.above, bits[P]()-16)
}
