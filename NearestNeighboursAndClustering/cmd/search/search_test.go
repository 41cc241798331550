package main

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/results"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"search": main})
}

// TestScripts runs the conversations in testdata/script. Beside the program they have the MNIST
// images and latent vectors in $DATA, the original's reports in $GOLDEN, and these commands:
//
//	images FILE WIDTH VALUE...     writes images of one row with these grey levels
//	latents FILE WIDTH VALUE...    writes latent vectors
//	labels FILE VALUE...           writes labels
//	masktimes FILE                 replaces the times in a report by T
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for name, dir := range map[string]string{
				"DATA": "../../../pkg/testdata/mnist", "GOLDEN": "testdata",
			} {
				abs, err := filepath.Abs(dir)
				if err != nil {
					return err
				}
				e.Setenv(name, abs)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"images": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(idx.WriteImages(ts.MkAbs(args[0]), parseImages[uint8](ts, args[1:])))
			},
			"latents": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(idx.WriteLatents(ts.MkAbs(args[0]), parseImages[uint16](ts, args[1:])))
			},
			"labels": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(idx.WriteLabels(ts.MkAbs(args[0]),
					parseImages[uint8](ts, append([]string{"1"}, args[1:]...)).Pix))
			},
			"masktimes": func(ts *testscript.TestScript, neg bool, args []string) {
				name := ts.MkAbs(args[0])
				b, err := os.ReadFile(name)
				ts.Check(err)
				ts.Check(os.WriteFile(name, maskTimes(b), 0o644))
			},
		},
	})
}

// parseImages makes images of one row from the arguments of a script's command: the row's width,
// then the values.
func parseImages[P uint8 | uint16](ts *testscript.TestScript, args []string) *imageset.Images[P] {
	width, err := strconv.Atoi(args[0])
	ts.Check(err)
	m := &imageset.Images[P]{N: len(args[1:]) / width, Rows: 1, Cols: width}
	for _, a := range args[1:] {
		v, err := strconv.Atoi(a)
		ts.Check(err)
		m.Pix = append(m.Pix, P(v))
	}
	return m
}

var timeLine = regexp.MustCompile(`(?m)^(tReduced|tLSH|tTrue): [0-9.e+-]+$`)

func maskTimes(report []byte) []byte { return timeLine.ReplaceAll(report, []byte("$1: T")) }

// The reports of the original for several numbers of hash functions, to the byte, times aside.
func TestReportIsTheOriginals(t *testing.T) {
	for _, c := range []struct{ k, l string }{{"1", "1"}, {"2", "3"}, {"4", "5"}} {
		got := searchGolden(t, c.k, c.l)
		want, err := os.ReadFile("testdata/search_1000x100_k" + c.k + "_L" + c.l + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(maskTimes(got)), string(maskTimes(want)); got != want {
			t.Errorf("k=%s L=%s: %s", c.k, c.l, firstDifference(got, want))
		}
	}
}

// The factors that the original printed with negative shifts, and with hash values that are all 0.
func TestFactorsOfManyFunctions(t *testing.T) {
	for _, c := range []struct{ k, l, want string }{
		{"7", "2", "1.26817"}, {"8", "5", "1.37027"}, {"16", "2", "1.27868"}, {"33", "5", "1"},
		{"1000000000", "1000000000", "1"},
	} {
		report := string(searchGolden(t, c.k, c.l))
		if want := "\nApproximation Factor LSH: " + c.want + "\n"; !strings.Contains(report, want) {
			t.Errorf("k=%s L=%s: the report has no line %q", c.k, c.l, want)
		}
	}
}

// searchGolden returns the report on the images in pkg/testdata/mnist.
func searchGolden(t *testing.T, k, l string) []byte {
	t.Helper()
	const data = "../../../pkg/testdata/mnist/"
	out := filepath.Join(t.TempDir(), "report.txt")
	var stdout, stderr bytes.Buffer
	args := []string{"-quiet", "-d", data + "train1000.dat.gz", "-i", data + "train1000_10.dat",
		"-q", data + "query100.dat.gz", "-s", data + "query100_10.dat", "-k", k, "-L", l, "-o", out}
	status := run(args, strings.NewReader("N\n"), &stdout, &stderr)
	if status != 0 || stderr.Len() > 0 {
		t.Fatalf("k=%s L=%s: status %d, %s", k, l, status, stderr.String())
	}
	if want := "Do you want to enter another query (Y/N)?  "; stdout.String() != want {
		t.Errorf("screen %q, want %q", stdout.String(), want)
	}
	report, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "line " + strings.Join([]string{g[i], w[i]}, ", want ")
		}
	}
	return "one text is a part of the other"
}

func TestNotFound(t *testing.T) {
	found := func(all ...knn.Neighbour) results.Nearest { return answers(all, 0) }
	r := results.NewSearchRound(
		found(knn.Neighbour{Index: 3, Distance: 30}, knn.Neighbour{Index: 4, Distance: 2000000}),
		found(knn.Neighbour{Index: -1, Distance: math.MaxInt64},
			knn.Neighbour{Index: 5, Distance: 1500000}),
		found(knn.Neighbour{Index: 2, Distance: 20}, knn.Neighbour{Index: 6, Distance: 1000000}))
	// Not found: the true distance is shown, and the query does not count for the factor.
	const want = `Query: 0
Nearest neighbor Reduced: 3
Nearest neighbor LSH: NOT FOUND
Nearest neighbor True: 2
distanceReduced: 30
distanceLSH: 20
distanceTrue: 20

Query: 1
Nearest neighbor Reduced: 4
Nearest neighbor LSH: 5
Nearest neighbor True: 6
distanceReduced: 2e+06
distanceLSH: 1.5e+06
distanceTrue: 1e+06

tReduced: 0
tLSH: 0
tTrue: 0
Approximation Factor LSH: 1.5
Approximation Factor Reduced: 1.75

`
	var got bytes.Buffer
	text.Search(&got, r, false)
	if got.String() != want {
		t.Error(firstDifference(got.String(), want))
	}
}

// A screen that cannot be written to is an error, and the report is there all the same.
func TestScreenFails(t *testing.T) {
	const data = "../../../pkg/testdata/mnist/"
	out := filepath.Join(t.TempDir(), "report.txt")
	_, broken := io.Pipe()
	broken.Close()
	var stderr bytes.Buffer
	args := []string{"-quiet", "-d", data + "query100.dat.gz", "-i", data + "query100_10.dat",
		"-q", data + "query100.dat.gz", "-s", data + "query100_10.dat", "-o", out}
	status := run(args, strings.NewReader("N\n"), broken, &stderr)
	if status != 1 || !strings.HasPrefix(stderr.String(), "search: ") {
		t.Errorf("status %d, %q; want 1 and what is wrong", status, stderr.String())
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
}
