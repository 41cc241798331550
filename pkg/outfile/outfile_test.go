package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
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

// holds fails if the folder does not hold these files alone.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	for _, s := range []string{"first", "", "second"} {
		if err := Write(name, text(s)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, name); got != s {
			t.Errorf("%q, want %q", got, s)
		}
	}
	holds(t, dir, "f")
}

func TestFailedWriteKeepsTheOldFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "a", "b")
	reason := errors.New("reason")
	var g Group
	g.Add("a", text("new"))
	g.Add("new", text("new"))
	g.Add("b", func(w io.Writer) error {
		io.WriteString(w, strings.Repeat("new", 1<<16))
		return reason
	})
	if err := g.Commit(); !errors.Is(err, reason) || err.Error() != "cannot write b: reason" {
		t.Errorf("%v", err)
	}
	if a, b := read(t, "a"), read(t, "b"); a != "a" || b != "b" {
		t.Errorf("%q, %q", a, b)
	}
	holds(t, ".", "a", "b")
}

// WriteNew replaces nothing, also on a disk without second names.
func TestWriteNew(t *testing.T) {
	for _, links := range []bool{true, false} {
		t.Run(fmt.Sprint("links ", links), func(t *testing.T) {
			t.Chdir(t.TempDir())
			put(t, "folder/", "folder/f-2.h5", "plain")
			setFault(t, func(step string) error {
				if step == "link" && !links {
					return syscall.EPERM
				}
				return nil
			})
			for _, tt := range []struct{ name, want string }{
				{"folder/f.h5", "folder/f.h5"}, {"folder/f.h5", "folder/f-3.h5"},
				{"./folder/f.h5", "./folder/f-4.h5"}, {"plain", "plain-2"}, {"f", "f"},
			} {
				got, err := WriteNew(tt.name, text(tt.want))
				if err != nil || got != tt.want || read(t, got) != tt.want {
					t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
				}
			}
			if got := read(t, "plain") + read(t, "folder/f-2.h5"); got != "plainfolder/f-2.h5" {
				t.Errorf("what was there is now %q", got)
			}
			_, err := WriteNew("none/f", text("new"))
			if got := message(err); got != "cannot write none/f: there is no folder none" {
				t.Errorf("%q", got)
			}
			holds(t, ".", "folder", "plain", "plain-2", "f")
			holds(t, "folder", "f.h5", "f-2.h5", "f-3.h5", "f-4.h5")
		})
	}
}

func TestGroup(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "old", "folder/")
	for _, s := range []string{"first", "second"} {
		var g Group
		for _, name := range []string{"old", "folder/old", "new"} {
			g.Add(name, text(s+name))
		}
		if err := g.Commit(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"old", "folder/old", "new"} {
			if got := read(t, name); got != s+name {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	holds(t, ".", "old", "folder", "new")
	holds(t, "folder", "old")
	if err := new(Group).Commit(); err != nil {
		t.Errorf("an empty group: %v", err)
	}
}

// setFault installs f as the seam for the duration of the test.
func setFault(t *testing.T, f func(step string) error) {
	old := fault
	fault = f
	t.Cleanup(func() { fault = old })
}

// Whichever step fails, all files are old or all are new, and no temporary stays.
func TestFaultAtEveryStep(t *testing.T) {
	// Half as big again as the buffer, so that a file takes two writes.
	fresh := func(name string) string { return name + strings.Repeat(" new", 3<<13) }
	noLinks := func(step string) error {
		if step == "link" {
			return errors.ErrUnsupported
		}
		return nil
	}
	noRename := func(step string) error {
		if step == "rename" {
			return syscall.EBUSY
		}
		return nil
	}
	for _, c := range []struct {
		name  string
		files []string
		there []string                // before
		disk  func(step string) error // what this disk refuses always
	}{
		{"one new", []string{"a"}, nil, nil},
		{"one", []string{"a"}, []string{"a"}, nil},
		{"three", []string{"a", "folder/b", "c"}, []string{"a", "folder/b", "c"}, nil},
		{"a new one among three", []string{"a", "new", "folder/b"}, []string{"a", "folder/b"}, nil},
		{"three without links", []string{"a", "b", "c"}, []string{"a", "b", "c"}, noLinks},
		{"one that cannot be replaced", []string{"a"}, []string{"a"}, noRename},
		{"three that cannot be replaced", []string{"a", "b", "c"}, []string{"a", "b", "c"}, noRename},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			steps, failures := 0, 0
			for n := 0; ; n++ {
				put(t, "folder/")
				for _, name := range c.files {
					os.Remove(name)
				}
				put(t, c.there...)
				step, failed, kind := 0, false, ""
				setFault(t, func(s string) error {
					if c.disk != nil {
						if err := c.disk(s); err != nil {
							return err
						}
					}
					step++
					if step == n+1 {
						failed, kind = true, s
						return syscall.EIO
					}
					return nil
				})
				var g Group
				for _, name := range c.files {
					g.Add(name, text(fresh(name)))
				}
				err := g.Commit()
				if err != nil {
					failures++
					if !errors.Is(err, syscall.EIO) || !strings.HasPrefix(err.Error(), "cannot write ") ||
						strings.Contains(err.Error(), suffix) {
						t.Errorf("step %d, %s: %v", n, kind, err)
					}
				}
				old, new := 0, 0
				for _, name := range c.files {
					b, e := os.ReadFile(name)
					switch {
					case errors.Is(e, fs.ErrNotExist) && !slices.Contains(c.there, name),
						e == nil && string(b) == name && slices.Contains(c.there, name):
						old++
					case e == nil && string(b) == fresh(name):
						new++
					default:
						t.Errorf("step %d, %s: %s has %d bytes, %v", n, kind, name, len(b), e)
					}
				}
				if old != 0 && new != 0 || err == nil && old != 0 ||
					err != nil && new != 0 && len(c.files) > 1 {
					t.Errorf("step %d, %s: %d old, %d new files, error %v", n, kind, old, new, err)
				}
				for _, dir := range []string{".", "folder"} {
					if left, _ := filepath.Glob(filepath.Join(dir, ".*"+suffix)); len(left) > 0 {
						t.Errorf("step %d, %s: left behind %q", n, kind, left)
					}
				}
				if len(live.files) > 0 {
					t.Errorf("step %d, %s: %d live temporaries", n, kind, len(live.files))
				}
				if !failed {
					steps = step
					break
				}
			}
			t.Logf("%d steps, %d of them fatal", steps, failures)
			if failures < 4*len(c.files) {
				t.Errorf("%d failures, want at least create, write, sync and close of each file", failures)
			}
		})
	}
}

// Some disks refuse what others can do, which does not lose the file.
func TestRefusedSteps(t *testing.T) {
	for step, reasons := range map[string][]error{
		"sync":   {syscall.EINVAL, syscall.ENOTSUP, syscall.ENOSYS},
		"chmod":  {syscall.EPERM, syscall.ENOTSUP, syscall.EIO},
		"rename": {syscall.EBUSY, syscall.EXDEV, syscall.EPERM},
		"link":   {syscall.EPERM, syscall.ENOTSUP, syscall.EMLINK},
	} {
		for _, reason := range reasons {
			t.Run(step+", "+reason.Error(), func(t *testing.T) {
				t.Chdir(t.TempDir())
				put(t, "a", "b")
				setFault(t, func(s string) error {
					if s == step {
						return reason
					}
					return nil
				})
				var g Group
				g.Add("a", text("new"))
				g.Add("b", text("longer than before"))
				if err := g.Commit(); err != nil {
					t.Error(err)
				}
				if a, b := read(t, "a"), read(t, "b"); a != "new" || b != "longer than before" {
					t.Errorf("%q, %q", a, b)
				}
				holds(t, ".", "a", "b")
			})
		}
	}
}

// A folder that takes no new file does not hinder an output that is there.
func TestFolderWithoutNewFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "old")
	setFault(t, func(s string) error {
		if s == "create" {
			fault = func(string) error { return nil }
			return syscall.EROFS
		}
		return nil
	})
	if err := Write("old", text("new")); err != nil {
		t.Error(err)
	}
	if got := read(t, "old"); got != "new" {
		t.Errorf("%q", got)
	}
	holds(t, ".", "old")

	fault = func(string) error { return syscall.EROFS }
	if err := (Guard{}).Check(nil, "old"); err != nil {
		t.Error(err)
	}
	if err := (Guard{}).Check(nil, "new"); !errors.Is(err, syscall.EROFS) {
		t.Errorf("%v", err)
	}
}

func TestFaults(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"":                               "cannot write: the file name is empty",
		dir:                              "it is a directory",
		filepath.Join(dir, "no", "file"): "there is no folder " + filepath.Join(dir, "no"),
		filepath.Join(dir, strings.Repeat("n", 256)): ": ",
	} {
		err := Write(name, func(io.Writer) error { t.Error("asked for content"); return nil })
		if err == nil || !strings.HasPrefix(err.Error(), "cannot write") ||
			!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), suffix) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	holds(t, dir)
}

// The name of a temporary does not grow beyond what file systems allow.
func TestLongNames(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	names := []string{
		strings.Repeat("n", 255), strings.Repeat("ä", 127) + "n", "x" + strings.Repeat("世", 84), "né",
	}
	if runtime.GOOS == "windows" {
		names = names[3:]
	}
	for _, name := range names {
		if err := (Guard{}).Check(nil, name); err != nil {
			t.Error(err)
		}
		for _, s := range []string{"old", "new"} {
			if err := Write(name, text(s)); err != nil {
				t.Error(err)
			}
		}
		if got := read(t, name); got != "new" {
			t.Errorf("%s: %q", name, got)
		}
		if s := stem(name); len(s) > 255-randomLen-1-len(suffix) || strings.ToValidUTF8(s, "") != s {
			t.Errorf("%s: stem %q", name, s)
		}
	}
	holds(t, dir, names...)
}

// A path may be as long as the system takes it, though that of a temporary would be longer.
func TestLongPath(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a long path: not tested, only of Linux is the longest known")
	}
	t.Chdir(t.TempDir())
	dir := strings.Repeat(strings.Repeat("d", 99)+"/", 40)
	dir += strings.Repeat("e", 4095-len(dir)-2)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name := dir + "/f"
	for _, s := range []string{"old", "new"} {
		if err := Write(name, text(s)); err != nil {
			t.Fatalf("%d bytes: %.20s", len(name), err)
		}
	}
	if got := read(t, name); got != "new" {
		t.Errorf("%q", got)
	}
	holds(t, dir, "f")
}

func TestLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "real/", "old")
	symlink(t, "real", "alias")
	symlink(t, "../old", "real/up")
	symlink(t, "real/new", "dangling")
	for name, target := range map[string]string{
		"alias/x": "real/x", "alias/up": "old", "dangling": "real/new",
	} {
		if err := Write(name, text(name)); err != nil {
			t.Error(err)
		}
		if got := read(t, target); got != name {
			t.Errorf("%s: %q", name, got)
		}
		if info, err := os.Lstat(target); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", target, info, err)
		}
	}
	for _, link := range []string{"alias", "real/up", "dangling"} {
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more", link)
		}
	}
	holds(t, "real", "x", "new", "up")
}

// What a killed writer left is removed by the next one of the same file, and nothing else is.
func TestLeftBehind(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("temporaries left behind: not tested, on Windows there are no locks")
	}
	t.Chdir(t.TempDir())
	random := strings.Repeat("0", randomLen) + suffix
	ours := stem("f") + "." + random
	others := []string{
		stem("g") + "." + random, ".f.tmp", stem("f") + suffix, stem("f") + ".x" + random,
		stem("f") + "." + strings.Repeat("x", randomLen) + suffix, ours + "~", "f" + random,
	}
	put(t, append(others, ours)...)
	if err := os.Mkdir(stem("f")+"."+strings.Repeat("1", randomLen)+suffix, 0o755); err != nil {
		t.Fatal(err)
	}
	others = append(others, stem("f")+"."+strings.Repeat("1", randomLen)+suffix)
	inUse, err := create(".", stem("f"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := (Guard{}).Check(nil, "f"); err != nil {
		t.Fatal(err)
	}
	holds(t, ".", append(others, inUse.name)...)
	put(t, ours)
	if err := Write("f", text("f")); err != nil {
		t.Fatal(err)
	}
	holds(t, ".", append(others, inUse.name, "f")...)
	inUse.remove()
	holds(t, ".", append(others, "f")...)
}

// Many write the same files side by side: none fails, and each file is whole in the end.
func TestSideBySide(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "a")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				var g Group
				for _, name := range []string{"a", "b"} {
					g.Add(name, text(strings.Repeat(fmt.Sprint(i), 100_000)))
				}
				if err := g.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, name := range []string{"a", "b"} {
		if got := read(t, name); len(got) != 100_000 || strings.Trim(got, got[:1]) != "" {
			t.Errorf("%s is torn", name)
		}
	}
	holds(t, ".", "a", "b")
}

func TestRemoveTemporary(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "a")
	var g Group
	writing, signal, done := make(chan bool), make(chan bool), make(chan error)
	g.Add("a", text("new"))
	g.Add("b", func(w io.Writer) error {
		writing <- true
		<-signal
		return nil
	})
	go func() { done <- g.Commit() }()
	<-writing
	RemoveTemporary()
	holds(t, ".", "a")
	signal <- true
	select {
	case err := <-done:
		t.Errorf("the group went on: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	live.Unlock() // in a program, nothing does
	if err := <-done; err == nil {
		t.Error("a group without its temporaries succeeded")
	}
	if got := read(t, "a"); got != "a" {
		t.Errorf("%q", got)
	}
	holds(t, ".", "a")
}

func TestDeviceIsWrittenDirectly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("devices: not tested, on Windows there is no /dev/null")
	}
	if err := Write(os.DevNull, text("gone")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Error("the device was replaced")
	}
}
