package outfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Only folders that MakeFolder made are removed, and only while they are empty.
func TestMakeFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("old", 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, "file")
	for _, dir := range []string{"old", "old/a/b", "old/a/b", "new/c", "new/d/e"} {
		if err := MakeFolder(dir); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			t.Errorf("%s: %v", dir, err)
		}
	}
	for _, dir := range []string{"file", "file/a", "old/\x00"} {
		err := MakeFolder(dir)
		if err == nil {
			t.Errorf("%q was made", dir)
			continue
		}
		// Not a step: "mkdir file: not a directory".
		if want := "cannot make the folder " + dir + ": "; !strings.HasPrefix(err.Error(), want) ||
			strings.Contains(err.Error(), "mkdir") {
			t.Errorf("%q, want %q and a reason", err, want)
		}
	}
	put(t, filepath.Join("new", "c", "kept"))
	RemoveEmptyFolders()
	holds(t, ".", "file", "new", "old")
	holds(t, "old")
	holds(t, "new", "c")
	holds(t, filepath.Join("new", "c"), "kept")
}
