package outfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

func TestNameless(t *testing.T) {
	dir := t.TempDir()
	for _, variable := range []string{"TMPDIR", "TMP"} {
		t.Setenv(variable, dir)
	}
	f, err := Nameless()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("content"); err != nil {
		t.Error(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
	if err != nil || string(b) != "content" {
		t.Errorf("content %q, %v", b, err)
	}
	left := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if runtime.GOOS != "windows" && left() > 0 {
		t.Error("the open file has a name")
	}
	f.Close()
	if left() > 0 {
		t.Error("the closed file has a name")
	}
}

func TestNamelessErrors(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, variable := range []string{"TMPDIR", "TMP"} {
		t.Setenv(variable, none)
	}
	_, err := Nameless()
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("error %v in a folder that is not there", err)
	}
	told := NamelessError("7 images", err)
	begin := "cannot write 7 images to a temporary file in " + none + ": "
	if text := told.Error(); !errors.Is(told, os.ErrNotExist) || !strings.HasPrefix(text, begin) ||
		!strings.HasSuffix(text, " to another folder for temporary files") {
		t.Errorf("error %v", told)
	}
	told = NamelessError("7 images", syscall.EFBIG)
	if want := begin + syscall.EFBIG.Error(); told.Error() != want {
		t.Errorf("error %v, want %s", told, want)
	}
}
