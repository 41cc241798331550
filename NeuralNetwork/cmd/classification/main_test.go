package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"imagesimilarity/NeuralNetwork/internal/scripttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"classification": main})
}

func TestScripts(t *testing.T) { scripttest.Run(t) }
