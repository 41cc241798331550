package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// spaces holds the same images in both spaces: pixels and latent vectors.
type spaces struct {
	files    results.LabelledSpaces
	original *imageset.Images[uint8]  // grey levels
	reduced  *imageset.Images[uint16] // latent vectors
	labels   []uint8                  // nil if they are not known
}

// readSpaces reads images and their latent vectors.
func readSpaces(original, reduced string) (*spaces, error) {
	s := new(spaces)
	if err := s.readOriginal(original); err != nil {
		return nil, err
	}
	if err := s.readReduced(reduced); err != nil {
		return nil, err
	}
	return s, nil
}

// readOriginal reads the images.
func (s *spaces) readOriginal(path string) (err error) {
	if s.original, err = idx.ReadImages(path); err == nil {
		s.files.Images = results.FileOf(path, s.original)
	}
	return err
}

// readReduced reads the latent vectors of the images that readOriginal has read.
func (s *spaces) readReduced(path string) (err error) {
	if s.reduced, err = idx.ReadLatents(path); err != nil {
		return err
	}
	if s.reduced.N != s.original.N {
		return fmt.Errorf("%s has %d images, but %s has %d latent vectors; expected as many",
			s.files.Images.Name, s.original.N, path, s.reduced.N)
	}
	s.files.Latents = results.FileOf(path, s.reduced)
	return nil
}

// readLabels reads the labels of the images, or none if name is "".
func (s *spaces) readLabels(name string) (err error) {
	s.files.Labels = name
	s.labels, err = readLabels(name, s.files.Images.Name, s.original.N)
	return err
}

// shown returns the images for the HTML page.
func (s *spaces) shown() report.Images {
	return report.Images{Images: s.original, Labels: s.labels}
}

// A dataSet is the images among which neighbours are searched.
type dataSet struct {
	spaces
	lsh           *knn.LSH
	originalIndex *knn.Index[uint8]
	reducedIndex  *knn.Index[uint16]
}

// newDataSet hashes the images into the tables of LSH. All L tables of the original draw the same
// random numbers and are therefore equal: one table stands for all of them, and L changes nothing.
// The textbook's tables differ, and L is their number.
func newDataSet(s *spaces, opt options) (*dataSet, error) {
	if s.original.N == 0 {
		return nil, errors.New("there are no images in it to search")
	}
	if s.original.N > math.MaxInt32 {
		return nil, fmt.Errorf("it has %d images; expected at most %d",
			s.original.N, math.MaxInt32)
	}
	d := &dataSet{spaces: *s}
	var err error
	if d.originalIndex, err = knn.New(s.original, 0); err != nil {
		return nil, err
	}
	if d.reducedIndex, err = knn.New(s.reduced, 0); err != nil {
		return nil, err
	}
	width := knn.Width(s.original)
	if opt.textbook {
		d.lsh = knn.NewTextbookLSH(s.original, width, opt.functions, opt.tables)
	} else {
		d.lsh = knn.NewLSH(s.original, width, opt.functions)
	}
	return d, nil
}

// readQueries reads queries and checks that they are of the data set's sizes.
func (d *dataSet) readQueries(original, reduced string) (*spaces, error) {
	q := new(spaces)
	if err := d.readQueryImages(q, original); err != nil {
		return nil, err
	}
	if err := d.readQueryLatents(q, reduced); err != nil {
		return nil, err
	}
	return q, nil
}

// readQueryImages reads the images of queries.
func (d *dataSet) readQueryImages(q *spaces, path string) error {
	err := q.readOriginal(path)
	if err == nil && (q.original.Rows != d.original.Rows || q.original.Cols != d.original.Cols) {
		err = fmt.Errorf("%s has images of %dx%d pixels; expected %dx%d as in the data set",
			path, q.original.Rows, q.original.Cols, d.original.Rows, d.original.Cols)
	}
	return err
}

// readQueryLatents reads the latent vectors of queries after their images.
func (d *dataSet) readQueryLatents(q *spaces, path string) error {
	err := q.readReduced(path)
	if err == nil && (q.reduced.Rows != d.reduced.Rows || q.reduced.Cols != d.reduced.Cols) {
		err = fmt.Errorf(
			"%s has latent vectors of %dx%d values; expected %dx%d as in the data set",
			path, q.reduced.Rows, q.reduced.Cols, d.reduced.Rows, d.reduced.Cols)
	}
	return err
}

// answer finds the nearest image of each query in the three ways. Each time is wall-clock time for
// the whole set of queries, with all cores at work. It includes what the method prepares: the hash
// values of the queries and, in the first round, packing the images for the kernels. It does not
// include the hash tables, which are made once. The original added up processor seconds query by
// query.
func (d *dataSet) answer(q *spaces, display *progress.Display) (*results.SearchRound, error) {
	start := time.Now()
	reduced, err := d.reducedIndex.Nearest(
		q.reduced, 1, display.Task("reduced search", "queries"))
	if err != nil {
		return nil, err
	}
	reducedTime := time.Since(start)

	start = time.Now()
	lsh, candidates, err := d.lsh.Nearest(q.original, display.Task("LSH search", "queries"))
	if err != nil {
		return nil, err
	}
	lshTime := time.Since(start)
	compared := float64(candidates) / (float64(d.original.N) * float64(q.original.N))

	start = time.Now()
	exact, err := d.originalIndex.Nearest(
		q.original, 1, display.Task("exact search", "queries"))
	if err != nil {
		return nil, err
	}
	exactTime := time.Since(start)

	for i, n := range reduced {
		reduced[i].Distance = metric.Manhattan(q.original.At(i), d.original.At(int(n.Index)))
	}
	r := newRound(
		answers(reduced, reducedTime), answers(lsh, lshTime), answers(exact, exactTime))
	r.Queries, r.Compared = q.files, results.Number(compared)
	return r, nil
}

// answers returns the answers of one method: the nearest image of each query, or one with the
// index -1 if nothing was found.
func answers(found []knn.Neighbour, took time.Duration) results.Nearest {
	n := results.Nearest{
		Seconds:  results.Number(took.Seconds()),
		Index:    make([]int32, len(found)),
		Distance: make(results.Numbers, len(found)),
	}
	for q, f := range found {
		n.Index[q], n.Distance[q] = int32(f.Index), float64(f.Distance)
		if f.Index < 0 {
			n.Distance[q] = math.NaN()
		}
	}
	return n
}

// newRound compares the answers of the two methods that may miss with the exact ones.
func newRound(reduced, lsh, exact results.Nearest) *results.SearchRound {
	return &results.SearchRound{
		Exact:   exact,
		Reduced: results.NewApproximation(reduced, exact),
		LSH:     results.NewApproximation(lsh, exact),
	}
}

// write writes the round as the original did, up to the empty line after it. The textbook's has
// one more line: the mean share of the data set that LSH compared with a query.
// A mean factor is "-nan" if there is nothing to average or a query lies on both its neighbours
// (0/0), and "inf" if it lies on the true one only.
func write(w io.Writer, r *results.SearchRound, textbook bool) {
	for q, exact := range r.Exact.Index {
		name, lshDistance := fmt.Sprint(r.LSH.Index[q]), r.LSH.Distance[q]
		if r.LSH.Index[q] < 0 {
			name, lshDistance = "NOT FOUND", r.Exact.Distance[q] // as the original did
		}
		fmt.Fprintf(w, "Query: %d\nNearest neighbor Reduced: %d\n", q, r.Reduced.Index[q])
		fmt.Fprintf(w, "Nearest neighbor LSH: %s\nNearest neighbor True: %d\n", name, exact)
		fmt.Fprintf(w, "distanceReduced: %s\ndistanceLSH: %s\ndistanceTrue: %s\n\n",
			libstdcxx.Double(r.Reduced.Distance[q]), libstdcxx.Double(lshDistance),
			libstdcxx.Double(r.Exact.Distance[q]))
	}
	fmt.Fprintf(w, "tReduced: %s\ntLSH: %s\ntTrue: %s\n",
		double(r.Reduced.Seconds), double(r.LSH.Seconds), double(r.Exact.Seconds))
	fmt.Fprintf(w, "Approximation Factor LSH: %s\nApproximation Factor Reduced: %s\n",
		double(r.LSH.Mean), double(r.Reduced.Mean))
	if textbook {
		fmt.Fprintf(w, "Share of Images Compared LSH: %s\n", double(r.Compared))
	}
	fmt.Fprintln(w)
}

func double(n results.Number) string { return libstdcxx.Double(float64(n)) }
