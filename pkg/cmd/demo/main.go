// Command demo runs the four programs one after the other on a part of MNIST, as a person would at
// the keyboard. It ends with a summary of their results and one HTML page of their reports. It is
// started from the top folder and leaves everything in the folder demo.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"imagesimilarity/pkg/cmd/internal/article"
	"imagesimilarity/pkg/cmd/internal/step"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// images is the number of training images of the demo.
const images = 20000

func main() { os.Exit(program.Run("demo", run)) }

func run(_ []string, _ io.Reader, stdout, stderr io.Writer) int {
	if err := demo(stdout); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

func demo(screen io.Writer) error {
	start := time.Now()
	if err := os.MkdirAll("demo", 0o755); err != nil {
		return err
	}
	if err := firstImages(images); err != nil {
		return err
	}
	const queries, few = "../datasets/query/", "../datasets/small/query/"
	steps := []step.Step{
		{
			Title:   "Train an autoencoder and write every image as 10 numbers",
			Program: "NeuralNetwork/reduce",
			Args: []string{"-quiet", "-d", "images.dat", "-q", queries + "images.dat",
				"-od", "latents.dat", "-oq", "query_latents.dat", "-l", "labels.dat",
				"-html", "reduce.html", "-json", "reduce.json"},
			// Load a model? Layers, filter size, filters, epochs, batch, embedding.
			// Graphs? Save? Latents? Again?
			Answers: []string{"N", "2", "3", "16", "32", "8", "64", "10",
				"Y", "Y", "autoencoder.h5", "Y", "N"},
		},
		{
			Title:   "Nearest neighbours: in the latent space, by LSH, exactly",
			Program: "NearestNeighboursAndClustering/search",
			Args: []string{"-d", "images.dat", "-i", "latents.dat", "-q", queries + "images.dat",
				"-s", "query_latents.dat", "-k", "4", "-L", "5", "-o", "search.txt",
				"-l1", "labels.dat", "-l2", queries + "labels.dat",
				"-html", "search.html", "-json", "search.json"},
			Answers: []string{"N"},
		},
		{
			Title:   "Ten nearest neighbours: Earth Mover's Distance against Manhattan",
			Program: "NearestNeighboursAndClustering/search",
			Args: []string{"-d", "images.dat", "-q", few + "images.dat",
				"-l1", "labels.dat", "-l2", few + "labels.dat", "-o", "emd.txt",
				"-EMD", "-cell", "4", "-html", "emd.html", "-json", "emd.json"},
		},
		{
			Title:   "Put a classifier on the trained encoder",
			Program: "NeuralNetwork/classification",
			Args: []string{"-quiet", "-d", "images.dat", "-dl", "labels.dat",
				"-t", queries + "images.dat", "-tl", queries + "labels.dat",
				"-model", "autoencoder.h5",
				"-html", "classification.html", "-json", "classification.json"},
			// Layers, filter size, filters, fully connected, epochs 1 and 2, batch, embedding,
			// dropout. Graphs? Classify? Again?
			Answers: []string{"2", "3", "16", "32", "50", "1", "3", "64", "10", "0.2",
				"Y", "Y", "N"},
		},
		{
			Title:   "Cluster the query images three ways",
			Program: "NearestNeighboursAndClustering/cluster",
			Args: []string{"-d", queries + "images.dat", "-i", "query_latents.dat",
				"-n", "clustering_test_set.txt",
				"-c", "../NearestNeighboursAndClustering/cluster.conf", "-o", "cluster.txt",
				"-html", "cluster.html", "-json", "cluster.json"},
			Answers: []string{"N"},
		},
	}
	for i := range steps {
		fmt.Fprintf(screen, "\n== %d of %d: %s\n", i+1, len(steps), steps[i].Title)
		if err := steps[i].Run("demo", screen); err != nil {
			return err
		}
	}
	return summary(screen, time.Since(start))
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

// found holds the results of the programs.
type found struct {
	reduce         results.Reduce
	search         results.Search
	emd            results.EMD
	classification results.Classification
	cluster        results.Cluster
}

// read reads the results in the folder demo.
func (f *found) read() error {
	for _, r := range []struct {
		name string
		run  results.Document
	}{
		{"reduce", &f.reduce}, {"search", &f.search}, {"emd", &f.emd},
		{"classification", &f.classification}, {"cluster", &f.cluster},
	} {
		if err := results.Read(filepath.Join("demo", r.name+".json"), r.run); err != nil {
			return err
		}
	}
	if f.classification.Rounds[0].Test == nil {
		return errors.New("demo/classification.json: the test set was not classified")
	}
	return nil
}

// figures returns the figures of the summary: a name, a value and which values are good.
func (f *found) figures() [][]string {
	search, emd, cluster := f.search.Rounds[0], f.emd.Rounds[0], f.cluster.Rounds[0]
	const exact, high = "1 is exact", "higher is better"
	double := func(n results.Number) string { return libstdcxx.Double(float64(n)) }
	return [][]string{
		{"reduced search: approximation factor", double(search.Reduced.Mean), exact},
		{"LSH: approximation factor", double(search.LSH.Mean), exact},
		{"EMD (cells of 4 pixels): correctness", double(emd.EMD.Correctness), high},
		{"Manhattan: correctness", double(emd.Manhattan.Correctness), high},
		{"classifier: right of 10,000", fmt.Sprint(f.classification.Rounds[0].Test.Right), high},
		{"k-medians, latent space: silhouette", double(cluster.Reduced.Average), high},
		{"k-medians, original space: silhouette", double(cluster.Original.Average), high},
		{"classes as clusters: silhouette", double(cluster.Network.Average), high},
	}
}

func summary(screen io.Writer, took time.Duration) error {
	var f found
	if err := f.read(); err != nil {
		return err
	}
	fmt.Fprintf(screen, "\n== Summary: %d training images, %s\n\n", images, took.Round(time.Second))
	table := tabwriter.NewWriter(screen, 0, 0, 3, ' ', 0)
	for _, row := range f.figures() {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	table.Flush()
	if err := f.page(took); err != nil {
		return err
	}

	fmt.Fprintf(screen, "\nWhat the programs wrote:\n\n")
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
	fmt.Fprintf(screen, "\nAll of it as one page with pictures: demo/index.html\n")
	return nil
}

// page writes the summary and the reports of the programs as one page.
func (f *found) page(took time.Duration) error {
	cover := &report.Page{
		Title: "Image similarity: the whole pipeline",
		Facts: []report.Fact{
			{Name: "images", Value: fmt.Sprintf(
				"the first %d training images of MNIST; queries from its test set", images)},
			{Name: "time", Value: took.Round(time.Second).String()},
		},
	}
	cover.AddTables("What came out", report.Table{
		Caption: "The figures that the programs printed.",
		Head:    []string{"Figure", "value", ""},
		Rows:    f.figures(),
	})
	pages := []*report.Page{cover}
	for _, run := range []results.Document{
		&f.reduce, &f.search, &f.emd, &f.classification, &f.cluster,
	} {
		p, err := article.Of("demo", run)
		if err != nil {
			return err
		}
		pages = append(pages, p)
	}
	return outfile.Write("demo/index.html", func(w io.Writer) error {
		return report.Render(w, pages...)
	})
}
