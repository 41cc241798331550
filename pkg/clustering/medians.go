package clustering

import (
	"iter"
	"runtime"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/parallel"
)

// A ranking finds the medians of clusters byte by byte: it counts the highest bytes of the values,
// which gives the highest byte of the median, then the next bytes of the values that share it.
type ranking[P uint8 | uint16] struct {
	*Space[P]
	label   []int32 // cluster of each image
	size    []int   // images in each cluster
	medians *imageset.Images[P]
	lists   *grouping
}

// find finds the bytes of the medians from the one at shift down. above, for each pixel of each
// cluster, is how many of the values that agree with the median above these bytes come after it;
// nil if no byte is known.
func (m *ranking[P]) find(above []uint32, shift int) error {
	h := newHistograms(m.medians.N, m.medians.Dim())
	rounds := func(h *histograms, from, to int, count func(shift int) error) error {
		h.begin(from, to)
		of := h.firstAbove(nil, m.size)
		if above != nil {
			of = above[h.at(from):h.at(to)]
		}
		for shift := shift; shift >= 0; shift -= 8 {
			h.begin(from, to)
			if err := count(shift); err != nil {
				return err
			}
			rank(h, m.size, of, m.medians.Pix, shift)
		}
		return nil
	}
	whole := m.images.Whole()
	if whole == nil {
		size := groupSize(m.mostGroup)
		for g := range h.groups(size) {
			err := rounds(h, g*size, min(h.jobs(), (g+1)*size), func(shift int) error {
				return m.count(h, shift)
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	// The histograms of a job are complete after the only block. So there need be no others.
	lists := m.lists.members(m.label, h.k)
	parallel.Do(h.jobs(), func(jobs iter.Seq[int]) {
		h := newHistograms(h.k, h.dim)
		for job := range jobs {
			rounds(h, job, job+1, func(shift int) error {
				count(h, whole, lists, m.medians.Pix, shift)
				return nil
			})
		}
	})
	return nil
}

// count counts the bytes at shift in a pass over the images.
func (m *ranking[P]) count(h *histograms, shift int) error {
	return m.each(func(b block[P]) {
		lists := m.lists.members(m.label[b.first:][:b.N], h.k)
		count(h, b.Images, lists, m.medians.Pix, shift)
	})
}

// rankingSize returns the bytes that find takes.
func (s *Space[P]) rankingSize(h *histograms) float64 {
	if s.images.Whole() == nil {
		return float64(4*s.mostOfBlock()+32*h.k) + h.bytes(groupSize(s.mostGroup))
	}
	return float64(4*s.images.N+32*h.k) + float64(float64(runtime.GOMAXPROCS(0))*h.bytes(1))
}
