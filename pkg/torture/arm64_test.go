package torture

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestARM64 runs the tests of the packages as programs for arm64 in an emulator. It leaves out
// tests of commands: they start themselves again, and the emulator does not start the second
// program.
func TestARM64(t *testing.T) {
	longOnly(t, "the emulator is slow")
	const what = "arm64, emulated"
	emulator, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		notRun(t, what, "qemu-aarch64 is not installed; Debian's package qemu-user has it")
	}
	list := slices.DeleteFunc(packages(t, "./pkg/..."), func(p string) bool {
		return strings.Contains(p, "/cmd/")
	})
	args := []string{"test", "-short", "-timeout", "20m", "-exec", emulator}
	c := exec.Command("go", append(args, list...)...)
	c.Dir = root
	c.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0", "REQUIRE_KERNELS=NEON")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	figure(what, "the tests of %d packages pass", len(list))
}
