package atomicfile

import (
	"fmt"
	"os"
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
