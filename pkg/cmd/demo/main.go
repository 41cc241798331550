// Command demo runs the four programs one after the other on a part of MNIST or of the data set in
// the folder that is its argument, as a person would at the keyboard: first as the original did,
// then with -textbook. It ends with a summary of their results and one HTML page that compares both
// ways and has the reports of the first. It is started from the top folder and leaves everything in
// the folder demo.
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

	"imagesimilarity/pkg/cmd/internal/convert"
	"imagesimilarity/pkg/cmd/internal/step"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/results"
)

// images is the largest number of training images of the demo.
const images = 20000

// mnist is the folder with MNIST, on which the demo runs without an argument.
const mnist = "datasets"

func main() { os.Exit(program.Run("demo", run)) }

const usage = `Usage: demo [FOLDER]
Runs the programs on MNIST in the folder datasets, or on the data set in FOLDER.
`

func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	data := mnist
	switch {
	case len(args) == 1 && (args[0] == "-h" || args[0] == "--help"):
		fmt.Fprint(stdout, usage)
		return 0
	case len(args) > 1 || len(args) == 1 && strings.HasPrefix(args[0], "-"):
		fmt.Fprint(stderr, usage)
		return 2
	case len(args) == 1:
		data = args[0]
	}
	if err := demo(data); err != nil {
		fmt.Fprintln(stderr, "demo:", quote.Message(err))
		return 1
	}
	return 0
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

// demo runs the programs on the data set in a folder.
func demo(data string) error {
	start := time.Now()
	data, err := dataFolder(data)
	if err != nil {
		return err
	}
	queries := filepath.Join(data, "query", "images.dat")
	if err := checkQueries(queries); err != nil {
		return err
	}
	for _, m := range modes {
		if err := outfile.MakeFolder(m.dir()); err != nil {
			return err
		}
	}
	n, err := firstImages(data, images)
	if err != nil {
		return err
	}
	for _, m := range modes {
		steps := m.steps("../../" + data)
		for i := range steps {
			fmt.Printf("\n== %s, %d of %d: %s\n", m.name, i+1, len(steps), steps[i].Title)
			if err := steps[i].Run(m.dir(), os.Stdout); err != nil {
				return err
			}
		}
	}
	classes, err := convert.Classes(data)
	if err != nil {
		return err
	}
	return summary(n, queries, classes, time.Since(start))
}

// steps returns the programs with their arguments and what is typed at their questions. data is the
// folder of the data set, seen from that of the mode.
func (m mode) steps(data string) []step.Step {
	queries, few := data+"/query/", data+"/small/query/"
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

// dataFolder returns the folder with the data set as make datasets writes it. It makes that of
// another data set.
func dataFolder(data string) (string, error) {
	if data == mnist {
		return mnist, nil
	}
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no folder %s: make it, and put four files into it: "+
			"train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and "+
			"t10k-labels-idx1-ubyte.gz; those of Fashion-MNIST are at "+
			"https://github.com/zalandoresearch/fashion-mnist/tree/master/data/fashion", data)
	}
	const own = "demo/data"
	return own, convert.Convert(data, own, convert.Options{}, os.Stdout)
}

// checkQueries returns an error if the file has too few queries for the last step, which makes
// clusters of them.
func checkQueries(name string) error {
	const clusters = 10 // as cluster.conf says
	queries, err := idx.OpenImages(name)
	if err != nil {
		return err
	}
	if queries.N < clusters {
		return fmt.Errorf("%s: %s, of which the demo cannot make %d clusters; expected at least "+
			"%d (without a test set each tenth picture of a class is a query)",
			name, plural.Of(queries.N, "query"), clusters, clusters)
	}
	return nil
}

// firstImages writes the first n training images and their labels to the folder demo, or all if
// there are fewer. It returns their number.
func firstImages(data string, n int) (int, error) {
	m, err := idx.ReadImages(filepath.Join(data, "training", "images.dat"))
	if err != nil {
		return 0, err
	}
	labels, err := idx.ReadLabels(filepath.Join(data, "training", "labels.dat"))
	if err != nil {
		return 0, err
	}
	n = min(n, m.N)
	if err := idx.WriteImages("demo/images.dat", m.First(n)); err != nil {
		return 0, err
	}
	return n, idx.WriteLabels("demo/labels.dat", labels[:n])
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

// summary shows the results of both modes on n training images and writes the page. queries is the
// name of the file of the queries.
func summary(n int, queries string, classes []string, took time.Duration) error {
	var all [2]*found
	for i, m := range modes {
		f, err := read(m.dir())
		if err != nil {
			return err
		}
		all[i] = f
	}
	fmt.Printf("\n== Summary: %d training images, %s\n\n", n, took.Round(time.Second))
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{head}, figures(all)...) {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	table.Flush()
	if err := page("demo/index.html", all, queries, classes, took); err != nil {
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
