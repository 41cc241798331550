package hdf5

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// samples are the files of this package and the model files of package keras.
func samples(t testing.TB) []string {
	t.Helper()
	own, err := filepath.Glob("testdata/*.h5")
	if err != nil {
		t.Fatal(err)
	}
	models, err := filepath.Glob("../keras/testdata/*.h5")
	if err != nil {
		t.Fatal(err)
	}
	if len(own) == 0 || len(models) == 0 {
		t.Fatal("the samples are missing")
	}
	return append(own, models...)
}

type sample struct {
	Attributes map[string]string
	Data       map[string]struct {
		Shape  []int
		SHA256 string
	}
}

// Every sample reads as the HDF5 library reads it: testdata/expect.py recorded that.
func TestSamples(t *testing.T) {
	b, err := os.ReadFile("testdata/expected.json")
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
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, err := Open(bytes.NewReader(b), int64(len(b)), name)
			if err != nil {
				t.Fatal(err)
			}
			got := describe(t, f)
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
			if len(got.Attributes) != len(want.Attributes) || len(got.Data) != len(want.Data) {
				t.Errorf("%d attributes, %d data sets; expected %d, %d", len(got.Attributes), len(got.Data), len(want.Attributes), len(want.Data))
			}
		})
	}
}

// describe reads the whole file, as expect.py does.
func describe(t *testing.T, f *File) sample {
	t.Helper()
	s := sample{Attributes: map[string]string{}, Data: map[string]struct {
		Shape  []int
		SHA256 string
	}{}}
	err := walk(f.Root, func(o *Object) error {
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
		if unsupported := (*UnsupportedError)(nil); errors.As(err, &unsupported) && strings.Contains(err.Error(), "integers") {
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
	if err != nil {
		t.Fatal(err)
	}
	return s
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
