package idx

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"imagesimilarity/pkg/imageset"
)

func words(w ...uint32) []byte {
	var b []byte
	for _, x := range w {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return b
}

func zipped(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

func file(t testing.TB, b []byte) string {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestImages(t *testing.T) {
	want := &imageset.Images[uint8]{
		N: 3, Rows: 2, Cols: 2, Pix: []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255},
	}
	name := filepath.Join(t.TempDir(), "images")
	if err := WriteImages(name, want); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, append(words(0x803, 3, 2, 2), want.Pix...)) {
		t.Fatalf("wrote % x", b)
	}
	for form, content := range map[string][]byte{
		"plain":                    b,
		"gzip":                     zipped(b),
		"with bytes after the end": append(b, 9, 9),
	} {
		m, err := ReadImages(file(t, content))
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		if m.N != 3 || m.Rows != 2 || m.Cols != 2 || !slices.Equal(m.Pix, want.Pix) {
			t.Errorf("%s: read %+v", form, m)
		}
		if got := m.At(1); !slices.Equal(got, []uint8{5, 6, 7, 8}) {
			t.Errorf("%s: image 1 is %v", form, got)
		}
	}
	if f := want.First(2); f.N != 2 || !slices.Equal(f.Pix, want.Pix[:8]) {
		t.Errorf("First(2) is %+v", f)
	}
	if f := want.First(9); f.N != 3 {
		t.Errorf("First(9) has %d images", f.N)
	}
}

func TestLatents(t *testing.T) {
	want := &imageset.Images[uint16]{N: 2, Rows: 1, Cols: 3, Pix: []uint16{0, 1, 25500, 65535, 256, 2}}
	name := filepath.Join(t.TempDir(), "latents")
	if err := WriteLatents(name, want); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(name)
	if !bytes.Equal(b, append(words(999, 2, 1, 3), 0, 0, 0, 1, 0x63, 0x9c, 0xff, 0xff, 1, 0, 0, 2)) {
		t.Fatalf("wrote % x", b)
	}
	m, err := ReadLatents(name)
	if err != nil || m.N != 2 || m.Rows != 1 || m.Cols != 3 || !slices.Equal(m.Pix, want.Pix) {
		t.Errorf("read %+v, %v", m, err)
	}
}

func TestLabels(t *testing.T) {
	name := filepath.Join(t.TempDir(), "labels")
	if err := WriteLabels(name, []uint8{7, 0, 9}); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(name)
	if !bytes.Equal(b, append(words(0x801, 3), 7, 0, 9)) {
		t.Fatalf("wrote % x", b)
	}
	l, err := ReadLabels(name)
	if err != nil || !slices.Equal(l, []uint8{7, 0, 9}) {
		t.Errorf("read %v, %v", l, err)
	}
}

// The files are in the forms of MNIST and of the original Python program.
func TestRealFiles(t *testing.T) {
	m, err := ReadImages("testdata/query20.dat")
	if err != nil {
		t.Fatal(err)
	}
	l, err := ReadLatents("testdata/query20_10.dat")
	if err != nil {
		t.Fatal(err)
	}
	if m.N != 20 || m.Rows != 28 || m.Cols != 28 || l.N != 20 || l.Dim() != 10 {
		t.Errorf("%d images of %dx%d, %d vectors of %d", m.N, m.Rows, m.Cols, l.N, l.Dim())
	}
}

func TestFaults(t *testing.T) {
	images := func(name string) error { _, err := ReadImages(name); return err }
	latents := func(name string) error { _, err := ReadLatents(name); return err }
	labels := func(name string) error { _, err := ReadLabels(name); return err }
	for _, c := range []struct {
		what    string
		read    func(string) error
		content []byte
		want    string // part of the message
	}{
		{
			"empty", images, nil,
			"byte 0: the file ends within its header of 16 bytes; expected 8-bit images",
		},
		{"short header", images, words(0x803, 1, 2)[:11], "byte 11: the file ends within its header"},
		{
			"labels for images", images, append(words(0x801, 9, 0, 0), make([]byte, 9)...),
			"magic number 2049, expected 2051 (8-bit images); this is a file of labels",
		},
		{
			"images for latents", latents, append(words(0x803, 1, 1, 1), 0),
			"expected 999 (16-bit latent vectors); this is a file of 8-bit images",
		},
		{
			"latents for images", images, append(words(999, 1, 1, 1), 0, 0),
			"this is a file of 16-bit latent vectors",
		},
		{"another magic", labels, words(5, 0), "magic number 5, expected 2049 (labels)"},
		{
			"truncated", images, append(words(0x803, 2, 2, 2), 1, 2, 3),
			"byte 19: the file ends early: the header promises 2 images of 2x2 pixels, 8 bytes, but 3 " +
				"follow it",
		},
		{
			"truncated gzip data", images, zipped(append(words(0x803, 2, 2, 2), 1, 2, 3)), "but 3 follow it",
		},
		{
			"odd byte", latents, append(words(999, 1, 1, 2), 1, 2, 3),
			"promises 1 vector of 2 16-bit values, 4 bytes, but 3 follow it",
		},
		{"no pixels", images, words(0x803, 2, 0, 28), "images of 0x28 values; expected at least 1x1"},
		{"overflow", images, words(0x803, 1<<31, 1<<31, 1<<31), "more than 1099511627776 values"},
		{"huge promise", images, words(0x803, 1<<20, 28, 28), "but 0 follow it"},
		{"huge promise in gzip", images, zipped(words(0x803, 1<<20, 28, 28)), "but 0 follow it"},
		{
			"many labels", labels, append(words(0x801, 1<<32-1), 1),
			"promises 4294967295 labels, 4294967295 bytes, but 1 follow it",
		},
		{
			"damaged gzip", images, append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0}, 0xff, 0xff),
			"expected 8-bit images",
		},
		{"half a gzip header", images, []byte{0x1f, 0x8b}, "damaged gzip header"},
	} {
		t.Run(c.what, func(t *testing.T) {
			name := file(t, c.content)
			err := c.read(name)
			if err == nil {
				t.Fatal("no error")
			}
			if fe := (*FormatError)(nil); !errors.As(err, &fe) || fe.File != name {
				t.Errorf("%#v is no FormatError of the file", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not say %q", err, c.want)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		err := images("nosuch.dat")
		if err == nil || !strings.HasPrefix(err.Error(), "cannot open nosuch.dat: ") {
			t.Errorf("%v", err)
		}
	})
	t.Run("directory", func(t *testing.T) {
		if err := images("testdata"); err == nil || !strings.Contains(err.Error(), "it is a directory") {
			t.Errorf("%v", err)
		}
	})
}

// The cause of an error stays: a missing file, a fault of the system, an early end, damage.
func TestErrorsKeepTheirCause(t *testing.T) {
	images := func(name string) error { _, err := ReadImages(name); return err }
	latents := func(name string) error { _, err := ReadLatents(name); return err }
	labels := func(name string) error { _, err := ReadLabels(name); return err }
	whole := append(words(0x803, 2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8)
	damaged := append(zipped(whole)[:10], 0xff, 0xff) // no kind of block
	for _, c := range []struct {
		name    string
		read    func(string) error
		content []byte
		want    error
	}{
		{"no header", images, nil, io.ErrUnexpectedEOF},
		{"half a header", labels, words(0x801, 5)[:7], io.ErrUnexpectedEOF},
		{"half the images", images, whole[:20], io.ErrUnexpectedEOF},
		{"half the vectors", latents, append(words(999, 1, 1, 2), 1, 2, 3), io.ErrUnexpectedEOF},
		{"half the labels", labels, append(words(0x801, 5), 1, 2, 3), io.ErrUnexpectedEOF},
		{"half of a gzip file", images, zipped(whole)[:20], io.ErrUnexpectedEOF},
		{"half of a gzip header", images, zipped(whole)[:5], io.ErrUnexpectedEOF},
	} {
		if err := c.read(file(t, c.content)); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want one that is %v", c.name, err, c.want)
		}
	}
	if err := images("nosuch.dat"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: error %v, want one that is %v", err, fs.ErrNotExist)
	}
	var corrupt flate.CorruptInputError
	if err := images(file(t, damaged)); !errors.As(err, &corrupt) {
		t.Errorf("a damaged gzip file: error %v, want a flate.CorruptInputError", err)
	}
	// What the system refuses on the way is told with the place, and is no early end.
	broken := &reader{Reader: iotest.ErrReader(syscall.EIO), name: "f", size: -1}
	if _, err := broken.all(5, "5 labels"); !errors.Is(err, syscall.EIO) ||
		err.Error() != "f: byte 0: cannot read on: input/output error" {
		t.Errorf("a fault of the disk: error %v, want %v", err, syscall.EIO)
	}
	if _, err := broken.header(2, MagicLabels, "labels"); !errors.Is(err, syscall.EIO) {
		t.Errorf("a fault of the disk: error %v, want %v", err, syscall.EIO)
	}
}

// A plain file that is cut after it was opened is told with the place where it ends, in whichever
// of the pieces that are read at the same time that is.
func TestFilesThatAreCutBeforeTheyAreRead(t *testing.T) {
	const n = 5 << 20 / 4
	whole := append(words(0x803, n, 2, 2), make([]byte, 4*n)...)
	for i := range whole[16:] {
		whole[16+i] = byte(i ^ i>>10)
	}
	for _, left := range []int{0, 1, 1 << 20, 3<<20 + 7, 4*n - 1, 4 * n} {
		name := file(t, whole)
		f, err := OpenImages(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, int64(16+left)); err != nil {
			t.Fatal(err)
		}
		m, err := f.Read()
		want := fmt.Sprintf("%s: byte %d: the file ends early: the header promises %d images of 2x2 "+
			"pixels, %d bytes, but %d follow it", name, 16+left, n, 4*n, left)
		if left == 4*n {
			if err != nil || !bytes.Equal(m.Pix, whole[16:]) {
				t.Errorf("the whole file: error %v, or other images", err)
			}
		} else if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// An empty set is legal. The programs decide whether they can do something with it.
func TestEmptySet(t *testing.T) {
	m, err := ReadImages(file(t, words(0x803, 0, 28, 28)))
	if err != nil || m.N != 0 || len(m.Pix) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

// Memory follows the bytes that are there. It never exceeds twice the values that the header
// promises plus room to work in.
func TestMemory(t *testing.T) {
	const mib = 1 << 20
	images := func(name string) error { _, err := ReadImages(name); return err }
	latents := func(name string) error { _, err := ReadLatents(name); return err }
	labels := func(name string) error { _, err := ReadLabels(name); return err }
	for _, c := range []struct {
		what    string
		read    func(string) error
		content []byte
		ok      bool
		most    uint64 // bytes
	}{
		{
			"images", images, append(words(0x803, 20*mib/784, 28, 28), make([]byte, 20*mib)...), true,
			2 * 20 * mib,
		},
		{"latents", latents, append(words(999, mib, 1, 10), make([]byte, 20*mib)...), true, 2 * 20 * mib},
		{"labels", labels, append(words(0x801, 20*mib), make([]byte, 20*mib)...), true, 2 * 20 * mib},
		{
			"a promise that is not kept", images,
			append(words(0x803, 1<<20, 1<<10, 1<<10), make([]byte, mib)...), false, mib,
		},
		{
			"gzip", images, zipped(append(words(0x803, 20*mib/784, 28, 28), make([]byte, 20*mib)...)), true,
			2 * 20 * mib,
		},
		{
			"a bomb behind a small promise", images,
			zipped(append(words(0x803, 1, 28, 28), make([]byte, 32*mib)...)), true, mib,
		},
		{
			"a bomb behind a small promise of latents", latents,
			zipped(append(words(999, 1, 1, 10), make([]byte, 32*mib)...)), true, mib,
		},
		{
			"a bomb behind a small promise of labels", labels,
			zipped(append(words(0x801, 1), make([]byte, 32*mib)...)), true, mib,
		},
		{
			"a promise that gzip does not keep", images, zipped(words(0x803, 1<<20, 1<<10, 1<<10)), false,
			16 * mib,
		},
	} {
		name := file(t, c.content)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := c.read(name)
		runtime.ReadMemStats(&after)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v", c.what, err)
		}
		if got, most := after.TotalAlloc-before.TotalAlloc, c.most+mib; got > most {
			t.Errorf("%s: %d bytes were allocated for a file of %d, expected at most %d",
				c.what, got, len(c.content), most)
		}
	}
}

// Whatever the bytes, the readers return a set of the header's size or an error. What they accept
// is read the same after writing.
func FuzzRead(f *testing.F) {
	for _, name := range []string{
		"testdata/query20.dat", "testdata/query20_10.dat", "testdata/query20_labels.dat",
	} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 2000)])
		f.Add(zipped(b[:min(len(b), 2000)]))
	}
	f.Add(words(0x803, 1, 2, 2))
	f.Add(append(words(0x803, 1, 2, 2), 1, 2, 3, 4))
	f.Add(append(words(0x801, 2), 1, 2))
	f.Add(zipped(words(0x803, 1<<30, 1, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		name := file(t, b)
		if m, err := ReadImages(name); err == nil {
			if len(m.Pix) != m.N*m.Rows*m.Cols {
				t.Fatalf("%d pixels for %d images of %dx%d", len(m.Pix), m.N, m.Rows, m.Cols)
			}
			if err := WriteImages(name+"2", m); err != nil {
				t.Fatal(err)
			}
			if again, err := ReadImages(name + "2"); err != nil || !slices.Equal(again.Pix, m.Pix) {
				t.Fatalf("not the same again: %v", err)
			}
		}
		if m, err := ReadLatents(name); err == nil && len(m.Pix) != m.N*m.Rows*m.Cols {
			t.Fatalf("%d values for %d vectors of %d", len(m.Pix), m.N, m.Dim())
		}
		ReadLabels(name)
	})
}
