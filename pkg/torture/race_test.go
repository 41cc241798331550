package torture

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// packages lists the packages that fit the pattern, this one aside.
func packages(t *testing.T, pattern string) []string {
	t.Helper()
	var list []string
	for _, p := range strings.Fields(tool(t, root, "go", "list", pattern)) {
		if p != "imagesimilarity/pkg/torture" {
			list = append(list, p)
		}
	}
	return list
}

// The race detector finds nothing in the tests of all packages, in their short form.
func TestRaceDetector(t *testing.T) {
	longOnly(t, "the race detector is slow")
	if _, err := exec.LookPath(strings.TrimSpace(tool(t, root, "go", "env", "CC"))); err != nil {
		notRun(t, "race detector", "it needs a C compiler")
	}
	list := packages(t, "./...")
	c := exec.Command("go", append([]string{"test", "-race", "-short", "-timeout", "20m"}, list...)...)
	c.Dir = root
	c.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	figure("race detector", "nothing found in the tests of %d packages", len(list))
}
