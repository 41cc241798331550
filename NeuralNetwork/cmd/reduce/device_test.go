package main

import (
	"bytes"
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
	converse(t, "") // writes the images
	var stdout, stderr bytes.Buffer
	status := run([]string{"-quiet", "-d", "images", "-q", "images", "-od", "d", "-oq", "q",
		"-json", "out.json", "-device", device},
		strings.NewReader(strings.Join(conversation, "\n")), &stdout, &stderr)
	if status != 0 || stderr.Len() > 0 {
		t.Fatalf("status %d, stderr %q", status, stderr.String())
	}
	files = map[string]string{}
	for _, name := range []string{"d", "q", "model.h5"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	return stdout.String(), files
}

// A device that vanishes, at any call, is told once; the conversation goes on to its end, and the
// results name both that computed.
func TestDeviceVanishes(t *testing.T) {
	scripttest.Vanish(t, 1, converseOn, func() (device string, whole bool) {
		x := new(results.Reduce)
		if err := results.Read("out.json", x); err != nil {
			t.Fatal(err)
		}
		n := len(x.Rounds[0].Training.Loss)
		return x.Rounds[0].Device, n == 1 && x.Rounds[0].LatentsWritten
	})
}

func TestDeviceWaitsForFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	scripttest.WaitForFiles(t, func() int {
		return run([]string{"-quiet", "-d", "images", "-q", "images", "-od", "d", "-oq", "q",
			"-device", "gpu"}, strings.NewReader(""), io.Discard, io.Discard)
	})
}
