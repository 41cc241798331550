package torture

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// packages returns the import paths that match the pattern, without this package.
func packages(t *testing.T, patterns ...string) []string {
	t.Helper()
	var list []string
	for _, p := range strings.Fields(tool(t, root, "go", append([]string{"list"}, patterns...)...)) {
		if p != "imagesimilarity/pkg/torture" {
			list = append(list, p)
		}
	}
	return list
}

// TestRaceDetector runs the short tests of all packages under the race detector.
func TestRaceDetector(t *testing.T) {
	longOnly(t, "the race detector is slow")
	if _, err := exec.LookPath(strings.TrimSpace(tool(t, root, "go", "env", "CC"))); err != nil {
		notRun(t, "race detector", "it needs a C compiler")
	}
	list := packages(t, "./...")
	args := []string{"test", "-race", "-short", "-timeout", "20m"}
	c := exec.Command("go", append(args, list...)...)
	c.Dir = root
	c.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	figure("race detector", "nothing found in the tests of %d packages", len(list))
}
