package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/results"
)

// passes are how often the files of the data set were read.
type passes struct{ images, latents int }

// searchIn runs search in a new folder and returns the output files by their names, times and
// passes masked. The passes are returned, too.
func searchIn(t *testing.T, input string, args ...string) (map[string]string, passes) {
	t.Helper()
	t.Chdir(t.TempDir())
	args = append(args, "-o", "out", "-json", "out.json", "-html", "page.html")
	var stdout, stderr bytes.Buffer
	if status := run(args, strings.NewReader(input), &stdout, &stderr); status != 0 {
		t.Fatalf("%q: status %d, %s", args, status, &stderr)
	}
	found := map[string]string{"the screen": stdout.String()}
	for _, name := range []string{"out", "out.json", "page.html"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = times.ReplaceAllString(string(maskTimes(b)), "")
	}
	var r results.Search
	if err := results.Read("out.json", &r); err != nil {
		t.Fatal(err)
	}
	return found, passes{r.Data.Images.BlockPasses, r.Data.Latents.BlockPasses}
}

// Images and queries that stay in their files give the same bytes as those kept in memory, whatever
// the blocks, in every round. Queries are answered in parts of four blocks, and each part takes a
// pass over the images and over the latent vectors; the width of LSH's grid takes one more.
func TestSearchInBlocks(t *testing.T) {
	mnist, err := filepath.Abs("../../../pkg/testdata/mnist")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// first writes the first n images of a set in both spaces, and returns the names of the files.
	first := func(n int, images, latents string) (pixels, vectors string) {
		m, err := idx.ReadImages(filepath.Join(mnist, images))
		if err != nil {
			t.Fatal(err)
		}
		v, err := idx.ReadLatents(filepath.Join(mnist, latents))
		if err != nil {
			t.Fatal(err)
		}
		pixels = filepath.Join(dir, strconv.Itoa(n))
		vectors = pixels + "_10"
		if err := idx.WriteImages(pixels, m.First(n)); err != nil {
			t.Fatal(err)
		}
		if err := idx.WriteLatents(vectors, v.First(n)); err != nil {
			t.Fatal(err)
		}
		return pixels, vectors
	}
	data, dataLatents := first(600, "train1000.dat.gz", "train1000_10.dat")
	queries, queryLatents := first(90, "query100.dat.gz", "query100_10.dat")
	few, fewLatents := first(20, "query100.dat.gz", "query100_10.dat")
	digits := []string{"-d", data, "-i", dataLatents, "-q", queries, "-s", queryLatents}
	second := "Y\n" + few + "\n" + fewLatents + "\nN\n"
	for _, more := range []string{"", "-textbook -k 10 -L 3", "-k 33"} {
		c := slices.Concat(digits, strings.Fields(more))
		kept, n := searchIn(t, second, c...)
		if n != (passes{}) {
			t.Errorf("%q: %v, want none of images that are kept", more, n)
		}
		if got := strings.Count(kept["out"], "Approximation Factor LSH"); got != 2 {
			t.Errorf("%q: %d rounds, want 2", more, got)
		}
		for blocks, want := range map[int]passes{
			1: {images: 1 + 23 + 5, latents: 23 + 5}, 7: {images: 1 + 4 + 1, latents: 4 + 1},
			512: {images: 3, latents: 2},
		} {
			restore := idx.InBlocks(blocks)
			got, n := searchIn(t, second, c...)
			restore()
			for name, want := range kept {
				if got[name] != want {
					t.Errorf("%q, blocks of %d: %s differs: %s",
						more, blocks, name, firstDifference(got[name], want))
				}
			}
			if n != want {
				t.Errorf("%q, blocks of %d: passes %v, want %v", more, blocks, n, want)
			}
		}
	}
}

// The passes are counted on the screen if the images stay in their files.
func TestSearchShowsPasses(t *testing.T) {
	talk(t, "") // makes the files
	for _, blocks := range []int{0, 1} {
		restore := idx.InBlocks(blocks)
		var stdout, stderr bytes.Buffer
		status := run(strings.Fields("-d two -i twolatents -q two -s twolatents -o out"),
			strings.NewReader("N\n"), &stdout, &stderr)
		restore()
		const want = "\nPasses over the files of the data set: images 2, latent vectors 1\n"
		if status != 0 || strings.Contains(stderr.String(), want) != (blocks > 0) {
			t.Errorf("blocks of %d: status %d, screen %q", blocks, status, &stderr)
		}
	}
}

// A person is asked for queries again if their file changes while they are answered. If a file of
// the data set changes, the program ends with a sentence. What was written before stays, and
// nothing else.
func TestFilesThatChangeBetweenPasses(t *testing.T) {
	defer idx.InBlocks(1)()
	const words = "Y q qlatents Y two twolatents N"
	for name, c := range map[string]struct {
		spoil  string // what is cut
		round  int    // in this round, counted from 0
		during string // when this phase begins
		rounds int    // in the report
		want   string // on the screen or as the error
	}{
		"images": {
			"two", 0, "LSH and exact search", 0, "two: the file changed while it was read",
		},
		"latents": {
			"twolatents", 0, "reduced search", 0, "twolatents: the file changed while it was read",
		},
		"queries": {"q", 1, "reduced search", 2, "q: the file changed while it was read"},
		"latents of queries": {
			"qlatents", 1, "reduced search", 2, "qlatents: the file changed while it was read",
		},
		"queries at the end": {
			"q", 1, "preparing the report", 2, "q: the file changed while it was read",
		},
		"images, later": {
			"two", 1, "LSH and exact search", 1, "two: the file changed while it was read",
		},
		"latents, later": {
			"twolatents", 1, "reduced search", 1, "twolatents: the file changed while it was read",
		},
		"images, at the end": {
			"two", 1, "preparing the report", 1, "two: the file changed while it was read",
		},
		"images, at the page": {
			"two", 0, "preparing the report", 0, "two: the file changed while it was read",
		},
	} {
		t.Run(name, func(t *testing.T) {
			talk(t, "") // makes the files
			for _, f := range []string{"out", "page.html"} {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
			two, err := idx.ReadImages("two")
			if err != nil {
				t.Fatal(err)
			}
			for range 3 { // so that queries need several passes
				two.Pix = append(two.Pix, two.Pix...)
				two.N *= 2
			}
			latents, err := idx.ReadLatents("twolatents")
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				latents.Pix = append(latents.Pix, latents.Pix...)
				latents.N *= 2
			}
			for _, err := range []error{idx.WriteImages("q", two), idx.WriteLatents("qlatents", latents)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			opt, err := parseOptions(strings.Fields("-d two -i twolatents -q two -s twolatents " +
				"-o out -json out.json -html page.html"))
			if err != nil {
				t.Fatal(err)
			}
			opt.display = progress.New(&bytes.Buffer{}, true)
			round, spoilt := 0, false
			opt.display.Began = func(phase string) {
				if phase == c.during && round == c.round && !spoilt {
					spoilt = true
					if err := os.Truncate(c.spoil, 17); err != nil {
						t.Error(err)
					}
				}
				if phase == "preparing the report" {
					round++
				}
			}
			var screen bytes.Buffer
			err = searchNeighbours(opt, results.Header{}, strings.NewReader(words), &screen)
			told := screen.String()
			if c.rounds < 2 {
				if err == nil {
					t.Fatal("no error")
				}
				told = err.Error()
			} else if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(told, c.want) {
				t.Errorf("%q, want %q", told, c.want)
			}
			if c.rounds == 0 {
				if left, err := filepath.Glob("*out*"); err != nil || len(left) > 0 {
					t.Errorf("left: %q, %v", left, err)
				}
			} else if got := roundsIn(t, "out"); got != c.rounds {
				t.Errorf("%d rounds, want %d", got, c.rounds)
			} else {
				var r results.Search
				b, err := os.ReadFile("out.json")
				if err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(b, &r); err != nil || len(r.Rounds) != c.rounds ||
					len(r.Neighbourhoods) != 1+c.rounds {
					t.Errorf("%d rounds and %d neighbourhoods in the results, %v",
						len(r.Rounds), len(r.Neighbourhoods), err)
				}
			}
			if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}
