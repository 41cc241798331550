package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"imagesimilarity/pkg/atomicfile"
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
func (f *finder) seconds(log string) string { return f.find(log+".log", timePattern) + " s" }

// tables are the tables of the original's README as Markdown, each row with the published figure, then that of each mode;
// and all the rows once more for the page.
func tables() (text string, rows []report.Table, err error) {
	var f finder
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s, %d cores, %s, on %s.\n", processor(), runtime.NumCPU(), runtime.Version(), time.Now().Format("2 January 2006"))
	add := func(caption string, head []string, body [][]string) {
		fmt.Fprintf(&b, "\n%s\n\n| %s |\n|%s\n", caption, strings.Join(head, " | "), strings.Repeat(" --- |", len(head)))
		for _, r := range body {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
		}
		rows = append(rows, report.Table{Caption: caption, Head: head, Rows: body})
	}
	original, textbook := modes[0].name, modes[1].name
	both := func(figure string) []string {
		return []string{figure + ", published", figure + ", measured", figure + ", `-textbook`"}
	}

	var body [][]string
	for _, d := range dimensions {
		folder := func(mode string) string { return fmt.Sprintf("%s/d%d/", mode, d) }
		const lsh, reduced = `Approximation Factor LSH: (\S+)`, `Approximation Factor Reduced: (\S+)`
		body = append(body, []string{fmt.Sprint(d),
			published.lsh[d], f.find(folder(original)+"search.txt", lsh), f.find(folder(textbook)+"search.txt", lsh),
			published.reduced[d], f.find(folder(original)+"search.txt", reduced), f.find(folder(textbook)+"search.txt", reduced),
			published.searchSeconds[d] + " s", f.seconds(folder(original) + "search"), f.seconds(folder(textbook) + "search"),
			f.seconds(folder(original) + "reduce"), f.seconds(folder(textbook) + "reduce"),
		})
	}
	head := append([]string{"latent dimension"}, both("LSH factor")...)
	head = append(append(head, both("reduced factor")...), both("search")...)
	add("Nearest neighbours: approximation factors (1 is exact), 60,000 images, 10,000 queries", append(head, "training, measured", "training, `-textbook`"), body)

	body = nil
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

	body = nil
	for i, space := range []string{"NEW SPACE", "ORIGINAL SPACE", "CLASSES AS CLUSTERS"} {
		figure := func(mode, pattern string) string {
			return f.find(mode+"/d10/cluster.txt", `(?s)`+space+`\n.*?`+pattern)
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
	head = append(append(head, both("objective")...), both("clustering")...)
	add("Clustering of the 10,000 test images, K = 10", head, body)

	body = nil
	for _, m := range modes {
		log := m.name + "/d10/classification"
		body = append(body, []string{m.name, f.find(log+".log", `Found (\d+) correct labels`), f.seconds(log)})
	}
	add("Classifier: right answers of 10,000", []string{"mode", "right", "training and classifying"}, body)
	return b.String(), rows, f.err
}

// processor is the name of the processor where the system tells it.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if m := regexp.MustCompile(`model name\s*:\s*(.+)`).FindSubmatch(b); err == nil && m != nil {
		return string(m[1])
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

// page merges the reports of both modes, with the networks of dimension 10 and the smallest cells, behind the tables.
func page(rows []report.Table) error {
	cover := &report.Page{
		Title: "Image similarity: the published figures again",
		Facts: []report.Fact{{Name: "machine", Value: fmt.Sprintf("%s, %d cores, %s", processor(), runtime.NumCPU(), runtime.Version())}},
	}
	for _, t := range rows {
		cover.AddTable(t.Caption, t)
	}
	var pages [][]byte
	for _, m := range modes {
		for _, name := range []string{"d10/reduce", "d10/search", "emd/emd4", "d10/classification", "d10/cluster"} {
			b, err := os.ReadFile(filepath.Join("results", m.name, filepath.FromSlash(name)+".html"))
			if err != nil {
				return err
			}
			pages = append(pages, b)
		}
	}
	return atomicfile.Write("results/index.html", func(w io.Writer) error { return report.Merge(w, cover, pages...) })
}
