// Reproduce trains and runs everything at full size, in the original's way and in the textbook's, and writes the tables of
// the original's README with the published figures beside the measured ones to results/REPRODUCED.md, and all reports as one
// page to results/index.html. It is started from the top folder. A job that is finished is not run again: its log is there.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"imagesimilarity/pkg/atomicfile"
	"imagesimilarity/pkg/cmd/internal/step"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "reproduce:", err)
		os.Exit(1)
	}
}

func run() error {
	all := jobs()
	for i, j := range all {
		fmt.Printf("%2d of %d: %-40s ", i+1, len(all), j.name())
		was, err := j.run()
		if err != nil {
			fmt.Println()
			return err
		}
		fmt.Println(was)
	}
	text, rows, err := tables()
	if err != nil {
		return err
	}
	if err := page(rows); err != nil {
		return err
	}
	os.Stdout.WriteString("\n" + text)
	return atomicfile.Write("results/REPRODUCED.md", func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// A job is a program run in a folder below results; its log is log in that folder and tells, in its last line, how long it took.
type job struct {
	folder, log string
	step        step.Step
}

func (j *job) name() string { return j.folder + "/" + j.log }
func (j *job) logFile() string {
	return filepath.Join("results", filepath.FromSlash(j.folder), j.log+".log")
}

const timePattern = `\ntime: ([0-9.]+) s\n$`

// run runs the job unless it is finished, and says what it did.
func (j *job) run() (string, error) {
	if b, err := os.ReadFile(j.logFile()); err == nil && regexp.MustCompile(timePattern).Match(b) {
		return "finished before", nil
	}
	dir := filepath.Dir(j.logFile())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	var log bytes.Buffer
	start := time.Now()
	if err := j.step.Run(dir, &log); err != nil {
		return "", fmt.Errorf("%w\n%s", err, log.String())
	}
	took := strconv.FormatFloat(time.Since(start).Seconds(), 'f', 1, 64)
	fmt.Fprintf(&log, "\ntime: %s s\n", took)
	return took + " s", atomicfile.Write(j.logFile(), func(w io.Writer) error {
		_, err := w.Write(log.Bytes())
		return err
	})
}

// A mode is one of the two ways of all programs.
type mode struct {
	name  string
	flags []string
	// What reduce and classification are told. Hyperparameters are the answers between the first question and "Embedding Dimension".
	autoencoder map[int][]string // by latent dimension: layers, filter size, filters, epochs, batch size
	loss        []string         // flags of reduce
	classifier  []string         // all of its questions up to the dropout rate; the encoder is that of dimension 10
	tables      string           // hash tables of search
	functions   string           // hash functions
}

// jobs are all that must run before the tables can be made, in order.
func jobs() []*job {
	const data, queries = "../../../datasets/training/", "../../../datasets/query/"
	var all []*job
	for _, m := range modes {
		add := func(folder, log, program string, answers []string, args ...string) {
			all = append(all, &job{m.name + "/" + folder, log, step.Step{Program: program, Args: append(args, m.flags...), Answers: answers}})
		}
		for _, d := range dimensions {
			folder := fmt.Sprint("d", d)
			answers := append([]string{"N"}, m.autoencoder[d]...)
			answers = append(answers, fmt.Sprint(d), "Y", "Y", "autoencoder.h5", "Y", "N")
			add(folder, "reduce", "NeuralNetwork/reduce", answers,
				append([]string{"-quiet", "-d", data + "images.dat", "-q", queries + "images.dat", "-od", "latents.dat", "-oq", "query_latents.dat",
					"-l", data + "labels.dat", "-html", "reduce.html"}, m.loss...)...)
			add(folder, "search", "NearestNeighboursAndClustering/search", []string{"N"},
				"-quiet", "-d", data+"images.dat", "-i", "latents.dat", "-q", queries+"images.dat", "-s", "query_latents.dat",
				"-k", m.functions, "-L", m.tables, "-o", "search.txt",
				"-l1", data+"labels.dat", "-l2", queries+"labels.dat", "-html", "search.html")
		}
		for _, cell := range cells {
			name := fmt.Sprint("emd", cell)
			add("emd", name, "NearestNeighboursAndClustering/search", nil,
				"-quiet", "-d", data+"images.dat", "-q", "../../../datasets/small/query/images.dat", "-l1", data+"labels.dat",
				"-l2", "../../../datasets/small/query/labels.dat", "-o", name+".txt", "-EMD", "-cell", fmt.Sprint(cell), "-html", name+".html")
		}
		add("d10", "classification", "NeuralNetwork/classification", append(append([]string{}, m.classifier...), "Y", "Y", "N"),
			"-quiet", "-d", data+"images.dat", "-dl", data+"labels.dat", "-t", queries+"images.dat", "-tl", queries+"labels.dat",
			"-model", "autoencoder.h5", "-html", "classification.html")
		add("d10", "cluster", "NearestNeighboursAndClustering/cluster", []string{"N"},
			"-quiet", "-d", queries+"images.dat", "-i", "query_latents.dat", "-n", "clustering_test_set.txt",
			"-c", "../../../NearestNeighboursAndClustering/cluster.conf", "-o", "cluster.txt", "-html", "cluster.html")
	}
	return all
}
