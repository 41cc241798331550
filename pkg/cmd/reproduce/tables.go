package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/report"
)

// A finder reads figures from the files of jobs; the first fault stays.
type finder struct{ err error }

// find is what pattern captures in a file below results.
func (f *finder) find(file, pattern string) string {
	if f.err != nil {
		return ""
	}
	b, err := os.ReadFile(filepath.Join("results", filepath.FromSlash(file)))
	if err != nil {
		f.err = err
		return ""
	}
	m := regexp.MustCompile(pattern).FindSubmatch(b)
	if m == nil {
		f.err = fmt.Errorf("results/%s: nothing matches %q", file, pattern)
		return ""
	}
	return string(m[1])
}

// seconds is how long a job took.
func (f *finder) seconds(name string) string { return f.took(name) + " s" }
func (f *finder) took(name string) string    { return f.find(name+".log", timeLine.String()) }

// tables are the tables of the original's README as Markdown, each with the published figures, then those of each mode;
// and the same once more for the page.
func tables(jobs []*job) (text string, all []report.Table, err error) {
	var f finder
	var b strings.Builder
	total := 0.0
	for _, j := range jobs {
		// What does not match timeLine is found there.
		s, _ := strconv.ParseFloat(f.took(j.name()), 64)
		total += s
	}
	fmt.Fprintf(&b, "Each figure as the original's README publishes it, as measured here, and as measured with `-textbook`.\n"+
		"%s, %d cores, %s, %s; %.0f seconds for everything.\n",
		processor(), runtime.NumCPU(), runtime.Version(), time.Now().Format("2 January 2006"), total)
	add := func(caption string, head []string, body [][]string) {
		fmt.Fprintf(&b, "\n%s\n\n| %s |\n|%s\n", caption, strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
		for _, r := range body {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
		}
		all = append(all, report.Table{Caption: caption, Head: head, Rows: body})
	}
	original, textbook := modes[0].name, modes[1].name
	// The heads of three columns: what was published, what each mode gives.
	both := func(figure string) []string {
		return []string{figure + ", published", "measured", textbook}
	}

	var reduced, hashed [][]string
	for _, d := range dimensions {
		in := func(mode string) string { return fmt.Sprintf("%s/d%d/", mode, d) }
		in1, in2 := in(original), in(textbook)
		const byVectors, byLSH = `Approximation Factor Reduced: (\S+)`, `Approximation Factor LSH: (\S+)`
		const compared = `compared with a query</th><td>(\S+ %)`
		reduced = append(reduced, []string{fmt.Sprint(d),
			published.reduced[d], f.find(in1+"search.txt", byVectors), f.find(in2+"search.txt", byVectors),
			f.seconds(in1 + "reduce"), f.seconds(in2 + "reduce")})
		hashed = append(hashed, []string{fmt.Sprint(d),
			published.lsh[d], f.find(in1+"search.txt", byLSH), f.find(in2+"search.txt", byLSH),
			f.find(in1+"search.html", compared), f.find(in2+"search.html", compared),
			published.searchSeconds[d] + " s", f.seconds(in1 + "search"), f.seconds(in2 + "search")})
	}
	head := append([]string{"latent dimension"}, both("reduced factor")...)
	add("Nearest neighbours by latent vectors: approximation factor (1 is exact), 60,000 images, 10,000 queries",
		append(head, "training, measured", textbook), reduced)
	head = append(append([]string{"latent dimension"}, both("LSH factor")...), "images compared with a query, measured", textbook)
	add("Nearest neighbours by LSH, in the same searches", append(head, both("whole search")...), hashed)

	var body [][]string
	for _, c := range cells {
		file := func(mode string) string { return fmt.Sprintf("%s/emd/emd%d", mode, c) }
		const emd, manhattan = `Results EMD: (\S+)`, `Results MANHATTAN: (\S+)`
		body = append(body, []string{fmt.Sprintf("%dx%d", c, c),
			published.emd[c], f.find(file(original)+".txt", emd), f.find(file(textbook)+".txt", emd),
			published.manhattan[c], f.find(file(original)+".txt", manhattan), f.find(file(textbook)+".txt", manhattan),
			published.emdTime[c], f.seconds(file(original)), f.seconds(file(textbook)),
		})
	}
	head = append([]string{"cell"}, both("EMD")...)
	head = append(append(head, both("Manhattan")...), both("time")...)
	add("Earth Mover's Distance: correctness of the 10 nearest, 60,000 images, 100 queries", head, body)

	folder := func(mode string) string { return fmt.Sprintf("%s/d%d/", mode, classified) }
	body = nil
	for i, space := range []string{"NEW SPACE", "ORIGINAL SPACE", "CLASSES AS CLUSTERS"} {
		figure := func(mode, pattern string) string {
			return f.find(folder(mode)+"cluster.txt", `(?s)`+space+`\n.*?`+pattern)
		}
		const silhouette, objective, seconds = `Silhouette: \[[^\]]*?([^ ,\]]+)\]`, `Value of Objective Function: (\S+)`, `clustering_time: (\S+)`
		times := []string{"-", "-", "-"}
		if i < 2 {
			times = []string{published.clustering[i] + " s", figure(original, seconds) + " s", figure(textbook, seconds) + " s"}
		}
		body = append(body, append([]string{space,
			published.silhouette[i], figure(original, silhouette), figure(textbook, silhouette),
			published.objective[i], figure(original, objective), figure(textbook, objective)}, times...))
	}
	head = append([]string{"clusters"}, both("silhouette")...)
	head = append(append(head, both("objective")...), both("time")...)
	add("Clustering of the 10,000 test images, K = 10", head, body)

	body = nil
	for _, m := range modes {
		log := folder(m.name) + "classification"
		body = append(body, []string{m.name, f.find(log+".log", `Found (\d+) correct labels`), f.seconds(log)})
	}
	add("Classifier: right answers of 10,000", []string{"mode", "right", "training and classifying"}, body)

	add("Settings", []string{"", original, textbook}, settings())
	return b.String(), all, f.err
}

// settings are what the modes were told, a column for each.
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
		add(fmt.Sprintf("autoencoder, %d dimensions: filters; batch size, epochs", d), func(m mode) string {
			n := m.networks[d]
			return fmt.Sprintf("%s; %d, %d", list(n.filters), n.batch, n.epochs)
		})
	}
	add("classifier: fully connected layer, dropout, batch size", func(m mode) string {
		return fmt.Sprintf("%d, %v, %d", m.fullyConnected, m.dropout, m.classifierBatch)
	})
	add("classifier: epochs of the two phases", func(m mode) string { return fmt.Sprintf("%d, %d", m.frozenEpochs, m.freeEpochs) })
	add("LSH: hash functions (-k), tables (-L)", func(m mode) string { return fmt.Sprintf("%d, %d", m.hashFunctions, m.hashTables) })
	return rows
}

func list(numbers []int) string { return strings.Join(words(numbers...), ", ") }

// processor is the name of the processor where the system tells it.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`model name\s*:\s*(.+)`).FindSubmatch(b); err == nil && m != nil {
		return string(m[1])
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

// page merges the reports of both modes, with the networks of one dimension and the smallest cells, behind the tables.
func page(all []report.Table) error {
	cover := &report.Page{
		Title: "Image similarity: the published figures again",
		Facts: []report.Fact{{Name: "machine", Value: fmt.Sprintf("%s, %d cores, %s", processor(), runtime.NumCPU(), runtime.Version())}},
	}
	cover.AddTables("Each figure as it was published, as measured, and as measured with the textbook's algorithms", all...)
	var pages [][]byte
	for _, m := range modes {
		var heading bytes.Buffer
		if err := (&report.Page{Title: "In the way of the " + m.name}).Render(&heading); err != nil {
			return err
		}
		pages = append(pages, heading.Bytes())
		d := fmt.Sprint("d", classified)
		for _, name := range []string{d + "/reduce", d + "/search", "emd/emd4", d + "/classification", d + "/cluster"} {
			b, err := os.ReadFile(filepath.Join("results", m.name, filepath.FromSlash(name)+".html"))
			if err != nil {
				return err
			}
			pages = append(pages, b)
		}
	}
	return outfile.Write("results/index.html", func(w io.Writer) error { return report.Merge(w, cover, pages...) })
}
