// Package programtest serves tests that start programs.
package programtest

import (
	"os"
	"os/signal"
	"syscall"
)

// HeedSignals lets the processes that a test starts heed the signals that the test itself was told
// to ignore, as by nohup. A process inherits which signals are ignored, but not which are caught.
func HeedSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}
