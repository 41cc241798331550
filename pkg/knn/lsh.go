package knn

import (
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/parallel"
)

// LSH finds approximate nearest neighbours in Manhattan distance. Its hash tables hold the images
// of a data set. Images that are near each other tend to fall into the same bucket (Andoni and
// Indyk 2004, with grids shifted by random amounts).
type LSH struct {
	data   *imageset.Images[uint8]
	tables []*table
}

// NewLSH builds the original's table of at most math.MaxInt32 images. It has N/16 buckets, at least
// one, and as many hash functions as functions says, at least 1, on grids of the given width in
// grey levels (see Width). If width is 0 or functions exceeds 32, all hash values are 0: all images
// fall into one bucket, and the search is exact.
//
// The original kept L tables, each with a generator of its own in the same first state. So all L
// were the same table, and one stands for them here.
//
// NewLSH returns an error if there is no memory for the table.
func NewLSH(data *imageset.Images[uint8], width int64, functions int) (*LSH, error) {
	if err := checkTables(data, width, functions, 1); err != nil {
		return nil, err
	}
	hash := newHasher(data.Dim(), width, functions, originalPlace, libstdcxx.NewMinstd())
	return &LSH{data, []*table{newTable(data, hash)}}, nil
}

// NewTextbookLSH builds as many hash tables as tables says. They differ from the original's in two
// ways. They are independent: one generator draws the random numbers of one table after the other.
// And the values of a table's hash functions are concatenated, so that images share a bucket if all
// functions agree, and otherwise only by chance. The number of buckets, the width, and the one
// bucket from 33 functions on are the original's. progress, unless nil, is called after each table.
// It returns an error if there is no memory for the tables.
func NewTextbookLSH(
	data *imageset.Images[uint8], width int64, functions, tables int, progress func(done, total int),
) (*LSH, error) {
	if err := checkTables(data, width, functions, tables); err != nil {
		return nil, err
	}
	random := libstdcxx.NewMinstd()
	l := &LSH{data: data}
	for range tables {
		hash := newHasher(data.Dim(), width, functions, textbookPlace, random)
		l.tables = append(l.tables, newTable(data, hash))
		if progress != nil {
			progress(len(l.tables), tables)
		}
	}
	return l, nil
}

// checkTables returns an error if there is no memory for the hash tables: for their functions, for
// 4.25 bytes an image in each, and for as much again while one is built.
func checkTables(data *imageset.Images[uint8], width int64, functions, tables int) error {
	images := float64(4.25 * float64(data.N))
	need := float64(float64(tables)*(hasherSize(data.Dim(), width, functions)+images)) + images
	return memory.Check(need,
		"%d hash tables of %d functions for %d images of %dx%d pixels need",
		tables, functions, data.N, data.Rows, data.Cols)
}

// A table holds images in buckets.
type table struct {
	hash    *hasher
	buckets uint64
	data    buckets
}

// buckets are images by bucket: those of bucket b, in ascending order, are
// image[start[b]:start[b+1]].
type buckets struct{ start, image []int32 }

func (b *buckets) of(bucket int) []int32 {
	return b.image[b.start[bucket]:b.start[bucket+1]]
}

func newTable(data *imageset.Images[uint8], hash *hasher) *table {
	t := &table{hash: hash, buckets: uint64(max(1, data.N/16))}
	t.data = t.sort(data)
	return t
}

// sort puts images into buckets.
func (t *table) sort(images *imageset.Images[uint8]) buckets {
	bucket := make([]int32, images.N)
	// On wide grids 512 images take 20 µs, on narrow ones far longer.
	parallel.Blocks(images.N, 512, func(from, to int) {
		for i := from; i < to; i++ {
			bucket[i] = int32(t.hash.value(images.At(i)) % t.buckets)
		}
	})

	sorted := buckets{make([]int32, t.buckets+1), make([]int32, images.N)}
	for _, b := range bucket {
		sorted.start[b+1]++
	}
	for b := range t.buckets {
		sorted.start[b+1] += sorted.start[b]
	}
	next := slices.Clone(sorted.start)
	for i, b := range bucket {
		sorted.image[next[b]] = int32(i)
		next[b]++
	}
	return sorted
}

// Nearest returns, for each query, the k nearest of its candidates by (distance, index); k is at
// least 1. Candidates are the images that share the query's bucket in at least one table. The
// result is (queries.N, k). If there are fewer candidates than k, the index -1 fills the list.
//
// candidates is the number of candidates of all queries together. A candidate from several tables
// counts in each, because its distance is measured there. An exact search has N candidates for each
// query.
//
// Nearest returns an error if the queries differ from the images in size, or if there is no memory
// for the answers and for copies of the images of the largest buckets, one for each core. progress,
// unless nil, is called after each bucket that has queries, never twice at a time.
func (l *LSH) Nearest(queries *imageset.Images[uint8], k int, progress func(done, total int)) (
	found []Neighbour, candidates int64, err error) {

	err = nearest.CheckSize(queries.Rows, queries.Cols, l.data.Rows, l.data.Cols)
	if err != nil {
		return nil, 0, err
	}
	if err := l.check(queries, k); err != nil {
		return nil, 0, err
	}
	found = make([]Neighbour, queries.N*k)
	for q := range found {
		found[q] = Neighbour{Index: -1, Distance: math.MaxInt64}
	}
	for i, t := range l.tables {
		candidates += t.search(l.data, queries, found, k, func(done int) {
			if progress != nil {
				progress((i*queries.N+done)/len(l.tables), queries.N)
			}
		})
	}
	return found, candidates, nil
}

// check returns an error if there is no memory to search for the queries.
func (l *LSH) check(queries *imageset.Images[uint8], k int) error {
	largest := 0 // bucket
	for _, t := range l.tables {
		for b := range int(t.buckets) {
			largest = max(largest, len(t.data.of(b)))
		}
	}
	// All queries may ask for the same bucket, but the images of all buckets are each copied once.
	n := min(l.data.N, largest*runtime.GOMAXPROCS(0))
	bucket := imageset.Images[uint8]{N: n, Rows: l.data.Rows, Cols: l.data.Cols}
	copies := float64(float64(n+queries.N)*float64(l.data.Dim())) +
		searchSize(&bucket, queries, k)
	if len(l.tables) > 1 {
		copies *= 2 // those for the table before may be on the heap still
	}
	need := float64(float64(24+16*k)*float64(queries.N)) + copies
	return memory.Check(need, "searching the buckets of %d images for %d queries needs",
		l.data.N, queries.N)
}

// search brings the images of the table into the lists in found, which hold k neighbours each, and
// returns the number of candidates.
//
// A query is in one bucket only, so the buckets are searched in parallel.
func (t *table) search(data, queries *imageset.Images[uint8], found []Neighbour, k int,
	progress func(done int)) (candidates int64) {

	askedOf := t.sort(queries)
	var lock sync.Mutex
	done := 0
	parallel.Do(int(t.buckets), func(jobs iter.Seq[int]) {
		for b := range jobs {
			asked, images := askedOf.of(b), t.data.of(b)
			if len(asked) == 0 {
				continue
			}
			if len(images) > 0 {
				searchBucket(data, queries, images, asked, found, k)
			}
			lock.Lock()
			candidates += int64(len(asked)) * int64(len(images))
			done += len(asked)
			progress(done)
			lock.Unlock()
		}
	})
	return candidates
}

// searchBucket brings images into the lists in found, which hold k neighbours each. The queries of
// a bucket have the same candidates, so they are searched together.
func searchBucket(
	data, queries *imageset.Images[uint8], images, asked []int32, found []Neighbour, k int,
) {
	bucket := []*block[uint8]{newBlock(outline(selected(data, images)), 0)}
	most := min(k, len(images))
	for i, n := range searchBlocks(bucket, outline(selected(queries, asked)), most, nil) {
		n.Index = int64(images[n.Index])
		q := int(asked[i/most])
		// A candidate from several tables stands in the list once.
		if best := found[q*k : (q+1)*k]; !slices.Contains(best, n) {
			nearest.Insert(best, n)
		}
	}
}

// selected returns a copy of the images at index, which is ascending. If all are wanted, it returns
// m itself.
func selected(m *imageset.Images[uint8], index []int32) *imageset.Images[uint8] {
	if len(index) == m.N {
		return m
	}
	return imageset.Select(m, index)
}

// Width returns the grid width that suits a data set, in grey levels: 6 times the mean distance of
// an image to its nearest other image, which is cut to a whole number before the multiplication.
// The mean is over every (N/50)-th image.
//
// From 50 images on it is the original's number. The original divides by 50 even if the step leaves
// a few more images than that. For fewer than 50 images the original never ended. Width takes the
// plain mean over all then. The width of a single image is 0.
//
// Width returns an error if there is no memory for a copy of the images from which it measures.
func Width(data *imageset.Images[uint8]) (int64, error) {
	const samples = 50
	if data.N < 2 {
		return 0, nil
	}
	step := max(1, data.N/samples)
	var index []int
	for i := 0; i < data.N; i += step {
		index = append(index, i)
	}
	whole := []*block[uint8]{newBlock(outline(data), 0)}
	queries := imageset.Images[uint8]{N: len(index), Rows: data.Rows, Cols: data.Cols}
	need := float64(float64(queries.N)*float64(data.Dim())) + searchSize(data, &queries, 2)
	err := memory.Check(need, "measuring the distances of %d of %d images needs",
		queries.N, data.N)
	if err != nil {
		return 0, err
	}
	var sum int64
	for i, n := range searchBlocks(whole, outline(imageset.Select(data, index)), 2, nil) {
		if i%2 == 1 { // the nearest is the image itself, or one that equals it
			sum += n.Distance
		}
	}
	return 6 * (sum / int64(min(data.N, samples))), nil
}
