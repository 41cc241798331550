package hdf5

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"imagesimilarity/pkg/quote"
)

// readAll reads all that a file has, but only 16 MiB of values, because many data sets may share
// theirs. It returns the first error that is no UnsupportedError.
func readAll(b []byte) error {
	f, err := Open(bytes.NewReader(b), int64(len(b)), "test.h5")
	if err != nil {
		return err
	}
	fatal := func(err error) error {
		if unsupported := (*UnsupportedError)(nil); errors.As(err, &unsupported) {
			return nil
		}
		return err
	}
	left := 4 << 20
	return walk(f.Root, func(o *Object) error {
		names, err := o.AttributeNames()
		for _, name := range names {
			if _, err := o.Strings(name); fatal(err) != nil {
				return err
			}
		}
		if fatal(err) != nil || !o.Dataset {
			return err
		}
		if _, err := o.Stored(); fatal(err) != nil {
			return err
		}
		values := 1
		for _, d := range o.Shape {
			values *= d
		}
		if left -= values; left < 0 {
			return nil
		}
		_, err = o.Float32s()
		return fatal(err)
	})
}

// allocated runs f and returns the bytes that it allocated in all, freed or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// file returns a file with a root group of one member, x. Its object header has the given messages.
func file(messages func(e *encoder) []newMessage) []byte {
	e := encoder{b: make([]byte, superblockSize)}
	x := e.header(messages(&e))
	return withRoot(e, x)
}

// withRoot ends a file with the content of e. The root group has one member, x, at the address.
func withRoot(e encoder, x uint64) []byte {
	names := append(make([]byte, 8), "x\x00"...)
	heap := e.localHeap(names)
	tree := e.tree([]entry{{name: 8, header: x}})
	root := e.header([]newMessage{symbolTable(tree, heap)})
	return e.file(root)
}

func symbolTable(tree, heap uint64) newMessage {
	return newMessage{msgSymbolTable, 0, le.AppendUint64(le.AppendUint64(nil, tree), heap)}
}

func (e *encoder) localHeap(names []byte) uint64 {
	data := e.add(names)
	b := le.AppendUint64([]byte("HEAP\x00\x00\x00\x00"), uint64(len(names)))
	return e.add(le.AppendUint64(le.AppendUint64(b, 1), data))
}

// file adds a superblock whose root entry has the given header.
func (e *encoder) file(root uint64) []byte {
	b := (&Group{}).Encode()[:superblockSize]
	copy(e.b, b)
	le.PutUint64(e.b[40:], uint64(len(e.b)))
	le.PutUint64(e.b[64:], root)
	return e.b
}

func dataset(shape []int, layout []byte, more ...newMessage) []newMessage {
	return append([]newMessage{
		{msgDataspace, 0, spaceMessage(shape)},
		{msgDatatype, 0, bytes.Clone(singleType)},
		{msgLayout, 0, layout},
	}, more...)
}

func contiguous(addr, size uint64) []byte {
	return le.AppendUint64(le.AppendUint64([]byte{3, layoutContiguous}, addr), size)
}

// sharedTexts returns a group with attributes that are lists of texts. All texts are the same
// megabyte in the file.
func sharedTexts(e *encoder, attributes, texts int) []newMessage {
	heap := e.globalHeap(strings.Repeat("t", 1<<20))
	messages := []newMessage{symbolTable(e.tree(nil), e.localHeap(make([]byte, 8)))}
	for i := range attributes {
		b := []byte{1, 0, 2, 0, 20, 0, 16, 0, byte(i + 1), 0, 0, 0, 0, 0, 0, 0}
		b = pad8(append(b, variableType(nil)...))
		b = append(b, spaceMessage([]int{texts})...)
		for range texts {
			b = le.AppendUint32(le.AppendUint64(le.AppendUint32(b, 1<<20), heap), 1)
		}
		messages = append(messages, newMessage{msgAttribute, 0, b})
	}
	return messages
}

// oneChunk returns a data set with one chunk of the given number of elements. The chunk is stored
// after a filter with one value.
func oneChunk(e *encoder, shape, elements int, stored []byte,
	filter byte, value uint32) []newMessage {
	addr := e.add(stored)
	node := append([]byte("TREE"), 1, 0, 1, 0)
	node = le.AppendUint64(le.AppendUint64(node, undefined), undefined)
	node = le.AppendUint32(le.AppendUint32(node, uint32(len(stored))), 0)
	node = le.AppendUint64(le.AppendUint64(node, 0), 0)
	node = le.AppendUint64(node, addr)
	tree := e.add(append(node, make([]byte, 24)...))
	layout := le.AppendUint64([]byte{3, layoutChunked, 2}, tree)
	layout = le.AppendUint32(le.AppendUint32(layout, uint32(elements)), 4)
	pipeline := []byte{1, 1, 0, 0, 0, 0, 0, 0, filter, 0, 0, 0, 0, 0, 1, 0}
	pipeline = le.AppendUint32(le.AppendUint32(pipeline, value), 0)
	return dataset([]int{shape}, layout, newMessage{msgFilters, 0, pipeline})
}

// A hostile file costs no more than another. It ends in an error that says why, and takes little
// memory.
func TestHostile(t *testing.T) {
	zeros := func(n int64) []byte { // deflated
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		_, err := io.CopyN(z, zeroReader{}, n)
		must(t, errors.Join(err, z.Close()))
		return b.Bytes()
	}
	large := zeros(1 << 26)
	for _, tt := range []struct {
		name string
		file []byte
		want string // part of the error
	}{
		{"header that continues itself", file(func(e *encoder) []newMessage {
			at := uint64(len(e.b))
			return []newMessage{{msgContinuation, 0, le.AppendUint64(le.AppendUint64(nil, at+16), 24)}}
		}), "more metadata than"},
		{"tree of shared nodes", func() []byte {
			e := encoder{b: make([]byte, superblockSize)}
			heap := e.localHeap(append(make([]byte, 8), "x\x00"...))
			child := e.tree(nil)
			for level := range byte(20) {
				node := append([]byte("TREE"), 0, level+1, 32, 0)
				node = append(node, make([]byte, 16)...)
				for range 32 {
					node = le.AppendUint64(le.AppendUint64(node, 0), child)
				}
				child = e.add(node)
			}
			return e.file(e.header([]newMessage{symbolTable(child, heap)}))
		}(), "more metadata than"},
		{"node that is its own child", func() []byte {
			e := encoder{b: make([]byte, superblockSize)}
			heap := e.localHeap(make([]byte, 8))
			at := uint64(len(e.b))
			node := append([]byte("TREE"), 0, 1, 1, 0)
			node = append(node, make([]byte, 24)...)
			e.add(le.AppendUint64(node, at))
			return e.file(e.header([]newMessage{symbolTable(at, heap)}))
		}(), "level 1, expected 0"},
		{"names that overlap", func() []byte {
			e := encoder{b: make([]byte, superblockSize)}
			const n = 1 << 16
			heap := e.localHeap(append(bytes.Repeat([]byte("n"), n), 0))
			var entries []entry
			for i := range n {
				entries = append(entries, entry{name: uint64(i)})
			}
			return e.file(e.header([]newMessage{symbolTable(e.tree(entries), heap)}))
		}(), "more metadata than"},
		{"many texts that are one", file(func(e *encoder) []newMessage {
			return sharedTexts(e, 1, 4000)
		}), "bytes of text"},
		{"many attributes of texts that are one", file(func(e *encoder) []newMessage {
			return sharedTexts(e, 100, 4)
		}), "more metadata than"},
		{"more values than there are numbers", file(func(*encoder) []newMessage {
			return dataset([]int{1 << 30, 1 << 30, 1 << 30}, contiguous(96, 8))
		}), "more than 2147483647 elements"},
		{"more values than stored", file(func(*encoder) []newMessage {
			return dataset([]int{1 << 30}, contiguous(96, 8))
		}), "8 bytes of values, expected 1073741824 elements"},
		{"values outside", file(func(*encoder) []newMessage {
			return dataset([]int{4}, contiguous(1<<63, 16))
		}), "outside the file"},
		{"address that overflows", file(func(*encoder) []newMessage {
			return dataset([]int{1 << 30}, contiguous(1<<64-16, 1<<32))
		}), "outside the file"},
		{"chunk too large for its bytes", file(func(e *encoder) []newMessage {
			return oneChunk(e, 1<<27, 1<<27, large, filterDeflate, 6)
		}), "cannot hold"},
		{"chunk that inflates beyond its size", file(func(e *encoder) []newMessage {
			return oneChunk(e, 1<<20, 1<<20, large, filterDeflate, 6)
		}), "inflates to more"},
		{"chunk that inflates to a byte more", file(func(e *encoder) []newMessage {
			return oneChunk(e, 16, 16, zeros(65), filterDeflate, 6)
		}), "inflates to more than 64 bytes"},
		{"chunk that inflates to a byte less", file(func(e *encoder) []newMessage {
			return oneChunk(e, 16, 16, zeros(63), filterDeflate, 6)
		}), "inflates to 63 bytes, expected 64"},
		{"chunk without the checksum of zlib", file(func(e *encoder) []newMessage {
			z := zeros(64)
			return oneChunk(e, 16, 16, z[:len(z)-1], filterDeflate, 6)
		}), "unexpected EOF"},
		{"chunk without filters that is too short", file(func(e *encoder) []newMessage {
			return oneChunk(e, 16, 16, make([]byte, 63), filterShuffle, 4)
		}), "stored in 63 bytes, which cannot hold 64"},
		{"chunk much larger than its values", file(func(e *encoder) []newMessage {
			return oneChunk(e, 16, 1<<24, large, filterDeflate, 6)
		}), "1 chunks of 67108864 bytes for 16 values: more room than"},
		{"many values in much larger chunks", func() []byte {
			e := encoder{b: make([]byte, superblockSize)}
			x := e.header(oneChunk(&e, 16, 1<<20, zeros(1<<22), filterDeflate, 6))
			names := make([]byte, 8)
			var entries []entry
			for i := range 32 {
				entries = append(entries, entry{name: uint64(len(names)), header: x})
				names = append(names, byte('A'+i), 0)
			}
			return e.file(e.header([]newMessage{symbolTable(e.tree(entries), e.localHeap(names))}))
		}(), "/C has 1 chunks of 4194304 bytes for 16 values: more room than"},
		{"chunk that is not deflated", file(func(e *encoder) []newMessage {
			return oneChunk(e, 16, 16, make([]byte, 64), filterDeflate, 6)
		}), "zlib: invalid header"},
		{"shuffle of elements that are none", file(func(e *encoder) []newMessage {
			return oneChunk(e, 16, 16, make([]byte, 64), filterShuffle, 1<<32-1)
		}), "a shuffle filter of [4294967295] bytes, expected elements of 4 bytes"},
		{"data set without a type", file(func(*encoder) []newMessage {
			return []newMessage{{msgDataspace, 0, spaceMessage(nil)}, {msgLayout, 0, contiguous(96, 8)}}
		}), "has no datatype"},
		{"data set without a shape", file(func(*encoder) []newMessage {
			return []newMessage{{msgLayout, 0, contiguous(96, 8)}}
		}), "has no dataspace"},
		{"end beyond the file", func() []byte {
			b := (&Group{}).Encode()
			return b[:len(b)-1]
		}(), "cut off"},
		{"no HDF5 file", []byte("PK\x03\x04 and so on"), "signature is missing"},
		{"nothing", nil, "signature is missing"},
	} {
		var err error
		n := allocated(func() { err = readAll(tt.file) })
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, expected %q", tt.name, err, tt.want)
		}
		if limit := uint64(2*len(tt.file) + 64<<20); n > limit {
			t.Errorf("%s: %d bytes of memory, expected at most %d", tt.name, n, limit)
		}
	}
}

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// A file that ends too early is an error, wherever it ends.
func TestTruncated(t *testing.T) {
	for _, name := range []string{
		"testdata/variant_libver_latest.h5", "testdata/variant_userblock.h5",
	} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := readAll(b); err != nil {
			t.Fatal(err)
		}
		for n := range b {
			if readAll(b[:n]) == nil {
				t.Fatalf("%s: %d bytes of %d read without an error", name, n, len(b))
			}
		}
	}
}

// Whatever byte is changed, reading ends, with or without an error, and takes little memory.
func TestDamaged(t *testing.T) {
	for _, name := range []string{
		"testdata/variant_libver_latest.h5",
		"testdata/variant_userblock.h5",
		"testdata/variant_chunked.h5",
	} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, old := range b {
			if old == 0 && i%7 != 0 {
				continue // most zeros are room that nothing uses
			}
			n := allocated(func() {
				for _, changed := range []byte{old ^ 1, old ^ 0x80, 0xff} {
					b[i] = changed
					_ = readAll(b)
				}
			})
			b[i] = old
			if limit := uint64(2*len(b) + 64<<20); n > limit {
				t.Fatalf("%s, byte %d: %d bytes of memory, expected at most %d", name, i, n, limit)
			}
		}
	}
}

// A path through a group that contains itself comes to an end.
func TestEndlessPath(t *testing.T) {
	f := parse(t, groupInItself())
	_, err := f.Root.Open(strings.Repeat("x/", 1<<20) + "x")
	if err == nil || !strings.Contains(err.Error(), "more metadata than") {
		t.Errorf("error %v", err)
	}
}

func groupInItself() []byte {
	e := encoder{b: make([]byte, superblockSize)}
	heap := e.localHeap(append(make([]byte, 8), "x\x00"...))
	tree := e.tree([]entry{{name: 8}})
	root := e.header([]newMessage{symbolTable(tree, heap)})
	// The only leaf of the tree is before it.
	const leafSize = 8 + 2*leafK*40
	le.PutUint64(e.b[tree-leafSize+8+8:], root)
	return e.file(root)
}

// The size of an element comes from the file. It must not decide how long unshuffling takes: a
// thousand chunks smaller than an element once took hours.
func TestShuffleOfHugeElements(t *testing.T) {
	for range 1000 {
		got := make([]byte, 3)
		if unshuffle(got, []byte("abc"), math.MaxInt32); string(got) != "abc" {
			t.Fatalf("%q, want the bytes as they are", got)
		}
	}
	got := make([]byte, 7)
	if unshuffle(got, []byte("adbecf7"), 3); string(got) != "abcdef7" {
		t.Errorf("%q, want two elements of three bytes and what is left", got)
	}
}

func FuzzOpen(f *testing.F) {
	for _, name := range samples(f) {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n := allocated(func() { _ = readAll(b) })
		if limit := uint64(2*len(b) + 64<<20); n > limit {
			t.Errorf("%d bytes of memory, expected at most %d", n, limit)
		}
	})
}

// Names from a file reach an error quoted and cut.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		"\x1b]0;title\a\x1b[2J", "\u202eabc", "two\nlines", strings.Repeat("long", 100000),
	} {
		e := encoder{b: make([]byte, superblockSize)}
		names := append(append(make([]byte, 8), name...), 0)
		integers := dataset([]int{1}, contiguous(96, 4))
		integers[1].body = []byte{0x10, 0, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0}
		if len(name) < 1<<15 {
			attribute := e.attribute(newAttribute{name: name, texts: []string{"x"}})
			integers = append(integers, attribute, attribute)
		}
		at := e.header(integers)
		entries := []entry{{name: 8, header: at}, {name: 8, header: at}}
		member := e.header([]newMessage{symbolTable(e.tree(entries[:1]), e.localHeap(names))})
		twice := e.header([]newMessage{symbolTable(e.tree(entries), e.localHeap(names))})
		f := parse(t, withRoot(e, member))
		g, err := f.Root.Open("x")
		must(t, err)
		o, err := g.Open(name)
		must(t, err)
		_, values := o.Float32s()
		_, missing := o.Open(name)
		_, path := g.Open(name + "/\x00")
		errs := []error{values, missing, path}
		if len(name) < 1<<15 {
			_, attribute := o.Strings("y")
			errs = append(errs, attribute)
		}
		g, err = parse(t, withRoot(e, twice)).Root.Open("x")
		must(t, err)
		_, double := g.Names()
		root := &Group{}
		must(t, root.Float32s("x", nil, []float32{1}))
		_, write := root.Group("x/" + name)
		errs = append(errs, double, write)
		for i, err := range errs {
			if err == nil {
				t.Errorf("%.20q: error %d is missing", name, i)
				continue
			}
			text := err.Error()
			if len(text) > 700 || quote.Printable(text) != text || strings.Contains(text, "\n") {
				t.Errorf("%.20q: error %d of %d bytes: %.700q", name, i, len(text), text)
			}
		}
	}
}
