package main

import (
	"fmt"
	"os"
	"strings"
)

const usage = "Usage:./cluster -d <input file original space> -i <input file new space> -n <classes from NN as clusters file> -c <configuration file> -o <output file>\n"

// inputs are the files of one round.
type inputs struct {
	original string // 8-bit images
	reduced  string // 16-bit latent vectors of the same images
	classes  string // class file of the same images
}

type options struct {
	inputs
	configuration, output string
}

// parseOptions reads pairs of a flag and its value, in any order; of a repeated flag the last counts.
// A value may look like a flag, as in the original, so package flag does not serve.
func parseOptions(args []string) (options, error) {
	var opt options
	flags := []struct {
		name  string
		value *string
	}{
		{"-d", &opt.original}, {"-i", &opt.reduced}, {"-n", &opt.classes}, {"-c", &opt.configuration}, {"-o", &opt.output},
	}
	for i := 0; i < len(args); i += 2 {
		var value *string
		for _, f := range flags {
			if f.name == plainFlag(args[i]) {
				value = f.value
			}
		}
		if value == nil {
			return opt, fmt.Errorf("unknown flag %q", args[i])
		}
		if i+1 == len(args) {
			return opt, fmt.Errorf("flag %s has no value", args[i])
		}
		*value = args[i+1]
	}
	for _, f := range flags {
		if *f.value == "" {
			return opt, fmt.Errorf("flag %s is missing", f.name)
		}
	}
	return opt, nil
}

// plainFlag writes a flag with the hyphen and the Latin o: the original's README prints en dashes and a Greek omicron,
// which reach the program when its command lines are copied.
func plainFlag(arg string) string {
	if rest, ok := strings.CutPrefix(arg, "–"); ok {
		arg = "-" + rest
	}
	if arg == "-ο" {
		return "-o"
	}
	return arg
}

// notOverwritten is an error where the output file is also one of the input files.
func notOverwritten(output string, in ...string) error {
	out, err := os.Stat(output)
	if err != nil || !out.Mode().IsRegular() {
		return nil // nothing there that could be lost
	}
	for _, name := range in {
		if info, err := os.Stat(name); err == nil && os.SameFile(out, info) {
			return fmt.Errorf("the output file %s is also the input file %s; name another", output, name)
		}
	}
	return nil
}
