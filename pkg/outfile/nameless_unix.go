//go:build !windows

package outfile

import "os"

// nameless makes a file in the folder dir that has no name, or takes its name away.
func nameless(dir string) (*os.File, error) {
	if f, err := bornNameless(dir); err == nil {
		return f, nil
	}
	f, err := os.CreateTemp(dir, namelessStem+"*"+suffix)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
