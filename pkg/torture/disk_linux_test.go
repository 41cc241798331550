package torture

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"imagesimilarity/pkg/keras"
)

// mount gives the folder dir a file system of its own until the test ends. The test is skipped if
// the user may not mount one.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	err := syscall.Mount("none", dir, "tmpfs", 0, options)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("a full disk: not tested, it cannot be mounted: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// full makes the folder dir/full on a file system of its own. It has these empty files and no
// room for more.
func full(t *testing.T, dir string, files ...string) {
	t.Helper()
	full := filepath.Join(dir, "full")
	if err := os.Mkdir(full, 0o755); err != nil {
		t.Fatal(err)
	}
	mount(t, full, "size=16k")
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(full, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := os.WriteFile(filepath.Join(full, "ballast"), make([]byte, 16<<10), 0o644)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// readOnly makes the folder dir/full, in which nothing can be written.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	full := filepath.Join(dir, "full")
	if err := os.Mkdir(full, 0o555); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // permissions do not hold back root
		mount(t, full, "ro")
	}
}

// runTo runs one round of the subject with all outputs in the folder dir/full. It returns the exit
// status, the standard output and the standard error output.
func (s subject) runTo(t *testing.T, dir string) (status int, stdout, stderr string) {
	t.Helper()
	c := s.command(dir, 1)
	if s.program == "classification" { // it writes into the current folder too
		c.Dir = filepath.Join(dir, "full")
		for i, a := range c.Args {
			inputs := []string{"images", "labels", "queries", "query.labels", "encoder.h5"}
			if slices.Contains(inputs, a) {
				c.Args[i] = filepath.Join(dir, a)
			}
		}
	} else {
		for i, a := range c.Args {
			if slices.Contains(s.outputs(), a) {
				c.Args[i] = filepath.Join("full", a)
			}
		}
		c.Stdin = strings.NewReader(strings.ReplaceAll(s.answers(1), "model.h5", "full/model.h5"))
	}
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// TestFullDisk expects an error in one sentence, the old files as they were and no temporary file.
func TestFullDisk(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			full(t, dir, s.outputs()...)
			status, stdout, stderr := s.runTo(t, dir)
			if status != 1 || !strings.HasPrefix(stderr, s.program+": cannot write ") ||
				!strings.Contains(stderr, "no space left on device") || strings.Contains(stderr, "goroutine") {
				t.Errorf("status %d, stderr %q, screen %q", status, stderr, stdout)
			}
			for _, name := range s.outputs() {
				if got := read(t, filepath.Join(dir, "full"), name); got != "" {
					t.Errorf("%s has %d bytes now", name, len(got))
				}
			}
			left, err := filepath.Glob(filepath.Join(dir, "full", ".*.tmp"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind %q, %v", left, err)
			}
		})
	}
}

// TestReadOnlyFolder expects an error in one sentence, which names the output and no temporary
// file.
func TestReadOnlyFolder(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			readOnly(t, dir)
			status, stdout, stderr := s.runTo(t, dir)
			if status != 1 || !strings.HasPrefix(stderr, s.program+": cannot write ") ||
				strings.Contains(stderr, ".tmp") {
				t.Errorf("status %d, stderr %q, screen %q", status, stderr, stdout)
			}
		})
	}
}

// TestAnotherTry expects that a program asks for another place if it cannot write a trained
// model, and writes the model there.
func TestAnotherTry(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    string
	}{
		{"full disk", func(t *testing.T, dir string) { full(t, dir) }, "no space left on device"},
		{"read-only folder", readOnly, ""},
	} {
		for _, p := range trainings {
			t.Run(p.program+", "+tt.name, func(t *testing.T) {
				dir := prepare(t, 40)
				tt.prepare(t, dir)
				answers := strings.ReplaceAll(p.answers, "1000000000", "1")
				if p.program == "reduce" {
					answers += "N\nY\nfull/model.h5\n" + strings.TrimPrefix(p.later, "N\nY\n")
				} else {
					answers += p.model + "\n" + p.later
				}
				args := strings.Fields(strings.ReplaceAll(p.args, "-save ", "-save full/"))
				c := exec.Command(filepath.Join(programs, p.program), args...)
				c.Dir = dir
				c.Stdin = strings.NewReader(answers)
				out, err := c.CombinedOutput()
				screen := string(out)
				if p.program == "classification" && tt.name == "read-only folder" {
					// The file of -save is on the command line, so it is refused before the training.
					want := "classification: cannot write full/" + p.model + ": "
					if err == nil || !strings.HasPrefix(screen, want) {
						t.Errorf("%v: %s, want %s", err, screen, want)
					}
					return
				}
				if err != nil {
					t.Errorf("%v: %s", err, screen)
				}
				for _, want := range []string{
					"cannot write full/" + p.model + ": ", tt.want, "Trained model: " + p.model + "\n", p.screen,
				} {
					if !strings.Contains(screen, want) {
						t.Errorf("the screen lacks %q: %s", want, screen)
					}
				}
				if _, err := keras.Load(filepath.Join(dir, p.model)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
