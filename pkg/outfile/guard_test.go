package outfile

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// put makes files with their names as content, and folders, whose names end in a slash.
func put(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		var err error
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(name, 0o755)
		} else {
			err = os.WriteFile(name, []byte(name), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func symlink(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("symbolic links: not tested, the system makes none: ", err)
	}
}

// message returns the text of err, "" for nil.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "in.dat", "old.dat", "folder/", "real/")
	abs, err := filepath.Abs("in.dat")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link("in.dat", "hard.dat"); err != nil {
		t.Fatal(err)
	}
	symlink(t, "real", "alias")
	symlink(t, "../in.dat", "real/up")
	symlink(t, "real/x", "dangling")
	symlink(t, "none/x", "lost")
	symlink(t, "loop", "loop")
	const read, written = ", which is read", ", which gets another output"
	for _, tt := range []struct {
		outputs string // separated by blanks
		want    string
	}{
		{"a b folder/a old.dat", ""},
		{"folder/x real/x", ""},
		{"a", ""},
		{os.DevNull + " " + os.DevNull, ""},
		{"in.dat", "cannot write in.dat: it is the same file as in.dat" + read},
		{"a " + abs, "cannot write " + abs + ": it is the same file as in.dat" + read},
		{"hard.dat", "cannot write hard.dat: it is the same file as in.dat" + read},
		{"real/up", "cannot write real/up: it is the same file as in.dat" + read},
		{"alias/up", "cannot write alias/up: it is the same file as in.dat" + read},
		{"missing.dat", "cannot write missing.dat: it is the same file as missing.dat" + read},
		{"a b ./a", "cannot write ./a: it is the same file as a" + written},
		{"old.dat real/../old.dat",
			"cannot write real/../old.dat: it is the same file as old.dat" + written},
		{"real/x alias/x", "cannot write alias/x: it is the same file as real/x" + written},
		{"alias/x dangling", "cannot write dangling: it is the same file as alias/x" + written},
		{"none/a", "cannot write none/a: there is no folder none"},
		{"lost", "cannot write lost: there is no folder none"},
		{"folder", "cannot write folder: it is a directory"},
		{"new/", "cannot write new/: there is no folder new"},
		{"none/../a", "cannot write none/../a: there is no folder none/.."},
		{"in.dat/a", "cannot write in.dat/a: there is no folder in.dat"},
	} {
		err := Guard{}.Check([]string{"in.dat", "missing.dat", ""}, strings.Fields(tt.outputs)...)
		if got := message(err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.outputs, got, tt.want)
		}
	}
	for _, name := range []string{"loop", strings.Repeat("n", 256)} {
		err := Guard{}.Check(nil, name)
		if err == nil || !strings.HasPrefix(err.Error(), "cannot write "+name+": ") {
			t.Errorf("%.20s: %v", name, err)
		}
	}
	if err := (Guard{}).Check(nil, "", ""); err != nil {
		t.Errorf("no names: %v", err)
	}
	// Nothing is left of the trials.
	for _, dir := range []string{".", "folder", "real"} {
		if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}

// The files behind the standard streams count.
func TestCheckStreams(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "data", "answers", "log", "errors")
	open := func(name string, flag int) *os.File {
		f, err := os.OpenFile(name, flag, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	stdin := open("answers", os.O_RDONLY)
	stdout, stderr := open("log", os.O_WRONLY|os.O_APPEND), open("errors", os.O_WRONLY)
	g := NewGuard(stdin, stdout, stderr)
	const (
		read    = "the standard input, which is read"
		written = "the standard output, which gets another output"
		errors  = "the standard error output, which gets another output"
	)
	for _, tt := range []struct{ input, output, want string }{
		{"data", "out", ""},
		{"answers", "out", ""},
		{"data", "answers", "cannot write answers: it is the same file as " + read},
		{"data", "./log", "cannot write ./log: it is the same file as " + written},
		{"data", "errors", "cannot write errors: it is the same file as " + errors},
		{"log", "out", "cannot read log: it is the same file as " + written},
	} {
		if got := message(g.Check([]string{tt.input}, tt.output)); got != tt.want {
			t.Errorf("%s, %s: %q, want %q", tt.input, tt.output, got, tt.want)
		}
	}
	// Two streams in one file are what the shell was asked for.
	if err := NewGuard(stdin, stdout, stdout).Check([]string{"data"}, "out"); err != nil {
		t.Error(err)
	}
	noFiles := NewGuard(strings.NewReader(""), new(strings.Builder), nil)
	if err := noFiles.Check(nil, "log"); err != nil {
		t.Errorf("streams that are no files: %v", err)
	}
}

// A folder is asked whether it takes two names for one; no folder takes these for one.
func TestSameBase(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"x", "x", true},
		{"x", "y", false},
		{"é", "e", false},
		{"é", "è", false},
	} {
		if got := sameBase(dir, tt.a, tt.b); got != tt.want {
			t.Errorf("%s, %s: %v", tt.a, tt.b, got)
		}
	}
	// Whether case counts is a matter of the folder.
	put(t, filepath.Join(dir, "case"))
	_, err := os.Stat(filepath.Join(dir, "CASE"))
	if got := sameBase(dir, "Ä.png", "ä.PNG"); got != (err == nil) {
		t.Errorf("Ä.png, ä.PNG: %v, though the folder says: %v", got, err)
	}
}

func TestDirect(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "file")
	want := map[string]bool{"file": false, "new": false, os.DevNull: true}
	if runtime.GOOS != "windows" {
		want["/dev/stdout"], want["/dev/fd/1"] = true, true
		symlink(t, "/dev/stdout", "link")
		want["link"] = true
	}
	for name, want := range want {
		if Direct(name) != want {
			t.Errorf("%s: %v, want %v", name, !want, want)
		}
	}
}
