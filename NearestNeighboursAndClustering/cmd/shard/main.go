// Command shard does the work of search and cluster on parts of a data set, for engines that run
// programs on many machines: Spark's pipe, Hadoop streaming, arrays of jobs. It reads lines and
// writes lines. Package shard tells what they are.
package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"imagesimilarity/NearestNeighboursAndClustering/internal/arguments"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/shard"
)

const usage = `Usage:./shard cut -d <files> -i <files> -q <query file> -s <query file>
               -shard <int>
      ./shard pick -d <files>
      ./shard <stages> <flags of the stages>
      ./shard merge
      ./shard serve
      ./shard write <program> -o <output file> <flags>
      ./shard cluster -shards <lines of cut> -n <classes from NN as clusters file>
               -c <configuration file> -o <output file>
cut writes a line for each shard of a data set, which is one or many IDX files:
names or patterns, with commas between them; pick does for the few images on which sample
works. Stages, with commas between their names, read such lines and write lines of
answers. merge makes fewer lines of answers in the order of their bytes, and write
makes the text of a program. serve does the work of stages and of merge until its
input ends, and remembers shards: it reads a line with their names and flags as a JSON
array, lines, and a line "end"; it writes lines of answers, and a line of JSON with its
seconds of processor time. cluster writes what stages are to answer, reads a line
with the name of a file of their answers for each, and makes its text of them.
Flags of cut:
  -i -q -s           latent vectors, queries and theirs, for stages that need them
  -l1 -l2            labels of all images and of queries, to check their numbers
  -shard <int>       least images of a shard (30000 if left out)
  -files             lines of files on the standard input, instead of -d and -i;
                     pick knows this, too
Stages and their flags:
  exact              nearest images: -q, -neighbours <int> (1)
  latent             the same among latent vectors: -q, -s, -neighbours
  emd                the same by Earth Mover's Distance: -q, -neighbours,
                     -cell <int> (7)
  sample             images from which the width of hash grids is measured
  width              their neighbours: -sample <answers of sample>
  lsh                nearest images by hashing: -q, -neighbours, -k <int> (4),
                     -L <int> (5), -textbook, -width <answers of width>
  -found <file>      answers of other shards, which limit the search in these
  distances          distances of all images to one: -image <IDX file>
  assign             a pass of k-medians: images that change their cluster, and how
                     that changes the counts of values: -centroids <IDX file>,
                     -before <those of the last pass> (none if left out)
  count              counts of grey levels: -centroids, or -clusters <number> if
                     the shards have classes
  judge              silhouettes and objective: -centroids or -clusters,
                     -medians, -counts <answers of count>, -textbook
  -latents           of sample and of the last four: among latent vectors
Programs and their flags:
  search             -textbook
  emd                -l1 <labels of all images> -l2 <labels of queries> -textbook
  cluster            -textbook
All know:
  -memory <size>     most memory, such as 2GiB (what the machine has left); serve
                     remembers images in half of it
  -h, --help         show this text and exit
`

func main() { os.Exit(program.Run("shard", run)) }

// options holds the values of the flags.
type options struct {
	data, latents            string // files
	queries, reducedQueries  string
	dataLabels, queryLabels  string
	classes, configuration   string
	image, centroids, before string // IDX files that all shards get
	medians                  string
	foundFile, sample, width string // answers
	counts                   string
	shards                   string // lines
	output                   string
	size, neighbours, cell   int
	functions, tables        int
	clusters                 int
	files                    bool // on the standard input
	textbook, latentSpace    bool

	read  *shard.Queries // nil if there are none
	found shard.Result   // nil if there is none
}

// A usageError is an error of the command line.
type usageError struct{ error }

// run runs the program and returns its exit status: 2 if the command line is at fault, 1 for any
// other error.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := bufio.NewWriterSize(stdout, 1<<16)
	err := answer(args, stdin, out, stderr)
	if err == nil {
		out.Flush() // program.Run reports an error of the standard output
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, arguments.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case errors.As(err, new(usageError)):
		fmt.Fprintf(stderr, "shard: %s\n%s", quote.Message(err), usage)
		return 2
	}
	fmt.Fprintf(stderr, "shard: %s\n", quote.Message(err))
	return 1
}

// answer does what the first argument names.
func answer(args []string, stdin io.Reader, out *bufio.Writer, stderr io.Writer) error {
	if len(args) == 0 {
		return usageError{errors.New("a stage is missing")}
	}
	if arguments.IsHelp(args[0]) {
		return arguments.ErrHelp
	}
	switch args[0] {
	case "cut":
		return cut(args[1:], stdin, out)
	case "pick":
		return pick(args[1:], stdin, out)
	case "serve":
		return serve(args[1:], stdin, out)
	case "cluster":
		return cluster(args[1:], stdin, out, stderr)
	case "write":
		return write(args[1:], stdin, out, stderr)
	}
	return pass(args, stdin, out, new(shard.Store))
}

// pass lets stages answer for the shards on the standard input, or merges answers.
func pass(args []string, stdin io.Reader, out io.Writer, store *shard.Store) error {
	if args[0] != "merge" {
		return work(args[0], args[1:], stdin, out, store)
	}
	if _, err := parse(args[1:], nil); err != nil {
		return err
	}
	return shard.Merge(stdin, func(a *shard.Answer) error {
		_, err := io.WriteString(out, a.Line()+"\n")
		return err
	})
}

// parse reads the flags that are allowed, and -memory.
func parse(args []string, allowed []string) (*options, error) {
	var o options
	var size, neighbours, cell, k, l, clusters, most string
	all := map[string]*string{
		"-d": &o.data, "-i": &o.latents, "-q": &o.queries, "-s": &o.reducedQueries,
		"-o": &o.output, "-shard": &size, "-neighbours": &neighbours,
		"-l1": &o.dataLabels, "-l2": &o.queryLabels, "-k": &k, "-L": &l, "-cell": &cell,
		"-found": &o.foundFile, "-sample": &o.sample, "-width": &o.width, "-counts": &o.counts,
		"-image": &o.image, "-centroids": &o.centroids, "-before": &o.before,
		"-medians": &o.medians, "-clusters": &clusters, "-shards": &o.shards,
		"-n": &o.classes, "-c": &o.configuration,
	}
	switches := map[string]*bool{"-files": &o.files, "-textbook": &o.textbook,
		"-latents": &o.latentSpace}
	values, toggles := map[string]*string{"-memory": &most}, map[string]*bool{}
	for _, name := range allowed {
		if v, ok := all[name]; ok {
			values[name] = v
		} else {
			toggles[name] = switches[name]
		}
	}
	if err := arguments.Parse(args, values, toggles); err != nil {
		if errors.Is(err, arguments.ErrHelp) {
			return nil, err
		}
		return nil, usageError{err}
	}
	for _, n := range []struct {
		flag, text string
		value      *int
		otherwise  int
	}{
		{"-shard", size, &o.size, shard.Size},
		{"-neighbours", neighbours, &o.neighbours, 1}, {"-cell", cell, &o.cell, 7},
		{"-clusters", clusters, &o.clusters, 1},
	} {
		v, err := arguments.Positive(n.flag, n.text, n.otherwise)
		if err != nil {
			return nil, usageError{err}
		}
		*n.value = v
	}
	var err error
	if o.functions, o.tables, err = arguments.LSH(k, l, o.textbook); err != nil {
		return nil, usageError{err}
	}
	bytes, err := memory.Flag("-memory", most)
	if err != nil {
		return nil, usageError{err}
	}
	memory.SetBudget(cmp.Or(bytes, memory.Budget())) // requests have that of serve
	return &o, nil
}

// missing returns the error of a flag that is not given.
func missing(flag string) error {
	return usageError{fmt.Errorf("flag %s with a file name is missing", flag)}
}

// cut writes the shards of a data set.
func cut(args []string, stdin io.Reader, out *bufio.Writer) error {
	o, err := parse(args, []string{"-d", "-i", "-q", "-s", "-l1", "-l2", "-shard", "-files"})
	if err != nil {
		return err
	}
	images, latents, err := o.find(stdin)
	if err != nil {
		return err
	}
	var queries *shard.Queries
	checksum := ""
	if o.queries != "" {
		if queries, err = o.readQueries(); err != nil {
			return err
		}
		checksum = queries.Checksum
	}
	shards, err := shard.Cut(images, latents, o.size, checksum)
	if err != nil {
		return err
	}
	if err := o.checkLabels(images, shards[0].Total, queries); err != nil {
		return err
	}
	for i := range shards {
		out.WriteString(shards[i].Line() + "\n")
	}
	return nil
}

// pick writes the shard of the images on which the stage sample works.
func pick(args []string, stdin io.Reader, out *bufio.Writer) error {
	o, err := parse(args, []string{"-d", "-files"})
	if err != nil {
		return err
	}
	images, _, err := o.find(stdin)
	if err != nil {
		return err
	}
	s, err := shard.CutSample(images)
	if err == nil {
		out.WriteString(s.Line() + "\n")
	}
	return err
}

// find returns the files of the data set.
func (o *options) find(stdin io.Reader) (images, latents []shard.File, err error) {
	switch {
	case o.files && o.data+o.latents != "":
		return nil, nil, usageError{
			errors.New("flags -d and -i have no meaning where -files is given"),
		}
	case o.files:
		return shard.ReadFiles(stdin)
	case o.data == "":
		return nil, nil, missing("-d")
	}
	images, err = shard.Find(o.data)
	if err == nil && o.latents != "" {
		latents, err = shard.Find(o.latents)
	}
	return images, latents, err
}

// checkLabels returns an error unless there is a label for each of the n images of the files, and
// for each query, if there are labels.
func (o *options) checkLabels(files []shard.File, n int64, queries *shard.Queries) error {
	if o.dataLabels != "" {
		labels, err := shard.ReadLabels(o.dataLabels)
		if err != nil {
			return err
		}
		if int64(len(labels)) != n {
			return fmt.Errorf("%s: %s, expected %d, one for each image of %s",
				o.dataLabels, plural.Of(len(labels), "label"), n, files[0].Name)
		}
	}
	if o.queryLabels == "" || queries == nil {
		return nil
	}
	labels, err := idx.ReadLabels(o.queryLabels)
	if err == nil && len(labels) != queries.Images.N {
		err = fmt.Errorf("%s: %s, expected %d, one for each image of %s",
			o.queryLabels, plural.Of(len(labels), "label"), queries.Images.N, queries.Names)
	}
	return err
}

// readQueries reads the queries that -q and -s name.
func (o *options) readQueries() (*shard.Queries, error) {
	images, err := idx.ReadImages(o.queries)
	if err != nil {
		return nil, err
	}
	var latents *imageset.Images[uint16]
	names := o.queries
	if o.reducedQueries != "" {
		if latents, err = idx.ReadLatents(o.reducedQueries); err != nil {
			return nil, err
		}
		if latents.N != images.N {
			return nil, fmt.Errorf("%s: %s, expected %d, one for each image of %s",
				o.reducedQueries, plural.Of(latents.N, "latent vector"), images.N, o.queries)
		}
		names += ", " + o.reducedQueries
	}
	return shard.NewQueries(names, images, latents), nil
}

// work lets stages answer for the shards on the standard input.
func work(names string, args []string, stdin io.Reader, out io.Writer, store *shard.Store) error {
	var chosen []stage
	allowed := []string{"-q", "-s", "-found"}
	for name := range strings.SplitSeq(names, ",") {
		s, ok := stages[name]
		if !ok {
			return usageError{fmt.Errorf("unknown stage %q", name)}
		}
		chosen = append(chosen, s)
		allowed = append(allowed, s.flags...)
	}
	o, err := parse(args, allowed)
	if err != nil {
		return err
	}
	if o.queries != "" {
		if o.read, err = o.readQueries(); err != nil {
			return err
		}
	}
	if o.foundFile != "" {
		if o.found, err = readAnswers("-found", o.foundFile); err != nil {
			return err
		}
	}
	var all []shard.Stage
	for _, s := range chosen {
		one, err := s.make(o)
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	return store.Work(stdin, out, o.read, all...)
}
