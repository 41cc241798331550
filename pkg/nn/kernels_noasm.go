//go:build !amd64 || purego

package nn

// accelerated are the kernels in assembly: there are none.
func accelerated() []*kernels { return nil }
