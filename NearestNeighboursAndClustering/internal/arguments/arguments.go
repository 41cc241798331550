// Package arguments reads command lines as the original C++ programs do: pairs of a flag and its
// value, in any order.
package arguments

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"imagesimilarity/pkg/knn"
)

// ErrHelp is returned by Parse if help was asked for.
var ErrHelp = errors.New("help was asked for")

// Parse reads pairs of a flag and a value, and flags without value. values maps a flag to where
// its value goes; any text but the empty one is a value. switches maps a flag without value to what
// it makes true. If a flag is given twice, the last value counts. An unknown flag, a missing value
// and an empty one are errors. Parse returns ErrHelp at an argument that asks for help.
//
// The standard package flag takes "-o" for a flag where the original takes it for a value.
func Parse(args []string, values map[string]*string, switches map[string]*bool) error {
	named := -1 // the index of the last value that is the name of a flag
	for i := 0; i < len(args); i++ {
		name := plain(args[i])
		if IsHelp(args[i]) {
			return ErrHelp
		}
		if s, ok := switches[name]; ok {
			*s = true
			continue
		}
		v, ok := values[name]
		if !ok && i > 0 && named == i-1 {
			return fmt.Errorf("flag %s has no value: %s follows it", plain(args[i-2]), args[i-1])
		}
		if !ok {
			return fmt.Errorf("unknown flag %q", args[i])
		}
		if i+1 == len(args) {
			return fmt.Errorf("flag %s has no value", name)
		}
		i++
		if args[i] == "" {
			return fmt.Errorf("the value of flag %s is empty", name)
		}
		*v = args[i]
		if next := plain(*v); values[next] != nil || switches[next] != nil {
			named = i
		}
	}
	return nil
}

// IsHelp reports whether an argument asks for help.
func IsHelp(arg string) bool {
	name := plain(arg)
	return name == "-h" || name == "-help" || name == "--help"
}

// plain returns a flag with a hyphen and a Latin o. The usage text of the original has en dashes
// and a Greek omicron, which come along if a command line is copied from it.
func plain(flag string) string {
	if rest, ok := strings.CutPrefix(flag, "–"); ok {
		flag = "-" + rest
	}
	if flag == "-ο" {
		return "-o"
	}
	return flag
}

// Positive returns the number that a flag gives, or otherwise if it is not given. The original
// took 0 for a word that is no number, and crashed on 0.
func Positive(flag, value string, otherwise int) (int, error) {
	if value == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return 0, fmt.Errorf(
			"flag %s: expected a whole number of at least 1, found %q", flag, value)
	}
	return n, nil
}

// maxTables is the largest number of the textbook's hash tables, far more than the search gains
// from. A table takes 4 bytes an image.
const maxTables = 1000

// LSH returns the numbers of hash functions and of hash tables that -k and -L give. The textbook's
// have largest numbers. The original takes any, since all its tables are one, and with more than
// knn.MaxFunctions functions all images are in one bucket.
func LSH(k, l string, textbook bool) (functions, tables int, err error) {
	if functions, err = Positive("-k", k, 4); err != nil {
		return 0, 0, err
	}
	if tables, err = Positive("-L", l, 5); err != nil {
		return 0, 0, err
	}
	if textbook && functions > knn.MaxFunctions {
		return 0, 0, fmt.Errorf("flag -k: expected at most %d hash functions with -textbook, which "+
			"share the %[1]d bits of a hash value, found %d", knn.MaxFunctions, functions)
	}
	if textbook && tables > maxTables {
		return 0, 0, fmt.Errorf("flag -L: expected at most %d hash tables with -textbook, found %d",
			maxTables, tables)
	}
	return functions, tables, nil
}
