package idx

import (
	"os"
	"syscall"
	"testing"
)

// A file is not mapped where addresses are limited: the heap may need them.
func TestNothingIsMappedUnderALimit(t *testing.T) {
	f, err := os.Open(numbers(t, MagicImages, 20))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &before); err != nil {
		t.Fatal(err)
	}
	limited := before
	limited.Cur = min(before.Cur, 1<<40) // far more than this process has
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &limited); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_AS, &before)
	var kept syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_AS, &kept); err != nil || kept.Cur != limited.Cur {
		t.Skip("a limit of addresses: not tested, the system does not keep it")
	}
	if m, err := mapFile(f, 100); err == nil {
		unmapFile(m)
		t.Error("a file is mapped")
	}
}
