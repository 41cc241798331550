// Package idx reads and writes IDX files: images and labels as MNIST has them, and latent vectors
// as 16-bit images. The format is described at http://yann.lecun.com/exdb/mnist/.
package idx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/outfile"
)

// Magic numbers, the first four bytes of a file.
const (
	MagicImages  = 0x0803              // 8-bit pixels, three dimensions
	MagicLabels  = 0x0801              // 8-bit values, one dimension
	MagicLatents = infile.MagicLatents // 16-bit values, three dimensions; the original's own number
)

// maxValues bounds the number of values in a file, so that sizes from a header can be multiplied
// safely.
const maxValues = 1 << 40

// A FormatError tells that a file is not what its reader expects.
type FormatError struct {
	File   string
	Offset int64 // byte in the (uncompressed) file at which the fault was seen; NoPlace for none
	Reason string
	Cause  error // nil if the bytes could be read; io.ErrUnexpectedEOF if the file ends early
}

// NoPlace is the offset of a fault of the file as a whole.
const NoPlace = -1

func (e *FormatError) Error() string {
	if e.Offset == NoPlace {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s: byte %d: %s", e.File, e.Offset, e.Reason)
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Cause }

// WriteImages writes 8-bit images.
func WriteImages(name string, m *imageset.Images[uint8]) error {
	return outfile.Write(name, func(w io.Writer) error {
		if err := EncodeImagesHeader(w, m.N, m.Rows, m.Cols); err != nil {
			return err
		}
		_, err := w.Write(m.Pix)
		return err
	})
}

// EncodeImagesHeader writes the header of a file of n 8-bit images to w. Their pixels follow it. It
// returns an error if there are more of them than can be read again.
func EncodeImagesHeader(w io.Writer, n, rows, cols int) error {
	if most := min(math.MaxUint32, maxValues/max(rows*cols, 1)); n > most {
		return fmt.Errorf("an IDX file has at most %d images of %dx%d pixels, not %d",
			most, rows, cols, n)
	}
	return writeHeader(w, MagicImages, n, rows, cols)
}

// EncodeLabelsHeader writes the header of a file of n labels to w. The labels follow it.
func EncodeLabelsHeader(w io.Writer, n int) error { return writeHeader(w, MagicLabels, n) }

// WriteLatents writes a file of 16-bit latent vectors.
func WriteLatents(name string, m *imageset.Images[uint16]) error {
	return outfile.Write(name, func(w io.Writer) error { return EncodeLatents(w, m) })
}

// EncodeLatents writes 16-bit latent vectors to w.
func EncodeLatents(w io.Writer, m *imageset.Images[uint16]) error {
	if err := EncodeLatentsHeader(w, m.N, m.Rows, m.Cols); err != nil {
		return err
	}
	return EncodeLatentValues(w, m.Pix)
}

// EncodeLatentsHeader writes the header of a file of n 16-bit latent vectors to w. Their values
// follow it.
func EncodeLatentsHeader(w io.Writer, n, rows, cols int) error {
	return writeHeader(w, MagicLatents, n, rows, cols)
}

// EncodeLatentValues writes values of latent vectors to w.
func EncodeLatentValues(w io.Writer, pix []uint16) error {
	for values := range slices.Chunk(pix, 1<<15) { // binary.Write makes bytes of all at once
		if err := binary.Write(w, binary.BigEndian, values); err != nil {
			return err
		}
	}
	return nil
}

// WriteLabels writes labels.
func WriteLabels(name string, labels []uint8) error {
	return outfile.Write(name, func(w io.Writer) error {
		if err := EncodeLabelsHeader(w, len(labels)); err != nil {
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

// Named returns an error that names a file. It returns err itself if that does so already: if it
// begins with the name, or is about the content of this or another file.
func Named(name string, err error) error {
	var f *FormatError
	if errors.As(err, &f) || strings.HasPrefix(err.Error(), name+": ") {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}
