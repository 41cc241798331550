//go:build gpu

package main

import (
	"testing"

	"imagesimilarity/NeuralNetwork/internal/scripttest"
)

// A conversation on the first device, if there is one, has the same files each time, and a model
// that loads.
func TestConversationOnDevice(t *testing.T) { scripttest.OnDevice(t, converseOn, "model.h5") }
