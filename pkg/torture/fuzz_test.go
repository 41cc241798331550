package torture

import (
	"flag"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

var fuzzTime = flag.Duration("fuzz-each", 20*time.Second,
	"how long each fuzz target of the project runs in the long form")

// TestFuzzTargets runs every fuzz target of the project for a while.
func TestFuzzTargets(t *testing.T) {
	longOnly(t, "takes its time for every target")
	var targets []string
	list := tool(t, root, "go", "test", "-list", "^Fuzz", "./...")
	for line := range strings.Lines(list) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "Fuzz") {
			targets = append(targets, line)
			continue
		}
		pkg, ok := strings.CutPrefix(line, "ok")
		if !ok {
			continue
		}
		pkg = strings.Fields(pkg)[0]
		for _, target := range targets {
			name := strings.TrimPrefix(pkg, "imagesimilarity/") + "." + target
			t.Run(name, func(t *testing.T) { fuzz(t, pkg, target) })
		}
		targets = nil
	}
}

var (
	executions = regexp.MustCompile(`execs: (\d+)`)
	// Before Go 1.27, the end of the time can be reported as a failure without a failing input
	// (https://go.dev/issue/75804).
	timeIsUp = regexp.MustCompile(
		`(?m)^--- FAIL: \w+ \([0-9.]+s\)\n    context deadline exceeded\nFAIL$`)
)

func fuzz(t *testing.T, pkg, target string) {
	// Go makes an input smaller 20 times at most: a target that reads large files would do nothing
	// else.
	c := exec.Command("go", "test", "-run", "^$", "-fuzz", "^"+target+"$",
		"-fuzztime", fuzzTime.String(), "-fuzzminimizetime", "20x", "-parallel", "2", pkg)
	c.Dir = root
	out, err := c.CombinedOutput()
	if err != nil && !timeIsUp.Match(out) {
		t.Fatalf("%v\n%s", err, out)
	}
	n := executions.FindAllSubmatch(out, -1)
	if len(n) == 0 {
		t.Fatalf("nothing was executed:\n%s", out)
	}
	figure("fuzz "+strings.TrimPrefix(pkg, "imagesimilarity/")+" "+target, "%s inputs in %v, no fault",
		n[len(n)-1][1], *fuzzTime)
}
