package shard

import (
	"encoding/binary"
	"errors"
	"fmt"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
)

// The width of the grids of LSH is measured on some images of the whole data set. So there are
// three stages: Sample collects these images, Width finds the nearest of each, and LSH searches.

// CutSample returns the images from which the width is measured as a shard of their own, for the
// stage of Sample. The images are those of Cut.
func CutSample(images []File) (*Shard, error) {
	grey, err := newSpace(images, idx.MagicImages, 1, "8-bit images")
	if err != nil {
		return nil, err
	}
	index := knn.WidthSamples(grey.n())
	if len(index) == 0 {
		index = []int64{0} // a single image has no other; its width is 0
	}
	s := &Shard{
		Of: 1, N: len(index), Total: int64(len(index)), Data: identity(images, nil, 1),
		Images: &Values{Rows: int(grey.rows), Cols: int(grey.cols)},
	}
	for _, i := range index {
		s.Images.Ranges = append(s.Images.Ranges, grey.of(i, 1).Ranges...)
	}
	return s, nil
}

// Sample returns the stage that collects the images of a shard, such as that of CutSample, in a
// space.
func Sample(space Space) Stage {
	if space == Latents {
		return sample[uint16]{}
	}
	return sample[uint8]{}
}

type sample[P uint8 | uint16] struct{}

func (sample[P]) Name() string       { return "sample" }
func (sample[P]) Parameters() string { return fmt.Sprintf("sample %T", P(0)) }

func (sample[P]) Answer(p *Part) ([]Value, error) {
	images, err := values[P](p)
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint(nil, uint64(images.Rows))
	b = binary.AppendUvarint(b, uint64(images.Cols))
	for _, v := range images.Pix {
		b = binary.AppendUvarint(b, uint64(v))
	}
	return []Value{{"sample", 0, b}}, nil
}

// sampleOf returns the images that the stage has collected.
func sampleOf[P uint8 | uint16](r Result) (*imageset.Images[P], error) {
	answers, err := r.answers("sample")
	if err != nil {
		return nil, err
	}
	from := reader{b: answers[0].Value}
	images := &imageset.Images[P]{Rows: from.int(), Cols: from.int()}
	for len(from.b) > 0 {
		v := from.uvarint()
		if v > uint64(^P(0)) {
			from.bad = true
			break
		}
		images.Pix = append(images.Pix, P(v))
	}
	if from.bad || images.Dim() == 0 || len(images.Pix)%images.Dim() != 0 {
		return nil, fmt.Errorf("%s: the value is no sample of images", answers[0].Key())
	}
	images.N = len(images.Pix) / images.Dim()
	return images, nil
}

// one is the merger of answers to a single shard.
func one(_, _ []byte) ([]byte, error) {
	return nil, errors.New("there is one shard, not several")
}

// Width returns the stage that finds the two nearest images of each image of the sample: itself,
// and the one whose distance counts. It begins with the neighbours in found.
func Width(samples, found Result) (Stage, error) {
	images, err := sampleOf[uint8](samples)
	if err != nil {
		return nil, err
	}
	return exactStage("width", NewQueries("the sample", images, nil), 2, found)
}

// width returns the width of the grids.
func (r Result) width() (width int64, err error) {
	l, err := lists[int64](r, "width")
	if err != nil {
		return 0, err
	}
	var found []knn.Neighbour
	for q, list := range l.Of {
		if len(l.Of) == 1 && len(list) == 1 {
			return 0, nil // the data set is one image
		}
		if len(list) != 2 {
			return 0, fmt.Errorf("image %d of the sample has %d neighbours; expected 2", q, len(list))
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

// LSH returns the stage that finds the k nearest candidates of each query by hashing. widths are
// the answers of the stage of Width. The stage begins with the neighbours in found.
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
