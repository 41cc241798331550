package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"imagesimilarity/pkg/imageset"
)

// A Stage answers for shards, one after the other. It may use what it found in earlier shards to
// do less for later ones, as long as the merged answers are the same.
type Stage interface {
	// Name returns the key of mergers for the stage's main values.
	Name() string
	// Parameters returns what the answers depend on beside the shards: numbers and checksums.
	Parameters() string
	// Answer returns what the stage finds in a shard: the values of some blocks of some kinds.
	Answer(p *Part) ([]Value, error)
}

// A Value is what a stage found in a shard for one block of its result.
type Value struct {
	Stage string // a key of mergers
	Block int
	Bytes []byte
}

// mergers tells how the values of each stage are merged. If there is an entry for the name of a
// stage and "-time", Work adds the microseconds that the stage took.
var mergers = map[string]merger{
	"exact":        {mergeLists[int64], true},
	"exact-time":   {addCounts, false},
	"latent":       {mergeLists[int64], true},
	"latent-time":  {addCounts, false},
	"sample":       {one, true},
	"width":        {mergeLists[int64], true},
	"lsh":          {mergeLists[int64], true},
	"lsh-time":     {addCounts, false},
	"lsh-compared": {addCounts, false},
	"emd":          {mergeLists[float64], true},
	"distances":    {one, true},
	"changed":      {addCounts, false},
	"counts":       {mergeHistograms, false},
	"judge":        {one, true},
}

// Work reads shards as lines, lets the stages answer for each of them, and writes the answers as
// lines. queries are those of the stages, or nil. It returns an error at the first line that is no
// shard, whose queries are others, or that cannot be read.
func Work(lines io.Reader, w io.Writer, queries *Queries, stages ...Stage) error {
	return new(Store).Work(lines, w, queries, stages...)
}

// Work does what the function Work does, with what the store keeps.
func (store *Store) Work(lines io.Reader, w io.Writer, queries *Queries, stages ...Stage) error {
	store.begin(stages)
	return Lines(lines, func(line string) error {
		s, err := Parse(line)
		if err != nil {
			return err
		}
		if queries != nil {
			if err := queries.check(s); err != nil {
				return err
			}
		}
		p, err := s.read(store)
		if err != nil {
			return err
		}
		for _, stage := range stages {
			start := time.Now()
			values, err := stage.Answer(p)
			if err != nil {
				return fmt.Errorf("shard %d of %d: %w", s.Shard, s.Of, err)
			}
			took := stage.Name() + "-time"
			if _, wanted := mergers[took]; wanted {
				us := binary.AppendUvarint(nil, uint64(time.Since(start).Microseconds()))
				values = append(values, Value{took, 0, us})
			}
			run := runOf(s, stage)
			for _, v := range values {
				a := Answer{v.Stage, v.Block, run, SetOf(s), v.Bytes}
				if _, err := io.WriteString(w, a.Line()+"\n"); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// runOf returns the checksums that the answers of a stage for all shards have in common.
func runOf(s *Shard, stage Stage) string {
	sum := sha256.New()
	fmt.Fprint(sum, stage.Parameters())
	return s.Data + "-" + checksum(sum)
}

// Queries are the images that are searched for.
type Queries struct {
	Images   *imageset.Images[uint8]
	Latents  *imageset.Images[uint16] // nil if they are not known
	Checksum string                   // of the values
	Names    string                   // of the files, for messages
}

// NewQueries returns queries with their checksum. latents may be nil.
func NewQueries(names string, images *imageset.Images[uint8],
	latents *imageset.Images[uint16]) *Queries {

	sum := sha256.New()
	fmt.Fprintf(sum, "%d %d %d\n", images.N, images.Rows, images.Cols)
	sum.Write(images.Pix)
	if latents != nil {
		fmt.Fprintf(sum, "%d %d %d\n", latents.N, latents.Rows, latents.Cols)
		b := make([]byte, 0, 1<<12)
		for i, v := range latents.Pix {
			b = append(b, byte(v>>8), byte(v))
			if len(b) == cap(b) || i == len(latents.Pix)-1 {
				sum.Write(b)
				b = b[:0]
			}
		}
	}
	return &Queries{images, latents, checksum(sum), names}
}

// check returns an error if the shard was cut for other queries.
func (q *Queries) check(s *Shard) error {
	if q.Checksum != s.Queries {
		return fmt.Errorf("%s: the queries have the checksum %s, but shard %d of %d was cut for those "+
			"of the checksum %q", q.Names, q.Checksum, s.Shard, s.Of, s.Queries)
	}
	return nil
}
