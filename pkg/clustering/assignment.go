package clustering

import (
	"iter"
	"math"
	"sync/atomic"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
)

// unassigned stands for the cluster of an image before the first pass.
const unassigned = -1

// An Assignment gives images their nearest centroid, pass after pass. It keeps bounds of each
// image's distances, so that an image is measured again only if the centroids have moved so far
// that another might be nearer (Hamerly 2010: Making k-means even faster). Distances are whole
// numbers, so the bounds are exact, and the clusters are those without bounds. All passes have as
// many centroids.
type Assignment[P uint8 | uint16] struct {
	Label     []int32             // cluster of each image; -1 before the first pass
	near, far []uint32            // bounds: of the distance to its own centroid, to all others
	centroids *imageset.Images[P] // of the last pass; nil before the first
}

// NewAssignment returns an assignment of n images before the first pass.
func NewAssignment[P uint8 | uint16](n int) *Assignment[P] {
	a := &Assignment[P]{
		Label: make([]int32, n), near: make([]uint32, n), far: make([]uint32, n),
	}
	for i := range a.Label {
		a.Label[i] = unassigned
	}
	return a
}

// assignmentSize returns the bytes of an assignment of n images to k centroids of dim values.
func assignmentSize[P uint8 | uint16](n, k, dim int) float64 {
	const numbers = 3 * 4 // label, near and far
	return float64(numbers*n) + metric.QueriesSize[P](k, dim) + float64(16*k)
}

// A pass is what an assignment needs to know of the centroids in a pass.
type pass[P uint8 | uint16] struct {
	*Assignment[P]
	packed *metric.Queries[P]
	drift  []uint64 // of each centroid since the last pass
	others []uint64 // for each centroid, the greatest drift of another one
}

// pass begins a pass with these centroids.
func (a *Assignment[P]) pass(centroids *imageset.Images[P]) pass[P] {
	k := centroids.N
	p := pass[P]{a, pack(centroids), make([]uint64, k), make([]uint64, k)}
	if a.centroids == nil { // no image has bounds that could follow them
		a.centroids = &imageset.Images[P]{
			N: k, Rows: centroids.Rows, Cols: centroids.Cols, Pix: make([]P, len(centroids.Pix)),
		}
	}
	farthest, second := 0, uint64(0)
	for c := range k {
		p.drift[c] = uint64(metric.Manhattan(a.centroids.At(c), centroids.At(c)))
		switch {
		case p.drift[c] > p.drift[farthest]:
			second, farthest = p.drift[farthest], c
		case c != farthest:
			second = max(second, p.drift[c])
		}
	}
	for c := range k {
		p.others[c] = p.drift[farthest]
	}
	p.others[farthest] = second
	copy(a.centroids.Pix, centroids.Pix)
	return p
}

// A move is an image of a block that changes its cluster.
type move struct {
	image int32
	from  int32 // cluster before, or unassigned
}

// assign gives each image of the block, which begins with image first of the assignment, the
// nearest centroid. Ties go to the lower one. It returns those that changed their cluster, in the
// memory of moved.
func (p pass[P]) assign(b block[P], first int, moved []move) []move {
	label := p.Label[first:][:b.N]
	near, far := p.near[first:][:b.N], p.far[first:][:b.N]
	var n atomic.Int64
	b.strips(p.packed, func(r *ruler[P], strips iter.Seq[int]) {
		var nearest, second [strip]uint32
		var cluster [strip]int32
		unsure, found := make([]int32, 0, strip), make([]move, 0, strip)
		for range strips {
			unsure, found = unsure[:0], found[:0]
			for i := int32(r.from); i < int32(r.from+r.n); i++ {
				if p.unsure(b.At(int(i)), label[i], &near[i], &far[i]) {
					unsure = append(unsure, i)
				}
			}
			r.some(unsure, func(c int, distances []uint32) {
				if c == 0 {
					for i := range distances {
						nearest[i], second[i] = math.MaxUint32, math.MaxUint32
					}
				}
				for i, d := range distances {
					second[i] = min(second[i], max(nearest[i], d))
					if d < nearest[i] || c == 0 {
						nearest[i], cluster[i] = d, int32(c)
					}
				}
			})
			for j, i := range unsure {
				near[i], far[i] = nearest[j], second[j]
				if before := label[i]; cluster[j] != before {
					found = append(found, move{i, before})
					label[i] = cluster[j]
				}
			}
			end := int(n.Add(int64(len(found))))
			copy(moved[end-len(found):], found)
		}
	})
	return moved[:n.Load()]
}

// unsure lets the bounds of an image follow the centroids, and reports whether another than its own
// might be nearest now. An equally near one might be a lower one.
func (p pass[P]) unsure(image []P, label int32, near, far *uint32) bool {
	if label == unassigned {
		return true
	}
	others := uint64(*far) - min(uint64(*far), p.others[label])
	if own := uint64(*near) + p.drift[label]; own < others {
		*near, *far = uint32(own), uint32(others)
		return false
	}
	own := uint64(metric.Manhattan(image, p.centroids.At(int(label))))
	if own < others {
		*near, *far = uint32(own), uint32(others)
		return false
	}
	return true
}
