//go:build unix

package idx

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/infile/pipetest"
)

// pipe returns the name of a pipe that gets these bytes.
func pipe(t *testing.T, from io.Reader) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	pipetest.Make(t, name)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return
		}
		defer w.Close()
		io.Copy(w, from) // ends with an error when the reader has had enough
	}()
	t.Cleanup(func() { <-done })
	return name
}

func init() {
	forms = append(forms,
		form{"pipe", func(t *testing.T, content []byte) string {
			return pipe(t, bytes.NewReader(content))
		}},
		form{"pipe with gzip", func(t *testing.T, content []byte) string {
			return pipe(t, bytes.NewReader(zipped(content)))
		}})
}

// Read returns the values of a pipe that was copied because they did not fit into memory.
func TestReadCopiedPipes(t *testing.T) {
	restore := InBlocks(3)
	f, err := OpenImages(pipe(t, bytes.NewReader(four)))
	restore()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := f.Read(); err != nil || !slices.Equal(m.Pix, four[16:]) {
		t.Errorf("images %v, %v", m, err)
	}
}

// A pipe is read as any file.
func TestPipes(t *testing.T) {
	for form, content := range map[string][]byte{"plain": four, "gzip": zipped(four)} {
		m, err := ReadImages(pipe(t, bytes.NewReader(content)))
		if err != nil || m.N != 4 || !slices.Equal(m.Pix, four[16:]) {
			t.Errorf("%s: %+v, error %v", form, m, err)
		}
	}
	_, err := ReadImages(pipe(t, bytes.NewReader(four[:20])))
	if err == nil || !strings.Contains(err.Error(), "16 bytes, but 4 follow it") {
		t.Errorf("a short pipe: error %v", err)
	}
}

// A pipe is read whole when it is opened, so that one that is fed after another causes no wait.
func TestPipesThatAreFedInTurn(t *testing.T) {
	dir := t.TempDir()
	var names []string
	large := append(words(0x803, 300, 28, 28), make([]byte, 300*784)...) // more than a pipe holds
	for _, name := range []string{"first", "second"} {
		names = append(names, filepath.Join(dir, name))
	}
	pipetest.Make(t, names...)
	go func() {
		for _, name := range names {
			os.WriteFile(name, large, 0)
		}
	}()
	for _, f := range opened(t, names) {
		if m, err := f.Read(); err != nil || m.N != 300 {
			t.Errorf("%+v, error %v", m, err)
		}
	}
}

func TestDevices(t *testing.T) {
	_, err := ReadImages("/dev/zero")
	if err == nil || !strings.Contains(err.Error(), "begins with zeros") {
		t.Errorf("/dev/zero gives the error %v", err)
	}
	_, err = ReadLabels("/dev/null")
	if err == nil || !strings.Contains(err.Error(), "the file is empty") {
		t.Errorf("/dev/null gives the error %v", err)
	}
}

// A gzip stream without end is refused, also if it holds no bytes.
func TestEndlessGzip(t *testing.T) {
	for what, endless := range map[string]io.Reader{
		"members without a byte": &repeated{bytes: zipped(nil)},
		"zeros behind the last": io.MultiReader(
			bytes.NewReader(zipped(four)), &repeated{bytes: make([]byte, 1000)}),
	} {
		_, err := ReadImages(pipe(t, endless))
		if !errors.Is(err, errEndless) {
			t.Errorf("%s: error %v, want %v", what, err, errEndless)
		}
	}
}

// repeated gives the same bytes for ever.
type repeated struct {
	bytes []byte
	at    int
}

func (r *repeated) Read(p []byte) (int, error) {
	for n := range p {
		p[n] = r.bytes[r.at]
		r.at = (r.at + 1) % len(r.bytes)
	}
	return len(p), nil
}
