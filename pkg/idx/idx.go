// Package idx reads and writes IDX files: images and labels as MNIST has them, and latent vectors
// as 16-bit images. The format is described at http://yann.lecun.com/exdb/mnist/.
package idx

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/outfile"
)

// Magic numbers, the first four bytes of a file.
const (
	MagicImages  = 0x0803 // 8-bit pixels, three dimensions
	MagicLabels  = 0x0801 // 8-bit values, one dimension
	MagicLatents = 999    // 16-bit values; the original's own number, not one of the IDX scheme
)

// maxValues bounds the number of values in a file, so that sizes from a header can be multiplied
// safely.
const maxValues = 1 << 40

// A FormatError tells that a file is not what its reader expects.
type FormatError struct {
	File   string
	Offset int64 // byte in the (uncompressed) file at which the fault was seen
	Reason string
	Cause  error // nil if the bytes could be read; io.ErrUnexpectedEOF if the file ends early
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: byte %d: %s", e.File, e.Offset, e.Reason)
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Cause }

// ReadImages reads 8-bit images, plain or gzip. Bytes after the last image are ignored.
func ReadImages(name string) (*imageset.Images[uint8], error) {
	r, err := open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	m := &imageset.Images[uint8]{}
	if m.N, m.Rows, m.Cols, err = r.imageHeader(MagicImages, "8-bit images"); err != nil {
		return nil, err
	}
	m.Pix, err = r.bytes(m.N*m.Dim(), fmt.Sprintf("%d images of %dx%d pixels", m.N, m.Rows, m.Cols))
	return m, err
}

// ReadLatents reads 16-bit latent vectors, plain or gzip. Bytes after the last vector are ignored.
func ReadLatents(name string) (*imageset.Images[uint16], error) {
	r, err := open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	m := &imageset.Images[uint16]{}
	if m.N, m.Rows, m.Cols, err = r.imageHeader(MagicLatents, "16-bit latent vectors"); err != nil {
		return nil, err
	}
	b, err := r.bytes(2*m.N*m.Dim(), fmt.Sprintf("%d vectors of %d 16-bit values", m.N, m.Dim()))
	if err != nil {
		return nil, err
	}
	m.Pix = make([]uint16, m.N*m.Dim())
	for i := range m.Pix {
		m.Pix[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return m, nil
}

// ReadLabels reads labels, plain or gzip. Bytes after the last label are ignored.
func ReadLabels(name string) ([]uint8, error) {
	r, err := open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h, err := r.header(2, MagicLabels, "labels")
	if err != nil {
		return nil, err
	}
	return r.bytes(int(h[1]), fmt.Sprintf("%d labels", h[1]))
}

// WriteImages writes 8-bit images.
func WriteImages(name string, m *imageset.Images[uint8]) error {
	return outfile.Write(name, func(w io.Writer) error {
		if err := writeHeader(w, MagicImages, m.N, m.Rows, m.Cols); err != nil {
			return err
		}
		_, err := w.Write(m.Pix)
		return err
	})
}

// WriteLatents writes a file of 16-bit latent vectors.
func WriteLatents(name string, m *imageset.Images[uint16]) error {
	return outfile.Write(name, func(w io.Writer) error { return EncodeLatents(w, m) })
}

// EncodeLatents writes 16-bit latent vectors to w.
func EncodeLatents(w io.Writer, m *imageset.Images[uint16]) error {
	if err := writeHeader(w, MagicLatents, m.N, m.Rows, m.Cols); err != nil {
		return err
	}
	return binary.Write(w, binary.BigEndian, m.Pix)
}

// WriteLabels writes labels.
func WriteLabels(name string, labels []uint8) error {
	return outfile.Write(name, func(w io.Writer) error {
		if err := writeHeader(w, MagicLabels, len(labels)); err != nil {
			return err
		}
		_, err := w.Write(labels)
		return err
	})
}

func writeHeader(w io.Writer, fields ...int) error {
	var b []byte
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, uint32(f))
	}
	_, err := w.Write(b)
	return err
}

// A reader is an open IDX file.
type reader struct {
	io.Reader
	file   *os.File
	name   string
	size   int64 // bytes in the file, or -1 if unknown before reading: not plain or not regular
	offset int64 // uncompressed bytes that were read
}

func open(name string) (*reader, error) {
	f, err := os.Open(name)
	if err != nil {
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("cannot open %s: %w", name, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a directory")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	b := bufio.NewReaderSize(f, 1<<16)
	r := &reader{Reader: b, file: f, name: name, size: -1}
	if info.Mode().IsRegular() {
		r.size = info.Size()
	}
	if magic, _ := b.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			f.Close()
			return nil, &FormatError{name, 0, "damaged gzip header: " + err.Error(), early(err)}
		}
		r.Reader, r.size = z, -1
	}
	return r, nil
}

func (r *reader) Close() error { return r.file.Close() }

// header reads n big-endian words and checks the first, the magic number. what names the contents
// that the reader expects.
func (r *reader) header(n int, magic uint32, what string) ([]uint32, error) {
	b := make([]byte, 4*n)
	got, err := io.ReadFull(r.Reader, b)
	if err != nil {
		return nil, r.fault(int64(got), early(err),
			"the file ends within its header of %d bytes; expected %s", len(b), what)
	}
	h := make([]uint32, n)
	for i := range h {
		h[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	if h[0] != magic {
		return nil, r.fault(0, nil, "magic number %d, expected %d (%s)%s",
			h[0], magic, what, hint(h[0]))
	}
	r.offset = int64(len(b))
	return h, nil
}

// fault returns a FormatError at an offset.
func (r *reader) fault(offset int64, cause error, format string, args ...any) error {
	return &FormatError{r.name, offset, fmt.Sprintf(format, args...), cause}
}

// early returns the cause of an error in reading bytes that should be there.
func early(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// hint tells what a file with another known magic number is.
func hint(magic uint32) string {
	switch magic {
	case MagicImages:
		return "; this is a file of 8-bit images"
	case MagicLabels:
		return "; this is a file of labels"
	case MagicLatents:
		return "; this is a file of 16-bit latent vectors"
	}
	return ""
}

func (r *reader) imageHeader(magic uint32, what string) (n, rows, cols int, err error) {
	h, err := r.header(4, magic, what)
	if err != nil {
		return 0, 0, 0, err
	}
	if h[2] == 0 || h[3] == 0 {
		return 0, 0, 0, r.fault(8, nil, "images of %dx%d values; expected at least 1x1", h[2], h[3])
	}
	// Each factor is below 2^32, so the first product cannot overflow. The second is checked by
	// division.
	if dim := uint64(h[2]) * uint64(h[3]); dim > maxValues || uint64(h[1]) > maxValues/dim {
		return 0, 0, 0, r.fault(4, nil,
			"the header promises %d images of %dx%d values, more than %d values in all",
			h[1], h[2], h[3], uint64(maxValues))
	}
	return int(h[1]), int(h[2]), int(h[3]), nil
}

// bytes reads the n bytes that the header promised. what names them. Memory follows the bytes that
// are there, not the promise.
func (r *reader) bytes(n int, what string) ([]byte, error) {
	short := func(have int64) error {
		return r.fault(r.offset+have, io.ErrUnexpectedEOF,
			"the file ends early: the header promises %s, %d bytes, but %d follow it", what, n, have)
	}
	if r.size >= 0 {
		if have := r.size - r.offset; have < int64(n) {
			return nil, short(max(have, 0))
		}
	}
	const step = 16 << 20 // bytes to begin with if the size is unknown
	var b []byte
	if r.size >= 0 {
		b = make([]byte, 0, n)
	}
	for len(b) < n {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), min(n, max(step, 2*len(b))))
			copy(grown, b)
			b = grown
		}
		got, err := io.ReadFull(r.Reader, b[len(b):cap(b)])
		b = b[:len(b)+got]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, short(int64(len(b)))
		}
		if err != nil {
			return nil, r.fault(r.offset+int64(len(b)), err, "cannot read on: %v", err)
		}
	}
	return b, nil
}
