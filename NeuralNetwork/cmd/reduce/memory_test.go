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

func TestPageIsRefusedBeforeTheTraining(t *testing.T) {
	converse(t, "") // writes the inputs
	scripttest.RefusePage(t, run, "-d images -q images -od d -oq q",
		strings.Join(conversation, "\n"))
}
