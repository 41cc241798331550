//go:build !gpu

package opencl

import "errors"

// Built reports whether OpenCL is built into this program.
const Built = false

// newDriver returns an error: without OpenCL's library the program needs no loader of shared
// libraries, so that it runs anywhere.
func newDriver() (driver, error) {
	return nil, errors.New("this program was built without OpenCL; \"make GPU=yes\", or go build " +
		"with \"-tags gpu\", builds it in")
}
