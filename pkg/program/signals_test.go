//go:build unix

package program

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/program/programtest"
)

// TestMain lets the test binary be the program that an environment variable names.
func TestMain(m *testing.M) {
	if p, ok := subjects[os.Getenv("SUBJECT")]; ok {
		os.Exit(Run("subject", p))
	}
	programtest.HeedSignals()
	os.Exit(m.Run())
}

// subjects are small programs. Those that wait say "Ready" first.
var subjects = map[string]Program{
	"print": func(args []string, _ io.Reader, stdout, stderr io.Writer) int {
		for _, a := range args {
			fmt.Fprintln(stdout, a)
			fmt.Fprintln(stderr, a)
		}
		os.WriteFile("done", nil, 0o644)
		return 0
	},
	"wait": func(_ []string, _ io.Reader, stdout, _ io.Writer) int {
		fmt.Fprintln(stdout, "Ready")
		time.Sleep(time.Minute)
		return 0
	},
	"write": func(_ []string, _ io.Reader, stdout, _ io.Writer) int {
		outfile.Write("old", func(w io.Writer) error {
			io.WriteString(w, strings.Repeat("new", 1<<20))
			fmt.Fprintln(stdout, "Ready")
			time.Sleep(time.Minute)
			return nil
		})
		return 0
	},
	"folder": func(args []string, _ io.Reader, stdout, _ io.Writer) int {
		outfile.MakeFolder("new/folder")
		fmt.Fprintln(stdout, "Ready")
		if len(args) == 0 {
			time.Sleep(time.Minute)
		}
		return 1
	},
	"hang": func(_ []string, _ io.Reader, stdout, _ io.Writer) int {
		w := Begin(func() (string, error) { return "saved", nil })
		Pause(func() {
			fmt.Fprintln(stdout, "Ready")
			for !w.Interrupted() {
				time.Sleep(time.Millisecond)
			}
			fmt.Fprintln(stdout, "Ready")
			time.Sleep(time.Minute)
		})
		return 0
	},
	"talk": func(_ []string, _ io.Reader, stdout, _ io.Writer) int {
		w := Begin(func() (string, error) { return "saved", nil })
		w.Pause(func() {
			fmt.Fprintln(stdout, "more\nReady")
			for {
				fmt.Fprintln(stdout, "more")
			}
		})
		return 0
	},
	"work": func(_ []string, _ io.Reader, stdout, _ io.Writer) int {
		batches := 0
		w := Begin(func() (string, error) { return fmt.Sprint("saved after ", batches), nil })
		w.Pause(func() { fmt.Fprintln(stdout, "Ready") })
		for !w.Interrupted() {
			w.Pause(func() { time.Sleep(time.Millisecond) })
		}
		for batches = 1; batches < 3; batches++ {
			w.Pause(func() {})
		}
		w.Rest()
		fmt.Fprintln(stdout, "Ready")
		time.Sleep(time.Minute)
		return 0
	},
	"saved": func(_ []string, _ io.Reader, stdout, _ io.Writer) int {
		w := Begin(func() (string, error) { return "saved again", nil })
		w.Rest()
		w.Forget()
		fmt.Fprintln(stdout, "Ready")
		time.Sleep(time.Minute)
		return 0
	},
	"panic": func([]string, io.Reader, io.Writer, io.Writer) int {
		Begin(func() (string, error) { return "saved", nil }).Rest()
		panic("why")
	},
	"lost": func(_ []string, _ io.Reader, stdout, _ io.Writer) int {
		Begin(func() (string, error) { return "", errors.New("full") }).Rest()
		fmt.Fprintln(stdout, "Ready")
		time.Sleep(time.Minute)
		return 0
	},
}

// subject returns the command of a small program.
func subject(name string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "SUBJECT="+name)
	return c
}

// signalled starts a command, sends it the signals, one whenever it is ready, and returns what it
// shows after that and the status that a shell would see.
func signalled(
	t *testing.T, c *exec.Cmd, signals ...syscall.Signal,
) (stdout, stderr string, status int) {
	t.Helper()
	var errs bytes.Buffer
	c.Stderr = &errs
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if lines.Text() == "Ready" && len(signals) > 0 {
			c.Process.Signal(signals[0])
			signals = signals[1:]
		} else if lines.Text() != "" {
			stdout += lines.Text() + "\n"
		}
	}
	c.Wait()
	return stdout, errs.String(), shellStatus(c)
}

// shellStatus returns the status that a shell would see.
func shellStatus(c *exec.Cmd) int {
	s := c.ProcessState.Sys().(syscall.WaitStatus)
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

const (
	hup, interrupt, quit = syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT
	term                 = syscall.SIGTERM
)

func TestSignals(t *testing.T) {
	for _, tt := range []struct {
		subject        string
		signals        []syscall.Signal
		stdout, stderr string
	}{
		{"wait", []syscall.Signal{hup}, "", ""},
		{"wait", []syscall.Signal{interrupt}, "", ""},
		{"wait", []syscall.Signal{quit}, "", ""},
		{"wait", []syscall.Signal{term}, "", ""},
		{"wait", []syscall.Signal{syscall.SIGXCPU}, "", ""},
		{"work", []syscall.Signal{term}, "saved after 0\n", ""},
		{"work", []syscall.Signal{hup}, "saved after 0\n", ""},
		{"work", []syscall.Signal{quit}, "", ""},
		{"work", []syscall.Signal{interrupt, interrupt}, "saved after 3\n", ""},
		{"work", []syscall.Signal{interrupt, term}, "saved after 3\n", ""},
		{"hang", []syscall.Signal{interrupt, interrupt}, "saved\n", ""},
		{"saved", []syscall.Signal{term}, "", ""},
		{"lost", []syscall.Signal{term}, "", "\nfull\n"},
	} {
		stdout, stderr, status := signalled(t, subject(tt.subject), tt.signals...)
		want := 128 + int(tt.signals[len(tt.signals)-1])
		if stdout != tt.stdout || stderr != tt.stderr || status != want {
			t.Errorf("%s, %v: %q, %q, %d; want %q, %q, %d", tt.subject, tt.signals,
				stdout, stderr, status, tt.stdout, tt.stderr, want)
		}
	}
}

// Nothing follows the line that tells where the work was saved.
func TestLastLine(t *testing.T) {
	for range 20 {
		stdout, _, _ := signalled(t, subject("talk"), term)
		if !strings.HasSuffix(stdout, "more\nsaved\n") {
			t.Fatalf("the screen ends with %q", stdout[max(0, len(stdout)-40):])
		}
	}
}

// A panic loses no work that is done.
func TestPanicAfterWork(t *testing.T) {
	stdout, stderr, status := signalled(t, subject("panic"))
	const want = "subject: a fault of the program itself: why\n"
	if stdout != "saved\n" || stderr != want || status != 1 {
		t.Errorf("%q, %q, status %d", stdout, stderr, status)
	}
}

// A signal removes the file that is being written and keeps the old one.
func TestSignalsKeepOldFiles(t *testing.T) {
	for _, s := range []syscall.Signal{hup, interrupt, quit, term} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "old"), []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		c := subject("write")
		c.Dir = dir
		_, stderr, status := signalled(t, c, s)
		got, err := os.ReadFile(filepath.Join(dir, "old"))
		if string(got) != "old" || err != nil || stderr != "" || status != 128+int(s) {
			t.Errorf("%v: %d bytes, %v, stderr %q, status %d", s, len(got), err, stderr, status)
		}
		if entries, err := os.ReadDir(dir); len(entries) != 1 || err != nil {
			t.Errorf("%v: the folder holds %v, %v", s, entries, err)
		}
	}
}

// A folder that the program made does not stay if nothing was written into it.
func TestNoEmptyFolderStays(t *testing.T) {
	for _, signals := range [][]syscall.Signal{nil, {hup}, {interrupt}, {quit}, {term}} {
		dir := t.TempDir()
		c, want := subject("folder", "failing"), 1
		if len(signals) > 0 {
			c, want = subject("folder"), 128+int(signals[0])
		}
		c.Dir = dir
		if _, stderr, status := signalled(t, c, signals...); status != want || stderr != "" {
			t.Errorf("%v: status %d, %q", signals, status, stderr)
		}
		if entries, err := os.ReadDir(dir); len(entries) > 0 || err != nil {
			t.Errorf("%v: the folder holds %v, %v", signals, entries, err)
		}
	}
}

// sh returns a command that a shell runs with "$@" in place of the small program.
func sh(t *testing.T, script, name string, args ...string) *exec.Cmd {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("programs in a shell: not tested, sh is not there")
	}
	c := subject(name, args...)
	c.Path, c.Args = shell, append([]string{"sh", "-c", script, "sh"}, c.Args...)
	c.Dir = t.TempDir()
	return c
}

// A signal that was ignored at the start stays ignored.
func TestIgnoredSignals(t *testing.T) {
	for _, tt := range []struct {
		ignored string
		first   syscall.Signal
	}{{"INT", interrupt}, {"HUP", hup}} {
		c := sh(t, "trap '' "+tt.ignored+`; exec "$@"`, "work")
		pipe, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Process.Kill()
		lines := bufio.NewReader(pipe)
		if _, err := lines.ReadString('\n'); err != nil { // Ready
			t.Fatal(err)
		}
		c.Process.Signal(tt.first)
		c.Process.Signal(tt.first)
		time.Sleep(50 * time.Millisecond)
		c.Process.Signal(term)
		rest, _ := io.ReadAll(lines)
		c.Wait()
		if got := shellStatus(c); got != 128+int(term) || string(rest) != "\nsaved after 0\n" {
			t.Errorf("%s: status %d, %q", tt.ignored, got, rest)
		}
	}
}

// Streams that are closed, full or without a reader: the program does its work. Only a standard
// output that cannot be written is an error.
func TestStreams(t *testing.T) {
	const args = `"$@"`
	r, closed, err := os.Pipe() // nobody reads descriptor 3
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer closed.Close()
	for _, tt := range []struct {
		script, want string // what the script shows on its standard output and error output
		status       int
	}{
		{args + " 2>&1 >/dev/null <&-", "a\nb\n", 0},
		{args + " 2>/dev/full", "a\nb\n", 0},
		{args + " 2>&-", "a\nb\n", 0},
		{args + " >&- 2>/dev/null", "", 0},
		{args + " >&- 2>&- <&-", "", 0},
		{args + " 2>/dev/null >/dev/full", "", 1},
		{args + " >/dev/full", "a\nb\n" +
			"subject: cannot write the standard output: no space left on device\n", 1},
		{args + " 2>/dev/null >&3", "", 1},
		{args + " 2>&3", "a\nb\n", 0},
		{`ulimit -f 0; trap '' EXIT; ` + args + ` 2>&1 >f`, "a\nb\n" +
			"subject: cannot write the standard output: file too large\n", 1},
	} {
		if _, err := os.Stat("/dev/full"); err != nil && strings.Contains(tt.script, "full") {
			continue
		}
		c := sh(t, tt.script, "print", "a", "b")
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		c.ExtraFiles = []*os.File{closed}
		c.Run()
		got := out.String()
		if got != tt.want || shellStatus(c) != tt.status {
			t.Errorf("%s: %q, status %d; want %q, %d", tt.script, got, shellStatus(c), tt.want, tt.status)
		}
		if !strings.HasPrefix(tt.script, "ulimit") {
			if _, err := os.Stat(filepath.Join(c.Dir, "done")); err != nil {
				t.Errorf("%s: the work was not done: %v", tt.script, err)
			}
		}
	}
}

// The last line of a work is not waited for if nobody reads.
func TestNobodyReadsTheLastLine(t *testing.T) {
	c := subject("lost")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	w.Write(make([]byte, 1<<20)) // as much as the pipe takes
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = w
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	bufio.NewReader(stdout).ReadString('\n') // Ready
	c.Process.Signal(term)
	c.Wait()
	if got := shellStatus(c); got != 128+int(term) {
		t.Errorf("status %d", got)
	}
}
