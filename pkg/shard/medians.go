package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

// A Space tells which values of the images a stage works on.
type Space string

const (
	Pixels  Space = "images"
	Latents Space = "latents"
)

// values returns the values of a part in the space of P.
func values[P uint8 | uint16](p *Part) (*imageset.Images[P], error) {
	var any8 any
	var err error
	if _, grey := any(P(0)).(uint8); grey {
		any8, err = p.Images()
	} else {
		any8, err = p.Latents()
	}
	if err != nil {
		return nil, err
	}
	return any8.(*imageset.Images[P]), nil
}

// read reads an IDX file of images or of latent vectors.
func read[P uint8 | uint16](name string) (*imageset.Images[P], error) {
	var m any
	var err error
	if _, grey := any(P(0)).(uint8); grey {
		m, err = idx.ReadImages(name)
	} else {
		m, err = idx.ReadLatents(name)
	}
	if err != nil {
		return nil, err
	}
	return m.(*imageset.Images[P]), nil
}

// sumOf returns the checksum of values.
func sumOf[P uint8 | uint16](m *imageset.Images[P]) string {
	sum := sha256.New()
	fmt.Fprint(sum, m.N, m.Rows, m.Cols)
	binary.Write(sum, binary.BigEndian, m.Pix)
	return checksum(sum)
}

// checkSize returns an error if centroids or other images that all shards get have another size
// than those of the shard.
func checkSize[P uint8 | uint16](shared, images *imageset.Images[P]) error {
	if shared.Rows != images.Rows || shared.Cols != images.Cols {
		return fmt.Errorf("images of %dx%d values; expected %dx%d as in the data set",
			shared.Rows, shared.Cols, images.Rows, images.Cols)
	}
	return nil
}

// Distances returns the stage that measures the distances of all images to the only one of a file.
// The answer of a shard is the block of its number, which no other shard has a part in.
func Distances(space Space, file string) (Stage, error) {
	if space == Latents {
		return newDistances[uint16](file)
	}
	return newDistances[uint8](file)
}

type distances[P uint8 | uint16] struct{ image *imageset.Images[P] }

func newDistances[P uint8 | uint16](file string) (Stage, error) {
	image, err := read[P](file)
	if err == nil && image.N != 1 {
		err = fmt.Errorf("%s: %d images; expected one", file, image.N)
	}
	return distances[P]{image}, err
}

func (distances[P]) Name() string         { return "distances" }
func (d distances[P]) Parameters() string { return "distances " + sumOf(d.image) }

func (d distances[P]) Answer(p *Part) ([]Value, error) {
	images, err := values[P](p)
	if err != nil {
		return nil, err
	}
	if err := checkSize(d.image, images); err != nil {
		return nil, err
	}
	part, err := clustering.NewPart(images)
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, d := range part.Distances(d.image) {
		b = binary.AppendUvarint(b, uint64(d))
	}
	return []Value{{"distances", p.Shard.Shard, b}}, nil
}

// Labels tells how a stage finds the clusters of the images.
type Labels struct {
	// Centroids is the file of the centroids in a space: an image belongs to the nearest. If it is
	// "", the lines of the shards have the labels.
	Centroids string
	Space     Space
	Clusters  int // their number if there are no centroids
}

// A labeller finds the clusters of the images of a part.
type labeller struct {
	clusters   int
	parameters string
	label      func(p *Part) ([]int32, error)
}

func (l Labels) labeller() (*labeller, error) {
	switch {
	case l.Centroids == "":
		return &labeller{l.Clusters, "classes", func(p *Part) ([]int32, error) {
			return p.labels(l.Clusters)
		}}, nil
	case l.Space == Latents:
		return newLabeller[uint16](l.Centroids)
	}
	return newLabeller[uint8](l.Centroids)
}

func newLabeller[P uint8 | uint16](file string) (*labeller, error) {
	centroids, err := read[P](file)
	if err != nil {
		return nil, err
	}
	label := func(p *Part) ([]int32, error) {
		images, err := values[P](p)
		if err != nil {
			return nil, err
		}
		if err := checkSize(centroids, images); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		part, err := clustering.NewPart(images)
		if err != nil {
			return nil, err
		}
		a := clustering.NewAssignment[P](images.N)
		part.Assign(a, centroids)
		return a.Label, nil
	}
	return &labeller{centroids.N, sumOf(centroids), label}, nil
}

// labels returns those in the line of the shard, which are below clusters.
func (p *Part) labels(clusters int) ([]int32, error) {
	r := reader{b: p.Labels}
	label := make([]int32, p.N)
	for i := range label {
		c := r.int()
		if c >= clusters {
			return nil, fmt.Errorf("image %d is in class %d; expected one of %d classes",
				p.First+int64(i), c, clusters)
		}
		label[i] = int32(c)
	}
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("the line of shard %d does not have a label for each of its images",
			p.Shard.Shard)
	}
	return label, nil
}

// Counts returns the stage that counts bytes of the values of each cluster's images, as the medians
// need them. It counts in a space the byte at shift of those that agree above it with the medians
// in a file, which is "" for the highest byte. If before is the file of the centroids of the last
// pass, or first is true, it counts the images that have changed their cluster, too.
func Counts(space Space, l Labels, medians string, before string, first bool) (Stage, error) {
	if space == Latents {
		return newCounts[uint16](l, medians, before, first)
	}
	return newCounts[uint8](l, medians, before, first)
}

type counts[P uint8 | uint16] struct {
	now, before *labeller // before is nil unless changes are counted
	first       bool
	medians     *imageset.Images[P]
	shift       int
	parameters  string
}

func newCounts[P uint8 | uint16](l Labels, medians, before string, first bool) (Stage, error) {
	s := &counts[P]{first: first, shift: clustering.Shifts[P]()[0]}
	var err error
	if s.now, err = l.labeller(); err != nil {
		return nil, err
	}
	s.parameters = fmt.Sprintf("counts %d %s", clustering.Shifts[P](), s.now.parameters)
	if before != "" {
		l.Centroids = before
		if s.before, err = l.labeller(); err != nil {
			return nil, err
		}
		s.parameters += " before " + s.before.parameters
	}
	if medians != "" {
		if s.medians, err = read[P](medians); err != nil {
			return nil, err
		}
		if s.medians.N != s.now.clusters {
			return nil, fmt.Errorf("%s: %d medians; expected %d", medians, s.medians.N, s.now.clusters)
		}
		s.shift = 0
		s.parameters += " medians " + sumOf(s.medians)
	}
	return s, nil
}

func (s *counts[P]) Name() string       { return "counts" }
func (s *counts[P]) Parameters() string { return s.parameters }

func (s *counts[P]) Answer(p *Part) ([]Value, error) {
	images, err := values[P](p)
	if err != nil {
		return nil, err
	}
	if s.medians != nil {
		if err := checkSize(s.medians, images); err != nil {
			return nil, err
		}
	}
	part, err := clustering.NewPart(images)
	if err != nil {
		return nil, err
	}
	label, err := s.now.label(p)
	if err != nil {
		return nil, err
	}
	var all []Value
	if s.first || s.before != nil {
		changed := uint64(p.N)
		if s.before != nil {
			before, err := s.before.label(p)
			if err != nil {
				return nil, err
			}
			changed = 0
			for i, c := range label {
				if c != before[i] {
					changed++
				}
			}
		}
		all = append(all, Value{"changed", 0, binary.AppendUvarint(nil, changed)})
	}
	size := make([]uint64, s.now.clusters)
	for _, c := range label {
		size[c]++
	}
	part.Histograms(label, s.now.clusters, s.medians, s.shift,
		func(c int, counts []clustering.Histogram) {
			all = append(all, Value{"counts", c, appendCounts(nil, size[c], counts)})
		})
	return all, nil
}

// appendCounts appends the size of a cluster and its histograms: the places and the values of the
// counts that are not 0. A place is told by its distance from the one before.
func appendCounts(b []byte, size uint64, counts []clustering.Histogram) []byte {
	b = binary.AppendUvarint(b, size)
	last := 0
	for p := range counts {
		for v := 1; v < len(counts[p]); v++ {
			if n := counts[p][v]; n > 0 {
				b = binary.AppendUvarint(b, uint64(256*p+v-last))
				b = binary.AppendUvarint(b, uint64(n))
				last = 256*p + v
			}
		}
	}
	return b
}

// mergeHistograms adds the sizes and the histograms of a cluster.
func mergeHistograms(a, b []byte) ([]byte, error) {
	type list struct {
		reader
		place, n uint64
	}
	var x, y list
	x.b, y.b = a, b
	next := func(l *list) {
		if len(l.b) == 0 {
			l.place = math.MaxUint64
			return
		}
		l.place, l.n = l.place+l.uvarint(), l.uvarint()
	}
	sum := binary.AppendUvarint(nil, x.uvarint()+y.uvarint())
	next(&x)
	next(&y)
	last := uint64(0)
	for x.place != math.MaxUint64 || y.place != math.MaxUint64 {
		place, n := min(x.place, y.place), uint64(0)
		for _, l := range []*list{&x, &y} {
			if l.place == place {
				n += l.n
				next(l)
			}
		}
		if x.bad || y.bad || n > math.MaxUint32 {
			return nil, errors.New("the values are no histograms, or of too many images")
		}
		sum = binary.AppendUvarint(sum, place-last)
		sum = binary.AppendUvarint(sum, n)
		last = place
	}
	if x.bad || y.bad {
		return nil, errors.New("the values are no histograms")
	}
	return sum, nil
}

// readCounts sets the histograms to those in a value and returns the size of the cluster.
func readCounts(b []byte, counts []clustering.Histogram) (size int, err error) {
	clear(counts)
	r := reader{b: b}
	n := r.uvarint()
	place := uint64(0)
	for len(r.b) > 0 && !r.bad {
		gap, value := r.uvarint(), r.uvarint()
		if place += gap; r.bad || gap > uint64(256*len(counts)) || place >= uint64(256*len(counts)) ||
			value > math.MaxUint32 {
			return 0, errors.New("the value is no histogram")
		}
		counts[place/256][place%256] = uint32(value)
	}
	if r.bad || n > math.MaxInt32 {
		return 0, errors.New("the value is no histogram")
	}
	return int(n), nil
}

// Judge returns the stage that judges the clusters in the original space. medians is the file of
// their medians, and counted are the answers of Counts. The answer of a shard is the block of its
// number.
func Judge(l Labels, medians string, counted Result, mode clustering.Mode) (Stage, error) {
	s := &judge{mode: mode}
	var err error
	if s.labels, err = l.labeller(); err != nil {
		return nil, err
	}
	if s.medians, err = read[uint8](medians); err != nil {
		return nil, err
	}
	if s.counted, err = counted.answers("counts"); err != nil {
		return nil, err
	}
	if k := s.labels.clusters; s.medians.N != k || len(s.counted) != k {
		return nil, fmt.Errorf("%s: %d medians and histograms of %d clusters; expected %d",
			medians, s.medians.N, len(s.counted), k)
	}
	s.counts = make([]clustering.Histogram, s.medians.Dim())
	for _, a := range s.counted {
		size, err := readCounts(a.Value, s.counts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Key(), err)
		}
		s.sizes = append(s.sizes, size)
	}
	s.parameters = fmt.Sprintf("judge %s %s %d %v",
		s.labels.parameters, sumOf(s.medians), s.sizes, s.mode)
	return s, nil
}

type judge struct {
	labels     *labeller
	medians    *imageset.Images[uint8]
	counted    []*Answer
	sizes      []int
	counts     []clustering.Histogram // of a cluster
	mode       clustering.Mode
	parameters string
}

func (*judge) Name() string         { return "judge" }
func (s *judge) Parameters() string { return s.parameters }

func (s *judge) Answer(p *Part) ([]Value, error) {
	images, err := p.Images()
	if err != nil {
		return nil, err
	}
	if err := checkSize(s.medians, images); err != nil {
		return nil, err
	}
	part, err := clustering.NewPart(images)
	if err != nil {
		return nil, err
	}
	label, err := s.labels.label(p)
	if err != nil {
		return nil, err
	}
	silhouette, objective, err := clustering.Judge(part, label, s.sizes, s.medians, s.mode,
		func(c int) ([]clustering.Histogram, error) {
			_, err := readCounts(s.counted[c].Value, s.counts)
			return s.counts, err
		})
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint(nil, uint64(objective))
	for i, c := range label {
		b = binary.AppendUvarint(b, uint64(c))
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(silhouette[i]))
	}
	return []Value{{"judge", p.Shard.Shard, b}}, nil
}

// readJudged adds what a shard of n images tells to the evaluation.
func readJudged(a *Answer, n int, e *clustering.Evaluation) error {
	r := reader{b: a.Value}
	e.Objective += int64(r.uvarint())
	label, silhouette := make([]int32, n), make([]float64, n)
	for i := range label {
		label[i] = int32(r.int())
		silhouette[i] = math.Float64frombits(r.fixed())
		if int(label[i]) >= len(e.Sizes) {
			r.bad = true
			break
		}
	}
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("%s: the value has no silhouettes of %d images", a.Key(), n)
	}
	e.Add(label, silhouette)
	return nil
}
