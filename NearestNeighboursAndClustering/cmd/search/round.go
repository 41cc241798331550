package main

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unsafe"

	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// spaces holds the same images in both spaces: pixels and latent vectors. All files are opened
// before one is read whole, so that what does not fit together is told at once.
type spaces struct {
	opener    idx.Opener
	images    *idx.ImageFile
	latents   *idx.LatentFile // nil if only the images are searched
	labelFile *idx.LabelFile  // nil if the labels are not known

	original *imageset.Set[uint8]  // grey levels
	reduced  *imageset.Set[uint16] // latent vectors
	labels   []uint8               // nil if they are not known
}

// newSpaces returns no images yet. Their display is that of the program.
func newSpaces(opt options) *spaces {
	return &spaces{opener: idx.Opener{Display: opt.display}}
}

// openImages opens the images.
func (s *spaces) openImages(path string) (err error) {
	s.images, err = s.opener.OpenImages(path)
	return err
}

// openLatents opens the latent vectors of the images.
func (s *spaces) openLatents(path string) (err error) {
	s.latents, err = idx.OpenLatentsOf(s.images, path)
	return err
}

// openLabels opens the labels of the images. It does nothing if path is "".
func (s *spaces) openLabels(path string) (err error) {
	if path == "" {
		return nil
	}
	s.labelFile, err = idx.OpenLabelsOf(s.images, path)
	return err
}

// begin begins to read the files that were opened, all at the same time, and returns whether it
// could. It asks for memory in the order of read.
func (s *spaces) begin() bool {
	return s.images.Begin() && s.latents.Begin() && (s.labelFile == nil || s.labelFile.Begin())
}

// read reads the files that were opened.
func (s *spaces) read() (err error) {
	if err = s.readImages(); err != nil {
		return err
	}
	if s.latents != nil {
		if err = s.readLatents(); err != nil {
			return err
		}
	}
	if s.labelFile != nil {
		s.labels, err = s.labelFile.Read()
	}
	return err
}

// readImages reads the images that were opened, unless they are so many that they stay in the file.
func (s *spaces) readImages() (err error) {
	s.original, err = s.images.Set()
	return err
}

// readLatents reads the latent vectors that were opened, as readImages does.
func (s *spaces) readLatents() (err error) {
	s.reduced, err = s.latents.Set()
	return err
}

// close closes the files that are still open.
func (s *spaces) close() {
	if s.original != nil {
		s.original.Close()
	}
	if s.reduced != nil {
		s.reduced.Close()
	}
}

// faulty reports whether an error is about what one of the files holds.
func (s *spaces) faulty(err error) bool {
	var f *idx.FormatError
	return errors.As(err, &f) && (f.File == s.images.Name || f.File == s.latents.Name)
}

// files returns the names and sizes of the files, and how often they were read so far.
func (s *spaces) files() results.LabelledSpaces {
	files := results.LabelledSpaces{Images: results.FileOf(s.images.Name, s.original)}
	files.Images.BlockPasses = s.original.Passes()
	if s.latents != nil {
		files.Latents = results.FileOf(s.latents.Name, s.reduced)
		files.Latents.BlockPasses = s.reduced.Passes()
	}
	if s.labelFile != nil {
		files.Labels = s.labelFile.Name
	}
	return files
}

// shown reads the images at index for the HTML page.
func (s *spaces) shown(index []int) (report.Images, error) {
	return report.Read(s.original, s.labels, index)
}

// A dataSet is the images among which neighbours are searched.
type dataSet struct {
	spaces
	lsh           *knn.LSH
	originalIndex *knn.Index[uint8]
	reducedIndex  *knn.Index[uint16]
}

// openData opens the files of the data set and of the queries of the command line.
func openData(opt options) (data, queries *spaces, err error) {
	data, queries = newSpaces(opt), newSpaces(opt)
	if err := data.openImages(opt.data); err != nil {
		return nil, nil, err
	}
	if err := data.openLatents(opt.reducedData); err != nil {
		return nil, nil, err
	}
	if data.images.N == 0 {
		return nil, nil, fmt.Errorf("%s: there are no images in it to search", opt.data)
	}
	if err := data.openLabels(opt.dataLabels); err != nil {
		return nil, nil, err
	}
	if err := data.openQueryImages(queries, opt.query); err != nil {
		return nil, nil, err
	}
	if err := data.openQueryLatents(queries, opt.reducedQuery); err != nil {
		return nil, nil, err
	}
	return data, queries, queries.openLabels(opt.queryLabels)
}

// openQueryImages opens the images of queries and checks that they have the data set's size.
func (s *spaces) openQueryImages(q *spaces, path string) error {
	err := q.openImages(path)
	if err == nil && (q.images.Rows != s.images.Rows || q.images.Cols != s.images.Cols) {
		err = fmt.Errorf("%s: images of %dx%d pixels, expected %dx%d as in %s",
			path, q.images.Rows, q.images.Cols, s.images.Rows, s.images.Cols, s.images.Name)
	}
	return err
}

// openQueryLatents opens the latent vectors of queries after their images and checks that they have
// the data set's size.
func (s *spaces) openQueryLatents(q *spaces, path string) error {
	err := q.openLatents(path)
	if err == nil && (q.latents.Rows != s.latents.Rows || q.latents.Cols != s.latents.Cols) {
		err = fmt.Errorf("%s: latent vectors of %dx%d values, expected %dx%d as in %s",
			path, q.latents.Rows, q.latents.Cols, s.latents.Rows, s.latents.Cols, s.latents.Name)
	}
	return err
}

// newDataSet draws the hash functions of LSH and, if the images are kept in memory, puts them into
// its tables. All L tables of the original draw the same random numbers and are therefore equal:
// one table stands for all of them, and L changes nothing. The textbook's tables differ, and L is
// their number.
func newDataSet(s *spaces, opt options) (*dataSet, error) {
	opt.display.Phase("preparing the data set")
	d := &dataSet{spaces: *s}
	var err error
	if d.originalIndex, err = knn.New(s.original); err != nil {
		return nil, err
	}
	if d.reducedIndex, err = knn.New(s.reduced); err != nil {
		return nil, err
	}
	width, err := knn.Width(d.originalIndex, opt.display.Task("width of the hash grid", "samples"))
	if err != nil {
		return nil, err
	}
	n, rows, cols := int64(s.original.N), s.original.Rows, s.original.Cols
	if opt.textbook {
		d.lsh, err = knn.NewTextbookLSH(n, rows, cols, width, opt.functions, opt.tables)
	} else {
		d.lsh, err = knn.NewLSH(n, rows, cols, width, opt.functions)
	}
	if kept := d.originalIndex.Kept(); err == nil && kept != nil {
		err = d.lsh.Keep(kept, opt.display.Task("building the hash tables", "tables"))
	}
	return d, err
}

// A method is the answers of one of the three ways, and the time that they took.
type method struct {
	found []knn.Neighbour
	took  time.Duration
}

// do adds the time of a step of the method.
func (m *method) do(step func() error) error {
	start := time.Now()
	err := step()
	m.took += time.Since(start)
	return err
}

// add adds the answers for further queries.
func (m *method) add(n method) {
	m.found, m.took = append(m.found, n.found...), m.took+n.took
}

// answer finds the nearest image of each query in the three ways. Each time is wall-clock time for
// the whole set of queries, with all cores at work. It includes what the method prepares: the hash
// values of the queries and, in the first round, packing the images for the kernels. It does not
// include the hash tables, which are made once. If the images are not kept in memory, they are
// packed and hashed in every round, and for each part of the queries if these are not kept either.
// That is in the times; reading them is not. The original added up processor seconds query by
// query.
func (d *dataSet) answer(q *spaces, display *progress.Display) (*results.SearchRound, error) {
	var reduced, lsh, exact method
	candidates := int64(0)
	for first, size := 0, q.part(); first < q.images.N || first == 0; first += size {
		part, err := q.load(first, min(q.images.N, first+size))
		if err != nil {
			return nil, err
		}
		r, err := d.searchLatents(part.reduced, display)
		if err != nil {
			return nil, err
		}
		l, e, count, err := d.searchImages(part.original, r.found, display)
		if err != nil {
			return nil, err
		}
		reduced.add(r)
		lsh.add(l)
		exact.add(e)
		candidates += count
	}
	display.Phase("comparing the answers")
	r := results.NewSearchRound(reduced.answers(), lsh.answers(), exact.answers())
	r.Queries = q.files()
	r.Compared = results.Number(
		float64(candidates) / (float64(d.original.N) * float64(q.original.N)))
	return r, nil
}

// searchLatents finds the image of each query that is nearest among the latent vectors.
func (d *dataSet) searchLatents(
	q *imageset.Images[uint16], display *progress.Display,
) (m method, err error) {
	search, err := knn.NewSearch(q, 1)
	if err != nil {
		return m, err
	}
	tell := display.Task("reduced search", "queries")
	err = d.reducedIndex.Each(func(b *knn.Block[uint16]) error {
		return m.do(func() error { return search.Add(b, d.reducedIndex.Share(b, 0, 1, tell)) })
	})
	m.found = search.Nearest()
	return m, err
}

// searchImages finds the nearest image of each query by LSH and exactly, in one pass over the data
// set. It also measures the distances of those in reduced, which come from the latent vectors.
// count is the number of images that LSH compared with queries.
func (d *dataSet) searchImages(
	q *imageset.Images[uint8], reduced []knn.Neighbour, display *progress.Display,
) (lsh, exact method, count int64, err error) {
	var byHash *knn.LSHSearch
	err = lsh.do(func() (err error) {
		byHash, err = d.lsh.Search(q, 1)
		return err
	})
	if err != nil {
		return lsh, exact, 0, err
	}
	all, err := knn.NewSearch(q, 1)
	if err != nil {
		return lsh, exact, 0, err
	}
	tell := d.tasks(display)
	measure := distances(q, reduced)
	err = d.originalIndex.Each(func(b *knn.Block[uint8]) error {
		start := time.Now()
		if err := b.Outline(q.N); err != nil {
			return err
		}
		shared := time.Since(start) // either method would take it by itself
		lsh.took, exact.took = lsh.took+shared, exact.took+shared
		err := lsh.do(func() error { return byHash.Add(b, tell("LSH search", b, 0, 0.5)) })
		if err == nil {
			err = exact.do(func() error { return all.Add(b, tell("exact search", b, 0.5, 1)) })
		}
		measure(b)
		return err
	})
	lsh.found, count = byHash.Nearest()
	exact.found = all.Nearest()
	return lsh, exact, count, err
}

// tasks returns what begins the progress of a method on a block of images. A method has a phase of
// its own if there is but one block, and otherwise the part of the work on a block from one share
// of it to another.
func (d *dataSet) tasks(display *progress.Display) func(
	name string, b *knn.Block[uint8], from, to float64) func(done, total int) {

	ix := d.originalIndex
	if ix.Kept() != nil {
		return func(name string, _ *knn.Block[uint8], _, _ float64) func(done, total int) {
			return display.Task(name, "queries")
		}
	}
	task := display.Task("LSH and exact search", "queries")
	return func(_ string, b *knn.Block[uint8], from, to float64) func(done, total int) {
		return ix.Share(b, from, to, task)
	}
}

// distances returns what sets the distances of the neighbours that are in a block, one of each
// query. Blocks come in ascending order.
func distances(q *imageset.Images[uint8], found []knn.Neighbour) func(b *knn.Block[uint8]) {
	order := make([]int, len(found)) // of the queries, by the index of the neighbour
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(found[a].Index, found[b].Index) })
	return func(b *knn.Block[uint8]) {
		for len(order) > 0 {
			n := &found[order[0]]
			if n.Index >= b.First+int64(b.N) {
				return
			}
			n.Distance = metric.Manhattan(q.At(order[0]), b.At(int(n.Index-b.First)))
			order = order[1:]
		}
	}
}

// part returns how many queries are answered in one pass over the data set: all if they are kept in
// memory.
func (s *spaces) part() int {
	const blocks = 4 // with their answers they take about as much as what a block of data needs
	least, kept := s.original.Block(), s.original.Whole() != nil
	if s.reduced != nil {
		least, kept = min(least, s.reduced.Block()), kept && s.reduced.Whole() != nil
	}
	if kept {
		return max(1, s.original.N)
	}
	return blocks * least
}

// loaded holds the same images in both spaces, in memory.
type loaded struct {
	original *imageset.Images[uint8]
	reduced  *imageset.Images[uint16]
}

// load returns the images from first to end-1. It reads those that are not kept in memory.
func (s *spaces) load(first, end int) (m loaded, err error) {
	if m.original, err = load(s.original, first, end, s.images.Name); err == nil {
		m.reduced, err = load(s.reduced, first, end, s.latents.Name)
	}
	return m, err
}

func load[P uint8 | uint16](s *imageset.Set[P], first, end int, name string) (
	*imageset.Images[P], error) {

	part := s.Part(first, end)
	if whole := part.Whole(); whole != nil {
		return whole, nil
	}
	m := &imageset.Images[P]{N: part.N, Rows: part.Rows, Cols: part.Cols}
	values := m.N * m.Dim()
	err := memory.Check(float64(values)*float64(unsafe.Sizeof(P(0))),
		"%s: images %d to %d of %dx%d values need", name, first, end-1, m.Rows, m.Cols)
	if err != nil {
		return nil, err
	}
	m.Pix = make([]P, values)
	return m, part.Read(m.Pix, 0)
}

// answers returns the answers as results.
func (m *method) answers() results.Nearest { return answers(m.found, m.took) }

// answers returns the answers of one method: the nearest image of each query, or one with the
// index -1 if nothing was found.
func answers(found []knn.Neighbour, took time.Duration) results.Nearest {
	n := results.Nearest{
		Seconds:  results.Number(took.Seconds()),
		Index:    make([]int64, len(found)),
		Distance: make(results.Numbers, len(found)),
	}
	for q, f := range found {
		n.Index[q], n.Distance[q] = f.Index, float64(f.Distance)
		if f.Index < 0 {
			n.Distance[q] = math.NaN()
		}
	}
	return n
}

// found returns what was found in the last round, in a few lines for the person at the screen.
func found(run *results.Search) string {
	r := &run.Rounds[len(run.Rounds)-1]
	which := ""
	if n := len(run.Rounds); n > 1 {
		which = fmt.Sprintf("Last of %d rounds:\n", n)
	}
	passes := ""
	images, latents := run.Data.Images.BlockPasses, run.Data.Latents.BlockPasses
	if images+latents > 0 {
		passes = fmt.Sprintf("Passes over the files of the data set: images %d, latent vectors %d\n",
			images, latents)
	}
	return fmt.Sprintf("%sQueries: %d, images: %d\nApproximation factor: LSH %s, reduced %s\n%s",
		which, r.Queries.Images.Images, run.Data.Images.Images,
		text.Double(r.LSH.Mean), text.Double(r.Reduced.Mean), passes)
}
