// Command search finds the nearest neighbour of each query image in three ways: in the space of
// latent vectors, by locality-sensitive hashing, and exactly. With -EMD it judges ten nearest
// neighbours by Earth Mover's Distance and by Manhattan distance.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"imagesimilarity/NearestNeighboursAndClustering/internal/arguments"
	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
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

func main() { os.Exit(program.Run("search", run)) }

// run runs the program and returns its exit status: 2 if the command line is at fault, 1 for any
// other error.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, err := parseOptions(args)
	if errors.Is(err, arguments.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "search: %s\n%s", quote.Message(err), usage)
		return 2
	}
	memory.SetBudget(opt.memory)
	opt.guard = outfile.NewGuard(stdin, stdout, stderr)
	header := results.NewHeader("./search", args, opt.textbook)
	opt.display = progress.New(stderr, opt.quiet)
	if opt.emd {
		err = searchEMD(opt, header, stdout)
	} else {
		err = searchNeighbours(opt, header, stdin, stdout)
	}
	opt.display.Rest()
	if err != nil {
		fmt.Fprintf(stderr, "search: %s\n", quote.Message(err))
		return 1
	}
	return 0
}

// searchNeighbours answers the queries of the command line, then those that a person names, as
// long as there are more. The output files are written anew as a whole, so that they never hold a
// part of a round.
func searchNeighbours(
	opt options, header results.Header, stdin io.Reader, stdout io.Writer,
) (err error) {
	opt.display.Phase("checking the files")
	err = opt.checkFiles(opt.data, opt.reducedData, opt.query, opt.reducedQuery,
		opt.dataLabels, opt.queryLabels)
	if err != nil {
		return err
	}
	in, queries, err := openData(opt)
	if err != nil {
		return err
	}
	opt.display.Phase("reading the data set")
	if in.begin() {
		queries.begin()
	}
	if err := in.read(); err != nil {
		return err
	}
	defer in.close()
	opt.display.Phase("reading the queries")
	if err := queries.read(); err != nil {
		return err
	}
	if err := report.CheckMemory(opt.html != "", opt.png != "", 0); err != nil {
		return err
	}
	data, err := newDataSet(in, opt)
	if err != nil {
		return idx.Named(opt.data, err)
	}

	run := &results.Search{
		Header: header,
		Settings: results.SearchSettings{
			Output: opt.output, Functions: opt.functions, Tables: opt.tables,
		},
		Data: data.files(),
	}
	asking, err := newAsking(opt, in)
	if err != nil {
		return idx.Named(opt.data, err)
	}
	run.Neighbourhoods, err = asking.themselves(nil)
	if err != nil {
		return err
	}
	page := report.NewSearch(run)
	if opt.html != "" {
		if err := asking.show(page, &run.Neighbourhoods[0], in); err != nil {
			return err
		}
	}
	rounds := outfile.NewRounds(func() error {
		return opt.write(func(w io.Writer) {
			for i := range run.Rounds {
				text.Search(w, &run.Rounds[i], opt.textbook)
			}
		}, run, page)
	})
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
		add, err := data.round(queries, run, page, asking, opt)
		queries.close()
		switch {
		case err == nil:
			add()
			if err := rounds.Added(); err != nil {
				return err
			}
		case len(run.Rounds) > 0 && queries.faulty(err) && !in.faulty(err):
			ask.Reject(err) // as if the file had not served when it was named
		default:
			return err
		}
		queries = data.moreQueries(ask, opt)
		if queries == nil {
			return ask.Fault()
		}
	}
}

// round answers a set of queries. add adds the round to the results and to the page: there is no
// half of a round.
func (d *dataSet) round(queries *spaces, run *results.Search, page *report.Page, asking *asking,
	opt options) (add func(), err error) {

	r, err := d.answer(queries, opt.display)
	if err != nil {
		return nil, err
	}
	neighbours, err := asking.queries(run.Neighbourhoods, queries, report.AskedOfSearch(r), nil)
	if err != nil {
		return nil, err
	}
	opt.display.Phase("preparing the report")
	var parts []func()
	if opt.html != "" || opt.png != "" {
		dataIndex, queryIndex := report.ShownOfSearch(r)
		data, err := d.shown(dataIndex)
		if err != nil {
			return nil, err
		}
		asked, err := queries.shown(queryIndex)
		if err != nil {
			return nil, err
		}
		parts = append(parts, func() { page.AddSearch(run, r, data, asked) })
	}
	if opt.html != "" {
		last := &neighbours[len(neighbours)-1]
		asked, err := queries.shown(last.Images)
		if err != nil {
			return nil, err
		}
		parts = append(parts, func() { page.Ask(last, asking.shown, asked) })
	}
	return func() {
		run.Rounds = append(run.Rounds, *r)
		run.Neighbourhoods = neighbours
		run.Data = d.files()
		for _, part := range parts {
			part()
		}
	}, nil
}

// write replaces the output files together: the text, and the results and the page if they are
// wanted.
func (opt options) write(
	text func(w io.Writer), run results.Document, page *report.Page,
) error {
	opt.display.Phase("writing " + opt.output)
	defer opt.display.Rest()
	var files outfile.Group
	files.Add(opt.output, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		text(b)
		return b.Flush()
	})
	if opt.json != "" {
		files.Add(opt.json, func(w io.Writer) error { return results.Write(w, run) })
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
	for _, name := range []string{opt.html, opt.json, opt.png} {
		if name != "" {
			line += ", " + quote.Printable(name)
		}
	}
	return line + "\n"
}

// checkFiles returns an error if an output cannot be written, or is one of the inputs or another
// output.
func (opt options) checkFiles(inputs ...string) error {
	outputs := []string{opt.output, opt.html, opt.json}
	if err := report.CheckFigures(opt.png, slices.Concat(inputs, outputs)...); err != nil {
		return err
	}
	return opt.guard.Check(inputs, outputs...)
}

// moreQueries asks whether there are more queries and for their files, until it has read some. It
// returns nil if there are no more.
func (d *dataSet) moreQueries(ask *prompt.Cin, opt options) *spaces {
	for ask.YesNo("Do you want to enter another query (Y/N)?  ") {
		q := newSpaces(opt)
		original := func(path string) error {
			opt.display.Phase("reading " + path)
			if err := opt.checkFiles(path); err != nil {
				return err
			}
			if err := d.openQueryImages(q, path); err != nil {
				return err
			}
			return q.readImages()
		}
		reduced := func(path string) error {
			opt.display.Phase("reading " + path)
			if err := opt.checkFiles(path); err != nil {
				return err
			}
			if err := d.openQueryLatents(q, path); err != nil {
				return err
			}
			return q.readLatents()
		}
		if ask.Path("Query File Original Space: ", original) == nil &&
			ask.Path("Query File New Space: ", reduced) == nil {
			return q
		}
	}
	return nil
}
