package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
)

// Distinct is an error where the file that will be written is also one of those that are read, under this name or another.
func Distinct(output string, inputs ...string) error {
	out, err := os.Stat(output)
	if err != nil || !out.Mode().IsRegular() {
		return nil // there is nothing that could be lost
	}
	for _, name := range inputs {
		if in, err := os.Stat(name); err == nil && os.SameFile(out, in) {
			return fmt.Errorf("%s would be overwritten: it is the output file and, as %s, an input file", output, name)
		}
	}
	return nil
}

// Apart is an error where two of the files that will be written are one. An empty name is no file.
func Apart(outputs ...string) error {
	for i, a := range outputs {
		for _, b := range outputs[:i] {
			if a != "" && b != "" && Same(a, b) {
				return fmt.Errorf("%s would be overwritten: it is an output file twice, also as %s", a, b)
			}
		}
	}
	return nil
}

// Same tells whether two names are of one file. Of a file that is not there yet, only the names can tell.
func Same(a, b string) bool {
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	if errOne == nil && errOther == nil {
		return one.Mode().IsRegular() && os.SameFile(one, other)
	}
	a, errOne = filepath.Abs(a)
	b, errOther = filepath.Abs(b)
	return errOne == nil && errOther == nil && a == b
}
