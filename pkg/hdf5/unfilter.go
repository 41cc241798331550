package hdf5

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	// chunkBuffer is the size in bytes of a buffer for reading chunks.
	chunkBuffer = 1 << 15
	// chunkScratch bounds the bytes that reading chunks allocates besides the values: three buffers,
	// and what zlib needs.
	chunkScratch = 3*chunkBuffer + 1<<16
	// maxShuffleBuffer is the largest shuffled chunk that is held in memory, in bytes. It is held
	// there twice.
	maxShuffleBuffer = 4 << 20
	// maxUnproven is the number of bytes of values that are allocated, besides twice the size of the
	// file, before the file has proved that it holds them.
	maxUnproven = 16 << 20
)

// readChunks decodes all chunks.
func (o *Object) readChunks(l *layout, decode func([]byte) float32) ([]float32, error) {
	f := o.file
	spare := int64(len(l.chunks))*int64(l.chunkBytes) - int64(l.n)*int64(l.datatype.size)
	if f.spare -= spare; f.spare < 0 {
		return nil, f.damaged(f.base, "%s has %d chunks of %d bytes for %d values: "+
			"more room than a file of %d bytes can need",
			shown(o.Path), len(l.chunks), l.chunkBytes, l.n, f.Size)
	}
	r := newChunkReader(o, l)
	if int64(l.n) > (2*f.Size+maxUnproven)/4 {
		// Only highly compressed values are so much larger than the file. Inflate them first
		// without keeping them: a false promise of the header then takes no memory.
		for _, ch := range l.chunks {
			if err := r.read(ch, r.discard); err != nil {
				return nil, err
			}
		}
	}
	values := make([]float32, l.n)
	s := newScatter(o.Shape, l)
	for _, ch := range l.chunks {
		s.moveTo(ch.index)
		var err error
		if l.byPlanes(ch.mask) {
			err = r.readShuffled(ch, s, values)
		} else {
			err = r.read(ch, func() error {
				return s.rows(values, func(row []float32, beyond int) error {
					return r.elements(row, beyond, decode)
				})
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// A chunkReader reads the chunks of a data set one by one. It undoes their filters piece by piece,
// so that it needs little memory, however large a chunk is.
type chunkReader struct {
	o    *Object
	l    *layout
	in   *bufio.Reader // stored bytes
	mid  *bufio.Reader // what zlib reads if not the stored bytes, nil until needed
	zlib io.ReadCloser // nil until needed
	out  *bufio.Reader // bytes of the chunk without its filters, except shuffle if byPlanes

	shuffled, whole []byte // a chunk in memory, shuffled and not
}

func newChunkReader(o *Object, l *layout) *chunkReader {
	return &chunkReader{
		o:   o,
		l:   l,
		in:  bufio.NewReaderSize(nil, chunkBuffer),
		out: bufio.NewReaderSize(nil, chunkBuffer),
	}
}

// byPlanes reports whether a chunk with the filter mask is shuffled and too large to be held in
// memory. That works only if its first filter is shuffle.
func (l *layout) byPlanes(mask uint32) bool {
	for i, f := range l.filters {
		if mask&(1<<i) == 0 {
			return f.id == filterShuffle && l.chunkBytes > maxShuffleBuffer
		}
	}
	return false
}

// read opens a chunk, calls decode, which must read it from r.out to its end, and verifies the
// checksums. All errors name the chunk.
func (r *chunkReader) read(ch chunk, decode func() error) error {
	f := r.o.file
	source := &source{r: io.NewSectionReader(f.r, f.base+int64(ch.addr), int64(ch.stored))}
	err := r.decode(source, ch, decode)
	switch {
	case err == nil:
		return nil
	case source.err != nil:
		return fmt.Errorf("%s: %s: %w", f.name, shown(r.o.Path), source.err)
	}
	return f.damaged(f.base+int64(ch.addr), "chunk %d of %s: %w", ch.index, shown(r.o.Path), err)
}

func (r *chunkReader) decode(source *source, ch chunk, decode func() error) error {
	stages, err := r.unfilter(source, ch)
	if err != nil {
		return err
	}
	r.out.Reset(stages[len(stages)-1])
	if err := decode(); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	// The checksum of each stage is behind its last byte.
	for i := len(stages) - 1; i >= 0; i-- {
		if _, err := io.Copy(io.Discard, stages[i]); err != nil {
			return err
		}
	}
	return nil
}

// A source reads stored bytes. It keeps an error of the file itself, which is no fault in the
// chunk.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// unfilter returns readers that undo the filters of a chunk, the first to be undone first. Each
// reads from the one before it and ends with a checksum that is verified, or with an error. The
// last one has exactly the bytes of a chunk.
func (r *chunkReader) unfilter(source io.Reader, ch chunk) ([]io.Reader, error) {
	l := r.l
	r.in.Reset(source)
	stages := []io.Reader{r.in}
	last := io.Reader(r.in)
	n := int64(ch.stored) // bytes that last has
	for i := len(l.filters) - 1; i >= 0; i-- {
		if ch.mask&(1<<i) != 0 {
			continue
		}
		switch l.filters[i].id {
		case filterDeflate:
			if err := r.resetZlib(last); err != nil {
				return nil, err
			}
			n = int64(l.chunkBytes)
			for j, f := range l.filters[:i] {
				if f.id == filterFletcher32 && ch.mask&(1<<j) == 0 {
					n += 4 // the checksum was compressed, too
				}
			}
			last = &inflater{r: r.zlib, size: n, left: n}
		case filterFletcher32:
			if n -= 4; n < 0 {
				return nil, fmt.Errorf("%d bytes, expected a checksum", ch.stored)
			}
			last = &fletcherReader{r: last, n: n}
		case filterShuffle:
			if l.byPlanes(ch.mask) {
				continue // readShuffled undoes it
			}
			if n > maxShuffleBuffer+4 {
				return nil, fmt.Errorf("%d bytes with a filter before shuffle, expected at most %d",
					n, maxShuffleBuffer)
			}
			if int64(cap(r.whole)) < n {
				r.shuffled, r.whole = make([]byte, n), make([]byte, n)
			}
			r.shuffled, r.whole = r.shuffled[:n], r.whole[:n]
			if _, err := io.ReadFull(last, r.shuffled); err != nil {
				return nil, err
			}
			unshuffle(r.whole, r.shuffled, int(l.filters[i].values[0]))
			last = bytes.NewReader(r.whole)
		}
		stages = append(stages, last)
	}
	if n != int64(l.chunkBytes) {
		return nil, fmt.Errorf("%d bytes, expected %d", n, l.chunkBytes)
	}
	return stages, nil
}

func (r *chunkReader) resetZlib(from io.Reader) error {
	// zlib would make a new buffer for each chunk if it got a reader without ReadByte.
	if from != io.Reader(r.in) {
		if r.mid == nil {
			r.mid = bufio.NewReaderSize(nil, chunkBuffer)
		}
		r.mid.Reset(from)
		from = r.mid
	}
	if r.zlib != nil {
		return r.zlib.(zlib.Resetter).Reset(from, nil)
	}
	var err error
	r.zlib, err = zlib.NewReader(from)
	return err
}

// An inflater reads what zlib inflates. It returns an error unless that has the expected size.
type inflater struct {
	r          io.Reader
	size, left int64
	err        error // what ended it
}

func (z *inflater) Read(b []byte) (int, error) {
	if z.left == 0 && z.err == nil {
		// Here zlib verifies its checksum.
		var more [1]byte
		if _, z.err = io.ReadFull(z.r, more[:]); z.err == nil {
			z.err = fmt.Errorf("it inflates to more than %d bytes", z.size)
		}
	}
	if z.err != nil {
		return 0, z.err
	}
	n, err := z.r.Read(b[:min(int64(len(b)), z.left)])
	z.left -= int64(n)
	if err == io.EOF && z.left > 0 {
		err = fmt.Errorf("it inflates to %d bytes, expected %d: %w",
			z.size-z.left, z.size, io.ErrUnexpectedEOF)
	}
	z.err = err
	return n, err
}

// discard reads a chunk without keeping it.
func (r *chunkReader) discard() error {
	_, err := r.out.Discard(r.l.chunkBytes)
	return err
}

// pieces calls use with the next n bytes of the chunk, a piece at a time. The length of a piece is
// a multiple of size.
func (r *chunkReader) pieces(n, size int, use func([]byte)) error {
	for n > 0 {
		piece := min(n, r.out.Size()/size*size)
		b, err := r.out.Peek(piece)
		if err != nil {
			return err
		}
		use(b)
		if _, err := r.out.Discard(piece); err != nil {
			return err
		}
		n -= piece
	}
	return nil
}

// elements decodes the next elements of the chunk into a row, and passes over those beyond the
// border of the data set.
func (r *chunkReader) elements(row []float32, beyond int, decode func([]byte) float32) error {
	size := r.l.datatype.size
	err := r.pieces(len(row)*size, size, func(b []byte) {
		n := len(b) / size
		fill(row[:n], b, size, decode)
		row = row[n:]
	})
	if err == nil {
		_, err = r.out.Discard(beyond * size)
	}
	return err
}

// readShuffled reads a large shuffled chunk: all first bytes of its elements, then all second
// bytes, and so on. It puts each byte to its place in the values, so that it needs no copy of the
// chunk.
func (r *chunkReader) readShuffled(ch chunk, s *scatter, values []float32) error {
	for _, pass := range planePasses(r.l.datatype) {
		err := r.read(ch, func() error {
			for _, add := range pass {
				if add == nil {
					if _, err := r.out.Discard(r.l.chunkBytes / len(pass)); err != nil {
						return err
					}
					continue
				}
				err := s.rows(values, func(row []float32, beyond int) error {
					err := r.pieces(len(row), 1, func(b []byte) {
						add(row, b)
						row = row[len(b):]
					})
					if err == nil {
						_, err = r.out.Discard(beyond)
					}
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// An addPlane adds one byte to each element of a row. Until the last one is added, the bits of an
// element are those of an unfinished number.
type addPlane func(row []float32, b []byte)

// planePasses returns what to do with the bytes of shuffled elements, from the first byte to the
// last. One pass suffices for all but big-endian double precision. A nil passes over a byte.
func planePasses(t datatype) [][]addPlane {
	pass := make([]addPlane, t.size)
	for i := range pass {
		significance := i // of the byte, 0 is the lowest
		if t.bigEndian {
			significance = t.size - 1 - i
		}
		if t.size == 8 {
			pass[i] = addDouble(significance, t.bigEndian)
		} else {
			pass[i] = addBits(8*significance, t.size == 2 && i == 1)
		}
	}
	if t.size == 8 && t.bigEndian {
		// The low bytes come last in the chunk, but must be added first.
		none := make([]addPlane, 4)
		return [][]addPlane{slices.Concat(none, pass[4:]), slices.Concat(pass[:4], none)}
	}
	return [][]addPlane{pass}
}

// addBits adds a byte of a number that has no more bits than float32. If the number is then a
// complete half-precision number, it is converted.
func addBits(shift int, half bool) addPlane {
	return func(row []float32, b []byte) {
		row = row[:len(b)]
		for i, v := range b {
			bits := math.Float32bits(row[i]) | uint32(v)<<shift
			row[i] = math.Float32frombits(bits)
			if half {
				row[i] = halfToSingle(uint16(bits))
			}
		}
	}
}

// addDouble adds a byte of a double-precision number. An unfinished number must fit into 32 bits,
// so only bits that rounding to single precision needs are kept:
//
//	bit 0     whether one of the lowest 28 bits of the double is set
//	bits 1-4  bits 28 to 31 of the double
//	bits 5-28 three of the bytes 4 to 7
//
// The bytes 0 to 3 are added first. The last byte to be added is byte 7 if the number is
// little-endian, and byte 4 if it is big-endian. Only then does the number exceed 32 bits, and it
// is rounded at once.
func addDouble(significance int, bigEndian bool) addPlane {
	last, lowest := 7, 4
	if bigEndian {
		last, lowest = 4, 5
	}
	return func(row []float32, b []byte) {
		row = row[:len(b)]
		for i, v := range b {
			bits := math.Float32bits(row[i])
			switch {
			case significance < 3 && v != 0:
				bits |= 1
			case significance == 3:
				bits |= uint32(v >> 4 << 1)
				if v&15 != 0 {
					bits |= 1
				}
			case significance == last:
				double := uint64(bits&31)<<27 | uint64(bits>>5)<<(8*lowest) | uint64(v)<<(8*last)
				row[i] = float32(math.Float64frombits(double))
				continue
			case significance > 3:
				bits |= uint32(v) << (5 + 8*(significance-lowest))
			}
			row[i] = math.Float32frombits(bits)
		}
	}
}

// A scatter finds the place of a chunk's elements in the values of a data set.
type scatter struct {
	shape, chunk []int // dimensions that chunks cover wholly are joined with the one before
	at           []int // first element of the current chunk
}

func newScatter(shape []int, l *layout) *scatter {
	s := &scatter{}
	inner := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s.shape = append(s.shape, shape[i]*inner)
		s.chunk = append(s.chunk, l.chunk[i]*inner)
		inner = 1
		if i > 0 && l.chunk[i] == shape[i] {
			inner = s.shape[len(s.shape)-1]
			s.shape = s.shape[:len(s.shape)-1]
			s.chunk = s.chunk[:len(s.chunk)-1]
		}
	}
	if len(s.shape) == 0 {
		s.shape, s.chunk = []int{1}, []int{1} // a single value
	}
	slices.Reverse(s.shape)
	slices.Reverse(s.chunk)
	s.at = make([]int, len(s.shape))
	return s
}

// moveTo makes the chunk with the index the current one.
func (s *scatter) moveTo(index int) {
	for i := len(s.at) - 1; i >= 0; i-- {
		chunks := (s.shape[i] + s.chunk[i] - 1) / s.chunk[i]
		s.at[i] = index % chunks * s.chunk[i]
		index /= chunks
	}
}

// rows calls visit with the rows of the current chunk that lie in values, in their order. The
// number beyond is that of the elements that follow the row in the chunk and lie outside the data
// set.
func (s *scatter) rows(values []float32, visit func(row []float32, beyond int) error) error {
	return rows(values, s.shape, s.chunk, s.at, visit)
}

func rows(values []float32, shape, chunk, at []int,
	visit func(row []float32, beyond int) error) error {
	n := min(chunk[0], shape[0]-at[0])
	if len(shape) == 1 {
		return visit(values[at[0]:at[0]+n], chunk[0]-n)
	}
	inner, innerChunk := 1, 1
	for i := 1; i < len(shape); i++ {
		inner *= shape[i]
		innerChunk *= chunk[i]
	}
	for i := at[0]; i < at[0]+n; i++ {
		row := values[i*inner : (i+1)*inner]
		if err := rows(row, shape[1:], chunk[1:], at[1:], visit); err != nil {
			return err
		}
	}
	if n < chunk[0] {
		return visit(nil, (chunk[0]-n)*innerChunk)
	}
	return nil
}

// unshuffle puts the bytes of elements together: b has all first bytes, then all second bytes, and
// so on. Bytes that make no whole element stay at the end. The length of out is that of b.
func unshuffle(out, b []byte, size int) {
	n := len(b) / size
	// The outer loop is over the elements: a file may give them a size far beyond b.
	for i := range n {
		for j := range size {
			out[i*size+j] = b[j*n+i]
		}
	}
	copy(out[n*size:], b[n*size:])
}
