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
	converse(t, strings.Join(conversation, "\n")) // writes the inputs and a model
	args := strings.Fields("-quiet -d images -q images -od d -oq q -html page.html -json out.json")
	for _, answers := range [][]string{conversation, {"Y", "model.h5"}} {
		memorytest.RefuseEach(t, func() (int, string) {
			var screen bytes.Buffer
			status := run(args, strings.NewReader(strings.Join(answers, "\n")+"\n"), &screen, &screen)
			return status, screen.String()
		})
	}
}

// What a page needs is refused before the first question.
func TestPageIsRefusedBeforeTheTraining(t *testing.T) {
	converse(t, "") // writes the inputs
	defer memory.SetBudget(0)
	var stdout, stderr bytes.Buffer
	status := run(strings.Fields("-quiet -memory 20MiB "+
		"-d images -q images -od d -oq q -html page.html"),
		strings.NewReader(strings.Join(conversation, "\n")), &stdout, &stderr)
	if status != 1 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "making a page needs") {
		t.Errorf("status %d, %q, %q", status, &stdout, &stderr)
	}
}
