package torture

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemoOfOwnData runs the demo on IDX files in a folder where MNIST is not.
func TestDemoOfOwnData(t *testing.T) {
	dir := t.TempDir()
	const conf = "NearestNeighboursAndClustering/cluster.conf"
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(conf, read(t, root, conf))
	for _, program := range []string{
		"NeuralNetwork/reduce", "NeuralNetwork/classification",
		"NearestNeighboursAndClustering/search", "NearestNeighboursAndClustering/cluster",
	} {
		to := filepath.Join(dir, program)
		err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o777),
			os.Symlink(filepath.Join(programs, filepath.Base(program)), to))
		if err != nil {
			t.Fatal(err)
		}
	}
	data := prepare(t, 160)
	for from, to := range map[string]string{
		"images": "train-images-idx3-ubyte", "labels": "train-labels-idx1-ubyte",
		"queries": "t10k-images-idx3-ubyte", "query.labels": "t10k-labels-idx1-ubyte",
	} {
		write(filepath.Join("own", to), read(t, data, from))
	}
	tool(t, root, "go", "build", "-o", filepath.Join(dir, "demo.exe"), "./pkg/cmd/demo")
	c := exec.Command(filepath.Join(dir, "demo.exe"), "own")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-2000):])
	}
	if page := read(t, dir, "demo/index.html"); !strings.Contains(page, "160 training images") {
		t.Error("the page is not on these images")
	}
}
