package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/explore"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/results"
)

// times are the durations and the start of a run in its results and on its page. The number of
// passes depends on the memory, too.
var times = regexp.MustCompile(`"(seconds|started)":("[^"]*"|[0-9.e+-]+)|` +
	`,"block_passes":[0-9]+|[0-9.]+ s</td>`)

// emdIn runs search -EMD in a new folder and returns the screen and the output files by their
// names, times masked.
func emdIn(t *testing.T, args ...string) map[string]string {
	t.Helper()
	t.Chdir(t.TempDir())
	args = append(args, "-EMD", "-o", "out", "-json", "out.json", "-html", "page.html")
	var stdout, stderr bytes.Buffer
	if status := run(args, nil, &stdout, &stderr); status != 0 {
		t.Fatalf("%q: status %d, %s", args, status, &stderr)
	}
	found := map[string]string{"the screen": stdout.String()}
	for _, name := range []string{"out", "out.json", "page.html"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = times.ReplaceAllString(string(b), "")
	}
	return found
}

// Images and queries that stay in their files give the same bytes as those kept in memory, whatever
// the blocks.
func TestEMDInBlocks(t *testing.T) {
	mnist, err := filepath.Abs("../../../pkg/testdata/mnist")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	images, err := idx.ReadImages(filepath.Join(mnist, "train1000.dat.gz"))
	if err != nil {
		t.Fatal(err)
	}
	clear(images.Pix[100*784 : 130*784]) // some are black
	labels, err := idx.ReadLabels(filepath.Join(mnist, "trainl1000.dat"))
	if err != nil {
		t.Fatal(err)
	}
	few := filepath.Join(dir, "few")
	if err := idx.WriteImages(few, images.First(300)); err != nil {
		t.Fatal(err)
	}
	if err := idx.WriteLabels(few+".labels", labels[:300]); err != nil {
		t.Fatal(err)
	}
	digits := []string{"-d", few, "-l1", few + ".labels",
		"-q", filepath.Join(mnist, "query100.dat.gz"), "-l2", filepath.Join(mnist, "queryl100.dat")}
	for _, more := range []string{"", "-textbook", "-cell 4", "-cell 28"} {
		c := slices.Concat(digits, strings.Fields(more))
		kept := emdIn(t, c...)
		for _, images := range []int{1, 7, 512} {
			restore := idx.InBlocks(images)
			got := emdIn(t, c...)
			restore()
			for name, want := range kept {
				if got[name] != want {
					t.Errorf("%q, blocks of %d: %s differs: %s",
						more, images, name, firstDifference(got[name], want))
				}
			}
		}
	}
}

// The page takes over what the search has found. Its answers are those of a search among the images
// of the page.
func TestEMDAnswersOfThePage(t *testing.T) {
	const most = 2000 // images on a page
	t.Chdir(t.TempDir())
	rng := rand.New(rand.NewPCG(1, 4))
	write := func(name string, n int) explore.Set {
		images := &imageset.Images[uint8]{N: n, Rows: 2, Cols: 2, Pix: make([]uint8, 4*n)}
		for i := range images.Pix {
			images.Pix[i] = uint8(rng.IntN(3)) // many are equal, some are black
		}
		for _, err := range []error{
			idx.WriteImages(name, images), idx.WriteLabels(name+".labels", make([]uint8, n)),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return explore.Set{File: name, Images: images.Set()}
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	few, many, queries := write(in("few"), 300), write(in("many"), most+10), write(in("queries"), 400)
	for _, c := range []struct{ data, queries explore.Set }{
		{few, queries}, {few, few}, {many, queries}, {many, many},
	} {
		emdIn(t, "-cell", "1", "-d", c.data.File, "-l1", c.data.File+".labels",
			"-q", c.queries.File, "-l2", c.queries.File+".labels")
		var got struct{ Neighbourhoods []results.Neighbourhoods }
		b, err := os.ReadFile("out.json")
		if err == nil {
			err = json.Unmarshal(b, &got)
		}
		if err != nil {
			t.Fatal(err)
		}
		n := got.Neighbourhoods
		if among := len(n[0].Among); among != min(c.data.Images.N, most) {
			t.Errorf("%d images on the page of %d", among, c.data.Images.N)
		}
		m, err := explore.New(c.data, n[0].Among, explore.Settings{Cell: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i, of := range []explore.Set{c.data, c.queries} {
			want, err := m.Ask(of, n[i].Images, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(n[i].By(results.Earth), want.By(results.Earth)) {
				t.Errorf("%s among %s: not the answers of a search among the images of the page",
					filepath.Base(of.File), filepath.Base(c.data.File))
			}
		}
	}
}

// A file that is cut or changed during a pass, or before the page is made, gives one sentence, and
// no output.
func TestEMDOfAChangedFile(t *testing.T) {
	cut := func() error { return os.Truncate("images", 16+3*28) }
	for _, c := range []struct {
		name, phase     string
		spoil           func() error
		passes, queries int // that are done
	}{
		{"cut", "pass 2 of 4", cut, 2, 12},
		{"emptied", "pass 2 of 4", func() error { return os.Truncate("images", 0) }, 2, 12},
		{"replaced", "pass 2 of 4", func() error {
			return os.WriteFile("images", make([]byte, 16+40*4+1), 0o644)
		}, 2, 12},
		{"cut for the page", "neighbours on the page", cut, 4, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer idx.InBlocks(3)()
			t.Chdir(t.TempDir())
			images := &imageset.Images[uint8]{N: 40, Rows: 2, Cols: 2, Pix: make([]uint8, 160)}
			for i := range images.Pix {
				images.Pix[i] = uint8(i)
			}
			for _, err := range []error{
				idx.WriteImages("images", images), idx.WriteImages("queries", images),
				idx.WriteLabels("labels", make([]uint8, 40)),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			opt, err := parseOptions(strings.Fields("-d images -q queries -l1 labels -l2 labels " +
				"-EMD -cell 1 -o out -json out.json -html page.html"))
			if err != nil {
				t.Fatal(err)
			}
			var screen bytes.Buffer
			opt.display = progress.New(io.Discard, true)
			passes := 0
			opt.display.Began = func(name string) {
				if strings.HasSuffix(name, c.phase) {
					if err := c.spoil(); err != nil {
						t.Fatal(err)
					}
				}
				if strings.Contains(name, "pass") {
					passes++
				}
			}
			err = searchEMD(opt, results.Header{}, &screen)
			if err == nil || !strings.HasPrefix(err.Error(),
				"images: the file changed while it was read (") ||
				strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v", err)
			}
			queries := strings.Count(screen.String(), "Query: ")
			if passes != c.passes || queries != c.queries {
				t.Errorf("%d passes, screen %q", passes, &screen)
			}
			left, err := os.ReadDir(".")
			var names []string
			for _, f := range left {
				names = append(names, f.Name())
			}
			if want := []string{"images", "labels", "queries"}; err != nil || !slices.Equal(names, want) {
				t.Errorf("the folder has %q, error %v, want %q", names, err, want)
			}
		})
	}
}

// The passes are counted on the screen if the images stay in their file.
func TestEMDShowsPasses(t *testing.T) {
	t.Chdir(t.TempDir())
	images := &imageset.Images[uint8]{N: 9, Rows: 1, Cols: 2, Pix: make([]uint8, 18)}
	for _, err := range []error{
		idx.WriteImages("nine", images), idx.WriteLabels("labels", make([]uint8, 9)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for blocks, passes := range map[int]int{0: 0, 1: 3, 2: 2, 3: 1} { // of four blocks of queries
		restore := idx.InBlocks(blocks)
		var stdout, stderr bytes.Buffer
		args := "-d nine -q nine -l1 labels -l2 labels -o out -json json -EMD -cell 1"
		status := run(strings.Fields(args), nil, &stdout, &stderr)
		restore()
		want := ""
		if passes > 0 {
			want = fmt.Sprintf("Passes over the images: %d\n", passes)
		}
		var e results.EMD
		if err := results.Read("json", &e); err != nil {
			t.Fatal(err)
		}
		if got := e.Rounds[0].Data.Images.BlockPasses; got != passes {
			t.Errorf("blocks of %d: %d passes in the results, want %d", blocks, got, passes)
		}
		if status != 0 || strings.Contains(stderr.String(), "Passes") != (want != "") ||
			!strings.Contains(stderr.String(), want) {
			t.Errorf("blocks of %d: status %d, screen %q, want %q", blocks, status, &stderr, want)
		}
	}
}
