//go:build gpu

package main

import (
	"maps"
	"os"
	"strings"
	"testing"

	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/keras"
)

// A conversation on the first device, if there is one, has the same files each time, and a model
// that loads.
func TestConversationOnDevice(t *testing.T) {
	if _, err := experiment.Devices(); err != nil && os.Getenv("REQUIRE_OPENCL") == "" {
		t.Skip("OpenCL: not tested, ", err)
	}
	screen, files := converseOn(t, "gpu")
	if !strings.HasPrefix(screen, "Device: ") {
		t.Errorf("no device is named:\n%s", screen)
	}
	if _, err := keras.Load("c.h5"); err != nil {
		t.Error(err)
	}
	_, again := converseOn(t, "gpu")
	if !maps.Equal(files, again) {
		t.Error("the files differ the second time")
	}
	if screen, _ := converseOn(t, "auto"); strings.Count(screen, "Device: ") != 1 {
		t.Errorf("auto names not one device:\n%s", screen)
	}
}
