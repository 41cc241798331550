package main

import (
	"fmt"

	"imagesimilarity/NearestNeighboursAndClustering/internal/arguments"
	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
)

const usage = `Usage:./cluster -d <input file original space> -i <input file new space>
                -n <classes from NN as clusters file>
                -c <configuration file> -o <output file>
Clusters images by k-medians in both spaces, and compares these clusters with
the classes of a network.
These may be left out:
  -l <labels file>   true labels of the images, to judge the clusters by them
  -textbook          the textbook's form of every algorithm where the original
                     departs from it
  -html <HTML file>  report with pictures
  -json <JSON file>  results, to be read by other programs
  -png <folder>      plots of the report, each as a PNG and an SVG file
  -assign <file>     the clusters of every image, as a table with tabs
  -quiet             nothing about the progress and the results on the screen
  -memory <size>     most memory, such as 2GiB (what the machine has left);
                     images of more than a quarter of it are read in blocks
  -h, --help         show this text and exit
`

// options holds the values of the flags. All file names are set, except labels, html, json and
// assign, which are empty if they are not wanted.
type options struct {
	inputs
	configuration, output string
	mode                  clustering.Mode
	html, json            string
	png                   string // folder for the plots; "" for none
	assign                string // table of the images' clusters
	quiet                 bool
	guard                 outfile.Guard
	memory                int64 // bytes that may be used; 0 for what the machine has left
	display               *progress.Display
}

// inputs are the files of one round.
type inputs struct {
	original string // 8-bit images
	reduced  string // 16-bit latent vectors of the same images
	classes  string // class file of the same images
	labels   string // true labels of the same images; "" if they are not known
}

func parseOptions(args []string) (options, error) {
	var opt options
	flags := []struct {
		name  string
		value *string
	}{
		{"-d", &opt.original}, {"-i", &opt.reduced}, {"-n", &opt.classes},
		{"-c", &opt.configuration}, {"-o", &opt.output},
	}
	var most string
	values := map[string]*string{
		"-l": &opt.labels, "-html": &opt.html, "-json": &opt.json, "-png": &opt.png,
		"-assign": &opt.assign,
		"-memory": &most,
	}
	for _, f := range flags {
		values[f.name] = f.value
	}
	textbook := false
	switches := map[string]*bool{"-textbook": &textbook, "-quiet": &opt.quiet}
	if err := arguments.Parse(args, values, switches); err != nil {
		return opt, err
	}
	var err error
	if opt.memory, err = memory.Flag("-memory", most); err != nil {
		return opt, err
	}
	if textbook {
		opt.mode = clustering.Textbook
	}
	for _, f := range flags {
		if *f.value == "" {
			return opt, fmt.Errorf("flag %s with a file name is missing", f.name)
		}
	}
	return opt, nil
}
