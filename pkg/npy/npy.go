// Package npy reads and writes the headers of .npy files, which hold one array each. The values
// follow the header. The format is that of NumPy, versions 1 to 3:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"imagesimilarity/pkg/quote"
)

// A Header describes an array in C order: the last index changes fastest.
type Header struct {
	Type  string // of a value, as NumPy names it: "|u1" is uint8, "<f4" is float32
	Shape []int
}

// Size returns the number of values.
func (h Header) Size() int {
	n := 1
	for _, s := range h.Shape {
		n *= s
	}
	return n
}

const (
	magic     = "\x93NUMPY"
	maxHeader = 1 << 16 // bytes, far more than the header of an array of numbers needs
	alignment = 64      // bytes: the values begin at a multiple of it
)

var (
	fieldType    = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	fieldFortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	fieldShape   = regexp.MustCompile(`'shape'\s*:\s*\(([0-9, ]*)\)`)
)

// Read reads a header. The values come next in r. Arrays in Fortran order are an error, and so are
// arrays of structures and of more values than an int counts.
func Read(r io.Reader) (Header, error) {
	text, err := dictionary(r)
	if err != nil {
		return Header{}, err
	}
	t := fieldType.FindStringSubmatch(text)
	fortran := fieldFortran.FindStringSubmatch(text)
	shape := fieldShape.FindStringSubmatch(text)
	if t == nil || fortran == nil || shape == nil {
		return Header{}, fmt.Errorf("no array of numbers: the header is %s", quote.Short(text))
	}
	h := Header{Type: t[1]}
	size := 1
	for word := range strings.SplitSeq(shape[1], ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil || n > 0 && size > math.MaxInt/n {
			return Header{}, fmt.Errorf("the shape (%s) is too large", quote.Printable(shape[1]))
		}
		size *= n
		h.Shape = append(h.Shape, n)
	}
	if fortran[1] == "True" && len(h.Shape) > 1 {
		return Header{}, errors.New(
			"the array is in Fortran order, expected C order; numpy.ascontiguousarray gives it")
	}
	return h, nil
}

// dictionary reads the text of a header.
func dictionary(r io.Reader) (string, error) {
	start := make([]byte, len(magic)+2)
	if _, err := io.ReadFull(r, start); err != nil {
		return "", early(err)
	}
	if string(start[:len(magic)]) != magic {
		return "", errors.New("no .npy file: the signature is missing")
	}
	width := 2
	if start[len(magic)] > 1 {
		width = 4
	}
	length := make([]byte, 4)
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return "", early(err)
	}
	n := binary.LittleEndian.Uint32(length)
	if n > maxHeader {
		return "", fmt.Errorf("a header of %d bytes, expected at most %d", n, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", early(err)
	}
	return string(text), nil
}

// early returns the error of a file that ends within its header.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the header of the array cannot be read: %w", err)
}

// Write writes a header of version 1. The values are to follow, as the type says.
func (h Header) Write(w io.Writer) error {
	shape := ""
	for _, n := range h.Shape {
		shape += strconv.Itoa(n) + ", "
	}
	if len(h.Shape) != 1 {
		shape = strings.TrimSuffix(shape, ", ") // the tuple of one number keeps its comma
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
		h.Type, strings.TrimSuffix(shape, " "))
	used := len(magic) + 4 + len(text) + 1
	text += strings.Repeat(" ", (alignment-used%alignment)%alignment) + "\n"
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
	_, err := w.Write(append(b, text...))
	return err
}
