package clustering

import (
	"iter"
	"math"
	"sync/atomic"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
)

// A judge is the state of an evaluation. It knows only the clusters that have images, and numbers
// them anew.
type judge struct {
	*Space[uint8]
	label    []int32
	mode     Mode
	progress func(done, total int)

	filled    []int32 // cluster by new number, ascending
	number    []int32 // new number by cluster
	size      []int   // images by new number
	centroids *imageset.Images[uint8]
	counts    *histograms
	group     int // jobs in a group of counts
	groups    int
	done      int // images of all passes so far
	passes    int // that it takes

	// Numbers of each image: of those of a block if there is one group, else of all.
	own       []int64 // sum of the distances to the images of its cluster
	other     []int64 // the same for the neighbouring cluster; in the textbook's mode for any
	neighbour []int32 // new number of the cluster with the second nearest centroid

	members, askers grouping
}

// plan sets the groups of counts and the passes for that many clusters with images.
func (j *judge) plan(filled int) {
	j.counts = newHistograms(filled, j.images.Dim())
	j.group = groupSize(j.mostGroup)
	if j.groups = j.counts.groups(j.group); j.groups == 1 {
		j.passes = 2
	} else {
		j.passes = 3 * j.groups
	}
}

// held returns the number of images whose sums are held at a time.
func (j *judge) held() int {
	if j.groups == 1 {
		return j.mostOfBlock()
	}
	return j.images.N
}

// bytes returns the bytes that the evaluation of k clusters takes.
func (j *judge) bytes(k int) float64 {
	n, dim := j.images.N, j.images.Dim()
	j.plan(min(k, n))
	return float64(3*metric.QueriesSize[uint8](k, dim)) + j.counts.bytes(j.group) +
		float64(8*n+20*j.held()+8*j.mostOfBlock()) + float64(120*k)
}

// judge fills all of the evaluation but the means.
func (j *judge) judge(e *Evaluation) error {
	dim := j.images.Dim()
	j.fill(e.Sizes)
	j.plan(len(j.filled))
	j.centroids = &imageset.Images[uint8]{
		N: len(j.filled), Rows: j.images.Rows, Cols: j.images.Cols,
		Pix: make([]uint8, len(j.filled)*dim),
	}
	var above []uint32
	for g := range j.groups {
		if err := j.count(g); err != nil {
			return err
		}
		above = j.counts.firstAbove(above, j.size)
		rank(j.counts, j.size, above, j.centroids.Pix, 0)
	}
	for i, c := range j.filled {
		copy(e.Centroids.At(int(c)), j.centroids.At(i))
	}
	j.own, j.other = make([]int64, j.held()), make([]int64, j.held())
	j.neighbour = make([]int32, j.held())
	queries := pack(j.centroids)
	for g := range j.groups {
		if j.groups > 1 {
			if err := j.count(g); err != nil {
				return err
			}
		}
		err := j.pass(func(b block[uint8]) {
			first := b.first // of the images whose sums are held
			if j.groups == 1 {
				first = 0
				clear(j.own)
				clear(j.other)
			}
			v := judged{
				judge: j, block: b, label: j.label[b.first:][:b.N], own: j.own[first:][:b.N],
				other: j.other[first:][:b.N], neighbour: j.neighbour[first:][:b.N],
				silhouette: e.OfImage[b.first:][:b.N],
			}
			if g == 0 {
				e.Objective += v.apart(queries)
			}
			if len(j.filled) < 2 {
				return // all silhouettes are 0
			}
			v.sum(g == 0)
			if g == j.groups-1 {
				v.silhouettes()
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fill numbers the clusters that have images.
func (j *judge) fill(sizes []int) {
	j.number = make([]int32, len(sizes))
	for c, size := range sizes {
		if size > 0 {
			j.number[c] = int32(len(j.filled))
			j.filled, j.size = append(j.filled, int32(c)), append(j.size, size)
		}
	}
}

// pass calls visit for each block and tells the progress.
func (j *judge) pass(visit func(b block[uint8])) error {
	return j.each(func(b block[uint8]) {
		visit(b)
		if j.done += b.N; j.progress != nil {
			j.progress(j.done, j.passes*j.images.N)
		}
	})
}

// count makes the counts of a group.
func (j *judge) count(g int) error {
	j.counts.group(g, j.group)
	return j.pass(func(b block[uint8]) {
		count(j.counts, b.Images, j.listed(&j.members, j.label[b.first:][:b.N]), nil, 0)
	})
}

// listed returns the images of a block by the new numbers of their clusters.
func (j *judge) listed(g *grouping, label []int32) [][]int32 {
	lists := g.members(label, len(j.number))
	for i, c := range j.filled {
		lists[i] = lists[c] // i is at most c
	}
	return lists[:len(j.filled)]
}

// A judged is a block and the numbers of its images.
type judged struct {
	*judge
	block[uint8]
	label      []int32
	own, other []int64
	neighbour  []int32
	silhouette []float64
}

// apart returns the sum of the distances of the images to the centroid that counts. In the
// original's mode it finds the neighbours, too: the second nearest centroids. Ties go to the lower
// cluster.
func (v *judged) apart(centroids *metric.Queries[uint8]) int64 {
	var sum atomic.Int64
	v.strips(centroids, func(r *ruler[uint8], strips iter.Seq[int]) {
		var nearest, second [strip]uint32
		var first [strip]int32
		for range strips {
			part := int64(0)
			label, neighbour := v.label[r.from:], v.neighbour[r.from:]
			r.each(func(c int, distances []uint32) {
				c32 := int32(c)
				for i, d := range distances {
					switch {
					case v.mode == Textbook:
						if v.number[label[i]] == c32 {
							part += int64(d)
						}
					case c == 0:
						nearest[i], first[i] = d, c32
						second[i], neighbour[i] = math.MaxUint32, unassigned
					case d < nearest[i]:
						second[i], neighbour[i] = nearest[i], first[i]
						nearest[i], first[i] = d, c32
					case d < second[i] || neighbour[i] == unassigned:
						second[i], neighbour[i] = d, c32
					}
				}
			})
			if v.mode != Textbook {
				for _, d := range nearest[:r.n] {
					part += int64(d)
				}
			}
			sum.Add(part)
		}
	})
	return sum.Load()
}
