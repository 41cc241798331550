// Demo runs the four programs one after the other on a part of MNIST, as a person would at the keyboard, and ends with
// a summary of what they found and one HTML page of their reports. It is started from the top folder and leaves everything in the folder demo.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"text/tabwriter"
	"time"

	"imagesimilarity/pkg/cmd/internal/step"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/report"
)

// images is how many training images the demo works on.
const images = 20000

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run() error {
	start := time.Now()
	if err := os.MkdirAll("demo", 0o755); err != nil {
		return err
	}
	if err := firstImages(images); err != nil {
		return err
	}
	steps := []step.Step{
		{
			Title:   "Train an autoencoder and write every image as 10 numbers",
			Program: "NeuralNetwork/reduce",
			Args: []string{"-quiet", "-d", "images.dat", "-q", "../datasets/query/images.dat",
				"-od", "latents.dat", "-oq", "query_latents.dat", "-html", "reduce.html", "-l", "labels.dat"},
			// Load a model? Layers, filter size, filters, epochs, batch, embedding. Graphs? Save? Latents? Again?
			Answers: []string{"N", "2", "3", "16", "32", "8", "64", "10", "Y", "Y", "autoencoder.h5", "Y", "N"},
		},
		{
			Title:   "Nearest neighbours: in the latent space, by LSH, exactly",
			Program: "NearestNeighboursAndClustering/search",
			Args: []string{"-d", "images.dat", "-i", "latents.dat", "-q", "../datasets/query/images.dat",
				"-s", "query_latents.dat", "-k", "4", "-L", "5", "-o", "search.txt",
				"-html", "search.html", "-l1", "labels.dat", "-l2", "../datasets/query/labels.dat"},
			Answers: []string{"N"},
		},
		{
			Title:   "Ten nearest neighbours: Earth Mover's Distance against Manhattan",
			Program: "NearestNeighboursAndClustering/search",
			Args: []string{"-d", "images.dat", "-q", "../datasets/small/query/images.dat", "-l1", "labels.dat",
				"-l2", "../datasets/small/query/labels.dat", "-o", "emd.txt", "-EMD", "-cell", "4", "-html", "emd.html"},
		},
		{
			Title:   "Put a classifier on the trained encoder",
			Program: "NeuralNetwork/classification",
			Args: []string{"-quiet", "-d", "images.dat", "-dl", "labels.dat", "-t", "../datasets/query/images.dat",
				"-tl", "../datasets/query/labels.dat", "-model", "autoencoder.h5", "-html", "classification.html"},
			// Layers, filter size, filters, fully connected, epochs 1 and 2, batch, embedding, dropout. Graphs? Classify? Again?
			Answers: []string{"2", "3", "16", "32", "50", "1", "3", "64", "10", "0.2", "Y", "Y", "N"},
		},
		{
			Title:   "Cluster the query images three ways",
			Program: "NearestNeighboursAndClustering/cluster",
			Args: []string{"-d", "../datasets/query/images.dat", "-i", "query_latents.dat",
				"-n", "clustering_test_set.txt", "-c", "../NearestNeighboursAndClustering/cluster.conf", "-o", "cluster.txt",
				"-html", "cluster.html"},
			Answers: []string{"N"},
		},
	}
	for i := range steps {
		fmt.Printf("\n== %d of %d: %s\n", i+1, len(steps), steps[i].Title)
		if err := steps[i].Run("demo", os.Stdout); err != nil {
			return err
		}
	}
	return summary(steps, time.Since(start))
}

// firstImages writes the first n training images and their labels to the folder demo.
func firstImages(n int) error {
	m, err := idx.ReadImages("datasets/training/images.dat")
	if err != nil {
		return err
	}
	labels, err := idx.ReadLabels("datasets/training/labels.dat")
	if err != nil {
		return err
	}
	if err := idx.WriteImages("demo/images.dat", m.First(n)); err != nil {
		return err
	}
	return idx.WriteLabels("demo/labels.dat", labels[:n])
}

// A figure of the summary is the text that the last match of pattern captures in a file of the folder demo,
// or, where file is empty, in what the step of that number showed.
type figure struct {
	name    string
	step    int
	file    string
	pattern string
	better  string // which values are good
}

var figures = []figure{
	{"reduced search: approximation factor", 1, "search.txt", `Approximation Factor Reduced: (\S+)`, "1 is exact"},
	{"LSH: approximation factor", 1, "search.txt", `Approximation Factor LSH: (\S+)`, "1 is exact"},
	{"EMD (cells of 4 pixels): correctness", 2, "emd.txt", `Results EMD: (\S+)`, "higher is better"},
	{"Manhattan: correctness", 2, "emd.txt", `Results MANHATTAN: (\S+)`, "higher is better"},
	{"classifier: right of 10,000", 3, "", `Found (\d+) correct labels`, "higher is better"},
	{"k-medians, latent space: silhouette", 4, "cluster.txt", `(?s)NEW SPACE.*?Silhouette: \[[^\]]*?([^ ,\]]+)\]`, "higher is better"},
	{"k-medians, original space: silhouette", 4, "cluster.txt", `(?s)ORIGINAL SPACE.*?Silhouette: \[[^\]]*?([^ ,\]]+)\]`, "higher is better"},
	{"classes as clusters: silhouette", 4, "cluster.txt", `(?s)CLASSES AS CLUSTERS.*?Silhouette: \[[^\]]*?([^ ,\]]+)\]`, "higher is better"},
}

func summary(steps []step.Step, took time.Duration) error {
	fmt.Printf("\n== Summary: %d training images, %s\n\n", images, took.Round(time.Second))
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	var rows [][]string
	for _, f := range figures {
		text := steps[f.step].Output.Bytes()
		if f.file != "" {
			b, err := os.ReadFile(filepath.Join("demo", f.file))
			if err != nil {
				return err
			}
			text = b
		}
		m := regexp.MustCompile(f.pattern).FindSubmatch(text)
		if m == nil {
			return fmt.Errorf("step %d: no match for %q in its output", f.step+1, f.pattern)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.name, m[1], f.better)
		rows = append(rows, []string{f.name, string(m[1]), f.better})
	}
	table.Flush()
	if err := page(rows, took); err != nil {
		return err
	}

	fmt.Printf("\nWhat the programs wrote:\n\n")
	entries, err := os.ReadDir("demo")
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "demo/%s\t%d bytes\n", e.Name(), info.Size())
	}
	table.Flush()
	fmt.Printf("\nAll of it as one page with pictures: demo/index.html\n")
	return nil
}

// page merges the reports of the programs behind the figures of the summary.
func page(figures [][]string, took time.Duration) error {
	cover := &report.Page{
		Title: "Image similarity: the whole pipeline",
		Facts: []report.Fact{
			{Name: "images", Value: fmt.Sprintf("the first %d training images of MNIST; queries from its test set", images)},
			{Name: "time", Value: took.Round(time.Second).String()},
		},
	}
	cover.AddTables("What came out", report.Table{
		Caption: "The figures that the programs printed.",
		Head:    []string{"Figure", "value", ""},
		Rows:    figures,
	})
	var pages [][]byte
	for _, name := range []string{"reduce.html", "search.html", "emd.html", "classification.html", "cluster.html"} {
		b, err := os.ReadFile(filepath.Join("demo", name))
		if err != nil {
			return err
		}
		pages = append(pages, b)
	}
	return outfile.Write("demo/index.html", func(w io.Writer) error { return report.Merge(w, cover, pages...) })
}
