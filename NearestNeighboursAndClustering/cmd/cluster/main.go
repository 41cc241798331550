// Command cluster groups images by k-medians in two spaces, the original pixels and the latent vectors of a network, takes a network's
// classes as a third grouping, and judges all three in the original space.
package main

import (
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

// converse reports on the files of the command line, then on those that the answers name, for as long as there are any.
// The output file holds the reports of all rounds, and is replaced as a whole after each.
func converse(opt options, stdin io.Reader, stdout io.Writer) error {
	k, err := readConfiguration(opt.configuration)
	if err != nil {
		return err
	}
	if err := notOverwritten(opt.output, opt.configuration); err != nil {
		return err
	}
	report, err := cluster(opt.inputs, opt.output, k)
	if err != nil {
		return err
	}
	if err := write(opt.output, report); err != nil {
		return err
	}
	answers := prompt.NewTokens(stdin, stdout)
	for answers.Again("Do you want to enter another query (Y/N)?  ") {
		var in inputs
		for _, ask := range []struct {
			question string
			name     *string
		}{
			{"Input File original space: ", &in.original},
			{"Input File new space: ", &in.reduced},
			{"Classes from NN as clusters file: ", &in.classes},
		} {
			var ok bool
			if *ask.name, ok = answers.Word(ask.question); !ok {
				return answers.Err()
			}
		}
		round, err := cluster(in, opt.output, k)
		if err != nil {
			// A person can name other files.
			answers.Say(err.Error() + "\n")
			continue
		}
		report = append(report, round...)
		if err := write(opt.output, report); err != nil {
			return err
		}
	}
	return answers.Err()
}

func write(name string, text []byte) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
