package torture

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/program/programtest"
)

var long = flag.Bool("torture", false, "run the long form of every test")

// programs is the folder with the four programs, which TestMain builds.
var programs string

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if programs, err = os.MkdirTemp("", "programs"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	build := exec.Command("go", "build", "-o", programs+string(filepath.Separator),
		"imagesimilarity/NeuralNetwork/cmd/...", "imagesimilarity/NearestNeighboursAndClustering/cmd/...")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the programs cannot be built: %v\n%s", err, out)
		os.Exit(1)
	}
	programtest.HeedSignals()
	status := m.Run()
	if len(figures.rows) > 0 {
		fmt.Println("| what | figures |\n| --- | --- |")
	}
	for _, row := range figures.rows {
		fmt.Println(row)
	}
	os.RemoveAll(programs)
	os.Exit(status)
}

// figures holds the rows of the table that TestMain shows in the end.
var figures struct {
	sync.Mutex
	rows []string
}

// figure adds a row to the table of figures.
func figure(what, format string, args ...any) {
	figures.Lock()
	defer figures.Unlock()
	figures.rows = append(figures.rows, fmt.Sprintf("| %s | %s |", what, fmt.Sprintf(format, args...)))
}

// notRun skips a test because something is missing, and adds a row that gives the reason.
func notRun(t *testing.T, what, why string) {
	t.Helper()
	figure(what, "NOT RUN: %s", why)
	t.Skipf("%s: not tested, %s", what, why)
}

// longOnly skips a test in the short form.
func longOnly(t *testing.T, why string) {
	t.Helper()
	if !*long {
		t.Skip("only in make torture: " + why)
	}
}

// A subject is a program with a command line, and a conversation in which it writes all its
// files. It runs in a folder that prepare has made.
type subject struct {
	name, program string
	args          []string
	first         string // answers before the first round
	round         string // answers of one round, in which the program writes every file
	between, last string // answers between two rounds and after the last round

	same  []string // output files that every round writes anew, with the same content
	grows []string // output files to which every round adds the same, times aside
	pages []string // HTML files; they grow too
}

var subjects = []subject{
	{
		name: "search", program: "search",
		args: strings.Fields("-quiet -d images -i latents -q queries -s query.latents" +
			" -o search.txt -html search.html"),
		between: "Y queries query.latents\n", last: "N\n",
		grows: []string{"search.txt"}, pages: []string{"search.html"},
	},
	{
		name: "search -textbook", program: "search",
		args: strings.Fields("-quiet -textbook -d images -i latents -q queries -s query.latents" +
			" -o textbook.txt"),
		between: "Y queries query.latents\n", last: "N\n",
		grows: []string{"textbook.txt"},
	},
	{
		name: "search -EMD", program: "search",
		args: strings.Fields("-quiet -d images -q queries -l1 labels -l2 query.labels" +
			" -o emd.txt -EMD"),
		same: []string{"emd.txt"},
	},
	{
		name: "cluster", program: "cluster",
		args: strings.Fields("-quiet -d images -i latents -n classes -c cluster.conf" +
			" -o cluster.txt -html cluster.html"),
		between: "Y images latents classes\n", last: "N\n",
		grows: []string{"cluster.txt"}, pages: []string{"cluster.html"},
	},
	{
		name: "cluster -textbook", program: "cluster",
		args: strings.Fields("-quiet -textbook -d images -i latents -n classes -c cluster.conf" +
			" -o textbook.txt"),
		between: "Y images latents classes\n", last: "N\n",
		grows: []string{"textbook.txt"},
	},
	{
		name: "reduce", program: "reduce",
		args: strings.Fields("-quiet -d images -q queries -od reduced -oq reduced.queries" +
			" -html reduce.html"),
		first: "N\n", round: "2\n3\n2\n4\n1\n32\n3\nY\nY\nmodel.h5\nY\n",
		between: "Y\n", last: "N\n",
		same: []string{"reduced", "reduced.queries", "model.h5"}, pages: []string{"reduce.html"},
	},
	{
		name: "classification", program: "classification",
		args: strings.Fields("-quiet -d images -dl labels -t queries -tl query.labels" +
			" -model encoder.h5 -save classifier.h5 -html classification.html"),
		round: "1\n3\n2\n8\n1\n1\n32\n3\n0.5\nY\nY\n", between: "Y\n", last: "N\n",
		same:  []string{"clustering_test_set.txt", "clustering_train_set.txt", "classifier.h5"},
		pages: []string{"classification.html"},
	},
}

// outputs returns the names of all output files.
func (s subject) outputs() []string { return slices.Concat(s.same, s.grows, s.pages) }

// answers returns the answers of a conversation with this number of rounds.
func (s subject) answers(rounds int) string {
	return s.first + s.round + strings.Repeat(s.between+s.round, rounds-1) + s.last
}

// prepare returns a new folder with the files that the subjects read: the first n of the 1,000
// images and the first n/4 of the 100 queries.
func prepare(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, set := range []struct {
		images, latents, labels             string
		imagesFile, latentsFile, labelsFile string
		n                                   int
	}{
		{"images", "latents", "labels", "train1000.dat.gz", "train1000_10.dat", "trainl1000.dat", n},
		{
			"queries", "query.latents", "query.labels", "query100.dat.gz", "query100_10.dat",
			"queryl100.dat", n / 4,
		},
	} {
		images, err := idx.ReadImages("../testdata/mnist/" + set.imagesFile)
		must(err)
		latents, err := idx.ReadLatents("../testdata/mnist/" + set.latentsFile)
		must(err)
		labels, err := idx.ReadLabels("../testdata/mnist/" + set.labelsFile)
		must(err)
		must(idx.WriteImages(in(set.images), images.First(set.n)))
		must(idx.WriteLatents(in(set.latents), latents.First(set.n)))
		must(idx.WriteLabels(in(set.labels), labels[:set.n]))
		if set.images == "images" {
			var classes bytes.Buffer
			must(clustering.WriteClasses(&classes, labels[:set.n], 10))
			must(os.WriteFile(in("classes"), classes.Bytes(), 0o644))
		}
	}
	must(os.WriteFile(in("cluster.conf"), []byte("number_of_clusters: 4\n"), 0o644))
	model, err := nn.NewAutoencoder(nn.AutoencoderConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: []int{2}, Embedding: 3,
	}, 1)
	must(err)
	must(keras.Save(in("encoder.h5"), model, nn.MeanSquaredError, nn.RMSprop))
	return dir
}

// command returns the subject's command, which runs in dir with env added to the environment.
func (s subject) command(dir string, rounds int, env ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(programs, s.program), s.args...)
	c.Dir = dir
	c.Env = append(os.Environ(), env...)
	c.Stdin = strings.NewReader(s.answers(rounds))
	return c
}

// run runs the subject to its end and returns its screen.
func (s subject) run(t *testing.T, dir string, rounds int, env ...string) string {
	t.Helper()
	out, err := s.command(dir, rounds, env...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("%s %v: %v: %s", s.name, env, err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// times matches the times in reports and in progress lines. They differ from run to run.
var times = regexp.MustCompile(
	`(?m)^(tReduced|tLSH|tTrue|clustering_time): [0-9.e+-]+$|\d+s \d+(s|ms|us)/step`)

// masked replaces the times in a text.
func masked(text string) string { return times.ReplaceAllString(text, "TIME") }

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// scaled returns the first number in the short form of the tests, the second in the long form.
func scaled(short, inLong int) int {
	if *long {
		return inLong
	}
	return short
}
