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

// TestOtherDataSets runs all four programs on images of another size and on more than ten
// classes. Each program reads what the one before it wrote. The classes are so far apart that
// every neighbour has the label of its query.
func TestOtherDataSets(t *testing.T) {
	for _, c := range []struct {
		name             string
		rows, cols, cell int
		shapes, first    int // classes with images, and the label of the first (1 in EMNIST Letters)
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
			noisy := func(images, labels string, n int) []uint8 {
				m, class := noisy(shapes, c.rows, c.cols, n, random)
				for i := range class {
					class[i] += uint8(c.first)
				}
				if err := idx.WriteImages(filepath.Join(dir, images), m); err != nil {
					t.Fatal(err)
				}
				if err := idx.WriteLabels(filepath.Join(dir, labels), class); err != nil {
					t.Fatal(err)
				}
				return class
			}
			data := noisy("images", "labels", 600)
			queries := noisy("queries", "query.labels", 4*c.shapes)
			configuration := fmt.Appendln(nil, "number_of_clusters:", c.shapes)
			if err := os.WriteFile(filepath.Join(dir, "cluster.conf"), configuration, 0o644); err != nil {
				t.Fatal(err)
			}
			run := func(program, answers, args string) string {
				s := subject{name: program, program: program, first: answers}
				s.args = strings.Fields(args + c.flags)
				return s.run(t, dir, 1)
			}

			run("reduce", "N\n2\n3\n4\n8\n1\n16\n"+strconv.Itoa(dimension)+"\nN\nY\nmodel.h5\nY\nN\n",
				"-quiet -d images -q queries -od latents -oq query.latents -l labels -html reduce.html")
			for name, n := range map[string]int{"latents": len(data), "query.latents": len(queries)} {
				m, err := idx.ReadLatents(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if m.N != n || m.Dim() != dimension {
					t.Errorf("%s: %d vectors of %d values; want %d of %d", name, m.N, m.Dim(), n, dimension)
				}
			}

			run("search", "N\n", "-quiet -d images -i latents -q queries -s query.latents -o search.txt"+
				" -l1 labels -l2 query.labels -html search.html")
			nearest := regexp.MustCompile(`Nearest neighbor True: (\d+)`)
			found := nearest.FindAllStringSubmatch(read(t, dir, "search.txt"), -1)
			if len(found) != len(queries) {
				t.Fatalf("%d neighbours, want %d", len(found), len(queries))
			}
			for q, f := range found {
				if i, err := strconv.Atoi(f[1]); err != nil || data[i] != queries[q] {
					t.Errorf("query %d of class %d: the nearest image is %s", q, queries[q], f[1])
				}
			}

			run("search", "", "-quiet -d images -q queries -l1 labels -l2 query.labels -o emd.txt -EMD"+
				" -html emd.html -cell "+strconv.Itoa(c.cell))
			if text := read(t, dir, "emd.txt"); !strings.Contains(text, "MANHATTAN: 1\n") {
				t.Errorf("Earth Mover's Distance: %s", text)
			}

			// The moving averages of the batch normalisation need many batches, so these are small.
			screen := run("classification",
				"2\n3\n4\n8\n60\n1\n4\n4\n"+strconv.Itoa(dimension)+"\n0\nN\nY\nN\n",
				"-quiet -d images -dl labels -t queries -tl query.labels -model model.h5"+
					" -html classification.html")
			want := fmt.Sprintf("Found %d correct labels\n", len(queries))
			if !strings.Contains(screen, want) {
				t.Errorf("not %q:\n%s", want, screen)
			}
			classes := strings.Count(read(t, dir, "clustering_train_set.txt"), "\n")
			if classes != c.first+c.shapes {
				t.Errorf("%d classes, want %d", classes, c.first+c.shapes)
			}

			run("cluster", "N\n", "-quiet -d images -i latents -n clustering_train_set.txt"+
				" -c cluster.conf -o cluster.txt -html cluster.html")
			silhouette := regexp.MustCompile(`Silhouette: \[(.*)\]`)
			silhouettes := silhouette.FindAllStringSubmatch(read(t, dir, "cluster.txt"), -1)
			if len(silhouettes) != 3 {
				t.Fatalf("%d silhouettes, want 3", len(silhouettes))
			}
			for i, clusters := range []int{c.shapes, c.shapes, c.first + c.shapes} {
				if n := len(strings.Split(silhouettes[i][1], ", ")); n != clusters+1 {
					t.Errorf("silhouette %d has %d numbers, want those of %d clusters and the mean",
						i, n, clusters)
				}
			}
		})
	}
}

// noisy returns n images and their classes. Image i is shape i modulo the number of shapes, with
// noise of 0 to 49 on every grey level.
func noisy(shapes []uint8, rows, cols, n int, random *rand.Rand) (
	m *imageset.Images[uint8], class []uint8) {
	dim := rows * cols
	m = &imageset.Images[uint8]{N: n, Rows: rows, Cols: cols}
	for i := range n {
		shape := i % (len(shapes) / dim)
		class = append(class, uint8(shape))
		for _, v := range shapes[shape*dim : (shape+1)*dim] {
			m.Pix = append(m.Pix, v+uint8(random.IntN(50)))
		}
	}
	return m, class
}
