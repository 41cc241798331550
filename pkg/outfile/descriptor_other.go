//go:build !unix

package outfile

import (
	"errors"
	"os"
)

// descriptor returns -1: no file stands for a descriptor here.
func descriptor(dir, base string) int { return -1 }

func openForWriting(fd int) error { return errors.ErrUnsupported }

func duplicate(fd int) (*os.File, error) { return nil, errors.ErrUnsupported }
