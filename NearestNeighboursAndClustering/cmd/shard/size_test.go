package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The worker is sent to every machine: it is at most 10 MB and needs nothing that is there.
func TestWorkerIsSmallAndStatic(t *testing.T) {
	name := filepath.Join(t.TempDir(), "shard")
	build := exec.Command("go", "build", "-o", name, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	state, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if size := state.Size(); size > 10e6 {
		t.Errorf("the worker has %d bytes", size)
	}
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the worker is linked dynamically")
		}
	}
}
