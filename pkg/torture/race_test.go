package torture

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// packages returns the import paths that match the pattern, without this package.
func packages(t *testing.T, patterns ...string) []string {
	t.Helper()
	var list []string
	for _, p := range strings.Fields(tool(t, root, "go", append([]string{"list"}, patterns...)...)) {
		if p != "imagesimilarity/pkg/torture" {
			list = append(list, p)
		}
	}
	return list
}

// TestRaceDetector runs the short tests of all packages under the race detector.
func TestRaceDetector(t *testing.T) {
	longOnly(t, "the race detector is slow")
	if _, err := exec.LookPath(strings.TrimSpace(tool(t, root, "go", "env", "CC"))); err != nil {
		notRun(t, "race detector", "it needs a C compiler")
	}
	list := packages(t, "./...")
	args := []string{"test", "-race", "-short", "-timeout", "20m"}
	c := exec.Command("go", append(args, list...)...)
	c.Dir = root
	c.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	figure("race detector", "nothing found in the tests of %d packages", len(list))
}

// TestRacesOfKernels runs the kernels for graphics processors in a simulator, Oclgrind. It finds
// races between work-items, which a driver that computes on the processor may hide, and what is
// read or written outside of buffers. At last a kernel runs without its barrier: there the
// simulator has to find a race.
func TestRacesOfKernels(t *testing.T) {
	longOnly(t, "the simulator is slow")
	const what = "kernels, simulated"
	simulator, err := exec.LookPath("oclgrind")
	if err != nil {
		notRun(t, what, "oclgrind is not installed; Debian's package oclgrind has it")
	}
	driver := filepath.Join(filepath.Dir(simulator), "../lib/oclgrind/liboclgrind-rt-icd.so")
	dir := t.TempDir()
	write := func(name, text string) (path string) {
		t.Helper()
		path = filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("oclgrind.icd", driver)
	// run returns what the tests print, and what the simulator finds.
	run := func(t *testing.T, args ...string) (out []byte, found string, err error) {
		t.Helper()
		logs := t.TempDir()
		args = append([]string{"test", "-tags=gpu", "-count=1", "-timeout=20m"}, args...)
		c := exec.Command("go", append(args, "./pkg/nn/opencl")...)
		c.Dir = root
		// The simulator crashes if it compiles two programs at a time.
		c.Env = append(os.Environ(), "GOMAXPROCS=1", "REQUIRE_OPENCL=1", "OCL_ICD_VENDORS="+dir,
			"OCLGRIND_DATA_RACES=1", "OCLGRIND_CHECK_API=1", "OCLGRIND_MAX_ERRORS=10",
			"OCLGRIND_LOG="+filepath.Join(logs, "log"))
		out, err = c.CombinedOutput()
		return out, read(t, logs, "log"), err
	}
	t.Run("all", func(t *testing.T) {
		for _, tests := range []string{
			"TestGradients", "TestTiles|TestClassesAgreeWithCPU|TestTrainingAgreesWithCPU",
		} {
			t.Run(tests, func(t *testing.T) {
				t.Parallel()
				out, found, err := run(t, "-run=^("+tests+")$")
				if err != nil || found != "" {
					t.Errorf("%v\n%s\n%s", err, out, found)
				}
			})
		}
	})

	const name, barrier = "product.cl", "\t\tbarrier(CLK_LOCAL_MEM_FENCE);\n"
	source, err := filepath.Abs(filepath.Join(root, "pkg/nn/opencl/source", name))
	if err != nil {
		t.Fatal(err)
	}
	with := read(t, filepath.Dir(source), name)
	without := strings.Replace(with, barrier, "", 1)
	if with == without {
		t.Fatalf("%s has no barrier", name)
	}
	overlay, err := json.Marshal(map[string]any{
		"Replace": map[string]string{source: write(name, without)},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, found, err := run(t, "-overlay="+write("overlay.json", string(overlay)), "-short",
		"-run=^TestTiles$")
	if err == nil || !strings.Contains(found, "data race at local memory") {
		t.Errorf("without a barrier no race is found: %v\n%s\n%s", err, out, found)
	}
	figure(what, "no race, and nothing outside of a buffer, in 4 tests")
}
