package hdf5

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A chunked is a data set to be written in chunks, which the package itself does not write.
type chunked struct {
	shape, chunk []int
	size         int // bytes of an element: 2, 4 or 8
	bigEndian    bool
	filters      []uint16
	compressible bool // most of the values are zero
}

func (d chunked) String() string {
	order := "<"
	if d.bigEndian {
		order = ">"
	}
	return fmt.Sprintf("%v in chunks of %v, %sf%d, filters %v, compressible %v",
		d.shape, d.chunk, order, d.size, d.filters, d.compressible)
}

func (d chunked) elements() int { return product(d.shape) }

func product(shape []int) int {
	n := 1
	for _, m := range shape {
		n *= m
	}
	return n
}

// pattern returns the bits of element i, random but always the same.
func (d chunked) pattern(i int) uint64 {
	x := uint64(i) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	if d.compressible && i%1000 != 0 {
		x = 0
	}
	// Values below 2 in magnitude, of both signs: clear the highest bit of the exponent.
	x &^= 1 << (8*d.size - 2)
	return x & (1<<(8*d.size-1)<<1 - 1)
}

// value returns element i as Float32s should return it.
func (d chunked) value(i int) float32 {
	x := d.pattern(i)
	switch d.size {
	case 2:
		return halfToSingle(uint16(x))
	case 4:
		return math.Float32frombits(uint32(x))
	}
	return float32(math.Float64frombits(x))
}

// bytes returns the elements of the chunk at a place, in its order. Those beyond the shape are
// zero.
func (d chunked) bytes(at []int) []byte {
	b := make([]byte, product(d.chunk)*d.size)
	last := len(at) - 1
	row := d.chunk[last] * d.size
	place := make([]int, last) // of a row in the chunk
	for next := b; ; next = next[row:] {
		index, inside := 0, true
		for i := range place {
			inside = inside && at[i]+place[i] < d.shape[i]
			index = index*d.shape[i] + at[i] + place[i]
		}
		if inside {
			index = index*d.shape[last] + at[last]
			for i := range min(d.chunk[last], d.shape[last]-at[last]) {
				d.put(next[i*d.size:], d.pattern(index+i))
			}
		}
		if !advance(place, d.chunk[:last], nil) {
			return b
		}
	}
}

// put writes the bits of an element.
func (d chunked) put(b []byte, bits uint64) {
	for i := range d.size {
		j := i
		if d.bigEndian {
			j = d.size - 1 - i
		}
		b[j] = byte(bits >> (8 * i))
	}
}

// advance moves to the next place, in steps of 1 if step is nil. At the end it returns false.
func advance(place, shape, step []int) bool {
	for i := len(place) - 1; i >= 0; i-- {
		if step == nil {
			place[i]++
		} else {
			place[i] += step[i]
		}
		if place[i] < shape[i] {
			return true
		}
		place[i] = 0
	}
	return false
}

// deflater is shared by all chunks, because a new one takes a megabyte.
var deflater, _ = zlib.NewWriterLevel(nil, zlib.BestSpeed)

// filtered returns the stored bytes of a chunk.
func (d chunked) filtered(b []byte) []byte {
	for _, id := range d.filters {
		switch id {
		case filterDeflate:
			var out bytes.Buffer
			deflater.Reset(&out)
			_, err := deflater.Write(b)
			if err := errors.Join(err, deflater.Close()); err != nil {
				panic(err)
			}
			b = out.Bytes()
		case filterShuffle:
			out := bytes.Clone(b)
			n := len(b) / d.size
			for j := range d.size {
				for i := range n {
					out[j*n+i] = b[i*d.size+j]
				}
			}
			b = out
		case filterFletcher32:
			b = le.AppendUint32(b, naiveFletcher32(b))
		}
	}
	return b
}

// add writes the data set.
func (d chunked) add(e *encoder) []newMessage {
	type stored struct {
		at         []int
		addr, size int
	}
	var chunks []stored
	at := make([]int, len(d.shape))
	for more := true; more; more = advance(at, d.shape, d.chunk) {
		b := d.filtered(d.bytes(at))
		chunks = append(chunks, stored{slices.Clone(at), len(e.b), len(b)})
		e.b = append(e.b, b...)
	}
	e.b = pad8(e.b)

	node := append([]byte("TREE"), 1, 0)
	node = le.AppendUint16(node, uint16(len(chunks)))
	node = le.AppendUint64(le.AppendUint64(node, undefined), undefined)
	for _, ch := range chunks {
		node = le.AppendUint64(node, uint64(ch.size))
		for _, i := range ch.at {
			node = le.AppendUint64(node, uint64(i))
		}
		node = le.AppendUint64(le.AppendUint64(node, 0), uint64(ch.addr))
	}
	node = append(node, make([]byte, 8*(len(at)+2))...)
	layout := le.AppendUint64([]byte{3, layoutChunked, byte(len(at) + 1)}, e.add(node))
	for _, n := range d.chunk {
		layout = le.AppendUint32(layout, uint32(n))
	}
	layout = le.AppendUint32(layout, uint32(d.size))

	pipeline := []byte{2, byte(len(d.filters))}
	for _, id := range d.filters {
		pipeline = le.AppendUint16(pipeline, id)
		pipeline = append(pipeline, 0, 0, 1, 0)
		pipeline = le.AppendUint32(pipeline, uint32(d.size))
	}
	messages := dataset(d.shape, layout, newMessage{msgFilters, 0, pipeline})
	messages[1].body = floatType(d.size, d.bigEndian)
	return messages
}

// floatType returns the datatype of an IEEE floating-point number.
func floatType(size int, bigEndian bool) []byte {
	b := bytes.Clone(singleType)
	switch size {
	case 2:
		copy(b, []byte{0x11, 0x20, 15, 0, 2, 0, 0, 0, 0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0})
	case 8:
		copy(b, doubleType)
	}
	if bigEndian {
		b[1] |= 1
	}
	return b
}

// pipelines are the filters that writers use, and two orders that only few do.
var pipelines = [][]uint16{
	{},
	{filterDeflate},
	{filterShuffle},
	{filterFletcher32},
	{filterShuffle, filterDeflate},
	{filterShuffle, filterDeflate, filterFletcher32},
	{filterFletcher32, filterShuffle, filterDeflate},
	{filterDeflate, filterShuffle},
}

// All chunk shapes, filters, sizes and byte orders give the values that were written.
func TestChunks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		d := chunked{size: 2 << rng.IntN(3), bigEndian: rng.IntN(2) == 0}
		for range 1 + rng.IntN(4) {
			n := 1 + rng.IntN(8)
			d.shape = append(d.shape, n)
			// A chunk may be larger than the data set.
			d.chunk = append(d.chunk, 1+rng.IntN(n+1))
		}
		for _, d.filters = range pipelines {
			checkChunked(t, d)
		}
	}
}

// Chunks too large to be held in memory while they are unshuffled give the same values.
func TestLargeChunks(t *testing.T) {
	if testing.Short() {
		t.Skip("large chunks: not tested with -short, large files are written and read")
	}
	for _, size := range []int{2, 4, 8} {
		for _, bigEndian := range []bool{false, true} {
			for _, filters := range pipelines[:6] {
				rows := maxShuffleBuffer/size/1000 + 1
				checkChunked(t, chunked{
					shape: []int{rows + 10, 999}, chunk: []int{rows, 1000},
					size: size, bigEndian: bigEndian, filters: filters,
				})
			}
		}
	}
}

func checkChunked(t *testing.T, d chunked) {
	t.Helper()
	o, err := parse(t, file(d.add)).Root.Open("x")
	must(t, err)
	values, err := o.Float32s()
	if err != nil {
		t.Fatalf("%v: %v", d, err)
	}
	for i, v := range values {
		if want := d.value(i); math.Float32bits(v) != math.Float32bits(want) {
			t.Fatalf("%v: value %d is %v, expected %v", d, i, v, want)
		}
	}
	if len(values) != d.elements() {
		t.Fatalf("%v: %d values, expected %d", d, len(values), d.elements())
	}
}

// Reading values takes the memory that Memory returns, for all numbers of values, chunk shapes and
// filters.
func TestChunkMemory(t *testing.T) {
	sizes := []int{1 << 10, 1 << 16, 1<<20 + 12345}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, n := range sizes {
		for _, shape := range []struct{ all, chunk []int }{
			{[]int{n}, []int{n}},
			{[]int{n}, []int{1 << 10}},
			{[]int{n}, []int{1<<19 + 1}},
			{[]int{n/512 + 1, 512}, []int{n/512 + 1, 512}},
			{[]int{n/512 + 1, 512}, []int{n/512 + 1, 1}},
			{[]int{n/512 + 1, 512}, []int{64, 64}},
			{[]int{2, n / 1024, 512}, []int{1, n / 1024, 512}},
		} {
			for _, filters := range pipelines {
				for _, compressible := range []bool{false, true} {
					if compressible && !slices.Contains(filters, filterDeflate) {
						continue
					}
					checkMemory(t, chunked{shape: shape.all, chunk: shape.chunk, size: 4,
						filters: filters, compressible: compressible})
				}
			}
		}
	}
	// Values that are stored in other sizes take four bytes in memory, too.
	for _, size := range []int{2, 8} {
		for _, bigEndian := range []bool{false, true} {
			for _, filters := range pipelines[:6] {
				n := sizes[len(sizes)-1]
				checkMemory(t, chunked{shape: []int{n}, chunk: []int{n}, size: size,
					bigEndian: bigEndian, filters: filters})
			}
		}
	}
}

func checkMemory(t *testing.T, d chunked) {
	t.Helper()
	b := file(d.add)
	var need int64
	used := int64(allocated(func() {
		f, err := Open(bytes.NewReader(b), int64(len(b)), "test.h5")
		must(t, err)
		o, err := f.Root.Open("x")
		must(t, err)
		need, err = o.Memory()
		must(t, err)
		_, err = o.Float32s()
		// Only large chunks with a filter before shuffle are refused.
		odd := slices.Index(d.filters, filterShuffle) > 0
		if err != nil && !(odd && product(d.chunk)*d.size >= maxShuffleBuffer) {
			t.Errorf("%v: %v", d, err)
		}
	}))
	chunks := 1
	for i := range d.shape {
		chunks *= (d.shape[i] + d.chunk[i] - 1) / d.chunk[i]
	}
	// The entry of a chunk in the index, and tables of zlib, which are given back at once.
	const perChunk = 1500
	if limit := need + int64(chunks)*perChunk + 1<<16; used > limit {
		t.Errorf("%v: %d bytes allocated, expected at most %d", d, used, limit)
	}
	if limit := 4*int64(d.elements()) + 9<<20; need > limit {
		t.Errorf("%v: Memory returns %d, expected at most %d", d, need, limit)
	}
}

// A header that promises more values than its chunks hold takes no memory.
func TestFalsePromise(t *testing.T) {
	const n = 1 << 26 // values, 256 MiB
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := io.CopyN(z, zeroReader{}, 4*n-1)
	must(t, err)
	must(t, z.Close())
	for name, stored := range map[string][]byte{
		"one byte short": b.Bytes(),
		"no zlib":        bytes.Repeat([]byte{7}, n/200),
	} {
		image := file(func(e *encoder) []newMessage {
			return oneChunk(e, n, n, stored, filterDeflate, 6)
		})
		o, err := parse(t, image).Root.Open("x")
		must(t, err)
		used := allocated(func() { _, err = o.Float32s() })
		if err == nil || used > 1<<20 {
			t.Errorf("%s: error %v, %d bytes of memory", name, err, used)
		}
	}
}
