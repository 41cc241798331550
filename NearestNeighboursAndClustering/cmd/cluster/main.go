// Command cluster groups images by k-medians in two spaces, the original pixels and the latent vectors of a network, takes a network's
// classes as a third grouping, and judges all three in the original space.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/prompt"
	"imagesimilarity/pkg/report"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program: it returns its exit status, 2 where the command line is at fault and 1 for any other error.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "cluster: %v\n%s", err, usage)
		return 2
	}
	opt.guard = outfile.NewGuard(stdin, stdout, stderr)
	if err := converse(opt, stdin, stdout, newPage(opt, args), progress.New(stderr, opt.quiet)); err != nil {
		fmt.Fprintf(stderr, "cluster: %v\n", err)
		return 1
	}
	return 0
}

// converse reports on the files of the command line, then on those that a person names, as long as there are more.
// After each round the output files are written anew as a whole, so that they never hold a part of a round.
func converse(opt options, stdin io.Reader, stdout io.Writer, page *report.Page, display *progress.Display) error {
	if err := opt.checkFiles(opt.configuration, opt.original, opt.reduced, opt.classes); err != nil {
		return err
	}
	k, err := readConfiguration(opt.configuration)
	if err != nil {
		return err
	}
	d, err := read(opt.inputs, k)
	if err != nil {
		return err
	}
	var text bytes.Buffer // all rounds
	ask := prompt.NewCin(stdin, stdout)
	for {
		r, err := opt.cluster(d, k, display)
		if err != nil {
			return err
		}
		r.write(&text)
		err = outfile.Write(opt.output, func(w io.Writer) error {
			_, err := w.Write(text.Bytes())
			return err
		})
		if err != nil {
			return err
		}
		if opt.html != "" {
			page.AddCluster(r.html())
			if err := outfile.Write(opt.html, page.Render); err != nil {
				return err
			}
		}
		if d = opt.moreData(ask, k); d == nil {
			return ask.Fault()
		}
	}
}

// checkFiles returns an error if an output cannot be written, or is one of the inputs or the other
// output.
func (opt options) checkFiles(inputs ...string) error {
	return opt.guard.Check(inputs, opt.output, opt.html)
}

// moreData asks whether there is another round and for its files. It returns nil if there is none.
func (opt options) moreData(ask *prompt.Cin, k int) *data {
	for ask.YesNo("Do you want to enter another query (Y/N)?  ") {
		d := new(data)
		readOriginal := func(path string) error { return d.readOriginal(path, k) }
		given := true
		for _, q := range []struct {
			question string
			read     func(path string) error
		}{
			{"Input File original space: ", readOriginal},
			{"Input File new space: ", d.readReduced},
			{"Classes from NN as clusters file: ", d.readClasses},
		} {
			given = given && ask.Path(q.question, func(path string) error {
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
