package main

import (
	"bytes"
	"strings"
	"testing"

	"imagesimilarity/NeuralNetwork/internal/scripttest"
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

func TestPageIsRefusedBeforeTheTraining(t *testing.T) {
	converse(t, "", nil) // writes the inputs
	scripttest.RefusePage(t, run, "-d images -dl labels -t images -tl labels -model model.h5",
		strings.Join(conversation, "\n"))
}
