package main

import (
	"bytes"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/memory/memorytest"
)

// Every need is refused in a sentence if the budget is a byte less.
func TestEveryNeedIsRefused(t *testing.T) {
	converse(t, strings.Join(conversation, "\n"), nil) // writes the inputs
	args := strings.Fields("-quiet -d images -dl labels -t images -tl labels -model model.h5" +
		" -save classifier.h5 -html page.html -json out.json")
	memorytest.RefuseEach(t, func() (int, string) {
		var screen bytes.Buffer
		status := run(args, strings.NewReader(strings.Join(conversation, "\n")+"\n"),
			&screen, &screen)
		return status, screen.String()
	})
}

// What a page needs is refused before the first question.
func TestPageIsRefusedBeforeTheTraining(t *testing.T) {
	converse(t, "", nil) // writes the inputs
	defer memory.SetBudget(0)
	var stdout, stderr bytes.Buffer
	status := run(strings.Fields("-quiet -memory 20MiB "+
		"-d images -dl labels -t images -tl labels -model model.h5 -html page.html"),
		strings.NewReader(strings.Join(conversation, "\n")), &stdout, &stderr)
	if status != 1 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "making a page needs") {
		t.Errorf("status %d, %q, %q", status, &stdout, &stderr)
	}
}
