package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagesimilarity/pkg/cmd/internal/article"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// A finder reads the results and the logs of jobs; it keeps the first error.
type finder struct{ err error }

// read reads the results of a job. It reports whether there was no error so far.
func (f *finder) read(name string, d results.Document) bool {
	if f.err == nil {
		f.err = results.Read(filepath.Join("results", filepath.FromSlash(name)+".json"), d)
	}
	return f.err == nil
}

func (f *finder) search(name string) (r results.SearchRound) {
	var run results.Search
	if f.read(name, &run) {
		r = run.Rounds[0]
	}
	return r
}

func (f *finder) emd(name string) (r results.EMDRound) {
	var run results.EMD
	if f.read(name, &run) {
		r = run.Rounds[0]
	}
	return r
}

func (f *finder) cluster(name string) (r results.ClusterRound) {
	var run results.Cluster
	if f.read(name, &run) {
		r = run.Rounds[0]
	}
	return r
}

// right returns the number of images that the classifier of a job classified right.
func (f *finder) right(name string) string {
	var run results.Classification
	if !f.read(name, &run) {
		return ""
	}
	test := run.Rounds[0].Test
	if test == nil {
		f.err = fmt.Errorf("results/%s.json: the test set was not classified", name)
		return ""
	}
	return strconv.Itoa(test.Right)
}

// took returns the seconds that a job took, from its log.
func (f *finder) took(name string) string {
	if f.err != nil {
		return ""
	}
	file := filepath.Join("results", filepath.FromSlash(name)+".log")
	b, err := os.ReadFile(file)
	if err != nil {
		f.err = err
		return ""
	}
	m := timeLine.FindSubmatch(b)
	if m == nil {
		f.err = fmt.Errorf("%s: no line with the time at its end", file)
		return ""
	}
	return string(m[1])
}

// seconds returns took with the unit.
func (f *finder) seconds(name string) string { return f.took(name) + " s" }

// double returns a number as the programs print it.
func double(n results.Number) string { return libstdcxx.Double(float64(n)) }

// tables returns the tables of the original's README, each with the published figures, then those
// of each mode: as Markdown, and for the page.
func tables(jobs []*job) (text string, all []report.Table, err error) {
	var f finder
	var b strings.Builder
	total := 0.0
	for _, j := range jobs {
		// What does not match timeLine is found there.
		s, _ := strconv.ParseFloat(f.took(j.name()), 64)
		total += s
	}
	fmt.Fprintf(&b, "Each figure as the original's README publishes it, as measured here, and as "+
		"measured with `-textbook`.\n%s, %d cores, %s, %s; %.0f seconds for everything.\n",
		processor(), runtime.NumCPU(), runtime.Version(), time.Now().Format("2 January 2006"),
		total)
	all = []report.Table{
		f.byVectors(), f.byLSH(), f.byEMD(), f.clusterings(), f.classifiers(),
		{Caption: "Settings", Head: []string{"", modes[0].name, modes[1].name}, Rows: settings()},
	}
	for _, t := range all {
		fmt.Fprintf(&b, "\n%s\n\n| %s |\n|%s\n", t.Caption, strings.Join(t.Head, " | "),
			strings.Repeat(" --- |", len(t.Head)))
		for _, r := range t.Rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
		}
	}
	return b.String(), all, f.err
}

// both returns the headings of three columns: what was published and what each mode gives.
func both(figure string) []string {
	return []string{figure + ", published", "measured", modes[1].name}
}

// each returns a value of each mode. name is the name of a job without its mode.
func each[V any](of func(name string) V, name string) (original, textbook V) {
	return of(modes[0].name + "/" + name), of(modes[1].name + "/" + name)
}

// named returns the name of a job of a dimension, without its mode.
func named(dimension int, log string) string { return fmt.Sprintf("d%d/%s", dimension, log) }

func (f *finder) byVectors() report.Table {
	t := report.Table{
		Caption: "Nearest neighbours by latent vectors: approximation factor (1 is exact), " +
			"60,000 images, 10,000 queries",
		Head: slices.Concat([]string{"latent dimension"}, both("reduced factor"),
			[]string{"training, measured", modes[1].name}),
	}
	for _, d := range dimensions {
		a, b := each(f.search, named(d, "search"))
		trained1, trained2 := each(f.seconds, named(d, "reduce"))
		t.Rows = append(t.Rows, []string{fmt.Sprint(d),
			published.reduced[d], double(a.Reduced.Mean), double(b.Reduced.Mean),
			trained1, trained2})
	}
	return t
}

func (f *finder) byLSH() report.Table {
	t := report.Table{
		Caption: "Nearest neighbours by LSH, in the same searches",
		Head: slices.Concat([]string{"latent dimension"}, both("LSH factor"),
			[]string{"images compared with a query, measured", modes[1].name},
			both("whole search")),
	}
	compared := func(r results.SearchRound) string {
		return fmt.Sprintf("%.3g %%", 100*float64(r.Compared))
	}
	for _, d := range dimensions {
		a, b := each(f.search, named(d, "search"))
		took1, took2 := each(f.seconds, named(d, "search"))
		t.Rows = append(t.Rows, []string{fmt.Sprint(d),
			published.lsh[d], double(a.LSH.Mean), double(b.LSH.Mean),
			compared(a), compared(b),
			published.searchSeconds[d] + " s", took1, took2})
	}
	return t
}

func (f *finder) byEMD() report.Table {
	t := report.Table{
		Caption: "Earth Mover's Distance: correctness of the 10 nearest, 60,000 images, " +
			"100 queries",
		Head: slices.Concat([]string{"cell"}, both("EMD"), both("Manhattan"), both("time")),
	}
	for _, c := range cells {
		name := fmt.Sprintf("emd/emd%d", c)
		a, b := each(f.emd, name)
		took1, took2 := each(f.seconds, name)
		t.Rows = append(t.Rows, []string{fmt.Sprintf("%dx%d", c, c),
			published.emd[c], double(a.EMD.Correctness), double(b.EMD.Correctness),
			published.manhattan[c], double(a.Manhattan.Correctness),
			double(b.Manhattan.Correctness),
			published.emdTime[c], took1, took2})
	}
	return t
}

func (f *finder) clusterings() report.Table {
	t := report.Table{
		Caption: "Clustering of the 10,000 test images, K = 10",
		Head: slices.Concat([]string{"clusters"}, both("silhouette"), both("objective"),
			both("time")),
	}
	original, textbook := each(f.cluster, named(classified, "cluster"))
	ofOriginal, ofTextbook := original.Clusterings(), textbook.Clusterings()
	for i, space := range []string{"NEW SPACE", "ORIGINAL SPACE", "CLASSES AS CLUSTERS"} {
		a, b := ofOriginal[i], ofTextbook[i]
		times := []string{"-", "-", "-"}
		if i < 2 {
			times = []string{published.clustering[i] + " s",
				double(a.Seconds) + " s", double(b.Seconds) + " s"}
		}
		t.Rows = append(t.Rows, append([]string{space,
			published.silhouette[i], double(a.Average), double(b.Average),
			published.objective[i],
			double(results.Number(a.Objective)), double(results.Number(b.Objective))}, times...))
	}
	return t
}

func (f *finder) classifiers() report.Table {
	t := report.Table{
		Caption: "Classifier: right answers of 10,000",
		Head:    []string{"mode", "right", "training and classifying"},
	}
	for _, m := range modes {
		name := m.name + "/" + named(classified, "classification")
		t.Rows = append(t.Rows, []string{m.name, f.right(name), f.seconds(name)})
	}
	return t
}

// settings returns the settings of the modes, a column for each.
func settings() [][]string {
	var rows [][]string
	add := func(name string, of func(m mode) string) {
		row := []string{name}
		for _, m := range modes {
			row = append(row, of(m))
		}
		rows = append(rows, row)
	}
	add("flags", func(m mode) string { return strings.Join(m.flags, " ") })
	add("all networks: filter size", func(m mode) string { return fmt.Sprint(m.filterSize) })
	add("autoencoders: loss", func(m mode) string { return m.loss })
	for _, d := range dimensions {
		name := fmt.Sprintf("autoencoder, %d dimensions: filters; batch size, epochs", d)
		add(name, func(m mode) string {
			n := m.networks[d]
			return fmt.Sprintf("%s; %d, %d", list(n.filters), n.batch, n.epochs)
		})
	}
	add("classifier: fully connected layer, dropout, batch size", func(m mode) string {
		return fmt.Sprintf("%d, %v, %d", m.fullyConnected, m.dropout, m.classifierBatch)
	})
	add("classifier: epochs of the two phases", func(m mode) string {
		return fmt.Sprintf("%d, %d", m.frozenEpochs, m.freeEpochs)
	})
	add("LSH: hash functions (-k), tables (-L)", func(m mode) string {
		return fmt.Sprintf("%d, %d", m.hashFunctions, m.hashTables)
	})
	return rows
}

func list(numbers []int) string { return strings.Join(words(numbers...), ", ") }

// processor returns the name of the processor, or the system and the architecture if the system
// does not tell it.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`model name\s*:\s*(.+)`).FindSubmatch(b); err == nil && m != nil {
		return string(m[1])
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

// page writes the tables and, behind them, the reports of both modes: those with the networks of
// the dimension classified, and of the smallest cells.
func page(all []report.Table) error {
	cover := &report.Page{
		Title: "Image similarity: the published figures again",
		Facts: []report.Fact{{Name: "machine", Value: fmt.Sprintf("%s, %d cores, %s",
			processor(), runtime.NumCPU(), runtime.Version())}},
	}
	cover.AddTables("Each figure as it was published, as measured, and as measured with the "+
		"textbook's algorithms", all...)
	pages := []*report.Page{cover}
	for _, m := range modes {
		pages = append(pages, &report.Page{Title: "In the way of the " + m.name})
		d := fmt.Sprint("d", classified)
		for _, j := range []struct {
			folder, log string
			run         results.Document
		}{
			{d, "reduce", &results.Reduce{}},
			{d, "search", &results.Search{}},
			{"emd", "emd4", &results.EMD{}},
			{d, "classification", &results.Classification{}},
			{d, "cluster", &results.Cluster{}},
		} {
			dir := filepath.Join("results", m.name, j.folder)
			if err := results.Read(filepath.Join(dir, j.log+".json"), j.run); err != nil {
				return err
			}
			p, err := article.Of(dir, j.run)
			if err != nil {
				return err
			}
			pages = append(pages, p)
		}
	}
	return outfile.Write("results/index.html", func(w io.Writer) error {
		return report.Render(w, pages...)
	})
}
