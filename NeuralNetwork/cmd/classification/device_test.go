package main

import (
	"os"
	"strings"
	"testing"

	"imagesimilarity/NeuralNetwork/internal/devicetest"
	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/nn"
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
	before := experiment.Devices
	t.Cleanup(func() { experiment.Devices = before })
	for after := 0; ; after += 3 {
		device := devicetest.Failing(after)
		experiment.Devices = func() ([]experiment.Device, error) {
			return []experiment.Device{{
				Name: "Fake 3000",
				Open: func(nn.Engine) (nn.Engine, error) { return device, nil },
			}}, nil
		}
		screen, _ := converseOn(t, "gpu")
		told := strings.Count(screen, "\nThe device failed, the processor goes on: OpenCL: ")
		x := new(results.Classification)
		if err := results.Read("out.json", x); err != nil {
			t.Fatal(err)
		}
		name := x.Rounds[0].Device
		if told == 0 {
			if name != "Fake 3000" || after < 20 {
				t.Errorf("%d calls: not told, the results name %q", after, name)
			}
			return
		}
		if told != 1 || name != "Fake 3000, then cpu" {
			t.Errorf("after %d calls: told %d times, the results name %q", after, told, name)
		}
		if n := len(x.Rounds[0].Training.Loss); n != 2 || x.Rounds[0].Test == nil {
			t.Errorf("after %d calls: %d epochs, test %v", after, n, x.Rounds[0].Test)
		}
	}
}
