package torture

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The packages pass their tests as programs for arm64, where an emulator is there to run them.
// The tests of the four programs start themselves again, which the emulator does not take part in.
func TestARM64(t *testing.T) {
	longOnly(t, "the emulator is slow")
	emulator, err := exec.LookPath("qemu-aarch64")
	if err != nil {
		t.Skip("qemu-aarch64 is not installed: Debian's package qemu-user has it")
	}
	var packages []string
	for p := range strings.Lines(tool(t, root, "go", "list", "./pkg/...")) {
		if p = strings.TrimSpace(p); p != "imagesimilarity/pkg/torture" {
			packages = append(packages, p)
		}
	}
	c := exec.Command("go", append([]string{"test", "-short", "-timeout", "20m", "-exec", emulator}, packages...)...)
	c.Dir = root
	c.Env = append(os.Environ(), "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	figure("arm64, emulated", "tests of %d packages pass", strings.Count(string(out), "\nok ")+strings.Count(string(out[:3]), "ok "))
}
