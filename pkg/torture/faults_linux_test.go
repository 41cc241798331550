package torture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"imagesimilarity/pkg/keras"
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

// traced runs a round of the subject under strace, which injects a fault or signal into a system
// call. It returns what a shell would see and whether anything was injected.
func (s subject) traced(
	t *testing.T, dir, call, inject string,
) (status int, out string, injected bool) {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	inner := s.command(dir, 1)
	c := exec.Command("strace", append([]string{"-f", "-qq", "-o", trace, "-e",
		"trace=" + call, "-e", "inject=" + call + ":" + inject}, inner.Args...)...)
	c.Dir, c.Stdin = dir, inner.Stdin
	b, _ := c.CombinedOutput()
	log, err := os.ReadFile(trace)
	if err != nil {
		t.Fatalf("strace does not run: %s", b)
	}
	injected = bytes.Contains(log, []byte("(INJECTED)")) || bytes.Contains(log, []byte("--- SIG")) &&
		strings.HasPrefix(inject, "signal=")
	return shellStatus(c), string(b), injected
}

// needStrace skips a test if strace does not run.
func needStrace(t *testing.T, what string) {
	t.Helper()
	if out, err := exec.Command("strace", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		notRun(t, what, fmt.Sprintf("strace, which injects them, does not run: %v %s", err, out))
	}
}

// shellStatus returns the status of a command that has ended, as a shell would see it.
func shellStatus(c *exec.Cmd) int {
	status := c.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// check expects that the files in dir that belong together are old or new together, that none is
// torn and that a model that was saved before the end is whole, and removes that.
func (s subject) check(t *testing.T, dir, where string, want map[string]string) {
	t.Helper()
	s.untorn(t, dir, where, want)
	content := s.written(t, dir)
	for _, group := range s.together() {
		for _, name := range group {
			if (content[name] == before) != (content[group[0]] == before) {
				t.Errorf("%s: of %q, one is old and one is new", where, group)
			}
		}
	}
	for _, model := range rescued(t, dir) {
		if _, err := keras.Load(model); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		if err := os.Remove(model); err != nil {
			t.Error(err)
		}
	}
}

// rescued returns the models in dir that were saved before the end of a program.
func rescued(t *testing.T, dir string) []string {
	t.Helper()
	models, err := filepath.Glob(filepath.Join(dir, "*-interrupted*.h5"))
	if err != nil {
		t.Fatal(err)
	}
	return models
}

// TestFaultsOfTheDisk lets the n-th system call that files need fail, for every n. Files that
// belong together must then be old or new together, none may be torn, and no temporary file may be
// left.
func TestFaultsOfTheDisk(t *testing.T) {
	needStrace(t, "faults of the disk")
	calls := []string{"write", "fsync", "renameat", "linkat", "fchmod", "unlinkat"}
	most := scaled(2, 100)
	runs := 0
	for _, s := range subjects {
		if !*long && s.program != "reduce" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			s.run(t, dir, 1)
			want := s.written(t, dir)
			for _, call := range calls {
				for n := 1; n <= most; n++ {
					s.makeOld(t, dir)
					status, out, injected := s.traced(t, dir, call, fmt.Sprintf("error=EIO:when=%d", n))
					if !injected {
						break
					}
					if strings.Contains(out, "netpollBreak") {
						continue // the runtime wakes itself by writing, which never fails
					}
					runs++
					where := fmt.Sprintf("%s %d fails", call, n)
					told := strings.Contains(out, "cannot write ") ||
						strings.Contains(out, "cannot show a question") ||
						call == "write" // of a thread: the sentence may be the n-th of another
					if strings.Contains(out, "goroutine") || status != 0 && (status != 1 || !told) {
						t.Errorf("%s: status %d, %s", where, status, out)
					}
					s.check(t, dir, where, want)
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

// ended expects the ending of a program that got the signal: its status is 128 and the number of
// the signal, or 0 if it was done before or Ctrl-C ended a training alone. It leaves no temporary
// file, and never shows stacks. Go shows them for a QUIT that comes before main has asked for it.
func (s subject) ended(
	t *testing.T, dir, where string, signal syscall.Signal, status int, out string,
	want map[string]string,
) {
	t.Helper()
	early := !strings.Contains(out, "main.main(") || strings.Contains(out, "os/signal.Notify(")
	if signal == syscall.SIGQUIT && strings.Contains(out, "goroutine") && early {
		return
	}
	if status != 0 && status != 128+int(signal) || strings.Contains(out, "goroutine") {
		t.Errorf("%s: status %d, %s", where, status, out)
	}
	// What was trained for fewer epochs differs. Another Ctrl-C may come later: strace counts the
	// calls of each thread.
	if signal != syscall.SIGINT || !strings.Contains(out, "Interrupted: ") {
		s.check(t, dir, where, want)
	}
	if left := temporary(t, dir); len(left) > 0 {
		t.Errorf("%s: left behind %q", where, left)
	}
}

var endings = []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT}

// TestSignalsAtEveryCall sends a signal with the n-th system call of each kind.
func TestSignalsAtEveryCall(t *testing.T) {
	needStrace(t, "signals at system calls")
	calls := []string{
		"openat", "read", "write", "fsync", "renameat", "linkat", "unlinkat", "futex",
	}
	most := scaled(3, 200)
	runs := 0
	for _, s := range subjects {
		if !*long && s.program != "reduce" && s.name != "cluster" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			s.run(t, dir, 1)
			want := s.written(t, dir)
			for _, call := range calls {
				for n := 1; n <= most; n += 1 + n/4 {
					s.makeOld(t, dir)
					signal := endings[runs%len(endings)]
					inject := fmt.Sprintf("signal=%d:when=%d", signal, n)
					status, out, injected := s.traced(t, dir, call, inject)
					if !injected {
						break
					}
					runs++
					where := fmt.Sprintf("%v with %s %d", signal, call, n)
					s.ended(t, dir, where, signal, status, out, want)
				}
			}
		})
	}
	figure("signals at system calls", "%d: no file torn, nothing left behind", runs)
}

// TestSignalsAtRandomMoments sends signals at random moments.
func TestSignalsAtRandomMoments(t *testing.T) {
	moments := scaled(4, 100)
	random := rand.New(rand.NewPCG(1, 1))
	runs, finished := 0, 0
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			dir := prepare(t, 40)
			start := time.Now()
			s.run(t, dir, 1)
			whole := time.Since(start)
			want := s.written(t, dir)
			for range moments {
				s.makeOld(t, dir)
				signal := endings[runs%len(endings)]
				runs++
				c := s.command(dir, 1)
				var out bytes.Buffer
				c.Stdout, c.Stderr = &out, &out
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				moment := time.Duration(random.Float64() * float64(whole))
				time.Sleep(moment)
				c.Process.Signal(signal)
				c.Wait()
				if c.ProcessState.Success() {
					finished++
				}
				where := fmt.Sprintf("%v after %v", signal, moment)
				s.ended(t, dir, where, signal, shellStatus(c), out.String(), want)
			}
		})
	}
	figure("signals at random moments", "%d (%d came late or ended a training alone): "+
		"no file torn, nothing left behind", runs, finished)
}
