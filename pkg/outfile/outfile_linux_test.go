package outfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// writes is the variable that makes the test binary a program: it writes "new\n" to the files that
// the variable names, and stops before it ends the last one if that name ends in a question mark.
const writes = "OUTFILE_TEST_WRITES"

func TestMain(m *testing.M) {
	names := strings.Fields(os.Getenv(writes))
	if len(names) == 0 {
		os.Exit(m.Run())
	}
	var g Group
	for _, name := range names {
		stop := strings.HasSuffix(name, "?")
		g.Add(strings.TrimSuffix(name, "?"), func(w io.Writer) error {
			if stop {
				fmt.Println("waiting")
				time.Sleep(time.Hour)
			}
			_, err := io.WriteString(w, "new\n")
			return err
		})
	}
	guard := NewGuard(os.Stdin, os.Stdout, os.Stderr)
	var outputs []string
	for _, o := range g.outputs {
		outputs = append(outputs, o.name)
	}
	err := guard.Check(nil, outputs...)
	if err == nil {
		err = g.Commit()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// program returns the command of a program that writes the files.
func program(t *testing.T, names ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), writes+"="+strings.Join(names, " "))
	return c
}

// Redirected to a file, a standard stream or descriptor keeps what the file has.
func TestDescriptors(t *testing.T) {
	t.Chdir(t.TempDir())
	symlink(t, "/dev/stdout", "link")
	for _, name := range []string{
		"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "link", "/dev/./fd/1",
	} {
		put(t, "log")
		before, err := os.Stat("log")
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile("log", os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		c := program(t, name)
		var stderr bytes.Buffer
		c.Stdout, c.Stderr = f, &stderr
		if err := c.Run(); err != nil {
			t.Errorf("%s: %v, %s", name, err, stderr.String())
		}
		f.Close()
		after, err := os.Stat("log")
		if err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: the log was replaced, %v", name, err)
		}
		if got := read(t, "log"); got != "lognew\n" {
			t.Errorf("%s: %q", name, got)
		}
	}

	// Another descriptor, a pipe, and one that cannot be written.
	f, err := os.OpenFile("log", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := program(t, "/dev/fd/3", "/dev/stdout")
	c.ExtraFiles = []*os.File{f}
	if out, err := c.Output(); err != nil || string(out) != "new\n" {
		t.Errorf("%v, %q", err, out)
	}
	if got := read(t, "log"); got != "lognew\nnew\n" {
		t.Errorf("%q", got)
	}
	holds(t, ".", "link", "log")
	for _, tt := range []struct{ name, want string }{
		{"/dev/stdin", "cannot write /dev/stdin: it is open for reading only\n"},
		{"/dev/fd/77", "cannot write /dev/fd/77: bad file descriptor\n"},
		{"/dev/full", "cannot write /dev/full: no space left on device\n"},
	} {
		c := program(t, tt.name)
		if out, err := c.CombinedOutput(); err == nil || string(out) != tt.want {
			t.Errorf("%s: %v, %q", tt.name, err, out)
		}
	}
}

// A file that is also the standard input or output is refused: > log, < answers.
func TestRedirectedStreamsAreFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "answers", "log")
	in, err := os.Open("answers")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile("log", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	for name, want := range map[string]string{
		"answers": "cannot write answers: it is the same file as the standard input, which is read\n",
		"log": "cannot write log: it is the same file as the standard output, " +
			"which gets another output\n",
	} {
		c := program(t, name)
		var stderr bytes.Buffer
		c.Stdin, c.Stdout, c.Stderr = in, out, &stderr
		if err := c.Run(); err == nil || stderr.String() != want {
			t.Errorf("%s: %v, %q", name, err, stderr.String())
		}
		if got := read(t, name); got != name {
			t.Errorf("%s has %q now", name, got)
		}
	}
}

func TestPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	c := program(t, "pipe")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, "pipe"); got != "new\n" {
		t.Errorf("%q", got)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}

	// A reader that goes away is an error.
	done := make(chan error)
	go func() { done <- Write("pipe", text(strings.Repeat("new\n", 1<<20))) }()
	f, err := os.Open("pipe")
	if err != nil {
		t.Fatal(err)
	}
	f.Read(make([]byte, 1))
	f.Close()
	if err := <-done; !errors.Is(err, syscall.EPIPE) {
		t.Errorf("%v", err)
	}
	holds(t, ".", "pipe")
}

// What a program left behind that was killed with SIGKILL is removed by the next that writes there,
// not by one that writes while it lives.
func TestKilledProgram(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "a", "b")
	c := program(t, "a", "b?")
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if out, err := program(t, "a", "b").CombinedOutput(); err != nil {
		t.Errorf("%v, %s", err, out)
	}
	left := func() int {
		names, _ := filepath.Glob(".*" + suffix)
		return len(names)
	}
	if n := left(); n != 2 {
		t.Errorf("%d temporaries of a living program, want 2", n)
	}
	c.Process.Kill()
	c.Wait()
	if n := left(); n != 2 {
		t.Errorf("%d temporaries of a killed program, want 2", n)
	}
	if out, err := program(t, "a", "b").CombinedOutput(); err != nil {
		t.Errorf("%v, %s", err, out)
	}
	holds(t, ".", "a", "b")
}

// umask sets the mask while the test runs.
func umask(t *testing.T, mask int) {
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

func TestMode(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, mask := range []int{0o022, 0o077, 0o002, 0} {
		umask(t, mask)
		os.Remove("new")
		if err := Write("new", text("new")); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat("new")
		if err != nil || info.Mode() != fs.FileMode(0o666&^mask) {
			t.Errorf("mask %03o: mode %v, %v", mask, info.Mode(), err)
		}
	}
	umask(t, 0o077)
	put(t, "old", "other")
	for _, mode := range []fs.FileMode{0o600, 0o666, 0o755, 0o642, 0o640 | fs.ModeSetgid} {
		if err := os.Chmod("old", mode); err != nil {
			t.Fatal(err)
		}
		for _, names := range [][]string{{"old"}, {"old", "other"}} {
			var g Group
			for _, name := range names {
				g.Add(name, text("new"))
			}
			if err := g.Commit(); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat("old"); err != nil || info.Mode() != mode {
				t.Errorf("%q: mode %v, want %v, %v", names, info.Mode(), mode, err)
			}
		}
	}
}

func TestOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("owners: not tested, only root can give files away")
	}
	t.Chdir(t.TempDir())
	put(t, "old")
	if err := os.Chown("old", 12, 34); err != nil {
		t.Fatal(err)
	}
	if err := Write("old", text("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat("old")
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != 12 || s.Gid != 34 {
		t.Errorf("owner %d, group %d", s.Uid, s.Gid)
	}
}

func TestExtendedAttributes(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "old")
	if err := unix.Setxattr("old", "user.origin", []byte("MNIST"), 0); err != nil {
		t.Skip("extended attributes: not tested, the disk refuses them: ", err)
	}
	// An access list of version 2: owner, the user 12, group, mask and others.
	acl := []byte("\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" +
		"\x02\x00\x06\x00\x0c\x00\x00\x00" + "\x04\x00\x04\x00\xff\xff\xff\xff" +
		"\x10\x00\x06\x00\xff\xff\xff\xff" + "\x20\x00\x04\x00\xff\xff\xff\xff")
	const aclName = "system.posix_acl_access"
	aclErr := unix.Setxattr("old", aclName, acl, 0)
	if err := Write("old", text("new")); err != nil {
		t.Fatal(err)
	}
	if got, ok := attribute("old", "user.origin"); !ok || string(got) != "MNIST" {
		t.Errorf("user.origin is %q", got)
	}
	if aclErr != nil {
		t.Logf("access lists: not tested, the disk refuses them: %v", aclErr)
	} else if got, ok := attribute("old", aclName); !ok || !bytes.Equal(got, acl) {
		t.Errorf("the access list is %x", got)
	}
}

// mount mounts a file system for the duration of the test, which is skipped if that is not allowed.
func mount(t *testing.T, what, source, target, kind string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, options); err != nil {
		t.Skipf("%s: not tested, it cannot be mounted: %v", what, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(target, 0); err != nil {
			t.Error(err)
		}
	})
}

// A single file that is mounted cannot be replaced, and gets the new content all the same.
func TestMountedFile(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "elsewhere", "mounted", "other")
	mount(t, "a mounted file", "elsewhere", "mounted", "", syscall.MS_BIND, "")
	if err := Write("mounted", text("a longer content")); err != nil {
		t.Error(err)
	}
	if got := read(t, "elsewhere"); got != "a longer content" {
		t.Errorf("%q", got)
	}
	var g Group
	g.Add("other", text("new"))
	g.Add("mounted", text("short"))
	if err := g.Commit(); err != nil {
		t.Error(err)
	}
	if a, b := read(t, "elsewhere"), read(t, "other"); a != "short" || b != "new" {
		t.Errorf("%q, %q", a, b)
	}
	holds(t, ".", "elsewhere", "mounted", "other")
}

func TestMountedFileInReadOnlyFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "elsewhere", "folder/")
	mount(t, "a read-only folder", "none", "folder", "tmpfs", 0, "")
	put(t, "folder/mounted", "folder/locked")
	mount(t, "a mounted file", "elsewhere", "folder/mounted", "", syscall.MS_BIND, "")
	if err := syscall.Mount("", "folder", "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip("a read-only folder: not tested, it cannot be mounted: ", err)
	}
	if err := (Guard{}).Check(nil, "folder/mounted"); err != nil {
		t.Error(err)
	}
	if err := Write("folder/mounted", text("new")); err != nil {
		t.Error(err)
	}
	if got := read(t, "elsewhere"); got != "new" {
		t.Errorf("%q", got)
	}
	for _, name := range []string{"folder/new", "folder/locked"} {
		if err := (Guard{}).Check(nil, name); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", name, err)
		}
		if err := Write(name, text("new")); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", name, err)
		}
	}
	holds(t, "folder", "mounted", "locked")
}

// A full disk keeps all old files, and the cause is in the error.
func TestFullDisk(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "disk/")
	mount(t, "a full disk", "none", "disk", "tmpfs", 0, "size=64k")
	put(t, "disk/a", "disk/b")
	var g Group
	g.Add("disk/a", text(strings.Repeat("a", 40_000)))
	g.Add("disk/b", text(strings.Repeat("b", 40_000)))
	err := g.Commit()
	if !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "cannot write disk/b: ") {
		t.Errorf("%v", err)
	}
	if a, b := read(t, "disk/a"), read(t, "disk/b"); a != "disk/a" || b != "disk/b" {
		t.Errorf("%d and %d bytes", len(a), len(b))
	}
	holds(t, "disk", "a", "b")
}

// In a folder that ignores case, two spellings are one file, also before it is there.
func TestCaseIgnored(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "disk/")
	mount(t, "a folder that ignores case", "none", "disk", "tmpfs", 0, "casefold")
	put(t, "disk/folder/")
	d, err := os.Open("disk/folder")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const foldsCase = 0x40000000 // FS_CASEFOLD_FL
	if err := unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, foldsCase); err != nil {
		t.Skip("a folder that ignores case: not tested, the disk refuses it: ", err)
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"out", "OUT", true},
		{"é", "e\u0301", true},
		{"é", "E\u0301", true},
		{"out", "put", false},
	} {
		err := Guard{}.Check(nil, "disk/folder/"+tt.a, "disk/folder/"+tt.b)
		if (err != nil) != tt.want {
			t.Errorf("%s, %s: %v", tt.a, tt.b, err)
		}
	}
	holds(t, "disk/folder")
}
