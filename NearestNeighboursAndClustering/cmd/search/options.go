package main

import (
	"errors"
	"fmt"

	"imagesimilarity/NearestNeighboursAndClustering/internal/arguments"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
)

const usage = `Usage:./search -d <input file original space> -i <input file new space>
               -q <query file original space> -s <query file new space>
               -k <int> -L <int> -o <output file>
      ./search -d <input file original space> -q <query file original space>
               -l1 <labels of input dataset> -l2 <labels of query dataset>
               -o <output file> -EMD
Finds the nearest neighbour of every query in the new space, by LSH and exactly;
with -EMD the ten nearest by Earth Mover's Distance and by Manhattan distance.
These may be left out:
  -k <int>           hash functions of a table (4 if left out), at most 32 with
                     -textbook
  -L <int>           hash tables (5)
  -cell <int>        with -EMD: width of a cell in pixels (7)
  -textbook          the textbook's form of every algorithm where the original
                     departs from it
  -html <HTML file>  report with pictures
  -l1, -l2           labels as above; without -EMD only for the report of -html
  -json <JSON file>  results, to be read by other programs
  -png <folder>      plots of the report, each as a PNG and an SVG file
  -quiet             nothing about the progress and the results on the screen
  -memory <size>     most memory, such as 2GiB (what the machine has left);
                     images of more than a quarter of it are read in blocks
  -h, --help         show this text and exit
`

// options holds the values of the flags. All file names are set, except html and json, which are
// empty if no page and no results are wanted.
type options struct {
	emd         bool   // Earth Mover's Distance instead of the three searches
	data, query string // 8-bit images
	output      string
	textbook    bool   // the textbook's algorithms where the original departs from them
	html, json  string // the page and the results
	png         string // folder for the plots; "" for none
	quiet       bool   // no progress
	guard       outfile.Guard
	memory      int64 // bytes that may be used; 0 for what the machine has left
	display     *progress.Display

	// The three searches.
	reducedData, reducedQuery string // 16-bit latent vectors of the same images
	functions, tables         int    // of LSH

	dataLabels, queryLabels string // without -EMD only for the page, and empty if not known

	// Earth Mover's Distance.
	cell int // width of a cell in pixels; at least 1
}

func parseOptions(args []string) (options, error) {
	var opt options
	var k, l, cell, most string
	err := arguments.Parse(args, map[string]*string{
		"-d": &opt.data, "-q": &opt.query, "-o": &opt.output,
		"-i": &opt.reducedData, "-s": &opt.reducedQuery, "-k": &k, "-L": &l,
		"-l1": &opt.dataLabels, "-l2": &opt.queryLabels, "-cell": &cell,
		"-html": &opt.html, "-json": &opt.json, "-png": &opt.png, "-memory": &most,
	}, map[string]*bool{
		"-EMD": &opt.emd, "-textbook": &opt.textbook, "-quiet": &opt.quiet,
	})
	if err != nil {
		return opt, err
	}

	if opt.memory, err = memory.Flag("-memory", most); err != nil {
		return opt, err
	}
	const both, searches, emd = "", "-EMD is not", "-EMD is"
	mode := searches
	if opt.emd {
		mode = emd
	}
	for _, f := range []struct {
		name, value string
		mode        string // where the flag has a meaning
		file        bool   // and must be given there
	}{
		{"-d", opt.data, both, true},
		{"-i", opt.reducedData, searches, true},
		{"-q", opt.query, both, true},
		{"-s", opt.reducedQuery, searches, true},
		{"-l1", opt.dataLabels, both, opt.emd},
		{"-l2", opt.queryLabels, both, opt.emd},
		{"-o", opt.output, both, true},
		{"-k", k, searches, false},
		{"-L", l, searches, false},
		{"-cell", cell, emd, false},
	} {
		if f.mode != both && f.mode != mode {
			if f.value != "" {
				return opt, fmt.Errorf("flag %s has no meaning where %s given", f.name, mode)
			}
		} else if f.file && f.value == "" {
			return opt, fmt.Errorf("flag %s with a file name is missing", f.name)
		}
	}
	if !opt.emd && opt.html == "" && opt.dataLabels+opt.queryLabels != "" {
		return opt, errors.New(
			"flags -l1 and -l2 have no meaning where neither -EMD nor -html is given")
	}

	if opt.functions, opt.tables, err = arguments.LSH(k, l, opt.textbook); err != nil {
		return opt, err
	}
	opt.cell, err = arguments.Positive("-cell", cell, 7)
	return opt, err
}
