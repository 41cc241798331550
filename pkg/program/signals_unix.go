//go:build unix

package program

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// fatal are the signals that ask a program to end. The last one tells that it has used the
// processor for longer than its limit.
var fatal = []os.Signal{
	syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGXCPU,
}

// harmless are the signals of writes that fail.
var harmless = []os.Signal{syscall.SIGPIPE, syscall.SIGXFSZ}

// raise lets the signal end the process, so that a shell that waits for it learns of the signal. It
// returns if the signal cannot end the process, as that with the number 1, or if Go would print all
// stacks.
func raise(s os.Signal) {
	if s == syscall.SIGQUIT || s == syscall.SIGXCPU {
		return
	}
	signal.Reset(s)
	syscall.Kill(syscall.Getpid(), s.(syscall.Signal))
	time.Sleep(100 * time.Millisecond) // it may come a little later
}
