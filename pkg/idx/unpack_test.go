package idx

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/progress"
)

// temporaryFolder returns a new folder that is the one for temporary files until the test ends.
func temporaryFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	setTemporaryFolder(t, dir)
	return dir
}

func setTemporaryFolder(t *testing.T, dir string) {
	for _, variable := range []string{"TMPDIR", "TMP"} {
		t.Setenv(variable, dir)
	}
}

// forms are the forms in which the content of a file can come.
var forms = []form{
	{"plain", func(t *testing.T, content []byte) string { return file(t, content) }},
	{"gzip", func(t *testing.T, content []byte) string { return file(t, zipped(content)) }},
}

type form struct {
	name string
	of   func(t *testing.T, content []byte) (name string)
}

func content(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A display tells what is unpacked where.
func TestUnpackingIsShown(t *testing.T) {
	defer InBlocks(3)()
	dir := temporaryFolder(t)
	for _, form := range forms {
		done, doing := "unpacked", "unpacking"
		switch form.name {
		case "plain":
			continue
		case "pipe":
			done, doing = "copied", "copying"
		}
		var screen bytes.Buffer
		display := progress.New(&screen, false)
		var phases []string
		display.Began = func(name string) { phases = append(phases, name) }
		name := form.of(t, four)
		f, err := Opener{Display: display}.OpenImages(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Set()
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		display.Rest()
		want := name + " is " + done + " into a temporary file of 16 bytes in " + dir
		if got := strings.Join(strings.Fields(screen.String()), " "); got != want {
			t.Errorf("%s: the screen shows %q, want %q", form.name, got, want)
		}
		if want := []string{doing + " " + name, "reading the files"}; !slices.Equal(phases, want) {
			t.Errorf("%s: phases %q, want %q", form.name, phases, want)
		}
	}
}

// A file that is damaged anywhere is refused before its images are used, and leaves nothing behind.
func TestUnpackDamagedFiles(t *testing.T) {
	defer InBlocks(1)()
	dir := temporaryFolder(t)
	whole := zipped(four)
	for i := range whole {
		f, err := OpenImages(file(t, whole[:i]))
		if err == nil {
			_, err = f.Set()
		}
		if format := (*FormatError)(nil); !errors.As(err, &format) {
			t.Errorf("the first %d bytes of %d: error %v", i, len(whole), err)
		}
	}
	another := bytes.Clone(whole)
	another[len(another)-5]++ // of the checksum
	f, err := OpenImages(file(t, another))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Set(); !errors.Is(err, gzip.ErrChecksum) {
		t.Errorf("another checksum: error %v", err)
	}
	if entries, err := os.ReadDir(dir); len(entries) > 0 || err != nil {
		t.Errorf("left behind %v, %v", entries, err)
	}
}

// Without a folder for temporary files, the error says which variable names one.
func TestUnpackWithoutTemporaryFolder(t *testing.T) {
	defer InBlocks(1)()
	none := filepath.Join(t.TempDir(), "none")
	setTemporaryFolder(t, none)
	name := file(t, zipped(four))
	f, err := OpenImages(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Set()
	want := name + ": cannot write 4 images of 2x2 pixels to a temporary file in " + none + ": "
	if err == nil || !strings.HasPrefix(err.Error(), want) ||
		!strings.HasSuffix(err.Error(), " to another folder for temporary files") {
		t.Errorf("error %v, want %s...", err, want)
	}
}

// Values that take a quarter of the budget are kept, and a byte more is not.
func TestKeptValues(t *testing.T) {
	defer memory.SetBudget(0)
	memory.SetBudget(64 << 20)
	for _, form := range forms {
		for _, more := range []int{0, 1} {
			count := 16<<20 + more
			content := append(words(MagicImages, uint32(count), 1, 1), make([]byte, count)...)
			f, err := OpenImages(form.of(t, content))
			if err != nil {
				t.Fatal(err)
			}
			s, err := f.Set()
			if err != nil {
				t.Fatal(err)
			}
			if kept := s.Whole() != nil; kept != (more == 0) {
				t.Errorf("%s: %d bytes are kept: %t", form.name, count, kept)
			}
			s.Close()
		}
	}
}
