//go:build !linux && !windows

package outfile

import (
	"errors"
	"os"
)

// bornNameless returns an error: this system makes no file without a name.
func bornNameless(string) (*os.File, error) { return nil, errors.ErrUnsupported }
