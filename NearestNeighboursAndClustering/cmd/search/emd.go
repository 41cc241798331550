package main

import (
	"errors"
	"io"
)

// searchEMD compares neighbours by Earth Mover's Distance with neighbours by Manhattan distance.
func searchEMD(opt options, stdout io.Writer) error {
	return errors.New("-EMD is not part of this version")
}
