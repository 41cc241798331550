package clustering

import (
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/plural"
)

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
// Lloyd returns an error if there is no memory for the centroids, three times, for about 12 bytes
// an image, and for the histograms, or if the images cannot be read.
func (s *Space[P]) Lloyd(
	seeds []int, mode Mode, progress func(pass, changed int),
) ([]int32, error) {
	k := len(seeds)
	if err := s.CheckLloyd(k, 0); err != nil {
		return nil, err
	}
	centroids, err := imageset.SelectFrom(s.images, seeds)
	if err != nil {
		return nil, err
	}
	l := s.newLloyd(k)
	err = Iterate(mode, progress,
		func() (int, error) { return l.assign(centroids) },
		func() error { return l.medians(centroids) })
	return l.assignment.Label, err
}

// CheckLloyd returns the error of Lloyd with k seeds if there is no memory for it when more bytes
// are in use than now.
func (s *Space[P]) CheckLloyd(k int, more float64) error {
	return memory.CheckLater(more, s.lloydSize(k),
		"making %s of %s of %dx%d values needs",
		plural.Of(k, "cluster"), plural.Of(s.images.N, "image"), s.images.Rows, s.images.Cols)
}

// LabelSize returns the bytes of the clusters of n images, which Lloyd returns.
func LabelSize(n int) float64 { return float64(4 * float64(n)) }

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
	size := assignmentSize[P](s.images.N, k, h.dim) + float64(2*metric.QueriesSize[P](k, h.dim)) +
		float64(40*k) + float64(8*s.mostOfBlock()) // what moves
	if s.tallied(k) {
		size += tallySize(k, h.dim)
	}
	if !s.tallied(k) || bits[P]() > 8 {
		size += s.rankingSize(h)
	}
	return size
}

// A lloyd is the state of an iteration.
type lloyd[P uint8 | uint16] struct {
	*Space[P]
	assignment *Assignment[P]
	tally      *tally   // nil if it were too large
	moved      []move   // buffer for those of a block
	lists      grouping // memory for the medians
}

func (s *Space[P]) newLloyd(k int) *lloyd[P] {
	l := &lloyd[P]{
		Space: s, assignment: NewAssignment[P](s.images.N), moved: make([]move, s.mostOfBlock()),
	}
	if s.tallied(k) {
		l.tally = newTally(k, s.images.Dim())
	}
	return l
}

// tallied reports whether the histograms of k clusters are few enough to be kept.
func (s *Space[P]) tallied(k int) bool { return k <= s.most/s.images.Dim() }

// assign gives each image the nearest centroid. It returns the number of images that changed their
// cluster, and moves them in the tally while they are in memory.
func (l *lloyd[P]) assign(centroids *imageset.Images[P]) (changed int, err error) {
	pass := l.assignment.pass(centroids)
	err = l.each(func(b block[P]) {
		moved := pass.assign(b, b.first, l.moved)
		changed += len(moved)
		if l.tally != nil {
			moveAll(l.tally, b.Images, moved, l.assignment.Label[b.first:])
		}
	})
	return changed, err
}

// medians sets each centroid to the median of its cluster's images, pixel by pixel. The centroid of
// an empty cluster stays as it is.
func (l *lloyd[P]) medians(centroids *imageset.Images[P]) error {
	label := l.assignment.Label
	m := ranking[P]{
		Space: l.Space, label: label, size: sizes(label, centroids.N), medians: centroids,
		lists: &l.lists,
	}
	if l.tally == nil {
		return m.find(nil, bits[P]()-8)
	}
	rankTally(l.tally, m.size, centroids.Pix)
	if bits[P]() == 8 {
		return nil
	}
	return m.find(l.tally.above, bits[P]()-16)
}
