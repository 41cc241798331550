//go:build !unix || aix || solaris

package outfile

import (
	"errors"
	"os"
)

// lockShared returns an error: without locks, temporaries that were left behind are not removed.
func lockShared(f *os.File) (*os.File, error) { return nil, errors.ErrUnsupported }

func lockExclusive(f *os.File) error { return errors.ErrUnsupported }
