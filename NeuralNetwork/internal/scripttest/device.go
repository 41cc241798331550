package scripttest

import (
	"errors"
	"maps"
	"os"
	"strings"
	"testing"

	"imagesimilarity/NeuralNetwork/internal/devicetest"
	"imagesimilarity/NeuralNetwork/internal/experiment"
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
)

// A Converse runs a whole conversation with a choice of device. It returns what the program showed,
// and the content of the files that depend on the device, by their names.
type Converse func(t *testing.T, device string) (screen string, files map[string]string)

// Vanish holds conversations in which the device vanishes after 0, step, 2*step and so on of its
// calls, up to one that it survives. It expects that a failure is told once and that the results
// name what computed. round reads from the results the name of the device, and whether all that was
// asked for is there.
func Vanish(t *testing.T, step int, converse Converse, round func() (device string, whole bool)) {
	const name = "Fake 3000"
	before := experiment.Devices
	t.Cleanup(func() { experiment.Devices = before })
	for after := 0; ; after += step {
		device := devicetest.Failing(after)
		experiment.Devices = func(string) ([]experiment.Device, error) {
			return []experiment.Device{{
				Name: name,
				Open: func(nn.Engine) (nn.Engine, error) { return device, nil },
			}}, nil
		}
		screen, _ := converse(t, "gpu")
		told := strings.Count(screen, "\nThe device failed, the processor goes on: OpenCL: ")
		computed, whole := round()
		if told == 0 {
			if computed != name || after < 20 {
				t.Errorf("%d calls: not told, the results name %q", after, computed)
			}
			return
		}
		if told != 1 || computed != name+", then cpu" {
			t.Errorf("after %d calls: told %d times, the results name %q", after, told, computed)
		}
		if !whole {
			t.Errorf("after %d calls: the results are not whole", after)
		}
	}
}

// OnDevice expects that a conversation on the first device, if there is one, has the same files
// each time, and a model that loads. Without a device it skips the test, unless REQUIRE_OPENCL says
// that there must be one.
func OnDevice(t *testing.T, converse Converse, model string) {
	if _, err := experiment.Devices("list"); err != nil {
		if os.Getenv("REQUIRE_OPENCL") != "" {
			t.Fatal(err)
		}
		t.Skip("OpenCL: not tested, ", err)
	}
	screen, files := converse(t, "gpu")
	if !strings.HasPrefix(screen, "Device: ") {
		t.Errorf("no device is named:\n%s", screen)
	}
	if _, err := keras.Load(model); err != nil {
		t.Error(err)
	}
	_, again := converse(t, "gpu")
	if !maps.Equal(files, again) {
		t.Error("the files differ the second time")
	}
	if screen, _ := converse(t, "auto"); strings.Count(screen, "Device: ") != 1 {
		t.Errorf("auto names not one device:\n%s", screen)
	}
}

// WaitForFiles expects that wrong, a conversation with a file that is missing, ends before the
// device is opened: that can take seconds.
func WaitForFiles(t *testing.T, wrong func() (status int)) {
	before := experiment.Devices
	t.Cleanup(func() { experiment.Devices = before })
	experiment.Devices = func(string) ([]experiment.Device, error) {
		t.Error("the device is opened before the files")
		return nil, errors.New("too early")
	}
	if status := wrong(); status != 1 {
		t.Errorf("status %d, expected 1", status)
	}
}
