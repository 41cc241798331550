package torture

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The packages pass their tests as programs for arm64, where an emulator is there to run them.
// Tests of programs are left out: they start themselves again, which the emulator does not take part in.
func TestARM64(t *testing.T) {
	longOnly(t, "the emulator is slow")
	const what = "arm64, emulated"
	emulator, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		notRun(t, what, "qemu-aarch64 is not installed; Debian's package qemu-user has it")
	}
	list := slices.DeleteFunc(packages(t, "./pkg/..."), func(p string) bool { return strings.Contains(p, "/cmd/") })
	c := exec.Command("go", append([]string{"test", "-short", "-timeout", "20m", "-exec", emulator}, list...)...)
	c.Dir = root
	c.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	figure(what, "the tests of %d packages pass", len(list))
}
