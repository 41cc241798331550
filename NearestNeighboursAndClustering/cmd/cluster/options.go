package main

import (
	"fmt"

	"imagesimilarity/NearestNeighboursAndClustering/internal/arguments"
)

const usage = "Usage:./cluster -d <input file original space> -i <input file new space> -n <classes from NN as clusters file> -c <configuration file> -o <output file>\n"

// options are the files that the command line names; no name is empty.
type options struct {
	inputs
	configuration, output string
}

// inputs are the files of one round.
type inputs struct {
	original string // 8-bit images
	reduced  string // 16-bit latent vectors of the same images
	classes  string // class file of the same images
}

func parseOptions(args []string) (options, error) {
	var opt options
	flags := []struct {
		name  string
		value *string
	}{
		{"-d", &opt.original}, {"-i", &opt.reduced}, {"-n", &opt.classes}, {"-c", &opt.configuration}, {"-o", &opt.output},
	}
	values := make(map[string]*string)
	for _, f := range flags {
		values[f.name] = f.value
	}
	if err := arguments.Parse(args, values, nil); err != nil {
		return opt, err
	}
	for _, f := range flags {
		if *f.value == "" {
			return opt, fmt.Errorf("flag %s with a file name is missing", f.name)
		}
	}
	return opt, nil
}
