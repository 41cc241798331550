//go:build !linux && !darwin

package outfile

import (
	"io/fs"
	"os"
)

// keepAttributes gives f the mode of a file that it replaces.
func keepAttributes(f *os.File, path string, info fs.FileInfo) {
	if err := fault("chmod"); err == nil {
		f.Chmod(info.Mode().Perm())
	}
}
