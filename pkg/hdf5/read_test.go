package hdf5

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// samples returns the files of this package and the model files of package keras.
func samples(t testing.TB) []string {
	t.Helper()
	own, err := filepath.Glob("testdata/*.h5")
	if err != nil {
		t.Fatal(err)
	}
	models, err := filepath.Glob("../testdata/keras/*.h5")
	if err != nil {
		t.Fatal(err)
	}
	if len(own) == 0 || len(models) == 0 {
		t.Fatal("the samples are missing")
	}
	return append(own, models...)
}

// open opens a file that is wholly in memory.
func open(t testing.TB, name string) *File {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, b)
}

func parse(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(b), int64(len(b)), "test.h5")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

type sample struct {
	Objects    int
	Attributes map[string]string
	Data       map[string]struct {
		Shape  []int
		SHA256 string
	}
}

// Every sample reads as the HDF5 library reads it. ../testdata/expect.py recorded that.
func TestSamples(t *testing.T) {
	b, err := os.ReadFile("../testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]sample
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	files := samples(t)
	if len(files) != len(want) {
		t.Errorf("%d samples, expected.json has %d", len(files), len(want))
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got, err := describe(open(t, name))
			must(t, err)
			want := want[filepath.Base(name)]
			for key, w := range want.Attributes {
				if g, ok := got.Attributes[key]; !ok || g != w {
					t.Errorf("attribute %s is %q, expected %q", key, g, w)
				}
			}
			for path, w := range want.Data {
				if g := got.Data[path]; !slices.Equal(g.Shape, w.Shape) || g.SHA256 != w.SHA256 {
					t.Errorf("data set %s is %v, expected %v", path, g, w)
				}
			}
			if got.Objects != want.Objects {
				t.Errorf("%d groups and data sets, expected %d", got.Objects, want.Objects)
			}
			if len(got.Attributes) != len(want.Attributes) || len(got.Data) != len(want.Data) {
				t.Errorf("%d attributes, %d data sets; expected %d, %d",
					len(got.Attributes), len(got.Data), len(want.Attributes), len(want.Data))
			}
		})
	}
}

// describe reads the whole file, as expect.py does.
func describe(f *File) (sample, error) {
	s := sample{Attributes: map[string]string{}, Data: map[string]struct {
		Shape  []int
		SHA256 string
	}{}}
	err := walk(f.Root, func(o *Object) error {
		s.Objects++
		names, err := o.AttributeNames()
		if err != nil {
			return err
		}
		for _, name := range names {
			list, err := o.Strings(name)
			if err != nil {
				return err
			}
			text := strings.Join(list, "\n")
			if utf8.RuneCountInString(text) > 80 {
				sum := sha256.Sum256([]byte(text))
				text = hex.EncodeToString(sum[:])
			}
			s.Attributes[o.Path+"@"+name] = text
		}
		if !o.Dataset {
			return nil
		}
		values, err := o.Float32s()
		unsupported := (*UnsupportedError)(nil)
		if errors.As(err, &unsupported) && strings.Contains(err.Error(), "integers") {
			return nil // counters of an optimizer; expect.py leaves them out
		}
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
			return err
		}
		sum := sha256.Sum256(b.Bytes())
		d := s.Data[o.Path]
		d.Shape, d.SHA256 = o.Shape, hex.EncodeToString(sum[:])
		s.Data[o.Path] = d
		return nil
	})
	return s, err
}

// walk visits an object and all below it, up to a depth that only a loop of groups exceeds.
func walk(o *Object, visit func(*Object) error) error {
	if err := visit(o); err != nil || o.Dataset {
		return err
	}
	names, err := o.Names()
	if err != nil {
		return err
	}
	if strings.Count(o.Path, "/") > 20 {
		return errors.New("too deep")
	}
	for _, name := range names {
		next, err := o.Open(name)
		if err != nil {
			return err
		}
		if err := walk(next, visit); err != nil {
			return err
		}
	}
	return nil
}

// A heap has many blocks, some of them below an inner indirect block.
func TestDeepHeap(t *testing.T) {
	packed, err := os.Open("testdata/dense_deep.h5.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	f := parse(t, b)
	names, err := f.Root.AttributeNames()
	if err != nil || len(names) != 250 {
		t.Fatalf("%d attributes, error %v; expected 250", len(names), err)
	}
	for i := range 250 {
		got, err := f.Root.Text(fmt.Sprint("attribute ", i))
		if want := fmt.Sprint(i, " ", strings.Repeat("x", 3900)); err != nil || got != want {
			t.Fatalf("attribute %d has %d bytes, error %v", i, len(got), err)
		}
	}
}

// An unsupported feature is named, and does not keep the rest from being read.
func TestUnsupported(t *testing.T) {
	features := open(t, "testdata/unsupported/features.h5")
	indexes := open(t, "testdata/unsupported/chunk_indexes.h5")
	link := open(t, "testdata/unsupported/soft_link.h5")
	values := func(f *File, path string) error {
		o, err := f.Root.Open(path)
		if err == nil {
			_, err = o.Float32s()
		}
		return err
	}
	attribute := func(name string) error {
		_, err := features.Root.Strings(name)
		return err
	}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"integers", values(features, "integers"), "a data set of integers of 8 bytes"},
		{"compound", values(features, "compound"), "a data set of compounds of 8 bytes"},
		{"soft link", values(features, "soft"), `the soft or external link "soft"`},
		{"soft link of an old-style group", values(link, "soft"), `the soft or external link "soft"`},
		{"external link", values(features, "external"), `the soft or external link "external"`},
		{"committed datatype", values(features, "shared type"), "a shared datatype"},
		{"lzf", values(features, "lzf"), "filter 32000"},
		{"missing chunks", values(features, "missing chunks"), "chunks that were never written"},
		{"fill value", values(features, "fill value"),
			"values that were never written, with a fill value other than zero"},
		{"far too many", values(features, "far too many"), "2097152 values that were never written"},
		{"outside", values(features, "outside"), "values in an external file"},
		{"number", attribute("number"), "an attribute of integers read as text"},
		{"truth", attribute("truth"), "an attribute of enumerations read as text"},
		{"numbers", attribute("list of numbers"),
			"an attribute of floating-point numbers read as text"},
		{"single chunk", values(indexes, "single chunk"), "a chunk index of kind single chunk"},
		{"fixed array", values(indexes, "fixed array"), "a chunk index of kind fixed array"},
		{"extensible array", values(indexes, "extensible array"),
			"a chunk index of kind extensible array"},
		{"B-tree", values(indexes, "B-tree"), "a chunk index of kind version 2 B-tree"},
	} {
		unsupported := (*UnsupportedError)(nil)
		if !errors.As(tt.err, &unsupported) || !strings.HasPrefix(unsupported.Feature, tt.want) {
			t.Errorf("%s: error %v, expected %q", tt.name, tt.err, tt.want)
		}
	}
	zeros, err := features.Root.Open("never written")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := zeros.Float32s(); err != nil || !slices.Equal(got, make([]float32, 10)) {
		t.Errorf("values never written are %v, error %v; expected zeros", got, err)
	}
}

func TestNotFound(t *testing.T) {
	f := open(t, "testdata/variant_libver_latest.h5")
	if _, err := f.Root.Open("g/nothing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing object: error %v, expected ErrNotFound", err)
	}
	if _, err := f.Root.Strings("nothing"); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing attribute: error %v, expected ErrNotFound", err)
	}
	for _, path := range []string{"", "/", "g/", "/g", "../g", "g/./sc", "g\x00"} {
		if _, err := f.Root.Open(path); err == nil {
			t.Errorf("the path %q was opened", path)
		}
	}
	if _, err := f.Root.Open("g/sc/below"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("below a data set: error %v, expected another", err)
	}
	if _, err := f.Root.Float32s(); err == nil {
		t.Error("the values of a group were read")
	}
}

// Every pattern of half precision has the value of its definition.
func TestHalfToSingle(t *testing.T) {
	for h := range 1 << 16 {
		sign, exponent, mantissa := 1-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := float32(sign * (1 + mantissa/1024) * math.Pow(2, float64(exponent-15)))
		switch {
		case exponent == 0:
			want = float32(sign * mantissa / 1024 * math.Pow(2, -14))
		case exponent == 31 && mantissa == 0:
			want = float32(sign * math.Inf(1))
		case exponent == 31:
			want = float32(math.NaN())
		}
		got := halfToSingle(uint16(h))
		nan := want != want
		if nan != (got != got) || !nan &&
			(got != want || math.Signbit(float64(got)) != math.Signbit(float64(want))) {
			t.Fatalf("%04x is %v, expected %v", h, got, want)
		}
	}
}
