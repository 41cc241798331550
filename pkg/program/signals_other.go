//go:build !unix

package program

import (
	"os"
	"syscall"
)

// fatal are the signals that ask a program to end.
var fatal = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM}

// harmless are the signals of writes that fail.
var harmless = []os.Signal{syscall.SIGPIPE}

// raise does nothing: a process cannot end by a signal here.
func raise(os.Signal) {}
