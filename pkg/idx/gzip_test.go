package idx

import (
	"bytes"
	"compress/gzip"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory"
)

// four is a set of four images of 2x2 pixels, as it lies in a file.
var four = append(words(0x803, 4, 2, 2), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

// Whatever bit of a gzip file is flipped: the file is refused, or the bit belongs to what a gzip
// header says beside the data, such as the time, and the values are the same.
func TestEveryFlippedBitOfGzip(t *testing.T) {
	var stored bytes.Buffer // deflate's blocks without compression: most flips change a value
	w, err := gzip.NewWriterLevel(&stored, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Name, w.Comment = "four", "four images"
	w.Write(four)
	w.Close()
	// A header with a flipped bit may promise more than any machine has.
	memory.SetBudget(math.MaxInt64)
	defer memory.SetBudget(0)
	name := file(t, nil)
	for form, whole := range map[string][]byte{
		"compressed":  zipped(four),
		"stored":      stored.Bytes(),
		"two members": slices.Concat(zipped(four[:19]), zipped(four[19:])),
		"more behind": zipped(slices.Concat(four, []byte("more that is skipped"))),
	} {
		for i := range 8 * len(whole) {
			b := bytes.Clone(whole)
			b[i/8] ^= 1 << (i % 8)
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
			m, err := ReadImages(name)
			if err == nil && !slices.Equal(m.Pix, four[16:]) {
				t.Errorf("%s: with bit %d of byte %d flipped, the images are %v",
					form, i%8, i/8, m.Pix)
			}
			if fe := (*FormatError)(nil); err != nil && !errors.As(err, &fe) {
				t.Errorf("%s: byte %d: error %v is no FormatError", form, i/8, err)
			}
		}
	}
}

func TestEndOfGzip(t *testing.T) {
	one, two := zipped(four), slices.Concat(zipped(four[:18]), zipped(four[18:]))
	empty := zipped(nil)
	for _, c := range []struct {
		what    string
		content []byte
		want    string // part of the error; "" for none
	}{
		{"one member", one, ""},
		{"two members", two, ""},
		{"an empty member between", slices.Concat(zipped(four[:5]), empty, zipped(four[5:])), ""},
		{"zeros as padding", append(bytes.Clone(one), make([]byte, 2000)...), ""},
		{"one zero as padding", append(bytes.Clone(two), 0), ""},
		{"values behind the last", zipped(append(bytes.Clone(four), 1, 2, 3)), ""},
		{"another member behind the last", append(bytes.Clone(one), empty...), ""},
		{"no trailer", one[:len(one)-8], "the gzip stream ends early"},
		{"half a trailer", one[:len(one)-3], "the gzip stream ends early"},
		{
			"no trailer of the first",
			slices.Concat(zipped(four[:5])[:len(zipped(four[:5]))-8], zipped(four[5:])),
			"the checksum or the length at its end",
		},
		{
			"no trailer behind the last", append(bytes.Clone(one), empty[:len(empty)-1]...),
			"the gzip stream ends early",
		},
		{"garbage", append(bytes.Clone(one), "garbage"...), "byte 32: bytes follow the gzip stream"},
		{"a byte of garbage", append(bytes.Clone(one), 'x'), "byte 32: bytes follow the gzip stream"},
		{"half a magic number", append(bytes.Clone(one), 0x1f), "byte 32: bytes follow the gzip stream"},
		{
			"garbage behind zeros", append(bytes.Clone(one), 0, 0, 'x'),
			"byte 32: bytes follow the gzip stream",
		},
		{
			"another header", append(bytes.Clone(one), "\x1f\x8b\x07abcdefgh"...),
			"damaged header of a gzip member",
		},
	} {
		m, err := ReadImages(file(t, c.content))
		if c.want == "" {
			if err != nil || !slices.Equal(m.Pix, four[16:]) {
				t.Errorf("%s: %+v, error %v", c.what, m, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.what, err, c.want)
		}
	}
}

// A gzip stream that holds far more than its header promises is refused after a bounded number of
// bytes.
func TestBombBehindTheImages(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	w.Write(four)
	zeros := make([]byte, 1<<20)
	for range slack>>20 + 1 {
		w.Write(zeros)
	}
	w.Close()
	_, err := ReadImages(file(t, bomb.Bytes()))
	if err == nil || !strings.Contains(err.Error(), "bytes follow the 4 images of 2x2 pixels") {
		t.Errorf("a bomb behind the images: error %v", err)
	}
}

// The values of a gzip file get their memory at once if the file may well hold them. Otherwise the
// memory grows with what is there, and twice as much is asked for.
func TestMemoryOfGzip(t *testing.T) {
	const n = 17 << 20
	noise := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(noise)
	for name, c := range map[string]struct {
		values []byte
		need   float64
	}{"noise": {noise, n}, "zeros": {make([]byte, n), 2 * n}} {
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		EncodeLabelsHeader(w, n)
		w.Write(c.values)
		w.Close()
		var need float64
		restore := memory.Watch(func(_ string, bytes float64) { need = bytes })
		labels, err := ReadLabels(file(t, b.Bytes()))
		restore()
		if err != nil || !bytes.Equal(labels, c.values) || need != c.need {
			t.Errorf("%s: %d labels for %.0f bytes of memory, want %d for %.0f; %v",
				name, len(labels), need, n, c.need, err)
		}
	}
}
