package scripttest

import (
	"bytes"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/program"
)

// RefusePage expects that a program refuses what a page needs, under -memory 20MiB, before it asks
// the first question. flags are those of its files.
func RefusePage(t *testing.T, run program.Program, flags, input string) {
	t.Helper()
	defer memory.SetBudget(0)
	args := strings.Fields("-quiet -memory 20MiB -html page.html " + flags)
	var stdout, stderr bytes.Buffer
	status := run(args, strings.NewReader(input), &stdout, &stderr)
	if status != 1 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "making a page needs") {
		t.Errorf("status %d, %q, %q", status, &stdout, &stderr)
	}
}
