package idx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/parallel"
)

// all returns the values of a set in the order of its blocks.
func all[P uint8 | uint16](t *testing.T, s *imageset.Set[P]) []P {
	t.Helper()
	var pix []P
	err := s.Each(func(b *imageset.Images[P], _ int) error {
		pix = append(pix, b.Pix...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pix
}

// numbers returns a file of n images or vectors of 2x3 values that count from 0.
func numbers(t *testing.T, magic uint32, n int) string {
	t.Helper()
	b := binary.BigEndian.AppendUint32(nil, magic)
	for _, word := range []int{n, 2, 3} {
		b = binary.BigEndian.AppendUint32(b, uint32(word))
	}
	for i := range 6 * n {
		if magic == MagicImages {
			b = append(b, byte(i))
		} else {
			b = binary.BigEndian.AppendUint16(b, uint16(1000*i))
		}
	}
	name := filepath.Join(t.TempDir(), "numbers.dat")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	// Some systems count the times of files in steps of milliseconds.
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(name, long, long); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSetsInBlocks(t *testing.T) {
	temporary := temporaryFolder(t)
	images, latents := numbers(t, MagicImages, 20), numbers(t, MagicLatents, 20)
	wantImages, err := ReadImages(images)
	if err != nil {
		t.Fatal(err)
	}
	wantLatents, err := ReadLatents(latents)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range forms {
		for _, block := range []int{0, 1, 7, 512} {
			restore := InBlocks(block)
			f, err := OpenImages(form.of(t, content(t, images)))
			if err != nil {
				t.Fatal(err)
			}
			s, err := f.Set()
			if err != nil {
				t.Fatal(err)
			}
			if got := all(t, s); !slices.Equal(got, wantImages.Pix) || (s.Whole() != nil) != (block == 0) {
				t.Errorf("%s, blocks of %d: images %v", form.name, block, got)
			}
			g, err := OpenLatentsOf(f, form.of(t, content(t, latents)))
			if err != nil {
				t.Fatal(err)
			}
			v, err := g.Set()
			if err != nil {
				t.Fatal(err)
			}
			if got := all(t, v); !slices.Equal(got, wantLatents.Pix) {
				t.Errorf("%s, blocks of %d: vectors %v", form.name, block, got)
			}
			some, err := imageset.SelectFrom(v, []int{19, 0})
			if err != nil || !slices.Equal(some.At(0), wantLatents.At(19)) ||
				!slices.Equal(some.At(1), wantLatents.At(0)) {
				t.Errorf("%s, blocks of %d: vectors 19 and 0 are %v, %v", form.name, block, some, err)
			}
			for _, close := range []func() error{s.Close, v.Close} {
				if err := close(); err != nil {
					t.Error(err)
				}
			}
			if entries, err := os.ReadDir(temporary); len(entries) > 0 || err != nil {
				t.Errorf("%s, blocks of %d: left behind %v, %v", form.name, block, entries, err)
			}
			if _, err := imageset.SelectFrom(s, []int{3}); (err == nil) != (block == 0) {
				t.Errorf("%s, blocks of %d: the closed set returns %v", form.name, block, err)
			}
			restore()
		}
	}
}

// A file that is changed after it was opened ends the pass with a sentence. A file that takes its
// name does not matter.
func TestFilesThatChangeWhileTheyAreRead(t *testing.T) {
	defer InBlocks(3)()
	want := map[string]string{
		"cut":       "136 bytes before, 60 now",
		"written":   "it was written again",
		"continued": "136 bytes before, 140 now",
	}
	for name, change := range map[string]func(name string) error{
		"cut": func(name string) error { return os.Truncate(name, 60) },
		"written": func(name string) error {
			return os.WriteFile(name, bytes.Repeat([]byte{1}, 136), 0o600)
		},
		"continued": func(name string) error {
			f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			f.WriteString("more")
			return f.Close()
		},
		"replaced": func(name string) error {
			if err := os.WriteFile(name+".new", []byte("other"), 0o600); err != nil {
				return err
			}
			return os.Rename(name+".new", name)
		},
	} {
		for _, moment := range []string{"before the set is made", "after it", "in a pass"} {
			file := numbers(t, MagicImages, 20)
			f, err := OpenImages(file)
			if err != nil {
				t.Fatal(err)
			}
			changeAt := func(m string) {
				if m == moment {
					if err := change(file); err != nil {
						t.Fatal(err)
					}
				}
			}
			changeAt("before the set is made")
			s, err := f.Set()
			if err != nil {
				t.Fatal(err)
			}
			changeAt("after it")
			err = s.Each(func(_ *imageset.Images[uint8], first int) error {
				if first == 6 {
					changeAt("in a pass")
				}
				return nil
			})
			s.Close()
			if name == "replaced" {
				if err != nil {
					t.Errorf("%s %s: %v", name, moment, err)
				}
			} else if err == nil ||
				err.Error() != file+": the file changed while it was read ("+want[name]+")" {
				t.Errorf("%s %s: error %v", name, moment, err)
			}
		}
	}
}

// A file that is cut while its values are looked at ends the pass with a sentence, too, whichever
// code looks at them in whichever goroutine.
func TestFilesThatAreCutUnderAPass(t *testing.T) {
	for name, look := range map[string]func(m *imageset.Images[uint8]){
		"Go": func(m *imageset.Images[uint8]) {
			sum := uint8(0)
			for i := range m.Pix {
				sum += m.Pix[i]
			}
			runtime.KeepAlive(sum)
		},
		"a kernel": func(m *imageset.Images[uint8]) { metric.Manhattan(m.At(0), m.At(m.N-1)) },
		"workers": func(m *imageset.Images[uint8]) {
			parallel.Do(m.N, func(jobs iter.Seq[int]) {
				for i := range jobs {
					metric.Manhattan(m.At(i), m.At(m.N-1-i))
					time.Sleep(time.Microsecond) // so that others get some
				}
			})
		},
		"packing": func(m *imageset.Images[uint8]) { metric.PackPoints(m.Pix, m.N, m.Dim()) },
	} {
		restore := InBlocks(500)
		images := &imageset.Images[uint8]{N: 2000, Rows: 28, Cols: 28, Pix: make([]uint8, 2000*784)}
		file := filepath.Join(t.TempDir(), "images")
		if err := WriteImages(file, images); err != nil {
			t.Fatal(err)
		}
		f, err := OpenImages(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Set()
		if err != nil {
			t.Fatal(err)
		}
		visits := 0
		err = s.Each(func(m *imageset.Images[uint8], first int) error {
			if visits++; visits == 3 {
				if err := os.Truncate(file, 100); err != nil {
					t.Fatal(err)
				}
			}
			look(m)
			return nil
		})
		want := file + ": the file changed while it was read (1568016 bytes before, 100 now)"
		if err == nil || err.Error() != want || visits != 3 {
			t.Errorf("%s, after %d visits: error %v, want %s", name, visits, err, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		restore()
	}
}

// What cannot be mapped is read.
func TestFilesThatCannotBeMapped(t *testing.T) {
	defer InBlocks(3)()
	before := mapInto
	defer func() { mapInto = before }()
	mapInto = func(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }
	f, err := OpenImages(numbers(t, MagicImages, 20))
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadImages(f.Name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Set()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got []uint8
	err = s.Each(func(m *imageset.Images[uint8], _ int) error {
		got = append(got, m.Pix...)
		return nil
	})
	if err != nil || !slices.Equal(got, want.Pix) {
		t.Errorf("read %v, %v; want %v", got, err, want.Pix)
	}
}

// A name is in an error once, whoever tells it.
func TestNamed(t *testing.T) {
	plain := errors.New("too large")
	for _, c := range []struct {
		err  error
		want string
	}{
		{plain, "a: too large"},
		{fmt.Errorf("a: %w", plain), "a: too large"},
		{fmt.Errorf("ab: %w", plain), "a: ab: too large"},
		{&FormatError{"a", 4, "wrong", nil}, "a: byte 4: wrong"},
		{&FormatError{"b", NoPlace, "wrong", nil}, "b: wrong"},
		{fmt.Errorf("query 3: %w", &FormatError{"b", 0, "wrong", nil}), "query 3: b: byte 0: wrong"},
	} {
		got := Named("a", c.err)
		if got.Error() != c.want || errors.Is(c.err, plain) != errors.Is(got, plain) {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
}
