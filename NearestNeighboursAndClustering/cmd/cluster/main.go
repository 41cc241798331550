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
	r, err := opt.cluster(opt.inputs, k, display)
	if err != nil {
		return err
	}
	var text bytes.Buffer // all rounds
	ask := prompt.NewCin(stdin, stdout)
	for {
		r.write(&text)
		err := outfile.Write(opt.output, func(w io.Writer) error {
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
		if r = opt.nextRound(ask, k, display); r == nil {
			return ask.Err()
		}
	}
}

// checkFiles returns an error if an output cannot be written, or is one of the inputs or the other
// output.
func (opt options) checkFiles(inputs ...string) error {
	return opt.guard.Check(inputs, opt.output, opt.html)
}

// nextRound asks whether there is another round and for its files, until some serve; nil where there is none.
func (opt options) nextRound(ask *prompt.Cin, k int, display *progress.Display) *round {
	if !ask.Again("Do you want to enter another query (Y/N)?  ") {
		return nil
	}
	for {
		var in inputs
		for _, q := range []struct {
			question string
			name     *string
		}{
			{"Input File original space: ", &in.original},
			{"Input File new space: ", &in.reduced},
			{"Classes from NN as clusters file: ", &in.classes},
		} {
			var ok bool
			if *q.name, ok = ask.Word(q.question); !ok {
				return nil
			}
		}
		err := opt.checkFiles(in.original, in.reduced, in.classes)
		if err == nil {
			var r *round
			if r, err = opt.cluster(in, k, display); err == nil {
				return r
			}
		}
		ask.Say(err.Error() + "\n")
	}
}
