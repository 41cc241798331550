//go:build unix

package main

import (
	"syscall"
	"time"
)

// processorTime returns the seconds of processor time of this process.
func processorTime() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0 // it is only told
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}
