package torture

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A processor that an emulator imitates.
type processor struct {
	name, arch string
	tags       string // of the build
	kernels    string // that the tests must find
}

func (p processor) env() []string {
	return append(os.Environ(), "GOARCH="+p.arch, "CGO_ENABLED=0", "REQUIRE_KERNELS="+p.kernels)
}

// emulator returns the program that runs those for p. It skips the test if there is none.
func (p processor) emulator(t *testing.T, what string) string {
	t.Helper()
	name := "qemu-" + cmp.Or(map[string]string{"arm64": "aarch64"}[p.arch], p.arch)
	path, err := exec.LookPath(name)
	if err != nil {
		notRun(t, what, name+" is not installed; Debian's package qemu-user has it")
	}
	return path
}

var (
	// progress matches what go test -v writes of tests that do not fail.
	progress = regexp.MustCompile(`(?m)^ *(=== |--- (PASS|SKIP)).*\n`)
	// skipped matches why a test was skipped, unless it has a longer form that runs elsewhere.
	skipped = regexp.MustCompile(`(?m)_test\.go:\d+: (.+): not tested, (.+)$`)
)

// test runs the tests of packages in the emulator, in their short form. It tells what the emulator
// cannot test.
func (p processor) test(t *testing.T, packages []string) {
	t.Helper()
	what := p.name + ", emulated"
	args := []string{"test", "-v", "-short", "-timeout", "20m", "-exec", p.emulator(t, what)}
	c := exec.Command("go", append(args, packages...)...)
	c.Dir, c.Env = root, p.env()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.ReplaceAll(out, nil))
	}
	figure(what, "the tests of %d packages pass", len(packages))
	for _, s := range skipped.FindAllSubmatch(out, -1) {
		figure(what, "not tested there: %s, as %s", s[1], s[2])
	}
}

var (
	arm64   = processor{name: "arm64", arch: "arm64", kernels: "NEON"}
	s390x   = processor{name: "s390x (big-endian)", arch: "s390x"}
	riscv64 = processor{name: "riscv64", arch: "riscv64"}
)

// TestARM64 runs the tests of the packages as programs for arm64 in an emulator. It leaves out
// tests that start themselves again, such as those of commands: the emulator does not start the
// second program.
func TestARM64(t *testing.T) {
	longOnly(t, "the emulator is slow")
	arm64.test(t, slices.DeleteFunc(packages(t, "./pkg/..."), func(p string) bool {
		return strings.Contains(p, "/cmd/") ||
			slices.Contains([]string{module + "pkg/outfile", module + "pkg/program"}, p)
	}))
}

// TestPortableProcessors runs the tests of formats and methods on processors that have the portable
// kernels only.
func TestPortableProcessors(t *testing.T) {
	longOnly(t, "the emulator is slow")
	for _, p := range []processor{s390x, riscv64} {
		t.Run(p.arch, func(t *testing.T) {
			p.test(t, packages(t, "./pkg/metric", "./pkg/idx", "./pkg/hdf5", "./pkg/keras", "./pkg/knn",
				"./pkg/emd", "./pkg/clustering", "./pkg/deform", "./pkg/libstdcxx", "./pkg/numpy",
				"./pkg/nn/..."))
		})
	}
}

// spans matches what differs from run to run in pages and in results as values, and the processor.
var spans = regexp.MustCompile(`"(\w*seconds|started|arch)":("[^"]*"|[0-9.e+-]+)|\d+\.\d+ s</td>`)

// TestSameOnOtherProcessors runs every program on other processors, in emulators. All files and the
// screen must be those of this processor, times aside.
func TestSameOnOtherProcessors(t *testing.T) {
	longOnly(t, "the emulator is slow")
	const what = "same bytes, emulated"
	want := map[string]map[string]string{} // by subject and name
	written := func(t *testing.T, s subject, dir string, c *exec.Cmd) map[string]string {
		t.Helper()
		c.Args = append(c.Args, "-json", "results.json")
		var errors bytes.Buffer
		c.Stderr = &errors
		screen, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v: %s", s.name, err, &errors)
		}
		found := map[string]string{"the screen": masked(string(screen))}
		for _, name := range append(s.outputs(), "results.json") {
			found[name] = spans.ReplaceAllString(masked(read(t, dir, name)), "TIME")
		}
		return found
	}
	for _, s := range subjects {
		dir := prepare(t, 40)
		want[s.name] = written(t, s, dir, s.command(dir, 1))
	}
	processors := []processor{
		arm64, {name: "arm64, portable", arch: "arm64", tags: "purego"}, s390x, riscv64,
	}
	var same []string
	for _, p := range processors {
		t.Run(p.name, func(t *testing.T) {
			emulator, folder := p.emulator(t, what), t.TempDir()
			build := exec.Command("go", "build", "-tags", p.tags, "-o", folder+"/",
				"./NeuralNetwork/cmd/...", "./NearestNeighboursAndClustering/cmd/...")
			build.Dir, build.Env = root, p.env()
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, s := range subjects {
				dir := prepare(t, 40)
				c := s.command(dir, 1)
				c.Path, c.Args = emulator, slices.Concat(
					[]string{emulator, filepath.Join(folder, s.program)}, s.args)
				for name, got := range written(t, s, dir, c) {
					if got != want[s.name][name] {
						t.Errorf("%s: %s is another", s.name, name)
					}
				}
			}
			same = append(same, p.name)
		})
	}
	figure(what, "%d programs and modes on %s", len(subjects), strings.Join(same, "; "))
}
