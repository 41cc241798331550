package torture

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// together returns the output files of the subject that one step writes. They must all be old or
// all be new.
func (s subject) together() [][]string {
	switch s.program {
	case "reduce":
		return [][]string{{"reduced", "reduced.queries"}}
	case "classification":
		return [][]string{{"clustering_test_set.txt", "clustering_train_set.txt"}}
	}
	return [][]string{s.outputs()}
}

// TestFaultsOfTheDisk lets the n-th system call that files need fail, for every n. Files that
// belong together must then be old or new together, none may be torn, and no temporary file may be
// left.
func TestFaultsOfTheDisk(t *testing.T) {
	const before = "before\n" // the content of every output file when a program starts
	strace, err := exec.LookPath("strace")
	if err != nil {
		notRun(t, "faults of the disk", "strace, which injects them, is not there")
	}
	calls := []string{"fsync", "renameat", "linkat", "fchmod", "unlinkat"}
	most := scaled(2, 100)
	runs := 0
	for _, s := range subjects {
		if !*long && s.program != "reduce" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			s.run(t, dir, 1)
			want := map[string]string{}
			for _, name := range s.outputs() {
				want[name] = masked(read(t, dir, name))
			}
			trace := filepath.Join(t.TempDir(), "trace")
			for _, call := range calls {
				for n := 1; n <= most; n++ {
					for _, name := range s.outputs() {
						if err := os.WriteFile(filepath.Join(dir, name), []byte(before), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					inner := s.command(dir, 1)
					c := exec.Command(strace, append([]string{"-f", "-qq", "-o", trace, "-e",
						"trace=" + call, "-e", fmt.Sprintf("inject=%s:error=EIO:when=%d", call, n)},
						inner.Args...)...)
					c.Dir, c.Stdin = dir, inner.Stdin
					out, _ := c.CombinedOutput()
					log, err := os.ReadFile(trace)
					if err != nil {
						notRun(t, "faults of the disk", fmt.Sprintf("strace does not run: %s", out))
					}
					if !bytes.Contains(log, []byte("(INJECTED)")) {
						break
					}
					runs++
					where := fmt.Sprintf("%s %d fails", call, n)
					status := c.ProcessState.ExitCode()
					if bytes.Contains(out, []byte("goroutine")) || status != 0 && status != 1 ||
						status == 1 && !bytes.Contains(out, []byte("cannot write ")) {
						t.Errorf("%s: status %d, %s", where, status, out)
					}
					isNew := map[string]bool{}
					for _, name := range s.outputs() {
						got := masked(read(t, dir, name))
						isNew[name] = got != before
						page := slices.Contains(s.pages, name) && strings.HasSuffix(got, "</html>\n")
						if isNew[name] && got != want[name] && !page {
							t.Errorf("%s: %s of %d bytes is neither the old file nor the new one",
								where, name, len(got))
						}
					}
					for _, group := range s.together() {
						for _, name := range group {
							if isNew[name] != isNew[group[0]] {
								t.Errorf("%s: of %q, one is old and one is new", where, group)
							}
						}
					}
					// A file that cannot be removed stays.
					if left := temporary(t, dir); len(left) > 0 && call != "unlinkat" {
						t.Errorf("%s: left behind %q", where, left)
					}
				}
			}
			s.run(t, dir, 1)
			if left := temporary(t, dir); len(left) > 0 {
				t.Errorf("the next run leaves %q", left)
			}
		})
	}
	figure("faults of the disk", "%d runs with a failing %s: no file torn", runs,
		strings.Join(calls, ", "))
}
