// Command search finds the nearest neighbour of each query image in three ways: in the space of latent vectors, by locality-sensitive
// hashing, and exactly. With -EMD it judges ten nearest neighbours by Earth Mover's Distance and by Manhattan distance.
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

// run is the program. Its exit status is 2 where the command line is at fault, 1 for any other error.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "search: %v\n%s", err, usage)
		return 2
	}
	if opt.emd {
		err = searchEMD(opt, stdout)
	} else {
		err = searchNeighbours(opt, stdin, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "search: %v\n", err)
		return 1
	}
	return 0
}

// searchNeighbours answers the queries of the command line, then those that a person names, as long as there are more.
// After each round the output file is written anew as a whole, so that it never holds a part of a round.
func searchNeighbours(opt options, stdin io.Reader, stdout io.Writer) error {
	if err := atomicfile.Distinct(opt.output, opt.data, opt.reducedData, opt.query, opt.reducedQuery); err != nil {
		return err
	}
	in, err := readSpaces(opt.data, opt.reducedData)
	if err != nil {
		return err
	}
	data, err := newDataSet(in, opt.functions)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}
	queries, err := data.readQueries(opt.query, opt.reducedQuery)
	if err != nil {
		return err
	}

	var report bytes.Buffer // all rounds
	ask := prompt.NewTokens(stdin, stdout)
	for {
		data.answer(queries).write(&report)
		err := atomicfile.Write(opt.output, func(w io.Writer) error {
			_, err := w.Write(report.Bytes())
			return err
		})
		if err != nil {
			return err
		}
		queries = data.moreQueries(ask, opt.output)
		if queries == nil {
			return ask.Err()
		}
	}
}

// moreQueries asks whether there are more queries and for their files, until it has read some; nil where there are no more.
func (d *dataSet) moreQueries(ask *prompt.Tokens, output string) *spaces {
	if !ask.Again("Do you want to enter another query (Y/N)?  ") {
		return nil
	}
	for {
		original, ok := ask.Word("Query File Original Space: ")
		if !ok {
			return nil
		}
		reduced, ok := ask.Word("Query File New Space: ")
		if !ok {
			return nil
		}
		err := atomicfile.Distinct(output, original, reduced)
		if err == nil {
			var queries *spaces
			if queries, err = d.readQueries(original, reduced); err == nil {
				return queries
			}
		}
		ask.Say(err.Error() + "\n")
	}
}
