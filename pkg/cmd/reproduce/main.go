// Command reproduce trains and runs everything at full size, in the original's way and in the
// textbook's. It writes the tables of the original's README, with the published figures beside the
// measured ones, to results/REPRODUCED.md, and all reports as one page to results/index.html. It is
// started from the top folder. It does not repeat a finished job, unless the job's settings or a
// job before it changed.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"imagesimilarity/pkg/cmd/internal/step"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/program"
)

func main() { os.Exit(program.Run("reproduce", run)) }

func run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprintln(stderr, "usage: reproduce")
		return 2
	}
	if err := reproduce(stdout); err != nil {
		fmt.Fprintln(stderr, "reproduce:", err)
		return 1
	}
	return 0
}

func reproduce(screen io.Writer) error {
	all := jobs()
	if err := runAll(all, screen); err != nil {
		return err
	}
	text, made, err := tables(all)
	if err != nil {
		return err
	}
	if err := page(made); err != nil {
		return err
	}
	fmt.Fprint(screen, "\n"+text)
	return outfile.Write("results/REPRODUCED.md", func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

// runAll runs the jobs that are not finished, in order, and tells on the screen how long each took.
func runAll(all []*job, screen io.Writer) error {
	for i, j := range all {
		fmt.Fprintf(screen, "%2d of %d: %s\n", i+1, len(all), j.name())
		if j.finished() {
			fmt.Fprintln(screen, "          finished before")
			continue
		}
		// The later jobs of the folder read what this one writes, so they have to be run again,
		// even if this run is interrupted.
		for _, later := range all[i+1:] {
			if later.folder == j.folder {
				if err := os.Remove(later.logFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
		}
		took, err := j.run()
		if err != nil {
			return err
		}
		fmt.Fprintf(screen, "          %s s\n", took)
	}
	return nil
}

// A job is a program run in a folder below results. Its log is in that folder: the first line is
// the job's recipe, the last one tells how long it took.
type job struct {
	folder, log string
	step        step.Step
}

func (j *job) name() string { return j.folder + "/" + j.log }
func (j *job) logFile() string {
	return filepath.Join("results", filepath.FromSlash(j.folder), j.log+".log")
}

// recipe returns what a job does: the program, its arguments and the answers.
func (j *job) recipe() string {
	args, answers := strings.Join(j.step.Args, " "), strings.Join(j.step.Answers, " ")
	return fmt.Sprintln(j.step.Program, args, answers)
}

var timeLine = regexp.MustCompile(`\ntime: ([0-9.]+) s\n$`)

// finished reports whether the job was run to its end with this recipe.
func (j *job) finished() bool {
	b, err := os.ReadFile(j.logFile())
	return err == nil && bytes.HasPrefix(b, []byte(j.recipe())) && timeLine.Match(b)
}

// run runs the job and returns the seconds that it took.
func (j *job) run() (string, error) {
	dir := filepath.Dir(j.logFile())
	if err := outfile.MakeFolder(dir); err != nil {
		return "", err
	}
	log := bytes.NewBufferString(j.recipe())
	start := time.Now()
	if err := j.step.Run(dir, log); err != nil {
		return "", fmt.Errorf("%w\n%s", err, log.String())
	}
	took := strconv.FormatFloat(time.Since(start).Seconds(), 'f', 1, 64)
	fmt.Fprintf(log, "\ntime: %s s\n", took)
	return took, outfile.Write(j.logFile(), func(w io.Writer) error {
		_, err := w.Write(log.Bytes())
		return err
	})
}

// A mode is one of the two ways of all programs and its settings.
type mode struct {
	name       string
	flags      []string // of all programs
	filterSize int      // of all networks

	loss     string          // of the autoencoders
	networks map[int]network // the autoencoders, by latent dimension

	// Of the classifier.
	fullyConnected           int
	frozenEpochs, freeEpochs int // of the two phases
	classifierBatch          int
	dropout                  float64

	hashFunctions, hashTables int
}

// A network is an autoencoder of one mode and dimension.
type network struct {
	filters       []int // of its convolutional layers
	batch, epochs int
}

// encoder returns the answers about the encoder of a dimension's network.
func (m mode) encoder(dimension int) []string {
	filters := m.networks[dimension].filters
	return words(append([]int{len(filters), m.filterSize}, filters...)...)
}

func words(numbers ...int) []string {
	return strings.Fields(strings.Trim(fmt.Sprint(numbers), "[]"))
}

// toReduce returns the answers that train an autoencoder, and then those that have everything shown
// and saved. toClassification returns those for the classifier.
func (m mode) toReduce(dimension int) []string {
	n := m.networks[dimension]
	return slices.Concat([]string{"N"}, m.encoder(dimension),
		words(n.epochs, n.batch, dimension), []string{"Y", "Y", "autoencoder.h5", "Y", "N"})
}

func (m mode) toClassification() []string {
	return slices.Concat(m.encoder(classified),
		words(m.fullyConnected, m.frozenEpochs, m.freeEpochs, m.classifierBatch, classified),
		[]string{fmt.Sprint(m.dropout), "Y", "Y", "N"})
}

// jobs returns all jobs that must run before the tables can be made, in order.
func jobs() []*job {
	const data, queries = "../../../datasets/training/", "../../../datasets/query/"
	const few = "../../../datasets/small/query/"
	const configuration = "../../../NearestNeighboursAndClustering/cluster.conf"
	const search = "NearestNeighboursAndClustering/search"
	var all []*job
	for _, m := range modes {
		add := func(folder, log, program string, answers []string, args ...string) {
			args = append(args, "-html", log+".html", "-json", log+".json")
			all = append(all, &job{m.name + "/" + folder, log, step.Step{
				Program: program, Args: append(args, m.flags...), Answers: answers,
			}})
		}
		for _, d := range dimensions {
			folder := fmt.Sprint("d", d)
			add(folder, "reduce", "NeuralNetwork/reduce", m.toReduce(d),
				"-d", data+"images.dat", "-q", queries+"images.dat",
				"-od", "latents.dat", "-oq", "query_latents.dat",
				"-loss", m.loss, "-l", data+"labels.dat")
			if d == classified {
				add(folder, "classification", "NeuralNetwork/classification", m.toClassification(),
					"-d", data+"images.dat", "-dl", data+"labels.dat",
					"-t", queries+"images.dat", "-tl", queries+"labels.dat",
					"-model", "autoencoder.h5")
				add(folder, "cluster", "NearestNeighboursAndClustering/cluster", []string{"N"},
					"-d", queries+"images.dat", "-i", "query_latents.dat",
					"-n", "clustering_test_set.txt", "-c", configuration, "-o", "cluster.txt")
			}
			add(folder, "search", search, []string{"N"},
				"-d", data+"images.dat", "-i", "latents.dat",
				"-q", queries+"images.dat", "-s", "query_latents.dat",
				"-k", fmt.Sprint(m.hashFunctions), "-L", fmt.Sprint(m.hashTables),
				"-o", "search.txt", "-l1", data+"labels.dat", "-l2", queries+"labels.dat")
		}
		for _, cell := range cells {
			name := fmt.Sprint("emd", cell)
			add("emd", name, search, nil,
				"-d", data+"images.dat", "-q", few+"images.dat",
				"-l1", data+"labels.dat", "-l2", few+"labels.dat",
				"-o", name+".txt", "-EMD", "-cell", fmt.Sprint(cell))
		}
	}
	return all
}
