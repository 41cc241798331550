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

// mount gives the folder dir a file system of its own with the options, for as long as the test runs. Without the right to do
// so the test is skipped.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	if err := syscall.Mount("none", dir, "tmpfs", 0, options); errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skipf("a small disk can be made by root only: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// full gives the folder dir/full a file system of its own without any room, and in it the empty files.
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
	if err := os.WriteFile(filepath.Join(full, "ballast"), make([]byte, 16<<10), 0o644); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// readOnly makes the folder dir/full one in which nothing can be written.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	full := filepath.Join(dir, "full")
	if err := os.Mkdir(full, 0o555); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // whom no permission holds back
		mount(t, full, "ro")
	}
}

// runTo runs the subject once with all outputs in the folder full of dir, and returns its status, screen and errors.
func (s subject) runTo(t *testing.T, dir string) (status int, stdout, stderr string) {
	t.Helper()
	c := s.command(dir, 1)
	if s.program == "classification" { // writes into the current folder, too
		c.Dir = filepath.Join(dir, "full")
		for i, a := range c.Args {
			if slices.Contains([]string{"images", "labels", "queries", "query.labels", "encoder.h5"}, a) {
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

// A full disk is told in a sentence, files that were there stay, and no temporary file does.
func TestFullDisk(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			full(t, dir, s.outputs()...)
			status, stdout, stderr := s.runTo(t, dir)
			if status != 1 || !strings.HasPrefix(stderr, s.program+": cannot write ") || !strings.Contains(stderr, "no space left on device") || strings.Contains(stderr, "goroutine") {
				t.Errorf("status %d, stderr %q, screen %q", status, stderr, stdout)
			}
			for _, name := range s.outputs() {
				if got := read(t, filepath.Join(dir, "full"), name); got != "" {
					t.Errorf("%s has %d bytes now", name, len(got))
				}
			}
			if left, err := filepath.Glob(filepath.Join(dir, "full", ".*.tmp")); err != nil || len(left) > 0 {
				t.Errorf("left behind %q, %v", left, err)
			}
		})
	}
}

// The same with a folder in which nothing may be written.
func TestReadOnlyFolder(t *testing.T) {
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			readOnly(t, dir)
			status, stdout, stderr := s.runTo(t, dir)
			if status != 1 || !strings.HasPrefix(stderr, s.program+": cannot write ") || strings.Contains(stderr, ".tmp") {
				t.Errorf("status %d, stderr %q, screen %q", status, stderr, stdout)
			}
		})
	}
}

// Where a trained model cannot be written, another place for it is asked for, and the model goes there.
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
					answers += "N\nY\nfull/model.h5\nY\n" + strings.TrimPrefix(p.later, "N\nY\n")
				} else {
					answers += p.model + "\n" + p.later
				}
				c := exec.Command(filepath.Join(programs, p.program), strings.Fields(strings.ReplaceAll(p.args, "-save ", "-save full/"))...)
				c.Dir = dir
				c.Stdin = strings.NewReader(answers)
				out, err := c.CombinedOutput()
				if p.program == "classification" && tt.name == "read-only folder" {
					// The file of -save is named before the training, and refused before it.
					if screen := string(out); err == nil || !strings.HasPrefix(screen, "classification: cannot write full/"+p.model+": ") {
						t.Errorf("%v: %s", err, screen)
					}
					return
				}
				if screen := string(out); err != nil || !strings.Contains(screen, "cannot write full/"+p.model+": ") || !strings.Contains(screen, tt.want) ||
					!strings.Contains(screen, "Trained model: "+p.model+"\n") || !strings.Contains(screen, p.screen) {
					t.Errorf("%v: %s", err, screen)
				}
				if _, err := keras.Load(filepath.Join(dir, p.model)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
