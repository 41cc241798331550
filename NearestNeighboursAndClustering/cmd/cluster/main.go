// Command cluster groups images by k-medians in two spaces, the original pixels and the latent vectors of a network, takes a network's
// classes as a third grouping, and judges all three in the original space.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"imagesimilarity/pkg/atomicfile"
	"imagesimilarity/pkg/prompt"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program: it returns its exit status, 2 where the command line is at fault and 1 for any other error.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "cluster: %v\n%s", err, usage)
		return 2
	}
	if err := converse(opt, stdin, stdout); err != nil {
		fmt.Fprintf(stderr, "cluster: %v\n", err)
		return 1
	}
	return 0
}

// converse reports on the files of the command line, then on those that a person names, as long as there are more.
// After each round the output file is written anew as a whole, so that it never holds a part of a round.
func converse(opt options, stdin io.Reader, stdout io.Writer) error {
	k, err := readConfiguration(opt.configuration)
	if err != nil {
		return err
	}
	if err := atomicfile.Distinct(opt.output, opt.configuration); err != nil {
		return err
	}
	round, err := cluster(opt.inputs, opt.output, k)
	if err != nil {
		return err
	}
	var report bytes.Buffer // all rounds
	ask := prompt.NewTokens(stdin, stdout)
	for {
		report.Write(round)
		err := atomicfile.Write(opt.output, func(w io.Writer) error {
			_, err := w.Write(report.Bytes())
			return err
		})
		if err != nil {
			return err
		}
		if round = nextRound(ask, opt.output, k); round == nil {
			return ask.Err()
		}
	}
}

// nextRound asks whether there is another round and for its files, until some serve; it is the round's report, nil where there is none.
func nextRound(ask *prompt.Tokens, output string, k int) []byte {
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
		report, err := cluster(in, output, k)
		if err == nil {
			return report
		}
		ask.Say(err.Error() + "\n")
	}
}
