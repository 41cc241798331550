//go:build !amd64 || purego

package kernel

// accelerated returns the sets of kernels in assembly: there are none.
func accelerated() []*Set { return nil }
