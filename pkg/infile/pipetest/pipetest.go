//go:build unix

// Package pipetest makes named pipes for tests.
package pipetest

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// Make makes pipes of these names. A system or a disk that makes none skips the test. Linux makes
// them on every disk of its own, so there the test fails.
func Make(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		err := syscall.Mkfifo(name, 0o600)
		switch {
		case err != nil && runtime.GOOS == "linux":
			t.Fatalf("cannot make the pipe %s: %v", name, err)
		case err != nil:
			t.Skip("pipes: not tested, this system makes none: ", err)
		}
	}
}

// Feed makes pipes and feeds them one after the other: each gets the content of the file that
// stands beside it.
func Feed(t *testing.T, pipes, files []string) {
	t.Helper()
	Make(t, pipes...)
	go func() {
		for i, file := range files {
			if b, err := os.ReadFile(file); err == nil {
				os.WriteFile(pipes[i], b, 0)
			}
		}
	}()
}
