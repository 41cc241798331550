package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/program/programtest"
)

// TestMain lets the test binary be the command.
func TestMain(m *testing.M) {
	if os.Getenv("DATASETS") != "" {
		os.Exit(program.Run("datasets", run))
	}
	programtest.HeedSignals()
	os.Exit(m.Run())
}

// command returns the command that makes a billion images in a folder, which has old files.
func command(t *testing.T, folder string) *exec.Cmd {
	t.Helper()
	for _, name := range []string{"images.dat", "labels.dat"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const data = "../../testdata/mnist/"
	c := exec.Command(os.Args[0], "-grow", "1000000000",
		data+"train1000.dat.gz", data+"trainl1000.dat", folder)
	c.Env = append(os.Environ(), "DATASETS=1")
	return c
}

// checkOld expects the old files in the folder, and no others.
func checkOld(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v, %v; expected the two old files", entries, err)
	}
	for _, e := range entries {
		if b, err := os.ReadFile(filepath.Join(folder, e.Name())); string(b) != "old" {
			t.Errorf("%s has %d bytes, %v", e.Name(), len(b), err)
		}
	}
}

func TestGrowToAFullDisk(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mount("none", folder, "tmpfs", 0, "size=20m"); err != nil {
		t.Skip("a full disk: not tested, it cannot be mounted: ", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Error(err)
		}
	})
	out, err := command(t, folder).CombinedOutput()
	var exit *exec.ExitError
	want := "datasets: cannot write " + filepath.Join(folder, "images.dat") +
		": no space left on device\n"
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || string(out) != want {
		t.Errorf("%v, %q, want status 1, %q", err, out, want)
	}
	checkOld(t, folder)
}

func TestGrowEndsOnASignal(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		folder := t.TempDir()
		c := command(t, folder)
		var screen strings.Builder
		c.Stdout, c.Stderr = &screen, &screen
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- c.Wait() }()
		for writing := false; !writing; {
			select {
			case err := <-ended:
				t.Fatalf("%v before it was written: %s", err, &screen)
			case <-time.After(time.Millisecond):
			}
			files, _ := filepath.Glob(filepath.Join(folder, ".images.dat*"))
			for _, name := range files {
				info, err := os.Stat(name)
				writing = writing || err == nil && info.Size() > 1<<20
			}
		}
		c.Process.Signal(s)
		<-ended
		status := c.ProcessState.Sys().(syscall.WaitStatus)
		if !status.Signaled() || status.Signal() != s || screen.Len() > 0 {
			t.Errorf("%v: ended with %v, %q", s, c.ProcessState, &screen)
		}
		checkOld(t, folder)
	}
}
