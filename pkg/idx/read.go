package idx

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"unsafe"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/parallel"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/progress"
)

// An Opener opens files. The zero Opener shows nothing.
type Opener struct {
	// Display shows the progress while a file is unpacked because its values do not fit into memory.
	// The phase after that is "reading the files".
	Display *progress.Display
}

// A File is an IDX file, plain or gzip, of which the header has been read. Read, which the types
// for images, latent vectors and labels have, returns its values. A pipe or a device has been read
// whole: what feeds several pipes one after the other would otherwise wait for ever.
type File struct {
	Name       string
	N          int // images, vectors or labels
	Rows, Cols int // of an image or a vector; 1 and 1 for labels

	opener   Opener
	r        *reader
	count    int         // bytes that the header promises
	what     string      // these bytes
	data     []byte      // of a pipe or a device, unless they are unpacked
	begun    chan filled // gets what Begin reads; nil if it reads nothing
	unpacked *os.File    // a nameless file that holds just the values, or nil
}

// An ImageFile is a file of 8-bit images.
type ImageFile struct{ File }

// A LatentFile is a file of 16-bit latent vectors.
type LatentFile struct{ File }

// A LabelFile is a file of labels.
type LabelFile struct{ File }

// OpenImages opens a file of 8-bit images and reads its header.
func (o Opener) OpenImages(name string) (*ImageFile, error) {
	f, err := o.open(name, 4, MagicImages, "8-bit images")
	return &ImageFile{f}, err
}

// OpenImages opens a file of 8-bit images and reads its header.
func OpenImages(name string) (*ImageFile, error) { return Opener{}.OpenImages(name) }

// OpenLatents opens a file of 16-bit latent vectors and reads its header.
func (o Opener) OpenLatents(name string) (*LatentFile, error) {
	f, err := o.open(name, 4, MagicLatents, "16-bit latent vectors")
	return &LatentFile{f}, err
}

// OpenLatents opens a file of 16-bit latent vectors and reads its header.
func OpenLatents(name string) (*LatentFile, error) { return Opener{}.OpenLatents(name) }

// OpenLabels opens a file of labels and reads its header.
func OpenLabels(name string) (*LabelFile, error) {
	f, err := Opener{}.open(name, 2, MagicLabels, "labels")
	return &LabelFile{f}, err
}

// OpenLatentsOf opens a file of 16-bit latent vectors with the opener of the images. It returns an
// error unless there is one for each image.
func OpenLatentsOf(images *ImageFile, name string) (*LatentFile, error) {
	f, err := images.opener.OpenLatents(name)
	if err == nil {
		err = f.checkNumber("latent vector", images)
	}
	return f, err
}

// OpenLabelsOf opens a file of labels. It returns an error unless there is one for each image.
func OpenLabelsOf(images *ImageFile, name string) (*LabelFile, error) {
	f, err := OpenLabels(name)
	if err == nil {
		err = f.checkNumber("label", images)
	}
	return f, err
}

// checkNumber closes the file and returns an error if it does not have one value for each image.
// value names a value.
func (f *File) checkNumber(value string, images *ImageFile) error {
	if f.N == images.N {
		return nil
	}
	f.r.Close()
	if f.unpacked != nil {
		f.unpacked.Close()
	}
	return fmt.Errorf("%s: %s, expected %d, one for each image of %s",
		f.Name, plural.Of(f.N, value), images.N, images.Name)
}

// Read reads the images and closes the file. Bytes after the last image are ignored.
func (f *ImageFile) Read() (*imageset.Images[uint8], error) {
	b, err := f.values()
	if err != nil {
		return nil, err
	}
	return &imageset.Images[uint8]{N: f.N, Rows: f.Rows, Cols: f.Cols, Pix: b}, nil
}

// Read reads the vectors and closes the file. Bytes after the last vector are ignored.
func (f *LatentFile) Read() (*imageset.Images[uint16], error) {
	b, err := f.values()
	if err != nil {
		return nil, err
	}
	// The values take the place of their bytes, which newBytes has aligned for them.
	pix := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/2)
	toValues(pix, b)
	return &imageset.Images[uint16]{N: f.N, Rows: f.Rows, Cols: f.Cols, Pix: pix}, nil
}

// Read reads the labels and closes the file. Bytes after the last label are ignored.
func (f *LabelFile) Read() ([]uint8, error) { return f.values() }

// ReadImages opens and reads a file of 8-bit images.
func ReadImages(name string) (*imageset.Images[uint8], error) {
	f, err := OpenImages(name)
	if err != nil {
		return nil, err
	}
	return f.Read()
}

// ReadLatents opens and reads a file of 16-bit latent vectors.
func ReadLatents(name string) (*imageset.Images[uint16], error) {
	f, err := OpenLatents(name)
	if err != nil {
		return nil, err
	}
	return f.Read()
}

// ReadLabels opens and reads a file of labels.
func ReadLabels(name string) ([]uint8, error) {
	f, err := OpenLabels(name)
	if err != nil {
		return nil, err
	}
	return f.Read()
}

// open opens a file and reads its header of words 32-bit numbers. what names the contents that the
// caller expects.
func (o Opener) open(name string, words int, magic uint32, what string) (f File, err error) {
	r, err := open(name)
	if err != nil {
		return f, err
	}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	h, err := r.header(words, magic, what)
	if err != nil {
		return f, err
	}
	f = File{Name: name, N: int(h[1]), Rows: 1, Cols: 1, opener: o, r: r}
	f.what = plural.Of(f.N, "label")
	if magic != MagicLabels {
		if f.Rows, f.Cols, err = r.imageSize(h); err != nil {
			return f, err
		}
		f.what = fmt.Sprintf("%s of %dx%d pixels", plural.Of(f.N, "image"), f.Rows, f.Cols)
	}
	f.count = f.N * f.Rows * f.Cols
	if magic == MagicLatents {
		f.what = fmt.Sprintf("%s of %s",
			plural.Of(f.N, "vector"), plural.Of(f.Rows*f.Cols, "16-bit value"))
		f.count *= 2
	}
	if r.source != nil {
		r.source.left += 2 * int64(f.count)
	}
	switch {
	case r.regular:
		err = r.checkSize(h, f.count, f.what)
	case magic == MagicLabels || f.fit(): // labels are always kept
		f.data, err = r.all(f.count, f.what)
	default:
		err = f.unpack()
	}
	return f, err
}

// values returns the bytes that the header promises, and closes the file.
func (f *File) values() ([]byte, error) {
	switch {
	case f.begun != nil:
		defer f.r.Close()
		got := <-f.begun
		f.begun = nil
		return got.values, got.err
	case f.unpacked != nil:
		return f.unpackedValues()
	case !f.r.regular:
		f.r.Close()
		return f.data, nil
	}
	defer f.r.Close()
	return f.r.all(f.count, f.what)
}

// A reader is an open IDX file.
type reader struct {
	io.Reader
	file    *os.File
	name    string
	state   os.FileInfo // when the file was opened
	regular bool        // no pipe and no device
	size    int64       // bytes in the file, or -1 if not known: not plain or not regular
	magic   uint32      // of the header
	offset  int64       // uncompressed bytes that were read
	source  *bounded    // compressed bytes; nil if the file is plain
	packed  int64       // bytes in a gzip file, or at most 0 if not known
}

func open(name string) (*reader, error) {
	f, size, err := infile.Open(name)
	if err != nil {
		return nil, err
	}
	source := &bounded{r: f, left: slack}
	b := bufio.NewReaderSize(source, 1<<16)
	r := &reader{Reader: b, file: f, name: name, regular: size >= 0, size: size}
	if r.state, err = f.Stat(); err != nil {
		f.Close()
		return nil, r.fault(0, err, "%s", told(err))
	}
	magic, err := b.Peek(2)
	if err == nil && string(magic) == gzipMagic {
		z, err := newGzipReader(b)
		if err != nil {
			f.Close()
			return nil, r.fault(0, early(err), "damaged gzip header: %v", err)
		}
		r.Reader, r.size, r.packed, r.source = z, -1, size, source
		return r, nil
	}
	// What is read of a plain file is bounded by its header.
	source.left = math.MaxInt64
	return r, nil
}

func (r *reader) Close() error { return r.file.Close() }

// header reads n big-endian words and checks the first, the magic number. what names the contents
// that the reader expects.
func (r *reader) header(n int, magic uint32, what string) ([]uint32, error) {
	b := make([]byte, 4*n, infile.Peek)
	got, err := io.ReadFull(r.Reader, b)
	if err != nil && !ended(err) {
		return nil, r.fault(int64(got), err, "%s; expected %s", told(err), what)
	}
	whole := err == nil
	h := make([]uint32, n)
	for i := range got / 4 {
		h[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	if whole && h[0] == magic {
		r.magic, r.offset = magic, int64(len(b))
		return h, nil
	}
	more, _ := io.ReadFull(r.Reader, b[got:cap(b)])
	kind := infile.KindOf(b[:got+more])
	switch {
	case got == 0:
		return nil, r.fault(0, early(err), "the file ends within its header of %d bytes; "+
			"expected %s; the file is empty", len(b), what)
	case !whole && (kind.Name == "" || h[0] == magic):
		return nil, r.fault(int64(got), early(err),
			"the file ends within its header of %d bytes; expected %s", len(b), what)
	case kind.Name == infile.Gzip.Name:
		return nil, r.fault(0, nil, "gzip within gzip, expected %s; unpack it with gunzip once", what)
	case kind.Name != "" && h[0] > math.MaxUint16:
		return nil, r.fault(0, early(err), "%s", kind.Instead(what))
	}
	reason := fmt.Sprintf("magic number %d, expected %d (%s)", h[0], magic, what)
	if kind.Name != "" {
		reason += "; this is " + kind.Name + kind.Hint()
	}
	return nil, r.fault(0, early(err), "%s%s", reason, r.otherWidth(h, magic, int64(got+more)))
}

// otherWidth returns a hint if the values of images or vectors have the width, by the size of the
// file, that the expected magic number stands for and not the file's own. have bytes were read.
func (r *reader) otherWidth(h []uint32, magic uint32, have int64) string {
	images := h[0] == MagicImages && magic == MagicLatents
	if !images && (h[0] != MagicLatents || magic != MagicImages) {
		return ""
	}
	values := uint64(h[1]) * uint64(h[2]) * uint64(h[3])
	if r.size >= 0 {
		have = r.size
	} else {
		const most = 1 << 30 // an error may take a few seconds
		more, _ := io.CopyN(io.Discard, r.Reader, int64(min(2*values+1, most)))
		have += more
	}
	switch size := uint64(have) - 16; {
	case images && size == 2*values:
		return fmt.Sprintf(", but its values have 16 bits; its magic number should be %d", magic)
	case !images && size == values:
		return fmt.Sprintf(", but its values have 8 bits; its magic number should be %d", magic)
	}
	return ""
}

// checkSize returns an error if a plain file has fewer bytes than its header h promises. Images of
// one row are also refused if there are just twice the bytes: they are latent vectors.
func (r *reader) checkSize(h []uint32, n int, what string) error {
	if r.size < 0 {
		return nil
	}
	have := max(r.size-r.offset, 0)
	switch {
	case h[0] == MagicImages && h[2] == 1 && h[3] > 1 && n > 0 && have == 2*int64(n):
		return r.fault(0, nil, "magic number %d of 8-bit images, but its values have 16 bits; "+
			"the header promises %s, %s, but %d follow it", h[0], what, plural.Of(n, "byte"), have)
	case have < int64(n):
		return r.short(n, what, have)
	}
	return nil
}

// short returns the error of a file in which have bytes follow the header instead of n.
func (r *reader) short(n int, what string, have int64) error {
	hint := ""
	if r.magic == MagicLatents && have > 0 && 2*have == int64(n) {
		hint = fmt.Sprintf(", as if its values had 8 bits; images have the magic number %d", MagicImages)
	}
	return r.fault(r.offset+have, io.ErrUnexpectedEOF, "the file ends early: "+
		"the header promises %s, %s, but %d follow it%s", what, plural.Of(n, "byte"), have, hint)
}

// fault returns a FormatError at an offset.
func (r *reader) fault(offset int64, cause error, format string, args ...any) error {
	return &FormatError{r.name, offset, fmt.Sprintf(format, args...), cause}
}

// ended reports whether an error of io.ReadFull is an early end.
func ended(err error) bool {
	return err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)
}

// early returns the cause of an error in reading bytes that should be there.
func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// imageSize returns the rows and columns in a header.
func (r *reader) imageSize(h []uint32) (rows, cols int, err error) {
	if h[2] == 0 || h[3] == 0 {
		return 0, 0, r.fault(8, nil, "images of %dx%d values; expected at least 1x1", h[2], h[3])
	}
	// Each factor is below 2^32, so the first product cannot overflow. The second is checked by
	// division.
	if dim := uint64(h[2]) * uint64(h[3]); dim > maxValues || uint64(h[1]) > maxValues/dim {
		return 0, 0, r.fault(4, nil,
			"the header promises %d images of %dx%d values, more than %d values in all",
			h[1], h[2], h[3], uint64(maxValues))
	}
	return int(h[2]), int(h[3]), nil
}

// all reads the n bytes that the header promised, and a gzip stream to its end. what names the
// bytes.
func (r *reader) all(n int, what string) ([]byte, error) {
	b, err := r.room(n, what)
	if err != nil {
		return nil, err
	}
	return r.fill(b, n, what)
}

// room returns memory in which the reading of n bytes begins, or an error if there is none for
// them. what names them. Memory follows the bytes that are there, not the promise. It is at most
// the n bytes if there is room for all at first, and twice as much otherwise.
func (r *reader) room(n int, what string) ([]byte, error) {
	first, need := r.first(n), float64(n)
	if first < n {
		need *= 2 // a slice that grows
	}
	if err := memory.Check(need, "%s: %s need", r.name, what); err != nil {
		return nil, err
	}
	return newBytes(first), nil
}

// first returns for how many of n bytes there is room at first: for all if the size of the file is
// known, or if a gzip file has a sixteenth of them, as MNIST has.
func (r *reader) first(n int) int {
	if r.size >= 0 {
		return n
	}
	const least = 16 << 20
	return int(min(int64(n), max(least, 16*r.packed)))
}

// fill does what all does, in memory that room has returned.
func (r *reader) fill(room []byte, n int, what string) (b []byte, err error) {
	if r.size >= 0 && n > piece {
		b, err = r.pieces(room)
	} else {
		b, err = r.stream(room[:0], n)
	}
	switch {
	case ended(err):
		return nil, r.short(n, what, int64(len(b)))
	case err != nil:
		return nil, r.fault(r.offset+int64(len(b)), err, "%s", told(err))
	}
	if r.source != nil {
		if err := r.verify(n, what); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// stream reads n bytes into the capacity of b, and into more when that is full. It returns those
// before the first error.
func (r *reader) stream(b []byte, n int) ([]byte, error) {
	for len(b) < n {
		if len(b) == cap(b) {
			grown := newBytes(min(n, 2*len(b)))
			b = grown[:copy(grown, b)]
		}
		got, err := io.ReadFull(r.Reader, b[len(b):cap(b)])
		b = b[:len(b)+got]
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// piece is the number of bytes of a plain file that a core reads at once.
const piece = 1 << 20

// pieces reads the values of a plain file into b, on all cores: most of the time goes to memory
// that is touched for the first time. It returns the bytes before the first error.
func (r *reader) pieces(b []byte) ([]byte, error) {
	type end struct {
		at  int
		err error
	}
	ends := make([]end, (len(b)+piece-1)/piece)
	parallel.Blocks(len(b), piece, func(from, to int) {
		n, err := r.file.ReadAt(b[from:to], r.offset+int64(from))
		ends[from/piece] = end{from + n, err}
	})
	for _, e := range ends {
		if e.err != nil {
			return b[:e.at], e.err
		}
	}
	return b, nil
}

// newBytes returns n bytes that are aligned as 16-bit values are.
func newBytes(n int) []byte {
	words := make([]uint16, (n+1)/2)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 2*len(words))[:n:n]
}

// verify reads a gzip stream from the last promised value to its end, so that the checksum and the
// length of every member are compared. what names the n bytes that were promised.
func (r *reader) verify(n int, what string) error {
	most := int64(n) + slack
	extra, err := io.Copy(io.Discard, io.LimitReader(r.Reader, most+1))
	at := r.offset + int64(n) + extra
	switch {
	case extra > most:
		return r.fault(at, nil, "more than %d bytes follow the %s that the header promises", most, what)
	case ended(err):
		return r.fault(at, io.ErrUnexpectedEOF,
			"the gzip stream ends early: its checksum or its length is missing")
	case err != nil:
		return r.fault(at, err, "%s", told(err))
	}
	return nil
}
