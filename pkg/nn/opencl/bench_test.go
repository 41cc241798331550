//go:build gpu

package opencl

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
)

// sizes are the filters of the networks whose times package _peers tells.
var sizes = [][]int{{16, 32, 64}, {8, 16}, {32, 64, 128, 128}}

// stepOf returns a training of an autoencoder in batches of 128 images of 28x28 pixels.
func stepOf(t testing.TB, e nn.Engine, filters []int) nn.Training {
	t.Helper()
	m, err := nn.NewAutoencoder(nn.AutoencoderConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: filters, Embedding: 10,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := e.NewTraining(nn.Plan{
		Layers: m.Layers, Loss: nn.MeanSquaredError, Batch: 128, EvaluationBatch: 128,
	}, e.NewSolver(nn.RMSprop))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// A step has few launches: each costs some microseconds.
func TestLaunches(t *testing.T) {
	e := testEngine(t)
	for i, most := range []int{53, 39, 67} {
		tr := stepOf(t, e, sizes[i]).(*training)
		n := len(tr.learner.launches) + len(tr.update.launches)
		t.Logf("filters %v: %d launches", sizes[i], n)
		if n > most {
			t.Errorf("filters %v: %d launches, expected at most %d", sizes[i], n, most)
		}
		tr.Close()
	}
}

var kernelFolder = flag.String("kernels", "", "folder in which TestKernels writes kernels")

// The networks share kernels, so that there are few to compile. With -kernels they are written into
// a folder, for the script kernels.py of package _peers: for each network a file launches.txt with
// the kernel, the groups and the work-items of a group of each launch.
func TestKernels(t *testing.T) {
	e := engine{idleDevice(t)}
	for i, most := range []int{49, 39, 49} {
		tr := stepOf(t, e, sizes[i]).(*training)
		defer tr.Close()
		files, launches := map[string]string{}, ""
		for _, p := range slices.Concat(tr.learner.places, tr.update.places) {
			if files[p.source] == "" {
				files[p.source] = fmt.Sprintf("%d.cl", len(files))
			}
			launches += fmt.Sprintln(files[p.source], p.name, p.groups, p.local)
		}
		if t.Logf("filters %v: %d kernels", sizes[i], len(files)); len(files) > most {
			t.Errorf("filters %v: %d kernels, expected at most %d", sizes[i], len(files), most)
		}
		if *kernelFolder == "" {
			continue
		}
		folder := filepath.Join(*kernelFolder, strings.Trim(strings.ReplaceAll(
			fmt.Sprint(sizes[i]), " ", "-"), "[]"))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		files[launches] = "launches.txt"
		for text, name := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A training step of 128 images, on a device that is none of the processor.
func BenchmarkTrainingStep(b *testing.B) {
	d, err := first()
	if err != nil || d.Processor {
		b.Skip("graphics processors: not measured, there is none")
	}
	for _, filters := range sizes {
		b.Run(fmt.Sprint(d.Name, filters), func(b *testing.B) { benchmarkStep(b, engine{d}, filters) })
	}
}

// The host's part of such a step: the driver does nothing.
func BenchmarkHost(b *testing.B) {
	e := engine{idleDevice(b)}
	for _, filters := range sizes {
		b.Run(fmt.Sprint(filters), func(b *testing.B) { benchmarkStep(b, e, filters) })
	}
}

// idleDevice returns a device whose driver, a library in C, does nothing and always succeeds.
func idleDevice(b testing.TB) *device {
	const source = `
long succeed(void) { return 0; }
long enqueue_read(void *queue, void *buffer, int wait, long offset, long size, void *to,
	int count, void *list, long *event)
{
	if (event)
		*event = 1;
	return 0;
}`
	cc, err := exec.LookPath("cc")
	if err != nil || runtime.GOOS != "linux" {
		b.Skip("a driver that does nothing: not tested, it needs Linux and a C compiler")
	}
	file := filepath.Join(b.TempDir(), "idle.so")
	c := exec.Command(cc, "-O2", "-shared", "-fPIC", "-x", "c", "-o", file, "-")
	c.Stdin = strings.NewReader(source)
	if out, err := c.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	lib, err := openLibrary(file)
	if err != nil {
		b.Fatal(err)
	}
	l := &library{}
	for f := range l.table {
		name := "succeed"
		if function(f) == enqueueRead {
			name = "enqueue_read"
		}
		if l.table[f], err = symbol(lib, name); err != nil {
			b.Fatal(err)
		}
	}
	const memory = 1 << 40
	return &device{
		Device: Device{Memory: memory, Largest: memory, Units: large,
			driver: patient{&machine{library: l}, func(wait func()) { wait() }}},
		programs: map[string]handle{},
	}
}

// benchmarkStep measures a training step of 128 images.
func benchmarkStep(b *testing.B, e engine, filters []int) {
	tr := stepOf(b, e, filters)
	defer tr.Close()
	data, err := e.Load(even(1280, 784, false))
	if err != nil {
		b.Fatal(err)
	}
	defer data.Close()
	pending := 0
	for i := 0; b.Loop(); i++ {
		index := make([]int, 128)
		for k := range index {
			index[k] = (i*128 + k*7) % 1280
		}
		if err := tr.Run(data, index); err != nil {
			b.Fatal(err)
		}
		if pending++; pending > queued {
			if _, err := tr.Loss(); err != nil {
				b.Fatal(err)
			}
			pending--
		}
		if err := tr.Step(); err != nil {
			b.Fatal(err)
		}
	}
	for range pending {
		if _, err := tr.Loss(); err != nil {
			b.Fatal(err)
		}
	}
}
