package main

import (
	"syscall"
	"time"
)

// processorTime returns the seconds of processor time of this process.
func processorTime() float64 {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0 // it is only told
	}
	var begun, ended, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(self, &begun, &ended, &kernel, &user); err != nil {
		return 0
	}
	const tick = 100 * time.Nanosecond
	ticks := func(t syscall.Filetime) time.Duration {
		return time.Duration(int64(t.HighDateTime)<<32 | int64(t.LowDateTime))
	}
	return ((ticks(kernel) + ticks(user)) * tick).Seconds()
}
