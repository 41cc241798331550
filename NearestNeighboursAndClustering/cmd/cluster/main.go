// Command cluster groups images by k-medians in two spaces: the original pixels and the latent
// vectors of a network. It takes a network's classes as a third grouping, and judges all three in
// the original space.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"imagesimilarity/NearestNeighboursAndClustering/internal/arguments"
	"imagesimilarity/NearestNeighboursAndClustering/internal/configuration"
	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/prompt"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

func main() { os.Exit(program.Run("cluster", run)) }

// run runs the program and returns its exit status: 2 if the command line is at fault, 1 for any
// other error.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, err := parseOptions(args)
	if errors.Is(err, arguments.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "cluster: %s\n%s", quote.Message(err), usage)
		return 2
	}
	memory.SetBudget(opt.memory)
	opt.guard = outfile.NewGuard(stdin, stdout, stderr)
	header := results.NewHeader("./cluster", args, opt.mode == clustering.Textbook)
	opt.display = progress.New(stderr, opt.quiet)
	err = converse(opt, header, stdin, stdout)
	opt.display.Rest()
	if err != nil {
		fmt.Fprintf(stderr, "cluster: %s\n", quote.Message(err))
		return 1
	}
	return 0
}

// converse clusters the files of the command line, then those that a person names, as long as
// there are more. The output files are written anew as a whole, so that they never hold a part of a
// round.
func converse(
	opt options, header results.Header, stdin io.Reader, stdout io.Writer,
) (err error) {
	opt.display.Phase("checking the files")
	err = opt.checkFiles(opt.configuration, opt.original, opt.reduced, opt.classes, opt.labels)
	if err != nil {
		return err
	}
	k, err := configuration.Read(opt.configuration)
	if err != nil {
		return err
	}
	opt.display.Phase("reading the files")
	open := idx.Opener{Display: opt.display}
	d, err := opt.read(k, open)
	if err != nil {
		return err
	}
	run := &results.Cluster{Header: header, Settings: results.ClusterSettings{
		Output: opt.output, Configuration: opt.configuration, Clusters: k,
	}}
	page := report.NewCluster(run)
	var all bytes.Buffer // rounds
	rounds := outfile.NewRounds(func() error { return opt.write(all.Bytes(), run, page) })
	defer func() {
		if fault := rounds.Flush(); fault != nil {
			err = fault
		}
		if err == nil {
			opt.display.Say(found(run) + opt.written())
		}
	}()
	ask := prompt.NewCin(
		rounds.Before(opt.display.Reader(stdin)), opt.display.Writer(stdout))
	for {
		if line := d.inBlocks(); line != "" {
			opt.display.Say(line)
		}
		r, err := opt.cluster(d, k)
		if err != nil {
			if len(run.Rounds) == 0 || errors.As(err, new(*memory.Error)) {
				return err
			}
			ask.Reject(err) // a file that a person named cannot be read on
			if d = opt.moreData(ask, k, open); d == nil {
				return ask.Fault()
			}
			continue
		}
		opt.display.Phase("preparing the report")
		run.Rounds = append(run.Rounds, *r)
		text.Cluster(&all, r)
		if opt.html != "" || opt.png != "" {
			if err := opt.checkPage(r.Images.Images, 0); err != nil {
				return err
			}
			page.AddCluster(r)
		}
		if err := rounds.Added(); err != nil {
			return err
		}
		if d = opt.moreData(ask, k, open); d == nil {
			return ask.Fault()
		}
	}
}

// write replaces the output files together: the text, and the results and the page if they are
// wanted.
func (opt options) write(text []byte, run *results.Cluster, page *report.Page) error {
	opt.display.Phase("writing " + opt.output)
	defer opt.display.Rest()
	var files outfile.Group
	files.Add(opt.output, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if opt.json != "" {
		files.Add(opt.json, func(w io.Writer) error { return results.Write(w, run) })
	}
	if opt.assign != "" {
		files.Add(opt.assign, func(w io.Writer) error { return writeAssignments(w, run.Rounds) })
	}
	if opt.html != "" {
		files.Add(opt.html, func(w io.Writer) error { return report.Render(w, page) })
	}
	if opt.png != "" {
		page.AddFigures(&files, opt.png)
	}
	return files.Commit()
}

// written returns a line that names the output files.
func (opt options) written() string {
	line := "Written: " + quote.Printable(opt.output)
	for _, name := range []string{opt.html, opt.json, opt.assign, opt.png} {
		if name != "" {
			line += ", " + quote.Printable(name)
		}
	}
	return line + "\n"
}

// checkFiles returns an error if an output cannot be written, or is one of the inputs or another
// output.
func (opt options) checkFiles(inputs ...string) error {
	outputs := []string{opt.output, opt.html, opt.json, opt.assign}
	if err := report.CheckFigures(opt.png, slices.Concat(inputs, outputs)...); err != nil {
		return err
	}
	return opt.guard.Check(inputs, outputs...)
}

// moreData asks whether there is another round and for its files. It returns nil if there is none.
func (opt options) moreData(ask *prompt.Cin, k int, open idx.Opener) *data {
	for ask.YesNo("Do you want to enter another query (Y/N)?  ") {
		d := &data{open: open}
		readImages := func(path string) error {
			if err := d.openImages(path, k, opt.configuration); err != nil {
				return err
			}
			return d.readImages()
		}
		readLatents := func(path string) error {
			if err := d.openLatents(path); err != nil {
				return err
			}
			return d.readLatents()
		}
		given := true
		for _, q := range []struct {
			question string
			read     func(path string) error
		}{
			{"Input File original space: ", readImages},
			{"Input File new space: ", readLatents},
			{"Classes from NN as clusters file: ", d.readClasses},
		} {
			given = given && ask.Path(q.question, func(path string) error {
				opt.display.Phase("reading " + path)
				if err := opt.checkFiles(path); err != nil {
					return err
				}
				return q.read(path)
			}) == nil
		}
		if given {
			return d
		}
	}
	return nil
}
