// Package shard cuts data sets into shards, finds what a method says of one shard, and merges what
// was found in several. It knows no engine: a worker reads shards as lines and writes answers as
// lines, and whatever carries lines from process to process can run it.
//
// A Shard is consecutive images of one or many IDX files, as byte ranges. A Stage answers for one
// shard at a time; an Answer is part of the stage's result. Answers with the same key are merged,
// in any order and however often they come, until the answer covers all shards.
//
// To add a stage, write a type with the methods of Stage and enter how its answers are merged into
// mergers. The command shard gives it a name and flags. Stages search with the packages of the
// methods, so that one machine and many run the same code.
package shard

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
)

// A Shard is consecutive images of a data set. It is a line of JSON on its way to a worker.
type Shard struct {
	Shard int   `json:"shard"` // its number, 0 to Of-1
	Of    int   `json:"of"`    // shards of the data set
	First int64 `json:"first"` // index of its first image in the whole data set
	N     int   `json:"n"`     // its images
	Total int64 `json:"total"` // images of the data set

	Data    string `json:"data"`    // checksum of the cut; equal for all shards of it
	Queries string `json:"queries"` // checksum of the queries; "" if there are none

	Images  *Values `json:"images,omitempty"`  // grey levels; nil if they are not wanted
	Latents *Values `json:"latents,omitempty"` // latent vectors of the same images; nil as above

	// Labels has the class of each image, as varints, if a stage wants them.
	Labels []byte `json:"labels,omitempty"`

	// Feed is a pipe from which the worker reads the bytes of the ranges, images first, one range
	// after the other. If it is "", the worker reads the files themselves.
	Feed string `json:"feed,omitempty"`
}

// Values are the images of a shard in one space.
type Values struct {
	Rows   int     `json:"rows"`
	Cols   int     `json:"cols"`
	Ranges []Range `json:"ranges"`
}

// A Range is consecutive bytes of a file.
type Range struct {
	File     string `json:"file"`
	Offset   int64  `json:"offset"`
	Bytes    int64  `json:"bytes"`
	Size     int64  `json:"size"`     // of the whole file when it was cut
	Modified int64  `json:"modified"` // time of the last change then, in milliseconds since 1970
}

// Parse reads a shard from a line.
func Parse(line string) (*Shard, error) {
	s := new(Shard)
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	err := d.Decode(s)
	if err == nil && d.More() {
		err = fmt.Errorf("something follows it")
	}
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return nil, fmt.Errorf("the line %s describes no shard: %w", quote.Short(line), err)
	}
	return s, nil
}

// check returns an error unless the numbers of the shard agree with each other.
func (s *Shard) check() error {
	if s.Of < 1 || s.Shard < 0 || s.Shard >= s.Of {
		return fmt.Errorf("number %d of %d shards", s.Shard, s.Of)
	}
	if s.N < 1 || s.N > math.MaxInt32 || s.First < 0 || s.First > s.Total-int64(s.N) {
		return fmt.Errorf("%d images from image %d of %d on", s.N, s.First, s.Total)
	}
	for _, v := range []struct {
		*Values
		width int64 // bytes of a value
	}{{s.Images, 1}, {s.Latents, 2}} {
		if v.Values == nil {
			continue
		}
		one, err := v.bytes(v.width)
		if err != nil {
			return err
		}
		bytes := int64(0)
		for _, r := range v.Ranges {
			if r.Offset < 0 || r.Bytes < 1 || r.Size < r.Bytes || r.Offset > r.Size-r.Bytes {
				return fmt.Errorf("%d bytes from byte %d of the %d bytes of %s on",
					r.Bytes, r.Offset, r.Size, quote.Short(r.File))
			}
			bytes += r.Bytes
		}
		if bytes/one != int64(s.N) || bytes%one != 0 {
			return fmt.Errorf("ranges of %d bytes for %d images of %d bytes", bytes, s.N, one)
		}
	}
	return nil
}

// bytes returns the bytes of one image whose values have width bytes.
func (v *Values) bytes(width int64) (int64, error) {
	rows, cols := int64(v.Rows), int64(v.Cols)
	if rows < 1 || cols < 1 || rows > math.MaxInt32 || cols > math.MaxInt32 {
		return 0, fmt.Errorf("images of %dx%d values", v.Rows, v.Cols)
	}
	return rows * cols * width, nil
}

// Line returns the shard as a line without its end.
func (s *Shard) Line() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // there is nothing in a shard that JSON lacks
	}
	return string(b)
}

// A Part is a shard whose images have been read.
type Part struct {
	*Shard
	images  *imageset.Images[uint8]
	latents *imageset.Images[uint16]
	packed  *knn.Block[uint8] // the images as they are searched, from the first search on

	store *Store
	known map[Space]*known // what the store knows of the images
}

// block returns the grey levels ready for searches, of which each uses what the one before packed.
func (p *Part) block(images *imageset.Images[uint8]) *knn.Block[uint8] {
	if p.packed == nil {
		p.packed = knn.NewBlock(images, p.First)
	}
	return p.packed
}

// Read reads the ranges of the shard. It returns an error if one cannot be read, or if a file is
// not the one that was cut.
func (s *Shard) Read() (*Part, error) { return s.read(new(Store)) }

// read reads the ranges of the shard, or takes what the store keeps of them.
func (s *Shard) read(store *Store) (p *Part, err error) {
	p = &Part{Shard: s, store: store, known: map[Space]*known{}}
	from := source{}
	if s.Feed != "" {
		if from.feed, err = os.Open(s.Feed); err != nil {
			return nil, fmt.Errorf("cannot %w", err)
		}
		defer from.feed.Close()
		p.store = new(Store) // a feed has to be read to its end
	}
	if v := s.Images; v != nil {
		k := p.store.of(Pixels, v)
		p.known[Pixels] = k
		if p.images, err = kept[uint8](k, v); err != nil {
			return nil, err
		}
		if p.images == nil {
			b, err := from.read(v, s.N, 1)
			if err != nil {
				return nil, err
			}
			p.images = &imageset.Images[uint8]{N: s.N, Rows: v.Rows, Cols: v.Cols, Pix: b}
		}
	}
	if v := s.Latents; v != nil {
		k := p.store.of(Latents, v)
		p.known[Latents] = k
		if p.latents, err = kept[uint16](k, v); err != nil {
			return nil, err
		}
		if p.latents == nil {
			b, err := from.read(v, s.N, 2)
			if err != nil {
				return nil, err
			}
			pix := make([]uint16, len(b)/2)
			for i := range pix {
				pix[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
			}
			p.latents = &imageset.Images[uint16]{N: s.N, Rows: v.Rows, Cols: v.Cols, Pix: pix}
		}
	}
	return p, nil
}

// Images returns the grey levels, or an error if the shard has none.
func (p *Part) Images() (*imageset.Images[uint8], error) {
	if p.images == nil {
		return nil, fmt.Errorf("shard %d has no images, but latent vectors only", p.Shard.Shard)
	}
	return p.images, nil
}

// Latents returns the latent vectors, or an error if the shard has none.
func (p *Part) Latents() (*imageset.Images[uint16], error) {
	if p.latents == nil {
		return nil, fmt.Errorf("shard %d has no latent vectors", p.Shard.Shard)
	}
	return p.latents, nil
}

// A source reads ranges from their files, or from a feed.
type source struct{ feed *os.File }

// read reads the ranges of n images whose values have width bytes.
func (s source) read(v *Values, n, width int) ([]byte, error) {
	taken := width
	if width > 1 {
		taken *= 2 // for a while the values lie beside their bytes
	}
	need := float64(n) * float64(v.Rows) * float64(v.Cols) * float64(taken)
	err := memory.Check(need, "%s: reading %s of %dx%d values needs",
		v.Ranges[0].File, plural.Of(n, "image"), v.Rows, v.Cols)
	if err != nil {
		return nil, err
	}
	b := make([]byte, n*v.Rows*v.Cols*width)
	at := int64(0)
	for _, r := range v.Ranges {
		into := b[at : at+r.Bytes]
		if s.feed != nil {
			if got, err := io.ReadFull(s.feed, into); err != nil {
				return nil, fmt.Errorf("%s: the feed ended after %d of %d bytes from byte %d on",
					r.File, got, r.Bytes, r.Offset)
			}
		} else if err := r.read(into); err != nil {
			return nil, err
		}
		at += r.Bytes
	}
	return b, nil
}

// read reads the range from its file.
func (r Range) read(b []byte) error {
	f, err := r.open()
	if err != nil {
		return err
	}
	defer f.Close()
	if n, err := f.ReadAt(b, r.Offset); n < len(b) {
		return fmt.Errorf("%s: byte %d: cannot read the range: %w", r.File, r.Offset+int64(n), err)
	}
	return nil
}

// open opens the file of the range. It returns an error if the file is not the one that was cut.
func (r Range) open() (*os.File, error) {
	f, err := os.Open(r.File)
	if err != nil {
		return nil, fmt.Errorf("cannot %w", err)
	}
	now, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot %w", err)
	}
	if now.Size() != r.Size || now.ModTime().UnixMilli() != r.Modified {
		f.Close()
		return nil, fmt.Errorf("%s: the file was changed after it was cut: it had %d bytes, of %s, "+
			"and has %d, of %s",
			r.File, r.Size, moment(r.Modified), now.Size(), moment(now.ModTime().UnixMilli()))
	}
	return f, nil
}
