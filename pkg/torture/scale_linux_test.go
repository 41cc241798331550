package torture

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/memory"
)

// The flags of make scale, which gives folders from its own, the top folder.
var (
	scaleSizes  = flag.String("scale", "", "numbers of images that TestScale measures: 60000,600000")
	scaleFolder = flag.String("scale-folder", "", "folder in which TestScale keeps its images")
	scaleMNIST  = flag.String("scale-mnist", "", "folder of MNIST, of which TestScale makes images")
)

// A load is the same work for the programs on several numbers of images.
type load struct {
	images, labels        string // of which more are made
	queries, queryLabels  string
	fewQueries, fewLabels string // for search -EMD
	filters               string // of the autoencoder
	budget                string // of memory
	classifies            bool   // whether classification runs, too
	repeats               bool   // whether programs run three times on at most 100,000 images
	verbose               bool   // whether the programs show how far they are
	sizes                 []int
	stages, peaks         []measured // seconds; bytes
}

// A measured is a row of a table.
type measured struct {
	what  string
	value []float64 // for each size
}

// add adds the value for the next size to the row of that name.
func add(rows []measured, what string, value float64) []measured {
	i := slices.IndexFunc(rows, func(r measured) bool { return r.what == what })
	if i < 0 {
		return append(rows, measured{what, []float64{value}})
	}
	rows[i].value = append(rows[i].value, value)
	return rows
}

// A work is a command of a load.
type work struct {
	name, program, args string
	stages              func(dir string) ([]stage, error) // beside the whole; nil for none
}

type stage struct {
	what    string
	seconds float64
}

// whole is the end of the name of a stage that is the whole command.
const whole = ", whole"

func (l *load) works() []work {
	network := " -layers 2 -size 3 -filters " + l.filters + " -embedding 10 -batch 128"
	works := []work{
		{
			"reduce", "reduce", "-d images.dat -q " + l.queries + " -od latents -oq query.latents" +
				" -epochs 1 -yes save=encoder.h5,latents" + network,
			nil,
		},
		{
			"classification", "classification", "-d images.dat -dl labels.dat -t " + l.queries + " -tl " +
				l.queryLabels + " -model encoder.h5 -fc 32 -phase1 1 -phase2 1 -dropout 0.2" +
				" -yes classify" + network,
			nil,
		},
		{
			"search", "search", "-d images.dat -i latents -q " + l.queries + " -s query.latents" +
				" -k 4 -L 5 -o search.txt",
			searched,
		},
		{
			"search -EMD", "search", "-EMD -cell 4 -d images.dat -q " + l.fewQueries +
				" -l1 labels.dat -l2 " + l.fewLabels + " -o emd.txt",
			nil,
		},
		{
			"cluster", "cluster", "-d images.dat -i latents -n classes -c cluster.conf" +
				" -o cluster.txt -json cluster.json",
			clustered,
		},
	}
	if !l.classifies {
		return append(works[:1], works[2:]...)
	}
	return works
}

// clustered reads the seconds of a pass of Lloyd's algorithm in both spaces.
func clustered(dir string) ([]stage, error) {
	type pass struct {
		Seconds float64
		Passes  float64
	}
	var run struct {
		Rounds []struct{ Reduced, Original pass }
	}
	if err := readJSON(filepath.Join(dir, "cluster.json"), &run); err != nil {
		return nil, err
	}
	reduced, original := run.Rounds[0].Reduced, run.Rounds[0].Original
	return []stage{
		{"cluster, a pass over latent vectors", reduced.Seconds / reduced.Passes},
		{"cluster, a pass over images", original.Seconds / original.Passes},
	}, nil
}

func readJSON(name string, to any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

// searched reads the seconds of the three searches.
func searched(dir string) ([]stage, error) {
	b, err := os.ReadFile(filepath.Join(dir, "search.txt"))
	if err != nil {
		return nil, err
	}
	var stages []stage
	for _, s := range []struct{ what, line string }{
		{"search, by latent vectors", "tReduced"},
		{"search, LSH", "tLSH"},
		{"search, exact", "tTrue"},
	} {
		_, after, _ := strings.Cut(string(b), "\n"+s.line+": ")
		value, _, _ := strings.Cut(after, "\n")
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, err
		}
		stages = append(stages, stage{s.what, seconds})
	}
	return stages, nil
}

// measure makes the images of each size in a folder of their own below dir, unless they are there,
// and lets the programs work on them.
func (l *load) measure(t *testing.T, dir string) {
	t.Helper()
	datasets := filepath.Join(t.TempDir(), "datasets")
	build := exec.Command("go", "build", "-o", datasets, "imagesimilarity/pkg/cmd/datasets")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, n := range l.sizes {
		folder := filepath.Join(dir, strconv.Itoa(n))
		l.prepare(t, datasets, n, folder)
		for _, w := range l.works() {
			l.work(t, w, n, folder)
		}
	}
}

// prepare makes n images, their labels, their classes and the configuration of the clustering.
func (l *load) prepare(t *testing.T, datasets string, n int, dir string) {
	t.Helper()
	if f, err := idx.OpenImages(filepath.Join(dir, "images.dat")); err != nil || f.N != n {
		l.tell("making %d images\n", n)
		l.run(t, exec.Command(datasets, "-grow", strconv.Itoa(n), l.images, l.labels, dir))
	}
	labels, err := idx.ReadLabels(filepath.Join(dir, "labels.dat"))
	if err != nil {
		t.Fatal(err)
	}
	var classes bytes.Buffer
	if err := clustering.WriteClasses(&classes, labels, 10); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"classes": classes.Bytes(), "cluster.conf": []byte("number_of_clusters: 10\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// work runs a command on n images and adds its times and its memory to the rows. If it runs more
// than once, the shortest time of each stage counts.
func (l *load) work(t *testing.T, w work, n int, dir string) {
	t.Helper()
	var best []stage
	var most float64
	runs := 1
	if l.repeats && n <= 100000 {
		runs = 3
	}
	for range runs {
		args := strings.Fields(w.args + " -memory " + l.budget)
		if !l.verbose {
			args = append(args, "-quiet")
		}
		c := exec.Command(filepath.Join(programs, w.program), args...)
		c.Dir = dir
		start := time.Now()
		most = max(most, l.run(t, c))
		used := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
		stages := []stage{
			{w.name + whole, time.Since(start).Seconds()}, {w.name + ", of processors", used.Seconds()},
		}
		if w.stages != nil {
			more, err := w.stages(dir)
			if err != nil {
				t.Fatalf("%s of %d images: %v", w.name, n, err)
			}
			stages = append(more, stages...)
		}
		for i := range best {
			stages[i].seconds = min(stages[i].seconds, best[i].seconds)
		}
		best = stages
	}
	for _, s := range best {
		l.stages = add(l.stages, s.what, s.seconds)
		l.tell("%d images: %s: %.3g s\n", n, s.what, s.seconds)
	}
	l.peaks = add(l.peaks, w.name, most)
	l.tell("%d images: %s: %s of memory\n", n, w.name, memory.Size(most))
	budget, err := memory.Parse(l.budget)
	if err != nil {
		t.Fatal(err)
	}
	if most == 0 || most > float64(budget) {
		t.Errorf("%s of %d images took %s, want at most %s", w.name, n, memory.Size(most), l.budget)
	}
}

// run runs a command to its end and returns the most bytes of memory that it had, without the pages
// of files. They are looked up a hundred times a second.
func (l *load) run(t *testing.T, c *exec.Cmd) (most float64) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if l.verbose {
		c.Stderr = os.Stderr
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for {
			most = max(most, anonymous(c.Process.Pid))
			select {
			case <-ended:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	err := c.Wait()
	close(ended)
	<-looked
	if err != nil {
		t.Fatalf("%v: %v: %.2000s", c.Args, err, &out)
	}
	return most
}

// anonymous returns the bytes of memory of a process that belong to no file (proc(5), status), or 0
// if it has ended.
func anonymous(process int) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	_, after, _ := strings.Cut(string(status), "\nRssAnon:")
	kib, _, _ := strings.Cut(after, " kB")
	n, err := strconv.ParseFloat(strings.TrimSpace(kib), 64)
	if err != nil {
		return 0
	}
	return n * 1024
}

// tell shows how far a verbose load is.
func (l *load) tell(format string, args ...any) {
	if l.verbose {
		fmt.Fprintf(os.Stderr, format, args...)
	}
}

// table returns the measured rows as a table. Beside each time stands its ratio to the time that
// the same stage takes for the first number of images, times the images.
func (l *load) table() string {
	var b strings.Builder
	fmt.Fprint(&b, "| stage |")
	for _, n := range l.sizes {
		fmt.Fprintf(&b, " %d images |", n)
	}
	fmt.Fprintf(&b, "\n|%s\n", strings.Repeat(" --- |", 1+len(l.sizes)))
	for _, s := range l.stages {
		fmt.Fprintf(&b, "| %s |", s.what)
		for i, seconds := range s.value {
			fmt.Fprintf(&b, " %.3g s", seconds)
			if i > 0 {
				times := float64(l.sizes[i]) / float64(l.sizes[0])
				fmt.Fprintf(&b, " (ratio %.2f)", seconds/(s.value[0]*times))
			}
			fmt.Fprint(&b, " |")
		}
		fmt.Fprintln(&b)
	}
	for _, p := range l.peaks {
		fmt.Fprintf(&b, "| memory of %s |", p.what)
		for _, most := range p.value {
			fmt.Fprintf(&b, " %s |", memory.Size(most))
		}
		fmt.Fprintln(&b)
	}
	fmt.Fprintf(&b, "\n%s, %d cores, %s; -memory %s\n",
		processorName(), runtime.NumCPU(), runtime.Version(), l.budget)
	return b.String()
}

// processorName returns the name of the processor.
func processorName() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	_, after, found := strings.Cut(string(info), "model name")
	if !found {
		return runtime.GOARCH
	}
	line, _, _ := strings.Cut(after, "\n")
	return strings.Trim(line, "\t :")
}

// A table has the ratio to the first number of images, times the images.
func TestTableOfScale(t *testing.T) {
	l := load{sizes: []int{100, 1000}, budget: "1GiB"}
	l.stages = add(l.stages, "search", 2)
	l.stages = add(l.stages, "cluster", 1)
	l.stages = add(l.stages, "search", 22)
	l.stages = add(l.stages, "cluster", 5)
	l.peaks = add(add(l.peaks, "search", 1<<20), "search", 3<<20)
	want := "| stage | 100 images | 1000 images |\n| --- | --- | --- |\n" +
		"| search | 2 s | 22 s (ratio 1.10) |\n| cluster | 1 s | 5 s (ratio 0.50) |\n" +
		"| memory of search | 1 MiB | 3 MiB |\n\n"
	if got := l.table(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "1GiB\n") {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// ofTestData returns a load whose images are made of the test data.
func ofTestData(t *testing.T) *load {
	t.Helper()
	dir, err := filepath.Abs("../testdata/mnist")
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	return &load{
		images: in("train1000.dat.gz"), labels: in("trainl1000.dat"),
		queries: in("query100.dat.gz"), queryLabels: in("queryl100.dat"),
		fewQueries: in("query100.dat.gz"), fewLabels: in("queryl100.dat"),
	}
}

// TestManyImages lets all programs work on images of which, in the long form, a third would fit
// into the memory that they are allowed. It measures what they take.
func TestManyImages(t *testing.T) {
	l := ofTestData(t)
	l.sizes, l.budget, l.filters, l.classifies = []int{500, 1500}, "128MiB", "2,2", true
	if *long {
		l.sizes, l.budget, l.filters = []int{60000, 1000000}, "256MiB", "4,8"
	}
	l.measure(t, t.TempDir())
	last := len(l.sizes) - 1
	n := l.sizes[last]
	for _, p := range l.peaks {
		time := l.stages[slices.IndexFunc(l.stages, func(s measured) bool {
			return s.what == p.what+whole
		})]
		figure(fmt.Sprintf("%s of %d images, -memory %s", p.what, n, l.budget),
			"%.3g s, %s of memory at most", time.value[last], memory.Size(p.value[last]))
	}
}

// TestScale is make scale.
func TestScale(t *testing.T) {
	if *scaleSizes == "" {
		t.Skip("only in make scale: takes half an hour")
	}
	l := &load{
		images: mnist(t, "training", "images.dat"), labels: mnist(t, "training", "labels.dat"),
		queries: mnist(t, "query", "images.dat"), queryLabels: mnist(t, "query", "labels.dat"),
		fewQueries: mnist(t, "medium/query", "images.dat"),
		fewLabels:  mnist(t, "medium/query", "labels.dat"),
		filters:    "8,16", budget: "2GiB", repeats: true, verbose: true,
	}
	for size := range strings.SplitSeq(*scaleSizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1000 {
			t.Fatalf("-scale %q: expected numbers of at least 1,000 images, with commas", *scaleSizes)
		}
		l.sizes = append(l.sizes, n)
	}
	l.measure(t, *scaleFolder)
	fmt.Print("\n", l.table(), "\n")
}

// mnist returns the absolute name of a file of MNIST.
func mnist(t *testing.T, folder, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(*scaleMNIST, folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
