package knn

import (
	"math"
	"slices"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/parallel"
)

// LSH is hash tables of images, for approximate nearest neighbours in Manhattan distance: images that are near each other tend to fall into the
// same bucket (Andoni and Indyk 2004, with grids shifted by random amounts).
type LSH struct {
	data   *imageset.Images[uint8]
	tables []*table
}

// NewLSH is the original's table: N/16 buckets, at least one, and so many hash functions, at least 1, on grids of the given width in grey levels.
// A width of 0 (see Width) leaves one bucket, and so does one in which all hash values are 0 (more than 32 functions): the search is exact then.
//
// The original kept L tables, each with a generator of its own in the same first state: all L were the same table, which is the one here.
func NewLSH(data *imageset.Images[uint8], width int64, functions int) *LSH {
	return &LSH{data, []*table{newTable(data, newHasher(data.Dim(), width, functions, originalPlace, libstdcxx.NewMinstd()))}}
}

// NewTextbookLSH is so many tables that differ from the original's twice. They are independent: one generator draws the random numbers of one table
// after the other. And the values of a table's hash functions are concatenated, so that images share a bucket where all functions agree, and else only
// by chance. The buckets' number, the width, and the one bucket from 33 functions on are the original's.
func NewTextbookLSH(data *imageset.Images[uint8], width int64, functions, tables int) *LSH {
	random := libstdcxx.NewMinstd()
	l := &LSH{data: data}
	for range tables {
		l.tables = append(l.tables, newTable(data, newHasher(data.Dim(), width, functions, textbookPlace, random)))
	}
	return l
}

// A table has images in buckets.
type table struct {
	hash         *hasher
	buckets      uint64
	start, image []int32 // what sort says of the data
}

func newTable(data *imageset.Images[uint8], hash *hasher) *table {
	t := &table{hash: hash, buckets: uint64(max(1, data.N/16))}
	t.start, t.image = t.sort(data)
	return t
}

// sort puts images into buckets: those of bucket b, in ascending order, are image[start[b]:start[b+1]].
func (t *table) sort(images *imageset.Images[uint8]) (start, image []int32) {
	bucket := make([]int32, images.N)
	parallel.Blocks(images.N, 512, func(from, to int) {
		for i := from; i < to; i++ {
			bucket[i] = int32(t.hash.value(images.At(i)) % t.buckets)
		}
	})

	start = make([]int32, t.buckets+1)
	for _, b := range bucket {
		start[b+1]++
	}
	for b := range t.buckets {
		start[b+1] += start[b]
	}
	image = make([]int32, images.N)
	next := slices.Clone(start)
	for i, b := range bucket {
		image[next[b]] = int32(i)
		next[b]++
	}
	return start, image
}

// Nearest finds, for each query, the nearest of its candidates by (distance, index): the images that share its bucket in at least one table.
// Index is -1 where there are none. candidates is how many they are, all queries together; a candidate from several tables counts in each, because
// its distance is measured there. An exact search has N candidates for each query.
// It panics where queries and images have different sizes. progress, where it is not nil, is called bucket by bucket.
func (l *LSH) Nearest(queries *imageset.Images[uint8], progress func(done, total int)) (nearest []Neighbour, candidates int64) {
	if queries.Rows != l.data.Rows || queries.Cols != l.data.Cols {
		panic(differentSizes)
	}
	nearest = make([]Neighbour, queries.N)
	for q := range nearest {
		nearest[q] = Neighbour{-1, math.MaxInt64}
	}
	for i, t := range l.tables {
		start, query := t.sort(queries)
		for b := range t.buckets {
			if progress != nil {
				progress((i*queries.N+int(start[b]))/len(l.tables), queries.N)
			}
			asked, images := query[start[b]:start[b+1]], t.image[t.start[b]:t.start[b+1]]
			if len(asked) == 0 || len(images) == 0 {
				continue
			}
			// The queries of a bucket have the same candidates, so they are answered together.
			for j, n := range Nearest(selected(l.data, images), selected(queries, asked), 1, nil) {
				n.Index = images[n.Index]
				if q := asked[j]; n.before(nearest[q]) {
					nearest[q] = n
				}
			}
			candidates += int64(len(asked)) * int64(len(images))
		}
	}
	if progress != nil {
		progress(queries.N, queries.N)
	}
	return nearest, candidates
}

// selected returns the images at index, which is ascending: a copy, or m itself if all are wanted.
func selected(m *imageset.Images[uint8], index []int32) *imageset.Images[uint8] {
	if len(index) == m.N {
		return m
	}
	return imageset.Select(m, index)
}

// Width is the grid width that suits a data set, in grey levels: 6 times the mean distance of an image to its nearest other image, cut to a
// whole number before it is multiplied. The mean is over every (N/50)-th image.
//
// From 50 images on it is the original's number, which divides by 50 even where the step leaves a few more images than that.
// Below, where the original never ended, it is the plain mean over all images; a single image has the width 0.
func Width(data *imageset.Images[uint8]) int64 {
	const samples = 50
	if data.N < 2 {
		return 0
	}
	step := max(1, data.N/samples)
	var index []int
	for i := 0; i < data.N; i += step {
		index = append(index, i)
	}
	chosen := imageset.Select(data, index)
	var sum int64
	for i, n := range Nearest(data, chosen, 2, nil) {
		if i%2 == 1 { // the nearest is the image itself, or one that equals it
			sum += n.Distance
		}
	}
	return 6 * (sum / int64(min(data.N, samples)))
}
