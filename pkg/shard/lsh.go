package shard

import (
	"encoding/binary"
	"errors"
	"fmt"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
)

// The width of the grids of LSH is measured on some images of the whole data set. So there are three
// stages: Sample collects these images, Width finds the nearest of each, and LSH searches.

// Sample returns the stage that collects the images from which the width is measured.
func Sample() Stage { return sample{} }

type sample struct{}

func (sample) Name() string       { return "sample" }
func (sample) Parameters() string { return "sample" }

func (sample) Answer(p *Part) ([]Value, error) {
	images, err := p.Images()
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint(nil, uint64(images.Rows))
	b = binary.AppendUvarint(b, uint64(images.Cols))
	for _, i := range knn.WidthSamples(p.Total) {
		if at := i - p.First; at >= 0 && at < int64(p.N) {
			b = binary.AppendUvarint(b, uint64(i))
			b = append(b, images.At(int(at))...)
		}
	}
	return []Value{{"sample", 0, b}}, nil
}

// readSample returns the images in a value of the stage and their indices, which ascend.
func readSample(b []byte) (images *imageset.Images[uint8], index []int64, err error) {
	r := reader{b: b}
	images = &imageset.Images[uint8]{Rows: r.int(), Cols: r.int()}
	for !r.bad && len(r.b) > 0 {
		index = append(index, int64(r.uvarint()))
		last := len(index) - 1
		if len(r.b) < images.Dim() || last > 0 && index[last] <= index[last-1] {
			r.bad = true
			break
		}
		images.Pix = append(images.Pix, r.b[:images.Dim()]...)
		r.b = r.b[images.Dim():]
	}
	images.N = len(index)
	if r.bad || images.Dim() == 0 {
		return nil, nil, errors.New("the value is no sample of images")
	}
	return images, index, nil
}

// mergeSamples merges samples of different shards, or of the same.
func mergeSamples(a, b []byte) ([]byte, error) {
	x, xs, err := readSample(a)
	if err != nil {
		return nil, err
	}
	y, ys, err := readSample(b)
	if err != nil {
		return nil, err
	}
	if x.Rows != y.Rows || x.Cols != y.Cols {
		return nil, fmt.Errorf("they have images of %dx%d and of %dx%d pixels",
			x.Rows, x.Cols, y.Rows, y.Cols)
	}
	m := binary.AppendUvarint(nil, uint64(x.Rows))
	m = binary.AppendUvarint(m, uint64(x.Cols))
	i, j := 0, 0
	for i < len(xs) || j < len(ys) {
		first := i < len(xs) && (j == len(ys) || xs[i] <= ys[j])
		second := j < len(ys) && (i == len(xs) || ys[j] <= xs[i])
		if first {
			m = binary.AppendUvarint(m, uint64(xs[i]))
			m = append(m, x.At(i)...)
			i++
		}
		if second {
			if !first {
				m = binary.AppendUvarint(m, uint64(ys[j]))
				m = append(m, y.At(j)...)
			}
			j++
		}
	}
	return m, nil
}

// Width returns the stage that finds the two nearest images of each image of the sample: itself, and
// the one whose distance counts. It begins with the neighbours in found.
func Width(samples, found Result) (Stage, error) {
	answers, err := samples.answers("sample")
	if err != nil {
		return nil, err
	}
	images, _, err := readSample(answers[0].Value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", answers[0].Key(), err)
	}
	return exactStage("width", NewQueries("the sample", images, nil), 2, found)
}

// width returns the width of the grids, and the images of the data set.
func (r Result) width() (width int64, err error) {
	l, err := lists[int64](r, "width")
	if err != nil {
		return 0, err
	}
	var found []knn.Neighbour
	for q, list := range l.Of {
		if len(list) > 2 || len(list) == 1 && len(l.Of) > 1 {
			return 0, fmt.Errorf("image %d of the sample has %d neighbours", q, len(list))
		}
		for _, f := range list {
			found = append(found, f.Neighbour)
		}
	}
	return knn.WidthOf(found), nil
}

// Tables are the settings of LSH.
type Tables struct {
	Functions int // hash functions of a table
	Tables    int
	Textbook  bool // independent tables; the original's are all the same
}

// LSH returns the stage that finds the k nearest candidates of each query by hashing. widths are the
// answers of the stage of Width, and total is the number of images of the data set. The stage begins
// with the neighbours in found.
func LSH(q *Queries, k int, t Tables, widths, found Result) (Stage, error) {
	width, err := widths.width()
	if err != nil {
		return nil, err
	}
	s := &lshStage{
		queries: q, k: k, tables: t, width: width, found: found, compared: map[int]uint64{},
	}
	s.nearest = &nearestStage[int64]{
		name: "lsh", queries: q, k: k, add: s.add,
		parameters: fmt.Sprintf("lsh %d %v %d %s", k, t, width, q.Checksum),
	}
	return s, nil
}

type lshStage struct {
	queries  *Queries
	k        int
	tables   Tables
	width    int64
	found    Result
	nearest  *nearestStage[int64]
	search   *knn.LSHSearch // nil before the first shard, which tells the size of the data set
	compared map[int]uint64 // distances that were measured, by shard
}

func (s *lshStage) Name() string       { return s.nearest.Name() }
func (s *lshStage) Parameters() string { return s.nearest.Parameters() }

// prepare draws the hash functions for the data set of which p is a part.
func (s *lshStage) prepare(p *Part, rows, cols int) error {
	var lsh *knn.LSH
	var err error
	if t := s.tables; t.Textbook {
		lsh, err = knn.NewTextbookLSH(p.Total, rows, cols, s.width, t.Functions, t.Tables)
	} else {
		lsh, err = knn.NewLSH(p.Total, rows, cols, s.width, t.Functions)
	}
	if err != nil {
		return err
	}
	if s.search, err = lsh.Search(s.queries.Images, s.k); err != nil {
		return fmt.Errorf("%s: %w", s.queries.Names, err)
	}
	s.nearest.search = s.search
	return s.nearest.start(s.found)
}

func (s *lshStage) add(p *Part) error {
	images, err := p.Images()
	if err != nil {
		return err
	}
	before := s.search.Candidates()
	err = s.search.Add(p.block(images), nil)
	s.compared[p.Shard.Shard] = uint64(s.search.Candidates() - before)
	return err
}

// Answer returns the nearest candidates, and how many distances were measured to how many images.
func (s *lshStage) Answer(p *Part) ([]Value, error) {
	images, err := p.Images()
	if err != nil {
		return nil, err
	}
	if s.search == nil {
		if err := s.prepare(p, images.Rows, images.Cols); err != nil {
			return nil, err
		}
	}
	values, err := s.nearest.Answer(p)
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint(nil, s.compared[p.Shard.Shard])
	b = binary.AppendUvarint(b, uint64(p.N))
	return append(values, Value{"lsh-compared", 0, b}), nil
}
