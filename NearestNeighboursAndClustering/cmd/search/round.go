package main

import (
	"fmt"
	"math"
	"time"

	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// spaces holds the same images in both spaces: pixels and latent vectors. All files are opened
// before one is read whole, so that what does not fit together is told at once.
type spaces struct {
	images    *idx.ImageFile
	latents   *idx.LatentFile // nil if only the images are searched
	labelFile *idx.LabelFile  // nil if the labels are not known

	original *imageset.Set[uint8]  // grey levels
	reduced  *imageset.Set[uint16] // latent vectors
	labels   []uint8               // nil if they are not known
}

// openImages opens the images.
func (s *spaces) openImages(path string) (err error) {
	s.images, err = idx.OpenImages(path)
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

// readImages reads the images that were opened.
func (s *spaces) readImages() error {
	m, err := s.images.Read()
	if err == nil {
		s.original = m.Set()
	}
	return err
}

// readLatents reads the latent vectors that were opened.
func (s *spaces) readLatents() error {
	m, err := s.latents.Read()
	if err == nil {
		s.reduced = m.Set()
	}
	return err
}

// files returns the names and sizes of the files.
func (s *spaces) files() results.LabelledSpaces {
	file := func(f idx.File) results.File {
		return results.File{Name: f.Name, Images: f.N, Rows: f.Rows, Cols: f.Cols}
	}
	files := results.LabelledSpaces{Images: file(s.images.File)}
	if s.latents != nil {
		files.Latents = file(s.latents.File)
	}
	if s.labelFile != nil {
		files.Labels = s.labelFile.Name
	}
	return files
}

// shown reads the images at index for the HTML page.
func (s *spaces) shown(index []int) (report.Images, error) {
	some, err := imageset.SampleOf(s.original, index)
	return report.Images{Sample: some, Labels: s.labels}, err
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
	data, queries = new(spaces), new(spaces)
	if err := data.openImages(opt.data); err != nil {
		return nil, nil, err
	}
	if err := data.openLatents(opt.reducedData); err != nil {
		return nil, nil, err
	}
	switch n := data.images.N; {
	case n == 0:
		return nil, nil, fmt.Errorf("%s: there are no images in it to search", opt.data)
	case n > math.MaxInt32:
		return nil, nil, fmt.Errorf("%s: it has %d images; expected at most %d",
			opt.data, n, math.MaxInt32)
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
		err = fmt.Errorf("%s has images of %dx%d pixels; expected %dx%d as in the data set",
			path, q.images.Rows, q.images.Cols, s.images.Rows, s.images.Cols)
	}
	return err
}

// openQueryLatents opens the latent vectors of queries after their images and checks that they have
// the data set's size.
func (s *spaces) openQueryLatents(q *spaces, path string) error {
	err := q.openLatents(path)
	if err == nil && (q.latents.Rows != s.latents.Rows || q.latents.Cols != s.latents.Cols) {
		err = fmt.Errorf(
			"%s has latent vectors of %dx%d values; expected %dx%d as in the data set",
			path, q.latents.Rows, q.latents.Cols, s.latents.Rows, s.latents.Cols)
	}
	return err
}

// newDataSet hashes the images into the tables of LSH. All L tables of the original draw the same
// random numbers and are therefore equal: one table stands for all of them, and L changes nothing.
// The textbook's tables differ, and L is their number.
func newDataSet(s *spaces, opt options) (*dataSet, error) {
	opt.display.Phase("preparing the data set")
	d := &dataSet{spaces: *s}
	var err error
	original, reduced := s.original.Whole(), s.reduced.Whole()
	if d.originalIndex, err = knn.New(original, 0); err != nil {
		return nil, err
	}
	if d.reducedIndex, err = knn.New(reduced, 0); err != nil {
		return nil, err
	}
	opt.display.Phase("width of the hash grid")
	width, err := knn.Width(original)
	if err != nil {
		return nil, err
	}
	if opt.textbook {
		d.lsh, err = knn.NewTextbookLSH(original, width, opt.functions, opt.tables,
			opt.display.Task("building the hash tables", "tables"))
	} else {
		opt.display.Phase("building the hash table")
		d.lsh, err = knn.NewLSH(original, width, opt.functions)
	}
	return d, err
}

// answer finds the nearest image of each query in the three ways. Each time is wall-clock time for
// the whole set of queries, with all cores at work. It includes what the method prepares: the hash
// values of the queries and, in the first round, packing the images for the kernels. It does not
// include the hash tables, which are made once. The original added up processor seconds query by
// query.
func (d *dataSet) answer(q *spaces, display *progress.Display) (*results.SearchRound, error) {
	pixels := q.original.Whole()
	start := time.Now()
	reduced, err := d.reducedIndex.Nearest(
		q.reduced.Whole(), 1, display.Task("reduced search", "queries"))
	if err != nil {
		return nil, err
	}
	reducedTime := time.Since(start)

	start = time.Now()
	lsh, candidates, err := d.lsh.Nearest(pixels, 1, display.Task("LSH search", "queries"))
	if err != nil {
		return nil, err
	}
	lshTime := time.Since(start)
	compared := float64(candidates) / (float64(d.original.N) * float64(q.original.N))

	start = time.Now()
	exact, err := d.originalIndex.Nearest(
		pixels, 1, display.Task("exact search", "queries"))
	if err != nil {
		return nil, err
	}
	exactTime := time.Since(start)

	display.Phase("comparing the answers")
	for i, n := range reduced {
		reduced[i].Distance = metric.Manhattan(pixels.At(i), d.original.Whole().At(int(n.Index)))
	}
	r := results.NewSearchRound(
		answers(reduced, reducedTime), answers(lsh, lshTime), answers(exact, exactTime))
	r.Queries, r.Compared = q.files(), results.Number(compared)
	return r, nil
}

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
	return fmt.Sprintf("%sQueries: %d, images: %d\nApproximation factor: LSH %s, reduced %s\n",
		which, r.Queries.Images.Images, run.Data.Images.Images,
		text.Double(r.LSH.Mean), text.Double(r.Reduced.Mean))
}
