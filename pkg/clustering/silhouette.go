package clustering

import (
	"encoding/binary"
	"iter"
	"math"
	"sync/atomic"

	"imagesimilarity/pkg/imageset"
)

// The sum of an image's distances to those of a cluster is exact, and takes a time that does not
// depend on their number: the sum of |v-x| over the values x that a pixel has in the cluster
// depends on v alone. So the histograms become a table of 256 sums for each pixel, and an image's
// sum adds up one entry of each table.

// sum adds to the sums of the images what the pixels of the group of counts contribute. begin is
// set for the first group.
func (v *judged) sum(begin bool) {
	if v.mode == Textbook {
		v.sumToAll(begin)
	} else {
		v.sumToTwo()
	}
}

// sumToTwo sums the distances to the images of the own cluster and of the neighbouring one.
func (v *judged) sumToTwo() {
	members := v.listed(&v.judge.members, v.label)
	askers := v.askers.members(v.neighbour, len(v.filled))
	v.counts.each(func(jobs iter.Seq[int]) {
		var t tables
		for job := range jobs {
			c, from, to := v.counts.place(job)
			if len(members[c]) == 0 && len(askers[c]) == 0 {
				continue
			}
			t.fill(v.counts.of(job), v.size[c])
			t.add(v.own, v.Images, members[c], from, to)
			t.add(v.other, v.Images, askers[c], from, to)
		}
	})
}

// sumToAll sums the distances to the images of each cluster in turn. When a sum is complete, it is
// the one to the own cluster, or its mean may be the least of those to other clusters. silhouette
// holds the least so far.
func (v *judged) sumToAll(begin bool) {
	if begin {
		for i := range v.silhouette {
			v.silhouette[i] = math.Inf(1)
		}
	}
	for job := v.counts.from; job < v.counts.to; {
		c, _, _ := v.counts.place(job)
		end := (c + 1) * v.counts.tiles()
		part := v.counts.part(job, min(end, v.counts.to))
		part.each(func(jobs iter.Seq[int]) {
			var t tables
			for job := range jobs {
				_, from, to := part.place(job)
				t.fill(part.of(job), v.size[c])
				for i := range v.N {
					atomic.AddInt64(&v.other[i], t.sum(v.At(i)[from:to]))
				}
			}
		})
		if job = part.to; job < end {
			return // the rest of the cluster is in the next group
		}
		for i, sum := range v.other {
			if int(v.number[v.label[i]]) == c {
				v.own[i] = sum
			} else {
				v.silhouette[i] = min(v.silhouette[i], float64(sum)/float64(v.size[c]))
			}
		}
		clear(v.other)
	}
}

// silhouettes sets the silhouettes of the block's images when all sums are complete.
//
// Rousseeuw's is (b-a)/max(a,b): a is the image's mean distance to the other images of its cluster,
// b the smallest mean distance to the images of another cluster. It is 0 if an image is alone in
// its cluster, if there is no other cluster, and if a and b are 0.
//
// The original's differs in two ways. The image itself counts in the divisor of a, so that an image
// alone in its cluster has 1. And b is the mean distance to the images of the neighbouring cluster:
// the one whose centroid is second nearest. That may be the image's own cluster, which makes the
// silhouette 0, and b may be smaller for another cluster. If there is no other cluster, it is 0;
// the original crashed.
func (v *judged) silhouettes() {
	for i, c := range v.label {
		size, sum := v.size[v.number[c]], float64(v.own[i])
		switch {
		case v.mode != Textbook:
			b := float64(v.other[i]) / float64(v.size[v.neighbour[i]])
			v.silhouette[i] = silhouette(sum/float64(size), b)
		case size > 1:
			v.silhouette[i] = silhouette(sum/float64(size-1), v.silhouette[i])
		default:
			v.silhouette[i] = 0
		}
	}
}

// silhouette returns (b-a)/max(a,b). For 0/0 it returns 0; the original printed -nan.
func silhouette(a, b float64) float64 {
	if m := max(a, b); m > 0 {
		return (b - a) / m
	}
	return 0
}

// Tables hold for each pixel of a job, and each value v of it, the sum of |v-x| over all values x
// that the pixel has in the cluster, less the sum for v = 0.
type tables struct {
	pixel [tile][256]int64
	black int64 // the sums for v = 0 of all pixels
}

// fill computes the tables from the histograms of a cluster of that many images.
func (t *tables) fill(counts []histogram, size int) {
	t.black = 0
	for p := range counts {
		t.black += differences(&counts[p], size, &t.pixel[p])
	}
}

// differences sets table[v]+black to the sum of |v-x| over all of size values x, for every v. The
// others than 0 are counted. differences returns black, which is that sum for v = 0.
func differences(count *histogram, size int, table *[256]int64) (black int64) {
	all := int64(size)
	above := int64(0)
	for x := 1; x < len(count); x++ {
		n := int64(count[x])
		above += n
		black += int64(x) * n
	}
	// From one v to the next, the distance to each x below grows by one, that to the others falls
	// by one.
	table[0] = 0
	below := all - above
	for v := 1; v < len(table); v++ {
		table[v] = table[v-1] + below - (all - below)
		below += int64(count[v])
	}
	return black
}

// add adds to sums[i], for each image i of the list, its sum over the pixels from to to-1.
func (t *tables) add(sums []int64, images *imageset.Images[uint8], list []int32, from, to int) {
	for _, i := range list {
		atomic.AddInt64(&sums[i], t.sum(images.At(int(i))[from:to]))
	}
}

// sum returns the sum of an image over its pixels of the job. The entries of black pixels are 0.
func (t *tables) sum(pixels []uint8) int64 {
	sum := t.black
	p := 0
	for ; p+8 <= len(pixels); p += 8 {
		eight := (*[8]uint8)(pixels[p:])
		if binary.LittleEndian.Uint64(eight[:]) == 0 {
			continue
		}
		for q, v := range eight {
			sum += t.pixel[(p+q)%tile][v]
		}
	}
	for ; p < len(pixels); p++ {
		sum += t.pixel[p%tile][pixels[p]]
	}
	return sum
}
