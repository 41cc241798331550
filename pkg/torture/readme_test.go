package torture

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/knn"
)

var update = flag.Bool("update", false, "write the picture of README.md anew")

// The blocks of README.md that are run: those in sh, and those in bat for systems without make.
var (
	shellBlock   = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	withoutBlock = regexp.MustCompile("(?ms)^```bat\n(.*?)^```$")
)

var (
	// methodRow matches a row of the table of methods, and what the method finds.
	methodRow = regexp.MustCompile(`(?m)^\| \*\*.* \| ([0-9, ]+) \|$`)
	// endRow matches a row on the end of a file in the folder try, the file and the rest of the row.
	endRow = regexp.MustCompile("(?m)^\\| end of `([^`]*)` \\| (.*) \\|$")
	// quotedLine matches a line that a file has, with its figure.
	quotedLine = regexp.MustCompile("`([^`]* [0-9.]+)`")
)

// TestREADMECommands runs the commands of README.md as they are printed and in their order, in one
// shell that starts in a copy of the tree without what is built or fetched. It stops at the first
// command that fails. Then the files hold the lines that README.md quotes with their figures.
func TestREADMECommands(t *testing.T) {
	longOnly(t, "it trains on all of MNIST")
	if _, err := exec.LookPath("make"); err != nil {
		notRun(t, "commands of README", "make is not there")
	}
	readme := read(t, root, "README.md")
	script := "set -e\n"
	for _, m := range shellBlock.FindAllStringSubmatch(readme, -1) {
		script += m[1]
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = copyOfTree(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v in\n%s\nend of the output:\n%s", err, script, out[max(0, len(out)-3000):])
	}
	quoted := 0
	for _, row := range endRow.FindAllStringSubmatch(readme, -1) {
		text := read(t, cmd.Dir, filepath.Join("try", row[1]))
		for _, line := range quotedLine.FindAllStringSubmatch(row[2], -1) {
			quoted++
			if !strings.Contains(text, line[1]+"\n") {
				t.Errorf("%s has no line %q", row[1], line[1])
			}
		}
	}
	if quoted == 0 {
		t.Error("README.md quotes no line of a file")
	}
	figure("commands of README", "%d lines of commands, as printed", strings.Count(script, "\n"))
}

// TestREADMEWithoutMake compares the commands for systems without make with those that make runs in
// a new copy of the tree.
func TestREADMEWithoutMake(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("commands without make: not tested, make is not there")
	}
	m := withoutBlock.FindStringSubmatch(read(t, root, "README.md"))
	if m == nil {
		t.Fatal("README.md has no commands for systems without make")
	}
	// If make runs this test, it would name the folders that a make within it enters.
	cmd := exec.Command("make", "--no-print-directory", "-n", "GPU=no", "demo")
	cmd.Dir = copyOfTree(t)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "DATA=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(` +\n`).ReplaceAllString(string(out), "\n")
	if m[1] != want {
		t.Errorf("README.md has\n%s\nmake runs\n%s", m[1], want)
	}
}

// copyOfTree returns a folder with a copy of the files of the project.
func copyOfTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range sources(t) {
		from := filepath.Join(root, filepath.FromSlash(name))
		to := filepath.Join(dir, filepath.FromSlash(name))
		if strings.HasPrefix(name, "NeuralNetwork/") || strings.HasPrefix(name, "NearestNeighbours") {
			if info, err := os.Stat(from); err == nil && info.Mode()&0o111 != 0 {
				continue // a program
			}
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestREADMEPicture compares the picture of README.md and the labels in the table above it with
// what the methods find: a row for each method, with a query and the three images that are nearest
// to it among 1,000 of MNIST.
func TestREADMEPicture(t *testing.T) {
	const query, neighbours, cell = 43, 3, 4
	const mnist = "../testdata/mnist/"
	fatal := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := idx.ReadImages(mnist + "train1000.dat.gz")
	fatal(err)
	queries, err := idx.ReadImages(mnist + "query100.dat.gz")
	fatal(err)
	labels, err := idx.ReadLabels(mnist + "trainl1000.dat")
	fatal(err)
	latents, err := idx.ReadLatents(mnist + "train1000_10.dat")
	fatal(err)
	queryLatents, err := idx.ReadLatents(mnist + "query100_10.dat")
	fatal(err)

	var rows [][]int
	add := func(n int, index func(i int) int) {
		var row []int
		for i := range n {
			row = append(row, index(query*neighbours+i))
		}
		rows = append(rows, row)
	}
	exact, err := knn.New(data.Set())
	fatal(err)
	found, err := exact.Nearest(queries, neighbours, nil)
	fatal(err)
	add(neighbours, func(i int) int { return int(found[i].Index) })
	reduced, err := knn.New(latents.Set())
	fatal(err)
	near, err := reduced.Nearest(queryLatents, neighbours, nil)
	fatal(err)
	add(neighbours, func(i int) int { return int(near[i].Index) })
	width, err := knn.Width(exact, nil)
	fatal(err)
	lsh, err := knn.NewLSH(int64(data.N), data.Rows, data.Cols, width, 4)
	fatal(err)
	hashed, _, err := lsh.Nearest(exact, queries, neighbours, nil)
	fatal(err)
	add(neighbours, func(i int) int { return int(hashed[i].Index) })
	earth, err := emd.NewSearch(queries, neighbours, cell)
	fatal(err)
	fatal(earth.Add(data, 0, nil))
	moved := earth.Nearest()
	add(neighbours, func(i int) int { return int(moved[i].Index) })

	told := methodRow.FindAllStringSubmatch(read(t, root, "README.md"), -1)
	if len(told) != len(rows) {
		t.Fatalf("README.md has %d methods, expected %d", len(told), len(rows))
	}
	for r, row := range rows {
		var found []string
		for _, image := range row {
			found = append(found, strconv.Itoa(int(labels[image])))
		}
		if want := strings.Join(found, ", "); told[r][1] != want {
			t.Errorf("README.md tells in row %d that the method finds %s, expected %s",
				r, told[r][1], want)
		}
	}

	const side, gap = 2 * 28, 8
	m := image.NewGray(image.Rect(0, 0, 4*side+6*gap, len(rows)*(side+gap)+gap))
	for i := range m.Pix {
		m.Pix[i] = 0xff
	}
	draw := func(pix []uint8, x0, y0 int) {
		for y := range side {
			for x := range side {
				m.SetGray(x0+x, y0+y, color.Gray{Y: pix[y/2*28+x/2]})
			}
		}
	}
	for r, row := range rows {
		y := gap + r*(side+gap)
		draw(queries.At(query), gap, y)
		for k, image := range row {
			draw(data.At(image), 3*gap+side+k*(side+gap), y) // a wider gap behind the query
		}
	}
	var b bytes.Buffer
	fatal(png.Encode(&b, m))
	const file = "testdata/neighbours.png"
	if *update {
		fatal(os.MkdirAll("testdata", 0o755))
		fatal(os.WriteFile(file, b.Bytes(), 0o644))
	}
	f, err := os.Open(file)
	fatal(err)
	defer f.Close()
	old, err := png.Decode(f)
	fatal(err)
	if g, ok := old.(*image.Gray); !ok || !bytes.Equal(g.Pix, m.Pix) {
		t.Errorf("%s differs from what the methods find; run this test with -update", file)
	}
}
