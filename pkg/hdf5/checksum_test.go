package hdf5

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestLookup3(t *testing.T) {
	for _, tt := range []struct {
		data string
		want uint32
	}{
		// From the self-test in lookup3.c.
		{"", 0xdeadbeef},
		{"Four score and seven years ago", 0x17770551},
	} {
		if got := lookup3([]byte(tt.data)); got != tt.want {
			t.Errorf("lookup3 of %q is %08x, expected %08x", tt.data, got, tt.want)
		}
	}
}

// naiveFletcher32 computes the checksum one word at a time.
func naiveFletcher32(b []byte) uint32 {
	var s1, s2 uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		s1 = (s1 + w) % 65535
		s2 = (s2 + s1) % 65535
	}
	return s2<<16 | s1
}

// The sums are the same, in whatever pieces the bytes come.
func TestFletcher(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 3000)
	for i := range b {
		b[i] = byte(rng.Uint32()) | 0xf0
	}
	for n := range b {
		want := naiveFletcher32(b[:n])
		var sums fletcherSums
		for rest := b[:n]; len(rest) > 0; {
			piece := 1 + rng.IntN(min(len(rest), 1500))
			sums.add(rest[:piece])
			rest = rest[piece:]
		}
		wrong := sums
		if err := sums.check(want); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if err := wrong.check(want ^ 0x100); !errors.Is(err, errChecksum) {
			t.Fatalf("%d bytes, another checksum: error %v", n, err)
		}
	}
}

// A changed bit in a block with a checksum is an error, and elsewhere it changes nothing that is
// read. In these files only values and global heaps have no checksum.
func TestFlippedMetadata(t *testing.T) {
	for _, tt := range []struct {
		name string
		bits int // changed in each byte, one by one
		step int // bytes
	}{
		{"variant_libver_latest.h5", 8, 1},
		{"checked.h5", 1, 3},
		{"dense_small.h5", 1, 1},
		{"dense.h5", 1, 521},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile("testdata/" + tt.name)
			must(t, err)
			f := parse(t, b)
			want, err := describe(f)
			must(t, err)
			exempt, err := unchecked(f)
			must(t, err)
			all, refused := 0, 0
			for i := 0; i < len(b); i += tt.step {
				if exempt[i] {
					continue
				}
				for bit := range tt.bits {
					all++
					mask := byte(1) << ((i + bit) % 8)
					b[i] ^= mask
					got, err := describeBytes(b)
					b[i] ^= mask
					if errors.Is(err, errChecksum) {
						refused++
					}
					if err == nil && !reflect.DeepEqual(got, want) {
						t.Errorf("byte %d, bits %#x: changed, and something else was read", i, mask)
					}
				}
			}
			if refused < all/2 {
				t.Errorf("%d changes of %d refused because of a checksum, expected half at least",
					refused, all)
			}
		})
	}
}

func describeBytes(b []byte) (sample, error) {
	f, err := Open(bytes.NewReader(b), int64(len(b)), "test.h5")
	if err != nil {
		return sample{}, err
	}
	return describe(f)
}

// unchecked returns the bytes of a file that hold values or texts of variable length.
func unchecked(f *File) (map[int]bool, error) {
	bytes := map[int]bool{}
	add := func(addr, n uint64) {
		for i := range n {
			bytes[int(f.base)+int(addr+i)] = true
		}
	}
	err := walk(f.Root, func(o *Object) error {
		names, err := o.AttributeNames()
		for _, name := range names {
			if _, err := o.Strings(name); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if !o.Dataset {
			return nil
		}
		l, err := o.layout()
		if err == nil && l.class == layoutContiguous {
			add(l.addr, l.size)
		}
		return err
	})
	for addr := range f.heaps {
		c := f.block(addr+8, 8, "global heap")
		add(addr, c.u64())
	}
	return bytes, err
}

// Every changed bit of a chunk with a checksum is an error that names the chunk.
func TestFlippedChunk(t *testing.T) {
	b, err := os.ReadFile("testdata/filters.h5")
	must(t, err)
	for _, name := range []string{"fletcher32 <f4", "all >f8", "gzip <f2"} {
		o, err := parse(t, b).Root.Open(name)
		must(t, err)
		want, err := o.Float32s()
		must(t, err)
		l, err := o.layout()
		must(t, err)
		for _, ch := range l.chunks[:2] {
			for i := range int(ch.stored) {
				for bit := range 8 {
					at := int(ch.addr) + i
					b[at] ^= 1 << bit
					o, err := parse(t, b).Root.Open(name)
					must(t, err)
					got, err := o.Float32s()
					b[at] ^= 1 << bit
					// Some bits of zlib's header and padding have no meaning.
					if err == nil && (name[0] != 'g' || !reflect.DeepEqual(got, want)) {
						t.Fatalf("%s: byte %d, bit %d: changed, and accepted", name, at, bit)
					}
					if err != nil && !strings.Contains(err.Error(), "chunk ") {
						t.Fatalf("%s: error %v", name, err)
					}
				}
			}
		}
	}
}

// An error says in which file and where a checksum does not match, and of what.
func TestChecksumErrors(t *testing.T) {
	b, err := os.ReadFile("testdata/checked.h5")
	must(t, err)
	for _, tt := range []struct{ signature, want string }{
		{"\x89HDF", "superblock of 48 bytes is damaged: the checksum does not match: lookup3"},
		{"OHDR", "object header of "},
		{"OCHK", "object header continuation of "},
		{"FRHP", "fractal heap of 146 bytes"},
		{"FHDB", "fractal heap's direct block of 512 bytes"},
		{"FHIB", "fractal heap's indirect block of "},
		{"BTHD", "B-tree header of 38 bytes"},
		{"BTLF", "B-tree node of "},
	} {
		at := bytes.Index(b, []byte(tt.signature))
		if at < 0 {
			t.Fatalf("no %s in the file", tt.signature)
		}
		changed := bytes.Clone(b)
		changed[at+len(tt.signature)+9] ^= 4
		if tt.signature == "BTLF" || tt.signature == "OCHK" {
			changed[at+len(tt.signature)+9] ^= 4
			changed[at+len(tt.signature)+2] ^= 4
		}
		_, err := describeBytes(changed)
		format := (*FormatError)(nil)
		if !errors.As(err, &format) || !errors.Is(err, errChecksum) ||
			!strings.Contains(err.Error(), tt.want) || format.File != "test.h5" ||
			format.Offset != int64(at) {
			t.Errorf("%s at byte %d: error %v, expected %q", tt.signature, at, err, tt.want)
		}
	}
}
