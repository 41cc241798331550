package torture

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSkipsSayWhatIsMissing expects that a test that is skipped says what is not tested and why, or
// by which flag or make target it runs. .ci/run tells the one from the other by these words.
func TestSkipsSayWhatIsMissing(t *testing.T) {
	skip := regexp.MustCompile(`\.Skip(f|Now)?\([^\n]*`)
	says := regexp.MustCompile(
		`"[^"]+: not (tested|measured)( with -short)?, |"only in make [a-z]+: `)
	found := 0
	for _, name := range sources(t) {
		if filepath.Ext(name) != ".go" || name == "pkg/torture/skips_test.go" {
			continue
		}
		for _, call := range skip.FindAllString(read(t, root, filepath.FromSlash(name)), -1) {
			found++
			if !says.MatchString(call) {
				t.Errorf("%s: %s does not say what is not tested, and why", name, strings.TrimSpace(call))
			}
		}
	}
	if found == 0 {
		t.Error("no test that may be skipped was found")
	}
}
