package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

// Images of another size, and of more classes than ten, go through all four programs, each with what the one before it wrote.
// The classes are so far apart that every neighbour has its query's label.
func TestOtherDataSets(t *testing.T) {
	for _, c := range []struct {
		name             string
		rows, cols, cell int
		shapes, first    int // classes with images, and the label of the first: EMNIST counts letters from 1
		flags            string
	}{
		{"20x12 pixels", 20, 12, 4, 3, 0, ""},
		{"26 letters", 28, 28, 7, 26, 1, " -textbook"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const dimension = 8
			dir := t.TempDir()
			random := rand.New(rand.NewPCG(8, 8))
			shapes := make([]uint8, c.shapes*c.rows*c.cols)
			for i := range shapes {
				shapes[i] = uint8(random.IntN(2) * 200)
			}
			data := blurred(t, dir, "images", "labels", shapes, c.rows, c.cols, c.first, 600, random)
			queries := blurred(t, dir, "queries", "query.labels", shapes, c.rows, c.cols, c.first, 4*c.shapes, random)
			if err := os.WriteFile(filepath.Join(dir, "cluster.conf"), fmt.Appendln(nil, "number_of_clusters:", c.shapes), 0o644); err != nil {
				t.Fatal(err)
			}
			run := func(program, answers, args string) string {
				return subject{name: program, program: program, args: strings.Fields(args + c.flags), first: answers}.run(t, dir, 1)
			}

			run("reduce", "N\n2\n3\n4\n8\n1\n16\n"+strconv.Itoa(dimension)+"\nN\nY\nmodel.h5\nY\nN\n",
				"-quiet -d images -q queries -od latents -oq query.latents -l labels -html reduce.html")
			for name, n := range map[string]int{"latents": len(data), "query.latents": len(queries)} {
				if m, err := idx.ReadLatents(filepath.Join(dir, name)); err != nil || m.N != n || m.Dim() != dimension {
					t.Errorf("%s: %d vectors of %d values, error %v; want %d of %d", name, m.N, m.Dim(), err, n, dimension)
				}
			}

			run("search", "N\n", "-quiet -d images -i latents -q queries -s query.latents -o search.txt -l1 labels -l2 query.labels -html search.html")
			found := regexp.MustCompile(`Nearest neighbor True: (\d+)`).FindAllStringSubmatch(read(t, dir, "search.txt"), -1)
			if len(found) != len(queries) {
				t.Fatalf("%d neighbours, want %d", len(found), len(queries))
			}
			for q, f := range found {
				if i, err := strconv.Atoi(f[1]); err != nil || data[i] != queries[q] {
					t.Errorf("query %d of class %d: the nearest image is %s", q, queries[q], f[1])
				}
			}

			run("search", "", "-quiet -d images -q queries -l1 labels -l2 query.labels -o emd.txt -EMD -html emd.html -cell "+strconv.Itoa(c.cell))
			if text := read(t, dir, "emd.txt"); !strings.Contains(text, "MANHATTAN: 1\n") {
				t.Errorf("Earth Mover's Distance: %s", text)
			}

			// Batches are small, so that there are enough of them for the moving averages of the batch normalisation.
			screen := run("classification", "2\n3\n4\n8\n60\n1\n4\n4\n"+strconv.Itoa(dimension)+"\n0\nN\nY\nN\n",
				"-quiet -d images -dl labels -t queries -tl query.labels -model model.h5 -html classification.html")
			if want := fmt.Sprintf("Found %d correct labels\n", len(queries)); !strings.Contains(screen, want) {
				t.Errorf("not %q:\n%s", want, screen)
			}
			if classes := read(t, dir, "clustering_train_set.txt"); strings.Count(classes, "\n") != c.first+c.shapes {
				t.Errorf("%d classes, want %d", strings.Count(classes, "\n"), c.first+c.shapes)
			}

			run("cluster", "N\n", "-quiet -d images -i latents -n clustering_train_set.txt -c cluster.conf -o cluster.txt -html cluster.html")
			silhouettes := regexp.MustCompile(`Silhouette: \[(.*)\]`).FindAllStringSubmatch(read(t, dir, "cluster.txt"), -1)
			if len(silhouettes) != 3 {
				t.Fatalf("%d silhouettes, want 3", len(silhouettes))
			}
			for i, clusters := range []int{c.shapes, c.shapes, c.first + c.shapes} {
				if n := len(strings.Split(silhouettes[i][1], ", ")); n != clusters+1 {
					t.Errorf("silhouette %d has %d numbers, want those of %d clusters and the mean", i, n, clusters)
				}
			}
		})
	}
}

// blurred writes n images, and their labels, which it returns: the shapes of the classes in turn, every grey level changed a little.
func blurred(t *testing.T, dir, imagesFile, labelsFile string, shapes []uint8, rows, cols, first, n int, random *rand.Rand) (labels []uint8) {
	t.Helper()
	dim := rows * cols
	m := &imageset.Images[uint8]{N: n, Rows: rows, Cols: cols}
	for i := range n {
		shape := i % (len(shapes) / dim)
		labels = append(labels, uint8(first+shape))
		for _, v := range shapes[shape*dim : (shape+1)*dim] {
			m.Pix = append(m.Pix, v+uint8(random.IntN(50)))
		}
	}
	if err := idx.WriteImages(filepath.Join(dir, imagesFile), m); err != nil {
		t.Fatal(err)
	}
	if err := idx.WriteLabels(filepath.Join(dir, labelsFile), labels); err != nil {
		t.Fatal(err)
	}
	return labels
}
