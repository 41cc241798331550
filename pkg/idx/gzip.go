package idx

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// slack bounds what is read beside the values that a header promises: bytes that follow them, and
// compressed bytes that hold none. An endless input then ends with an error.
const slack = 64 << 20

const gzipMagic = "\x1f\x8b"

var (
	errGarbage = errors.New("bytes follow the gzip stream that are neither zeros nor gzip")
	errEndless = errors.New("the gzip stream has too many bytes that hold no values")
)

// A gzipReader reads the members of a gzip file as one stream. It compares the checksum and the
// length at the end of each. Like gzip it accepts zeros after the last member, as tapes have them.
type gzipReader struct {
	in     *bufio.Reader
	member *gzip.Reader
}

func newGzipReader(in *bufio.Reader) (*gzipReader, error) {
	member, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	member.Multistream(false) // it would take zeros at the end for a damaged member
	return &gzipReader{in, member}, nil
}

func (g *gzipReader) Read(p []byte) (int, error) {
	for {
		n, err := g.member.Read(p)
		if err != io.EOF || len(p) == 0 {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
}

// next begins the next member. It returns io.EOF if there is none.
func (g *gzipReader) next() error {
	start, err := g.in.Peek(2)
	switch {
	case len(start) == 0:
		return err
	case start[0] == 0:
		return g.zeros()
	case string(start) != gzipMagic:
		return errGarbage
	}
	if err := g.member.Reset(g.in); err != nil {
		return early(err)
	}
	g.member.Multistream(false)
	return nil
}

// zeros reads zeros to the end of the file and returns io.EOF.
func (g *gzipReader) zeros() error {
	for {
		switch c, err := g.in.ReadByte(); {
		case err != nil:
			return err
		case c != 0:
			return errGarbage
		}
	}
}

// told returns the words for an error in reading.
func told(err error) string {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrChecksum):
		return "damaged gzip data: the checksum or the length at its end is another"
	case errors.As(err, &corrupt):
		return fmt.Sprintf("damaged gzip data at its byte %d", int64(corrupt))
	case errors.Is(err, gzip.ErrHeader):
		return "damaged header of a gzip member"
	case errors.Is(err, errGarbage), errors.Is(err, errEndless):
		return err.Error()
	}
	return fmt.Sprintf("cannot read on: %v", err)
}

// A bounded reader fails if more than left bytes are read.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errEndless
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
