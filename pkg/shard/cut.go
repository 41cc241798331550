package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
)

// Size is the number of images of a shard if nobody asks for another: a shard has this many to
// twice as many. A search prunes little in smaller ones: 60,000 images and 10,000 queries took 1.9
// seconds of processor time in one shard, 2.4 in two, 4.7 in eight and 15 in sixty.
const Size = 30000

// mostBytes is the largest size of a shard in bytes, if it has more than one image.
const mostBytes = 256 << 20

// header is the size of the header of a file of images or vectors.
const header = 16

// A File is what a cut knows of an IDX file. It is a line of JSON if it comes from a store that
// only the engine can read.
type File struct {
	Name     string `json:"file"`
	Size     int64  `json:"size"`     // in bytes
	Modified int64  `json:"modified"` // in milliseconds since 1970
	Header   []byte `json:"header"`   // the first bytes, up to 16
}

// Find returns the files of a data set on this machine, as Names names them.
func Find(names string) ([]File, error) {
	list, err := Names(names)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range list {
		f, err := look(name)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// Names returns the names of files: names or patterns, with commas between them. Those of one
// pattern come in their order. A file whose name has a comma or looks like a pattern is itself.
// Names returns an error if a pattern has no file.
func Names(names string) (all []string, err error) {
	list := []string{names}
	if _, err := os.Stat(names); err != nil {
		list = strings.Split(names, ",")
	}
	for _, name := range list {
		found := []string{name}
		if _, err := os.Stat(name); err != nil && strings.ContainsAny(name, `*?[`) {
			if found, err = filepath.Glob(name); err != nil {
				return nil, fmt.Errorf("%s is no pattern of names", quote.Short(name))
			}
			if len(found) == 0 {
				return nil, fmt.Errorf("no file has a name of the pattern %s", quote.Short(name))
			}
		}
		all = append(all, found...)
	}
	return all, nil
}

// ReadLabels reads the labels of a data set, whose files are named as in Names.
func ReadLabels(names string) (labels []uint8, err error) {
	list, err := Names(names)
	if err != nil {
		return nil, err
	}
	for _, name := range list {
		some, err := idx.ReadLabels(name)
		if err != nil {
			return nil, err
		}
		labels = append(labels, some...)
	}
	return labels, nil
}

// ReadFiles reads files of a data set as lines: images or latents, a tab, and a File as JSON.
func ReadFiles(lines io.Reader) (images, latents []File, err error) {
	err = Lines(lines, func(line string) error {
		space, text, _ := strings.Cut(line, "\t")
		var f File
		err := json.Unmarshal([]byte(text), &f)
		switch {
		case err != nil:
		case space == "images":
			images = append(images, f)
		case space == "latents":
			latents = append(latents, f)
		default:
			err = errors.New("expected images or latents, a tab, and a file")
		}
		if err != nil {
			return fmt.Errorf("the line %s describes no file: %w", quote.Short(line), err)
		}
		return nil
	})
	if err == nil && len(images) == 0 {
		err = errors.New("no line describes a file of images")
	}
	return images, latents, err
}

// look returns what a cut knows of a file on this machine.
func look(name string) (File, error) {
	f, size, err := infile.Open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	if size < 0 {
		return File{}, fmt.Errorf("%s is a pipe or a device, which cannot be cut into ranges", name)
	}
	state, err := f.Stat()
	if err != nil {
		return File{}, fmt.Errorf("cannot %w", err)
	}
	found := File{name, state.Size(), state.ModTime().UnixMilli(), make([]byte, header)}
	n, err := io.ReadFull(f, found.Header)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return File{}, fmt.Errorf("cannot %w", err)
	}
	found.Header = found.Header[:n]
	return found, nil
}

// values checks the header of the file and returns the number and the size of its images.
func (f *File) values(magic uint32, width int64, what string) (n, rows, cols int64, err error) {
	fault := func(offset int64, format string, args ...any) (int64, int64, int64, error) {
		return 0, 0, 0, &idx.FormatError{
			File: f.Name, Offset: offset, Reason: fmt.Sprintf(format, args...),
		}
	}
	if kind := infile.KindOf(f.Header); kind.Name == infile.Gzip.Name {
		return fault(0, "gzip cannot be cut into ranges; unpack it with gunzip first")
	}
	if len(f.Header) < header {
		return fault(int64(len(f.Header)),
			"the file ends within its header of %d bytes; expected %s", header, what)
	}
	word := func(i int) int64 { return int64(binary.BigEndian.Uint32(f.Header[4*i:])) }
	if got := word(0); got != int64(magic) {
		return fault(0, "magic number %d, expected %d (%s)", got, magic, what)
	}
	n, rows, cols = word(1), word(2), word(3)
	if rows == 0 || cols == 0 || rows > math.MaxInt32 || cols > math.MaxInt32 {
		return fault(8, "images of %dx%d values; expected at least 1x1", rows, cols)
	}
	if n > math.MaxInt64/4/(rows*cols) {
		return fault(4, "the header promises %s of %dx%d values, more than there can be",
			plural.Of(n, "image"), rows, cols)
	}
	if bytes, have := n*rows*cols*width, f.Size-header; have < bytes {
		return fault(f.Size, "the file ends early: the header promises %s of %dx%d values, "+
			"%s, but %d follow it", plural.Of(n, "image"), rows, cols, plural.Of(bytes, "byte"), have)
	}
	return n, rows, cols, nil
}

// A space is the files of a data set in one space, one after the other.
type space struct {
	rows, cols int64
	width      int64   // bytes of a value
	files      []File  // those that have images
	end        []int64 // images up to the end of each file
}

// newSpace checks that the files hold images of one size, and that none comes twice.
func newSpace(files []File, magic uint32, width int64, what string) (*space, error) {
	s := &space{width: width}
	known := map[string]bool{}
	total := int64(0)
	for i := range files {
		f := &files[i]
		if known[f.Name] {
			return nil, fmt.Errorf("%s is named twice", f.Name)
		}
		known[f.Name] = true
		n, rows, cols, err := f.values(magic, width, what)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			s.rows, s.cols = rows, cols
		} else if rows != s.rows || cols != s.cols {
			return nil, fmt.Errorf("%s: images of %dx%d values; expected %dx%d as in %s",
				f.Name, rows, cols, s.rows, s.cols, files[0].Name)
		}
		if n > math.MaxInt64-total {
			return nil, fmt.Errorf("%s: together the files have more images than 64 bits can count",
				f.Name)
		}
		if n > 0 {
			total += n
			s.files, s.end = append(s.files, *f), append(s.end, total)
		}
	}
	return s, nil
}

// n returns the number of images.
func (s *space) n() int64 {
	if len(s.end) == 0 {
		return 0
	}
	return s.end[len(s.end)-1]
}

// of returns the ranges of n images from first on.
func (s *space) of(first, n int64) *Values {
	v := &Values{Rows: int(s.rows), Cols: int(s.cols)}
	one := s.rows * s.cols * s.width
	i, _ := slices.BinarySearch(s.end, first+1)
	for ; n > 0; i++ {
		begin := int64(0)
		if i > 0 {
			begin = s.end[i-1]
		}
		part := min(n, s.end[i]-first)
		f := &s.files[i]
		v.Ranges = append(v.Ranges,
			Range{f.Name, header + (first-begin)*one, part * one, f.Size, f.Modified})
		first, n = first+part, n-part
	}
	return v
}

// Cut cuts a data set into shards. latents are the files of the latent vectors of the same images,
// which may be cut elsewhere, or none. A shard has from size to 2·size-1 images, or fewer if there
// are fewer or if they are very large. queries is the checksum of the queries.
func Cut(images, latents []File, size int, queries string) ([]Shard, error) {
	grey, err := newSpace(images, idx.MagicImages, 1, "8-bit images")
	if err != nil {
		return nil, err
	}
	n := grey.n()
	if n == 0 {
		return nil, fmt.Errorf("%s: there are no images in it", images[0].Name)
	}
	var vectors *space
	if len(latents) > 0 {
		vectors, err = newSpace(latents, idx.MagicLatents, 2, "16-bit latent vectors")
		if err != nil {
			return nil, err
		}
		if vectors.n() != n {
			return nil, fmt.Errorf("%s: %s, expected %d, one for each image of %s",
				latents[0].Name, plural.Of(vectors.n(), "latent vector"), n, images[0].Name)
		}
	}
	shards := max(1, n/int64(size))
	if most := max(1, mostBytes/(grey.rows*grey.cols)); n/shards > most {
		shards = (n + most - 1) / most
	}
	if shards > math.MaxInt32 {
		return nil, fmt.Errorf("%s: %d shards; expected at most %d",
			images[0].Name, shards, math.MaxInt32)
	}
	data := identity(images, latents, shards)
	all := make([]Shard, shards)
	for i := range all {
		// Without the product shards·n, which might not fit into 64 bits.
		each, more := n/shards, n%shards
		first := int64(i)*each + min(int64(i), more)
		count := each
		if int64(i) < more {
			count++
		}
		all[i] = Shard{
			Shard: i, Of: int(shards), First: first, N: int(count), Total: n,
			Data: data, Queries: queries, Images: grey.of(first, count),
		}
		if vectors != nil {
			all[i].Latents = vectors.of(first, count)
		}
	}
	return all, nil
}

// identity returns the checksum of a cut.
func identity(images, latents []File, shards int64) string {
	sum := sha256.New()
	for _, f := range slices.Concat(images, latents) {
		fmt.Fprintf(sum, "%q %d %d\n", f.Name, f.Size, f.Modified)
	}
	fmt.Fprintf(sum, "%d", shards)
	return checksum(sum)
}

// checksum returns the first digits of a checksum, which tell inputs apart that are mixed up.
func checksum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)[:6]) }

// moment returns a time in milliseconds as text.
func moment(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format("2006-01-02 15:04:05.000")
}
