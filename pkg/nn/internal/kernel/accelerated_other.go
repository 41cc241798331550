//go:build !(amd64 || arm64) || purego

package kernel

// accelerated returns the sets of kernels in assembly: there are none.
func accelerated() []*Set { return nil }
