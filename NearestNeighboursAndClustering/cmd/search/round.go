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
)

// spaces are the same images twice.
type spaces struct {
	originalFile, reducedFile string
	original                  *imageset.Images[uint8]  // grey levels
	reduced                   *imageset.Images[uint16] // latent vectors
	labels                    []uint8                  // nil where they are not known
}

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
	s.originalFile = path
	s.original, err = idx.ReadImages(path)
	return err
}

// readReduced reads the latent vectors of the images that readOriginal has read.
func (s *spaces) readReduced(path string) (err error) {
	s.reducedFile = path
	s.reduced, err = idx.ReadLatents(path)
	if err == nil && s.reduced.N != s.original.N {
		err = fmt.Errorf("%s has %d images, but %s has %d latent vectors; expected as many",
			s.originalFile, s.original.N, path, s.reduced.N)
	}
	return err
}

// A dataSet is the images among which neighbours are searched.
type dataSet struct {
	spaces
	lsh           *knn.LSH
	originalIndex *knn.Index[uint8]
	reducedIndex  *knn.Index[uint16]
}

// newDataSet hashes the images into the tables of LSH. All L tables of the original draw the same random numbers and are therefore equal,
// so one stands for all of them, and L changes nothing. The textbook's tables are different, and L is their number.
func newDataSet(s *spaces, opt options) (*dataSet, error) {
	if s.original.N == 0 {
		return nil, errors.New("there are no images in it to search")
	}
	if s.original.N > math.MaxInt32 {
		return nil, fmt.Errorf("it has %d images; expected at most %d", s.original.N, math.MaxInt32)
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
		err = fmt.Errorf("%s has latent vectors of %dx%d values; expected %dx%d as in the data set",
			path, q.reduced.Rows, q.reduced.Cols, d.reduced.Rows, d.reduced.Cols)
	}
	return err
}

// A round is the answers to one set of queries. The distances of all three are in the original space.
type round struct {
	reduced, lsh, exact             []knn.Neighbour // (queries); lsh has Index -1 where nothing was found
	reducedTime, lshTime, exactTime time.Duration
	compared                        float64 // distances that LSH measured, as a share of those to all images
}

// answer finds, for each query, the nearest image in the three ways. Each time is that of the whole set of queries by the clock on the wall, all
// cores at work, and includes what the method prepares: hash values of the queries and, in the first round, packing the images for the kernels.
// The hash tables are made once, before, and are not in it. The original added up processor seconds query by query.
func (d *dataSet) answer(q *spaces, display *progress.Display) (*round, error) {
	var r round
	var candidates int64
	var err error
	start := time.Now()
	r.reduced, err = d.reducedIndex.Nearest(q.reduced, 1, display.Task("reduced search", "queries"))
	if err != nil {
		return nil, err
	}
	r.reducedTime = time.Since(start)

	start = time.Now()
	r.lsh, candidates, err = d.lsh.Nearest(q.original, display.Task("LSH search", "queries"))
	if err != nil {
		return nil, err
	}
	r.lshTime = time.Since(start)
	r.compared = float64(candidates) / (float64(d.original.N) * float64(q.original.N))

	start = time.Now()
	r.exact, err = d.originalIndex.Nearest(q.original, 1, display.Task("exact search", "queries"))
	if err != nil {
		return nil, err
	}
	r.exactTime = time.Since(start)

	for i, n := range r.reduced {
		r.reduced[i].Distance = metric.Manhattan(q.original.At(i), d.original.At(int(n.Index)))
	}
	return &r, nil
}

// write writes the round as the original did, up to the empty line after it, before which the textbook's has a line more: the share of
// the data set that LSH compared with a query, on the average.
// A factor is the mean of distance / true distance: 1 is exact. It is "-nan" where there is nothing to average or a query lies on both its
// neighbours (0/0), and "inf" where it lies on the true one only.
func (r *round) write(w io.Writer, textbook bool) {
	var sumReduced, sumLSH float64
	found := 0
	for i, exact := range r.exact {
		reduced, lsh := r.reduced[i], r.lsh[i]
		sumReduced += float64(reduced.Distance) / float64(exact.Distance)
		name := "NOT FOUND"
		if lsh.Index >= 0 {
			found++
			sumLSH += float64(lsh.Distance) / float64(exact.Distance)
			name = fmt.Sprint(lsh.Index)
		} else {
			lsh.Distance = exact.Distance // as the original did
		}
		fmt.Fprintf(w, "Query: %d\nNearest neighbor Reduced: %d\nNearest neighbor LSH: %s\nNearest neighbor True: %d\n",
			i, reduced.Index, name, exact.Index)
		fmt.Fprintf(w, "distanceReduced: %s\ndistanceLSH: %s\ndistanceTrue: %s\n\n",
			distance(reduced), distance(lsh), distance(exact))
	}
	fmt.Fprintf(w, "tReduced: %s\ntLSH: %s\ntTrue: %s\n", seconds(r.reducedTime), seconds(r.lshTime), seconds(r.exactTime))
	fmt.Fprintf(w, "Approximation Factor LSH: %s\nApproximation Factor Reduced: %s\n",
		libstdcxx.Double(sumLSH/float64(found)), libstdcxx.Double(sumReduced/float64(len(r.exact))))
	if textbook {
		fmt.Fprintf(w, "Share of Images Compared LSH: %s\n", libstdcxx.Double(r.compared))
	}
	fmt.Fprintln(w)
}

func distance(n knn.Neighbour) string { return libstdcxx.Double(float64(n.Distance)) }

func seconds(d time.Duration) string { return libstdcxx.Double(d.Seconds()) }
