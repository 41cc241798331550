// Command search finds the nearest neighbour of each query image in three ways: in the space of latent vectors, by locality-sensitive
// hashing, and exactly. With -EMD it judges ten nearest neighbours by Earth Mover's Distance and by Manhattan distance.
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

// run is the program. Its exit status is 2 where the command line is at fault, 1 for any other error.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "search: %v\n%s", err, usage)
		return 2
	}
	opt.guard = outfile.NewGuard(stdin, stdout, stderr)
	page := newPage(opt, args)
	display := progress.New(stderr, opt.quiet)
	if opt.emd {
		err = searchEMD(opt, stdout, page, display)
	} else {
		err = searchNeighbours(opt, stdin, stdout, page, display)
	}
	if err != nil {
		fmt.Fprintf(stderr, "search: %v\n", err)
		return 1
	}
	return 0
}

// searchNeighbours answers the queries of the command line, then those that a person names, as long as there are more.
// After each round the output files are written anew as a whole, so that they never hold a part of a round.
func searchNeighbours(opt options, stdin io.Reader, stdout io.Writer, page *report.Page, display *progress.Display) error {
	if err := opt.checkFiles(opt.data, opt.reducedData, opt.query, opt.reducedQuery, opt.dataLabels, opt.queryLabels); err != nil {
		return err
	}
	in, err := readSpaces(opt.data, opt.reducedData)
	if err != nil {
		return err
	}
	data, err := newDataSet(in, opt)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}
	if data.labels, err = readLabels(opt.dataLabels, opt.data, data.original.N); err != nil {
		return err
	}
	queries, err := data.readQueries(opt.query, opt.reducedQuery)
	if err != nil {
		return err
	}
	if queries.labels, err = readLabels(opt.queryLabels, opt.query, queries.original.N); err != nil {
		return err
	}

	var text bytes.Buffer // all rounds
	ask := prompt.NewCin(stdin, stdout)
	for {
		r, err := data.answer(queries, display)
		if err != nil {
			return err
		}
		r.write(&text, opt.textbook)
		err = outfile.Write(opt.output, func(w io.Writer) error {
			_, err := w.Write(text.Bytes())
			return err
		})
		if err != nil {
			return err
		}
		if opt.html != "" {
			page.AddSearch(data.html(queries, r))
			if err := outfile.Write(opt.html, page.Render); err != nil {
				return err
			}
		}
		queries = data.moreQueries(ask, opt)
		if queries == nil {
			return ask.Fault()
		}
	}
}

// checkFiles returns an error if an output cannot be written, or is one of the inputs or the other
// output.
func (opt options) checkFiles(inputs ...string) error {
	return opt.guard.Check(inputs, opt.output, opt.html)
}

// moreQueries asks whether there are more queries and for their files, until it has read some. It
// returns nil if there are no more.
func (d *dataSet) moreQueries(ask *prompt.Cin, opt options) *spaces {
	for ask.YesNo("Do you want to enter another query (Y/N)?  ") {
		q := new(spaces)
		original := func(path string) error {
			if err := opt.checkFiles(path); err != nil {
				return err
			}
			return d.readQueryImages(q, path)
		}
		reduced := func(path string) error {
			if err := opt.checkFiles(path); err != nil {
				return err
			}
			return d.readQueryLatents(q, path)
		}
		if ask.Path("Query File Original Space: ", original) == nil &&
			ask.Path("Query File New Space: ", reduced) == nil {
			return q
		}
	}
	return nil
}
