package torture

import (
	"os/exec"
	"strings"
	"testing"
)

// TestSpark runs make spark: every stage on Spark, also with workers that are killed and tasks that
// fail, compared with one machine.
func TestSpark(t *testing.T) {
	longOnly(t, "Spark's start takes seconds, and there are twenty")
	const what = "the same on Spark"
	for _, tool := range []string{"make", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			notRun(t, what, tool+" is not there")
		}
	}
	run := exec.Command("make", "spark")
	run.Dir = root
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "search") || strings.HasPrefix(line, "cluster") {
			figure(what, "%s", strings.TrimSpace(line))
		}
	}
}
