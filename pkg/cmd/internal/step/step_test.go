//go:build unix

package step

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/program/programtest"
)

// TestMain lets the test binary be a program that runs a step, and the program of that step.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "child":
		terminated := make(chan os.Signal, 1)
		signal.Notify(terminated, syscall.SIGTERM)
		fmt.Println("Ready")
		<-terminated
		os.WriteFile("ended", nil, 0o644)
	case os.Getenv("STEP_PARENT") != "":
		os.Exit(program.Run("parent", func(_ []string, _ io.Reader, stdout, _ io.Writer) int {
			s := Step{Program: os.Args[0], Args: []string{"child"}}
			if s.Run(".", stdout) != nil {
				return 1
			}
			return 0
		}))
	default:
		programtest.HeedSignals()
		os.Exit(m.Run())
	}
}

// A signal ends the program of a step, and then the process that runs it.
func TestSignalEndsTheProgramFirst(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		self, err := filepath.Abs(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := os.Link(self, filepath.Join(dir, "program")); err != nil {
			b, err := os.ReadFile(self)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, "program"), b, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		c := exec.Command("./program")
		c.Dir, c.Env = dir, append(os.Environ(), "STEP_PARENT=1")
		stdout, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.Process.Kill()
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			if lines.Text() == "Ready" {
				c.Process.Signal(s)
			}
		}
		c.Wait()
		if status := c.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != s {
			t.Errorf("%v: ended with %v", s, c.ProcessState)
		}
		if _, err := os.Stat(filepath.Join(dir, "ended")); err != nil {
			t.Errorf("%v: the program of the step was not ended: %v", s, err)
		}
	}
}
