//go:build gpu

package nn_test

import (
	"errors"
	"os"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/nn/opencl"
)

func init() {
	extraEngines = append(extraEngines, namedEngine{"OpenCL", func(t *testing.T) nn.Engine {
		devices, err := opencl.Devices()
		if err == nil && len(devices) == 0 {
			err = errors.New("there is no device")
		}
		if err != nil && os.Getenv("REQUIRE_OPENCL") == "" {
			t.Skip("OpenCL: not tested, ", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		e, err := opencl.Open(devices[0], cpu.New(), func(wait func()) { wait() })
		if err != nil {
			t.Fatal(err)
		}
		return e
	}})
}
