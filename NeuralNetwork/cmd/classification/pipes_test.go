//go:build unix

package main

import (
	"strings"
	"testing"

	"imagesimilarity/NeuralNetwork/internal/scripttest"
)

// Pipes are read as files are, also if they are fed one after the other.
func TestPipes(t *testing.T) {
	input := strings.Join(conversation, "\n")
	_, want, _ := converse(t, input, nil)
	scripttest.Pipes(t, run, []string{"-d", "-dl", "-t", "-tl"},
		[]string{"images", "labels", "images", "labels"}, "-model model.h5", input, want)
}
