// Command demo runs the four programs one after the other on a part of MNIST, as a person would at
// the keyboard: first as the original did, then with -textbook. It ends with a summary of their
// results and one HTML page that compares both ways and has the reports of the first. It is started
// from the top folder and leaves everything in the folder demo.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"imagesimilarity/pkg/cmd/internal/step"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/results"
)

// images is the number of training images of the demo.
const images = 20000

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// A mode is one of the two ways of all programs.
type mode struct {
	name              string   // of its folder, too
	flags             []string // of all programs
	functions, tables string   // of LSH
}

var modes = []mode{
	{"original", nil, "4", "5"},
	{"textbook", []string{"-textbook"}, "10", "10"},
}

func (m mode) dir() string { return filepath.Join("demo", m.name) }

func run() error {
	start := time.Now()
	for _, m := range modes {
		if err := os.MkdirAll(m.dir(), 0o755); err != nil {
			return err
		}
	}
	if err := firstImages(images); err != nil {
		return err
	}
	for _, m := range modes {
		steps := m.steps()
		for i := range steps {
			fmt.Printf("\n== %s, %d of %d: %s\n", m.name, i+1, len(steps), steps[i].Title)
			if err := steps[i].Run(m.dir(), os.Stdout); err != nil {
				return err
			}
		}
	}
	return summary(time.Since(start))
}

// steps returns the programs with their arguments and what is typed at their questions.
func (m mode) steps() []step.Step {
	const queries, few = "../../datasets/query/", "../../datasets/small/query/"
	steps := []step.Step{
		{
			Title:   "Train an autoencoder and write every image as 10 numbers",
			Program: "NeuralNetwork/reduce",
			Args: []string{"-d", "../images.dat", "-q", queries + "images.dat",
				"-od", "latents.dat", "-oq", "query_latents.dat", "-l", "../labels.dat",
				"-html", "reduce.html", "-json", "reduce.json"},
			// Load a model? Layers, filter size, filters, epochs, batch, embedding.
			// Graphs? Save? Latents? Again?
			Answers: []string{"N", "2", "3", "16", "32", "8", "64", "10",
				"Y", "Y", "autoencoder.h5", "Y", "N"},
		},
		{
			Title:   "Nearest neighbours: in the latent space, by LSH, exactly",
			Program: "NearestNeighboursAndClustering/search",
			Args: []string{"-d", "../images.dat", "-i", "latents.dat", "-q", queries + "images.dat",
				"-s", "query_latents.dat", "-k", m.functions, "-L", m.tables, "-o", "search.txt",
				"-l1", "../labels.dat", "-l2", queries + "labels.dat",
				"-html", "search.html", "-json", "search.json"},
			Answers: []string{"N"},
		},
		{
			Title:   "Ten nearest neighbours: Earth Mover's Distance against Manhattan",
			Program: "NearestNeighboursAndClustering/search",
			Args: []string{"-d", "../images.dat", "-q", few + "images.dat",
				"-l1", "../labels.dat", "-l2", few + "labels.dat", "-o", "emd.txt",
				"-EMD", "-cell", "4", "-html", "emd.html", "-json", "emd.json"},
		},
		{
			Title:   "Put a classifier on the trained encoder",
			Program: "NeuralNetwork/classification",
			Args: []string{"-d", "../images.dat", "-dl", "../labels.dat",
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
				"-n", "clustering_test_set.txt", "-l", queries + "labels.dat",
				"-c", "../../NearestNeighboursAndClustering/cluster.conf", "-o", "cluster.txt",
				"-html", "cluster.html", "-json", "cluster.json"},
			Answers: []string{"N"},
		},
	}
	for i := range steps {
		steps[i].Args = append(steps[i].Args, m.flags...)
	}
	return steps
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

// found holds the results of the programs in one mode.
type found struct {
	reduce         results.Reduce
	search         results.Search
	emd            results.EMD
	classification results.Classification
	cluster        results.Cluster
}

// read returns the results in the folder dir.
func read(dir string) (*found, error) {
	f := new(found)
	for _, r := range []struct {
		name string
		run  results.Document
	}{
		{"reduce", &f.reduce}, {"search", &f.search}, {"emd", &f.emd},
		{"classification", &f.classification}, {"cluster", &f.cluster},
	} {
		if err := results.Read(filepath.Join(dir, r.name+".json"), r.run); err != nil {
			return nil, err
		}
	}
	if f.classification.Rounds[0].Test == nil {
		return nil, errors.New(dir + "/classification.json: the test set was not classified")
	}
	return f, nil
}

// summary shows the results of both modes and writes the page.
func summary(took time.Duration) error {
	var all [2]*found
	for i, m := range modes {
		f, err := read(m.dir())
		if err != nil {
			return err
		}
		all[i] = f
	}
	fmt.Printf("\n== Summary: %d training images, %s\n\n", images, took.Round(time.Second))
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{head}, figures(all)...) {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	table.Flush()
	if err := page("demo/index.html", all, took); err != nil {
		return err
	}

	fmt.Printf("\nWhat the programs wrote:\n\n")
	err := filepath.WalkDir("demo", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			_, err = fmt.Fprintf(table, "%s\t%d bytes\n", filepath.ToSlash(path), info.Size())
		}
		return err
	})
	if err != nil {
		return err
	}
	table.Flush()
	_, err = io.WriteString(os.Stdout,
		"\nBoth ways face to face, and all of the first, as one page: demo/index.html\n")
	return err
}
