package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

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

// spaceOf returns the space of P.
func spaceOf[P uint8 | uint16]() Space {
	if bits[P]() == 8 {
		return Pixels
	}
	return Latents
}

// bits returns the number of bits of a value.
func bits[P uint8 | uint16]() int { return 8 * binary.Size(P(0)) }

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
	part, _, err := partOf[P](p)
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
	if centroids.N < 1 {
		return nil, fmt.Errorf("%s: 0 centroids; expected one at least", file)
	}
	sum := sumOf(centroids)
	label := func(p *Part) ([]int32, error) {
		images, err := values[P](p)
		if err != nil {
			return nil, err
		}
		if err := checkSize(centroids, images); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		part, known, err := partOf[P](p)
		if err != nil {
			return nil, err
		}
		return known.label(sum, func() []int32 {
			a, same := known.assignment.(*clustering.Assignment[P])
			if !same || known.clusters != centroids.N {
				a = clustering.NewAssignment[P](images.N)
				known.assignment, known.clusters = a, centroids.N
			}
			part.Assign(a, centroids)
			return slices.Clone(a.Label)
		}), nil
	}
	return &labeller{centroids.N, sum, label}, nil
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

// Counts returns the stage that counts the values of each cluster's images, as the medians need
// them. It counts the changes since the labels before. If before is nil, all images are new. If
// changed is true, it counts the images that have changed their cluster, too.
func Counts(space Space, now Labels, before *Labels, changed bool) (Stage, error) {
	if space == Latents {
		return newCounts[uint16](now, before, changed)
	}
	return newCounts[uint8](now, before, changed)
}

type counts[P uint8 | uint16] struct {
	now, before *labeller // before is nil in the first pass
	changed     bool
	parameters  string
}

func newCounts[P uint8 | uint16](now Labels, before *Labels, changed bool) (Stage, error) {
	s := &counts[P]{changed: changed}
	var err error
	if s.now, err = now.labeller(); err != nil {
		return nil, err
	}
	s.parameters = fmt.Sprintf("counts %d %s", bits[P](), s.now.parameters)
	if before != nil {
		if s.before, err = before.labeller(); err != nil {
			return nil, err
		}
		if s.before.clusters != s.now.clusters {
			return nil, fmt.Errorf("%s: %d centroids; expected %d as in %s",
				before.Centroids, s.before.clusters, s.now.clusters, now.Centroids)
		}
		s.parameters += " before " + s.before.parameters
	}
	return s, nil
}

func (s *counts[P]) Name() string       { return "counts" }
func (s *counts[P]) Parameters() string { return s.parameters }

func (s *counts[P]) Answer(p *Part) ([]Value, error) {
	part, _, err := partOf[P](p)
	if err != nil {
		return nil, err
	}
	var before []int32
	if s.before != nil {
		if before, err = s.before.label(p); err != nil {
			return nil, err
		}
	}
	label, err := s.now.label(p)
	if err != nil {
		return nil, err
	}
	var all []Value
	if s.changed {
		changed := uint64(0)
		for i, c := range label {
			if before == nil || c != before[i] {
				changed++
			}
		}
		all = append(all, Value{"changed", 0, binary.AppendUvarint(nil, changed)})
	}
	part.Changes(before, label, s.now.clusters, func(c, size int, counts iter.Seq2[int, int]) {
		all = append(all, Value{"counts", c, appendCounts(nil, size, counts)})
	})
	return all, nil
}

// appendCounts appends the change of the size of a cluster, and the places and the changes of the
// counts that change, in ascending order. A place is told by its distance from the one before.
func appendCounts(b []byte, size int, counts iter.Seq2[int, int]) []byte {
	b = binary.AppendVarint(b, int64(size))
	last := 0
	for place, n := range counts {
		b = binary.AppendUvarint(b, uint64(place-last))
		b = binary.AppendVarint(b, int64(n))
		last = place
	}
	return b
}

// A countReader reads what appendCounts has written.
type countReader struct {
	reader
	place uint64 // math.MaxUint64 after the last
	n     int64
}

// newCountReader returns the change of the size and a reader that is at the first count.
func newCountReader(b []byte) (size int64, r *countReader) {
	r = &countReader{reader: reader{b: b}}
	size = r.varint()
	r.next()
	return size, r
}

// next goes to the next count.
func (r *countReader) next() {
	if len(r.b) == 0 {
		r.place = math.MaxUint64
		return
	}
	r.place, r.n = r.place+r.uvarint(), r.varint()
	if r.n < -math.MaxUint32 || r.n > math.MaxUint32 {
		r.b, r.bad = nil, true
	}
}

// mergeHistograms adds the changes of the counts of a cluster.
func mergeHistograms(a, b []byte) ([]byte, error) {
	size, x := newCountReader(a)
	more, y := newCountReader(b)
	sum := appendCounts(make([]byte, 0, len(a)+len(b)), int(size+more),
		func(yield func(int, int) bool) {
			for place := min(x.place, y.place); place != math.MaxUint64; place = min(x.place, y.place) {
				n := int64(0)
				for _, r := range [...]*countReader{x, y} {
					if r.place == place {
						n += r.n
						r.next()
					}
				}
				if n != 0 && !yield(int(place), int(n)) {
					return
				}
			}
		})
	if x.bad || y.bad {
		return nil, errors.New("the values are no histograms")
	}
	return sum, nil
}

// readCounts visits the counts of a cluster, from none on, and returns its size. places is the
// number of places that counts can have.
func readCounts(b []byte, places int, visit func(place int, n uint32)) (size int, err error) {
	n, r := newCountReader(b)
	for ; r.place != math.MaxUint64 && !r.bad; r.next() {
		if r.place >= uint64(places) || r.n < 0 {
			r.bad = true
			break
		}
		visit(int(r.place), uint32(r.n))
	}
	if r.bad || n < 0 || n > math.MaxInt32 {
		return 0, errors.New("the value is no histogram")
	}
	return int(n), nil
}

// readHistograms sets the histograms to those in a value and returns the size of the cluster. They
// count the byte at shift of the values that agree with the median above that byte.
func readHistograms[P uint8 | uint16](b []byte, counts []clustering.Histogram, median []P,
	shift int) (size int, err error) {

	clear(counts)
	return readCounts(b, len(counts)<<bits[P](), func(place int, n uint32) {
		p, v := place>>bits[P](), P(place)
		if v>>(shift+8) == median[p]>>(shift+8) {
			counts[p][uint8(v>>shift)] += n
		}
	})
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
		size, err := readHistograms(a.Value, s.counts, s.medians.At(0), 0)
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
	part, _, err := partOf[uint8](p)
	if err != nil {
		return nil, err
	}
	label, err := s.labels.label(p)
	if err != nil {
		return nil, err
	}
	silhouette, objective, err := clustering.Judge(part, label, s.sizes, s.medians, s.mode,
		func(c int) ([]clustering.Histogram, error) {
			_, err := readHistograms(s.counted[c].Value, s.counts, s.medians.At(c), 0)
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
