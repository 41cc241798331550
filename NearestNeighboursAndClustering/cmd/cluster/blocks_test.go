package main

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/results"
)

// differing is what two runs may differ in: times, and how the files were read.
var differing = regexp.MustCompile(`(?m)^clustering_time: [0-9.e+-]+$|"started":"[^"]*"|` +
	`"seconds":[0-9.e+-]+|,"block_passes":[0-9]+|[0-9.]+ s</td>`)

// outputs runs cluster and returns the contents of its output files, by name, and the screen.
func outputs(t *testing.T, args string) (files map[string]string, screen string) {
	t.Helper()
	const names = "text assign json page"
	var stdout, stderr bytes.Buffer
	status := run(strings.Fields(args+" -o text -assign assign -json json -html page"),
		strings.NewReader("N\n"), &stdout, &stderr)
	if status != 0 {
		t.Fatalf("%s: status %d, %s", args, status, &stderr)
	}
	files = map[string]string{}
	for _, name := range strings.Fields(names) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = differing.ReplaceAllString(string(b), "")
	}
	return files, stderr.String()
}

// All outputs are the same whether the images are kept in memory or read in blocks of any size.
func TestOutputsInBlocks(t *testing.T) {
	data, err := filepath.Abs("../../../pkg/testdata/mnist")
	if err != nil {
		t.Fatal(err)
	}
	images, err := idx.ReadImages(filepath.Join(data, "train1000.dat.gz"))
	if err != nil {
		t.Fatal(err)
	}
	latents, err := idx.ReadLatents(filepath.Join(data, "train1000_10.dat"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	const n = 90
	class := make([]uint8, n)
	for i := range class {
		class[i] = uint8(i % 7)
	}
	var classes bytes.Buffer
	for _, err := range []error{
		idx.WriteImages("images", images.First(n)),
		idx.WriteLatents("latents", latents.First(n)),
		idx.WriteLabels("labels", class),
		clustering.WriteClasses(&classes, class, 8),
		os.WriteFile("classes", classes.Bytes(), 0o644),
		os.WriteFile("ten", []byte("number_of_clusters: 10\n"), 0o644),
		os.WriteFile("many", []byte("number_of_clusters: 85\n"), 0o644), // two groups of histograms
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const files = " -d images -i latents -n classes -l labels"
	for _, args := range []string{"-c ten", "-textbook -c ten", "-c many"} {
		want, screen := outputs(t, args+files)
		if strings.Contains(screen, "block") {
			t.Errorf("%s: the images are kept, but the screen shows %q", args, screen)
		}
		for _, block := range []int{1, 7, 512} {
			if block == 1 && args == "-c many" {
				continue // 80,000 blocks
			}
			restore := idx.InBlocks(block)
			got, screen := outputs(t, args+files)
			restore()
			if !maps.Equal(got, want) {
				for name := range want {
					t.Errorf("%s: blocks of %d: %s differs: %t", args, block, name, got[name] != want[name])
				}
			}
			for _, want := range []string{
				`(?m)^images has 68\.9 KiB, which stay in the file and are read block by block$`,
				`(?m)^latents has 1\.76 KiB, which stay in the file and are read block by block$`,
				`(?m)^latents: read [1-9][0-9]* times$`, `(?m)^images: read [1-9][0-9]+ times$`,
			} {
				if !regexp.MustCompile(want).MatchString(screen) {
					t.Errorf("%s: the screen shows %q, want %s", args, screen, want)
				}
			}
		}
	}
}

// How often the files were read is in the results.
func TestPassesAreInTheResults(t *testing.T) {
	talk(t, "N\n", someClasses) // makes the files
	defer idx.InBlocks(2)()
	outputs(t, "-quiet -d images -i latents -n classes -c two.conf")
	var run results.Cluster
	if err := results.Read("json", &run); err != nil {
		t.Fatal(err)
	}
	r := run.Rounds[0]
	// A pass for the second seed, one to assign; all images may move in the last pass. The images
	// are also judged three times, in two passes.
	if r.Latents.BlockPasses != 2 || r.Images.BlockPasses != 2+6 {
		t.Errorf("%d passes over the vectors, want 2; %d over the images, want 8",
			r.Latents.BlockPasses, r.Images.BlockPasses)
	}
}

// A file that is cut while it is read block by block ends the program with a sentence, or in a
// later round brings back the question. What was written before stays.
func TestFilesCutInAPass(t *testing.T) {
	defer idx.InBlocks(2)()
	for _, phase := range []string{
		"seeds in the new space", "k-medians in the new space", "silhouettes of the new space",
		"seeds in the original space", "silhouettes of the original space",
		"silhouettes of the classes",
	} {
		for _, round := range []int{1, 2} {
			talk(t, "N\n", someClasses) // makes the files
			if err := os.Remove("out"); err != nil {
				t.Fatal(err)
			}
			opt, err := parseOptions(strings.Fields(
				"-d images -i latents -n classes -c two.conf -o out -json out.json"))
			if err != nil {
				t.Fatal(err)
			}
			began := 0
			opt.display = progress.New(io.Discard, true)
			opt.display.Began = func(name string) {
				if name != phase {
					return
				}
				if began++; began == round {
					name := "images"
					if strings.Contains(phase, "s in the new") {
						name = "latents"
					}
					if err := os.Truncate(name, 17); err != nil {
						t.Error(err)
					}
				}
			}
			var screen bytes.Buffer
			err = converse(opt, results.Header{},
				strings.NewReader("Y\nimages\nlatents\nclasses\nN\n"), &screen)
			report, _ := os.ReadFile("out")
			const changed = "the file changed while it was read"
			switch {
			case round == 1 && (err == nil || !strings.Contains(err.Error(), changed) || len(report) > 0):
				t.Errorf("%s: error %v, report %q", phase, err, report)
			case round == 2 && (err != nil || rounds(string(report)) != 1 ||
				strings.Count(screen.String(), changed) != 1 ||
				!strings.HasSuffix(screen.String(), "\nDo you want to enter another query (Y/N)?  ")):
				t.Errorf("%s in the second round: error %v, report %q, screen %q",
					phase, err, report, &screen)
			}
			left, err := filepath.Glob("*")
			if err != nil || len(left) > 7 {
				t.Errorf("%s: the folder has %v, %v", phase, left, err)
			}
		}
	}
}
