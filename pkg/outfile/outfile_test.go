package outfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// alone fails if there is another file beside name.
func alone(t *testing.T, name string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(name) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestWrite(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	for _, s := range []string{"first", "", "second"} {
		if err := Write(name, text(s)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, name); got != s {
			t.Errorf("%q, want %q", got, s)
		}
	}
	alone(t, name)
}

func TestFailedWriteKeepsTheOldFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := Write(name, text("old")); err != nil {
		t.Fatal(err)
	}
	fault := errors.New("fault")
	err := Write(name, func(w io.Writer) error {
		io.WriteString(w, strings.Repeat("new", 1<<16))
		return fault
	})
	if !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
	if got := read(t, name); got != "old" {
		t.Errorf("%q", got)
	}
	alone(t, name)
}

func TestModeAndLinkStay(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes and symbolic links are not those of Unix here")
	}
	dir := t.TempDir()
	name, link := filepath.Join(dir, "f"), filepath.Join(dir, "link")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("f", link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, text("new")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, name); got != "new" {
		t.Errorf("%q", got)
	}
	if info, _ := os.Stat(name); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if info, _ := os.Lstat(link); info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
}

func TestFaults(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"":                               "cannot write: the file name is empty",
		dir:                              "it is a directory",
		filepath.Join(dir, "no", "file"): "cannot write " + filepath.Join(dir, "no", "file") + ": ",
	} {
		err := Write(name, func(io.Writer) error { t.Error("asked for content"); return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
		if err != nil && strings.Contains(err.Error(), ".tmp") {
			t.Errorf("%q names the temporary file", err)
		}
	}
}

func TestDeviceIsWrittenDirectly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no /dev/null here")
	}
	if err := Write(os.DevNull, text("gone")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Error("the device was replaced")
	}
}
