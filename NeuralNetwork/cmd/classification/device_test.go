package main

import (
	"io"
	"os"
	"strings"
	"testing"

	"imagesimilarity/NeuralNetwork/internal/scripttest"
	"imagesimilarity/pkg/results"
)

// converseOn runs the whole conversation with a choice of device, and returns the files.
func converseOn(t *testing.T, device string) (screen string, files map[string]string) {
	t.Helper()
	status, screen, stderr := converse(t, strings.Join(conversation, "\n"), nil,
		"-save", "c.h5", "-json", "out.json", "-device", device)
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	files = map[string]string{}
	for _, name := range []string{testClasses, trainingClasses, "c.h5"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	return screen, files
}

// A device that vanishes, at any call, is told once; the conversation goes on to its end, and the
// results name both that computed.
func TestDeviceVanishes(t *testing.T) {
	scripttest.Vanish(t, 3, converseOn, func() (device string, whole bool) {
		x := new(results.Classification)
		if err := results.Read("out.json", x); err != nil {
			t.Fatal(err)
		}
		n := len(x.Rounds[0].Training.Loss)
		return x.Rounds[0].Device, n == 2 && x.Rounds[0].Test != nil
	})
}

func TestDeviceWaitsForFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	scripttest.WaitForFiles(t, func() int {
		return run([]string{"-quiet", "-d", "images", "-dl", "labels", "-t", "images", "-tl", "labels",
			"-model", "model.h5", "-device", "gpu"}, strings.NewReader(""), io.Discard, io.Discard)
	})
}
