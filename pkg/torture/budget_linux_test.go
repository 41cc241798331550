package torture

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkRefusal reports a run that neither succeeds nor ends with the status 1 and one sentence.
func checkRefusal(t *testing.T, where string, c *exec.Cmd) (refused bool) {
	t.Helper()
	var stderr, stdout bytes.Buffer
	c.Stderr, c.Stdout = &stderr, &stdout
	c.Run()
	status := c.ProcessState.ExitCode()
	lines := strings.TrimSpace(stderr.String())
	if status != 0 && status != 1 || strings.Contains(lines, "goroutine") ||
		strings.Contains(lines, "\n") {
		t.Errorf("%s: status %d, %.2000s", where, status, &stderr)
	}
	return strings.Contains(lines+stdout.String(), " allowed\n") ||
		strings.HasSuffix(lines, " allowed")
}

// TestLowerBudgets gives all programs less and less memory. They work, or end in a sentence.
func TestLowerBudgets(t *testing.T) {
	step := 0.25
	if *long {
		step = 0.9
	}
	runs, refusals := 0, 0
	for _, s := range subjects {
		dir := prepare(t, 40)
		refused := false
		for bytes := 64.0 * (1 << 20); bytes >= 1; bytes = math.Floor(bytes * step) {
			c := s.command(dir, 1)
			c.Args = append(c.Args, "-memory", fmt.Sprintf("%.0f", bytes))
			refused = checkRefusal(t, fmt.Sprintf("%s -memory %.0f", s.name, bytes), c)
			runs++
			if refused {
				refusals++
			}
		}
		if !refused {
			t.Errorf("%s works in no memory", s.name)
		}
	}
	figure("less and less memory", "%d runs, %d refused in a sentence", runs, refusals)
}

// TestLimits runs all programs with ulimit. Below these limits, Go's runtime does not reach the
// program, and ends with a stack trace.
func TestLimits(t *testing.T) {
	longOnly(t, "it depends on what else runs on the machine")
	for _, s := range subjects {
		dir := prepare(t, 40)
		for _, limit := range []string{
			"-v 1400000", "-v 1600000", "-v 3000000", "-d 110000", "-d 200000", "-d 400000",
			"-n 8", "-n 9", "-n 10", "-n 11", "-n 12", "-n 14", "-n 20",
		} {
			inner := s.command(dir, 1)
			c := exec.Command("bash", append([]string{"-c", "ulimit " + limit + `; exec "$@"`, "-"},
				inner.Args...)...)
			c.Path, _ = exec.LookPath("bash")
			c.Dir, c.Stdin = dir, inner.Stdin
			checkRefusal(t, s.name+" with ulimit "+limit, c)
		}
	}
}

// TestMediansBeyondTheBudget clusters images that fit into the budget, but not with their clusters.
func TestMediansBeyondTheBudget(t *testing.T) {
	dir := t.TempDir()
	generate(t, dir, 1000)
	c := exec.Command(filepath.Join(programs, "cluster"), strings.Fields(
		"-quiet -memory 3MiB -d images -i latents -n classes -c cluster.conf -o out")...)
	c.Dir = dir
	if !checkRefusal(t, "cluster in 3 MiB", c) {
		t.Error("1,000 images are clustered in 3 MiB")
	}
}
