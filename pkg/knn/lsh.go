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
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/parallel"
	"imagesimilarity/pkg/plural"
)

// LSH finds approximate nearest neighbours in Manhattan distance. Its hash functions put the images
// of a data set into buckets. Images that are near each other tend to fall into the same bucket
// (Andoni and Indyk 2004, with grids shifted by random amounts).
type LSH struct {
	rows, cols int
	hash       []*hasher // of each table
	buckets    uint64    // of a table

	kept   *Block[uint8] // whose tables are kept; nil for none
	tables []table
}

// NewLSH draws the hash functions of the original for a data set of n images of rows x cols pixels.
// There are N/16 buckets, at least one, and as many hash functions as functions says, at least 1,
// on grids of the given width in grey levels (see Width). If width is 0 or functions exceeds
// MaxFunctions, all hash values are 0, as in the original: all images fall into one bucket, and the
// search is exact.
//
// The original kept L tables, each with a generator of its own in the same first state. So all L
// were the same table, and one stands for them here.
//
// NewLSH returns an error if there is no memory for the functions.
func NewLSH(n int64, rows, cols int, width int64, functions int) (*LSH, error) {
	return newLSH(n, rows, cols, width, functions, 1, originalPlace)
}

// NewTextbookLSH draws the hash functions of as many tables as tables says. They differ from the
// original's in two ways. They are independent: one generator draws the random numbers of one table
// after the other. And the values of a table's hash functions are concatenated, so that images
// share a bucket if all functions agree, and otherwise only by chance. The number of buckets and
// the width are the original's, and so is the one bucket if functions exceeds MaxFunctions: each
// table then compares a query with all images. So no program takes that many.
func NewTextbookLSH(n int64, rows, cols int, width int64, functions, tables int) (*LSH, error) {
	return newLSH(n, rows, cols, width, functions, tables, textbookPlace)
}

func newLSH(n int64, rows, cols int, width int64, functions, tables int,
	place func(i, functions int) int) (*LSH, error) {

	err := memory.Check(float64(tables)*hasherSize(rows*cols, width, functions),
		"making %s of %s for images of %dx%d pixels needs",
		plural.Of(tables, "hash table"), plural.Of(functions, "function"), rows, cols)
	if err != nil {
		return nil, err
	}
	l := &LSH{rows: rows, cols: cols, buckets: uint64(max(1, n/16))}
	random := libstdcxx.NewMinstd()
	for range tables {
		l.hash = append(l.hash, newHasher(rows*cols, width, functions, place, random))
	}
	return l, nil
}

// Keep puts the images of a block into hash tables, where searches find them. Those of other blocks
// are hashed by each search. Keep returns an error if there is no memory for the tables. progress,
// unless nil, is called after each table.
func (l *LSH) Keep(b *Block[uint8], progress func(done, total int)) error {
	if err := nearest.CheckSize(l.rows, l.cols, b.Rows, b.Cols); err != nil {
		return err
	}
	tables := len(l.hash)
	need := float64(float64(tables)*l.tableSize(b.N)) + float64(4*float64(b.N))
	err := memory.Check(need, "putting %s into %s needs",
		plural.Of(b.N, "image"), plural.Of(tables, "hash table"))
	if err != nil {
		return err
	}
	l.kept, l.tables = b, make([]table, tables)
	var bucket []int32
	for i := range l.tables {
		bucket = l.sort(&l.tables[i], bucket, i, b.Images)
		if progress != nil {
			progress(i+1, tables)
		}
	}
	return nil
}

// tableSize returns the bytes of a table of n images.
func (l *LSH) tableSize(n int) float64 { return float64(4 * float64(l.buckets+1+uint64(n))) }

// A table is images by bucket: those of bucket b are image[start[b]:start[b+1]], in ascending
// order.
type table struct{ start, image []int32 }

func (t *table) of(bucket int32) []int32 { return t.image[t.start[bucket]:t.start[bucket+1]] }

// sort puts images into the buckets of table i, in the memory that t has if it suffices. bucket is
// memory for the bucket of each image, which sort returns.
func (l *LSH) sort(t *table, bucket []int32, i int, images *imageset.Images[uint8]) []int32 {
	hash := l.hash[i]
	bucket = resize(bucket, images.N)
	// On wide grids 512 images take 20 µs, on narrow ones far longer.
	parallel.Blocks(images.N, 512, func(from, to int) {
		for i := from; i < to; i++ {
			bucket[i] = int32(hash.value(images.At(i)) % l.buckets)
		}
	})
	t.start, t.image = resize(t.start, int(l.buckets)+1), resize(t.image, images.N)
	clear(t.start)
	for _, b := range bucket {
		t.start[b]++
	}
	end := int32(0)
	for b := range t.start {
		end += t.start[b]
		t.start[b] = end
	}
	for i, b := range slices.Backward(bucket) {
		t.start[b]--
		t.image[t.start[b]] = int32(i)
	}
	return bucket
}

// A LSHSearch holds queries and, for each, the k nearest of its candidates among the blocks that
// were added. Candidates are the images that share the query's bucket in at least one table.
type LSHSearch struct {
	lsh        *LSH
	set        nearest.Blocks
	queries    *outlined[uint8]
	asked      []groups // by table
	lists      lists
	candidates int64
	granted    float64 // bytes that memory.Check granted for a block

	table   table // of a block that is not kept
	bucket  []int32
	scratch sync.Pool // of *gathered
}

// groups are queries by bucket: those in bucket[g] are query[start[g]:start[g+1]], in ascending
// order.
type groups struct{ bucket, start, query []int32 }

// Search returns a search for the k nearest candidates of each query; k is at least 1. It returns
// an error if the queries have another size than the images, or if there is no memory for the
// answers.
func (l *LSH) Search(queries *imageset.Images[uint8], k int) (*LSHSearch, error) {
	err := nearest.CheckSize(queries.Rows, queries.Cols, l.rows, l.cols)
	if err != nil {
		return nil, err
	}
	const numbers = 3 * 4 // bucket, start and query
	n := float64(queries.N)
	need := float64(n*float64(neighbourSize*k)) + float64(n*float64(numbers*len(l.hash))) +
		l.tableSize(queries.N) + float64(4*n)
	err = memory.Check(need, "searching the buckets of %s for %s needs",
		plural.Of(len(l.hash), "table"), plural.Of(queries.N, "query"))
	if err != nil {
		return nil, err
	}
	s := &LSHSearch{
		lsh: l, queries: &outlined[uint8]{Images: queries}, lists: newLists(queries.N, k),
		asked: make([]groups, len(l.hash)),
	}
	s.scratch.New = func() any { return new(gathered) }
	var sorted table
	for i := range s.asked {
		g := &s.asked[i]
		s.bucket = l.sort(&sorted, s.bucket, i, queries)
		g.query = slices.Clone(sorted.image)
		for b := range int32(l.buckets) {
			if sorted.start[b] < sorted.start[b+1] {
				g.bucket, g.start = append(g.bucket, b), append(g.start, sorted.start[b])
			}
		}
		g.start = append(g.start, int32(queries.N))
	}
	return s, nil
}

// Add searches a block. Blocks may come in any order. Add returns an error if there are no images
// in it or more than math.MaxInt32, if they differ in size from the queries, if one of their
// indices was there before, or if there is no memory to hash and pack them. progress, unless nil,
// is called after each bucket that has queries, never twice at a time.
func (s *LSHSearch) Add(b *Block[uint8], progress func(done, total int)) error {
	l := s.lsh
	if err := nearest.CheckSize(l.rows, l.cols, b.Rows, b.Cols); err != nil {
		return err
	}
	if err := s.set.Add(b.N, b.Rows, b.Cols, b.First); err != nil {
		return err
	}
	if s.queries.N == 0 {
		return nil
	}
	hashed := 0.0 // bytes of a table that is made for this block
	if b != l.kept {
		hashed = l.tableSize(b.N) + float64(4*float64(b.N))
		if err := s.check(hashed, b); err != nil {
			return err
		}
	}
	for i := range l.hash {
		t := &s.table
		if b == l.kept {
			t = &l.tables[i]
		} else {
			s.bucket = l.sort(t, s.bucket, i, b.Images)
		}
		if err := s.check(hashed+s.need(b, i, t), b); err != nil {
			return err
		}
		s.search(b, i, t, func(done int) {
			if progress != nil {
				progress((i*s.queries.N+done)/len(l.hash), s.queries.N)
			}
		})
	}
	return nil
}

// check asks for memory to search a block, unless as much was granted before.
func (s *LSHSearch) check(need float64, b *Block[uint8]) error {
	if need <= s.granted {
		return nil
	}
	err := memory.Check(need,
		"searching the buckets of %s of %dx%d pixels for %s needs",
		plural.Of(b.N, "image"), b.Rows, b.Cols, plural.Of(s.queries.N, "query"))
	if err == nil {
		s.granted = need
	}
	return err
}

// need returns the bytes that the search of a table takes: for outlines, and on each core for the
// images and the queries of a bucket as they are packed.
func (s *LSHSearch) need(b *Block[uint8], i int, t *table) float64 {
	most, need := 0.0, 0.0
	asked := &s.asked[i]
	outlines := false
	for g, bucket := range asked.bucket {
		images, queries := len(t.of(bucket)), int(asked.start[g+1]-asked.start[g])
		some := imageset.Images[uint8]{N: images, Rows: b.Rows, Cols: b.Cols}
		switch way := s.wayOf(b, images, queries); way {
		case all:
			most = max(most, metric.PointsSize[uint8](images, b.Dim())+
				queriesSize(&some, queries, s.lists.k, way))
		case pruned:
			outlines = true
			most = max(most, metric.PointsSize[uint8](images, coarseCells(b.Rows, b.Cols))+
				queriesSize(&some, queries, s.lists.k, way))
		}
	}
	need = most * float64(runtime.GOMAXPROCS(0))
	if outlines {
		for _, images := range []*outlined[uint8]{&b.outlined, s.queries} {
			if !images.once.isDone() {
				need += outlinesSize(images.Images)
			}
		}
	}
	return need
}

// search brings the images of a block that share a bucket with a query into the lists. t is table i
// of the block. A query is in one bucket only, so the buckets are searched in parallel.
func (s *LSHSearch) search(b *Block[uint8], i int, t *table, progress func(done int)) {
	asked := &s.asked[i]
	var lock sync.Mutex
	done := 0
	parallel.Do(len(asked.bucket), func(jobs iter.Seq[int]) {
		scratch := s.scratch.Get().(*gathered)
		defer s.scratch.Put(scratch)
		for g := range jobs {
			images := t.of(asked.bucket[g])
			queries := view[uint8]{s.queries, asked.query[asked.start[g]:asked.start[g+1]]}
			if len(images) > 0 {
				s.searchBucket(b, images, queries, scratch)
			}
			lock.Lock()
			s.candidates += int64(queries.n()) * int64(len(images))
			done += queries.n()
			progress(done)
			lock.Unlock()
		}
	})
}

// gathered are images of a bucket as they are packed.
type gathered struct {
	points  metric.Points[uint8]
	outline packedOutlines[uint8]
}

// searchBucket brings images of a block into the lists of the queries. The queries of a bucket have
// the same candidates, so they are searched together.
func (s *LSHSearch) searchBucket(
	b *Block[uint8], images []int32, queries view[uint8], g *gathered,
) {
	some := b.candidates()
	if len(images) < b.N {
		some.index = images
		some.points = func() *metric.Points[uint8] {
			packPoints(&g.points, some.view)
			return &g.points
		}
		some.coarse = func() *packedOutlines[uint8] {
			g.outline.pack(some.view)
			return &g.outline
		}
	}
	search := newSearch(s.wayOf(b, len(images), queries.n()), some, queries, s.lists)
	queryBlocks(queries.n(), nil, search)
}

// fewOutlined is the number of images from which on searchPruned is faster than searchAll if their
// outlines are there already, as after an exact search of the block. In blocks of 1,000 images of
// MNIST, of which a bucket has some dozens, LSH took half the time.
const fewOutlined = 32

// wayOf returns the fastest way to search a bucket with that many images of a block for queries.
func (s *LSHSearch) wayOf(b *Block[uint8], images, queries int) way {
	some := imageset.Images[uint8]{N: images, Rows: b.Rows, Cols: b.Cols}
	w := wayOf(&some, queries)
	if w == all && images >= fewOutlined && outlinesPay(pointBlock, b.Dim()) && b.once.isDone() {
		return pruned
	}
	return w
}

// Found brings neighbours of a query into its list that an earlier search has found. They are among
// images that are not added to this one, and limit what it has to look at.
func (s *LSHSearch) Found(query int, neighbours []Neighbour) { s.lists.insert(query, neighbours) }

// List returns the nearest candidates of a query so far, at most k, among those that were added and
// those that Found brought.
func (s *LSHSearch) List(query int) []Neighbour { return nearest.Filled(s.lists.of(query)) }

// Candidates returns the number of candidates of all queries so far, as Nearest does.
func (s *LSHSearch) Candidates() int64 { return s.candidates }

// Nearest returns, for each query, the k nearest of its candidates by (distance, index). The result
// is (queries.N, k). If there are fewer candidates than k, the index -1 fills the list.
//
// candidates is the number of candidates of all queries together. A candidate from several tables
// counts in each, because its distance is measured there. An exact search has N candidates for each
// query.
func (s *LSHSearch) Nearest() (found []Neighbour, candidates int64) {
	found = slices.Clone(s.lists.all)
	for i, n := range found {
		if n == nearest.Farthest[int64]() {
			found[i] = Neighbour{Index: -1, Distance: math.MaxInt64}
		}
	}
	return found, s.candidates
}

// Nearest searches all images of an index, as Search and Add do. progress, unless nil, is called
// now and then, never twice at a time, with the number of queries to which the work done amounts.
func (l *LSH) Nearest(ix *Index[uint8], queries *imageset.Images[uint8], k int,
	progress func(done, total int)) (found []Neighbour, candidates int64, err error) {

	s, err := l.Search(queries, k)
	if err != nil {
		return nil, 0, err
	}
	err = ix.Each(func(b *Block[uint8]) error { return s.Add(b, ix.Share(b, 0, 1, progress)) })
	if err != nil {
		return nil, 0, err
	}
	found, candidates = s.Nearest()
	return found, candidates, nil
}

// Width returns the grid width that suits a data set, in grey levels: 6 times the mean distance of
// an image to its nearest other image, which is cut to a whole number before the multiplication.
// The mean is over every (N/50)-th image.
//
// From 50 images on it is the original's number. The original divides by 50 even if the step leaves
// a few more images than that. For fewer than 50 images the original never ended. Width takes the
// plain mean over all then. The width of a single image is 0.
//
// Width returns the errors of Nearest of the index, to which it hands progress, and of reading the
// images from which it measures.
func Width(ix *Index[uint8], progress func(done, total int)) (int64, error) {
	index := WidthSamples(int64(ix.Set.N))
	if len(index) == 0 {
		return 0, nil
	}
	err := memory.Check(float64(len(index))*float64(ix.Set.Dim()),
		"measuring the distances of %d of %s needs", len(index), plural.Of(ix.Set.N, "image"))
	if err != nil {
		return 0, err
	}
	sample, err := imageset.SelectFrom(ix.Set, index)
	if err != nil {
		return 0, err
	}
	found, err := ix.Nearest(sample, 2, progress)
	if err != nil {
		return 0, err
	}
	return WidthOf(found), nil
}

// widthSamples is the number of images from which Width measures, or a few more, or all if there
// are fewer.
const widthSamples = 50

// WidthSamples returns the indices of the images from which Width measures, in a data set of n
// images.
func WidthSamples(n int64) (index []int64) {
	if n < 2 {
		return nil
	}
	for i := int64(0); i < n; i += max(1, n/widthSamples) {
		index = append(index, i)
	}
	return index
}

// WidthOf returns the width of Width from the two nearest images of each of its samples.
func WidthOf(found []Neighbour) int64 {
	if len(found) == 0 {
		return 0
	}
	var sum int64
	for i, n := range found {
		if i%2 == 1 { // the nearest is the image itself, or one that equals it
			sum += n.Distance
		}
	}
	return 6 * (sum / int64(min(len(found)/2, widthSamples)))
}
