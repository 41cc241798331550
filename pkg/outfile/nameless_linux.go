package outfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// bornNameless makes a file in the folder dir that never has a name (open(2), O_TMPFILE), so that
// not even a kill leaves it behind. Some file systems refuse that.
func bornNameless(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, private)
}
