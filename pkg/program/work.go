package program

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"imagesimilarity/pkg/outfile"
)

// A Work is something that must not be lost if a signal ends the program, as a network in training
// is. One goroutine does the work and calls the methods.
type Work struct {
	save        func() (told string, err error)
	running     sync.Mutex // held while the result is changing
	active      atomic.Bool
	interrupted atomic.Bool
}

// current is the work that a signal saves; nil for none.
var current atomic.Pointer[Work]

// Begin begins a work. A work that began before is forgotten.
//
// If a signal ends the program, save is called as soon as the work pauses. It saves the result and
// returns the last line that the program shows, "" for none.
func Begin(save func() (told string, err error)) *Work {
	catch()
	w := &Work{save: save}
	w.running.Lock()
	w.active.Store(true)
	current.Store(w)
	return w
}

// Pause calls f, such as what shows the progress. Meanwhile the result does not change and can be
// saved. If a signal is ending the program, Pause does not return.
func (w *Work) Pause(f func()) {
	w.running.Unlock()
	f()
	w.running.Lock()
}

// Pause calls f as the current work does, if one is active: f waits for something that may never
// come, and the result does not change meanwhile. It is called by the goroutine that does the work.
func Pause(f func()) {
	if w := current.Load(); w != nil && w.active.Load() {
		w.Pause(f)
		return
	}
	f()
}

// Interrupted reports whether Ctrl-C asked for an early end of the work. The next Ctrl-C ends the
// program.
func (w *Work) Interrupted() bool { return w.interrupted.Load() }

// Rest ends the work, whose result can be saved from now on. A Ctrl-C now ends the program.
func (w *Work) Rest() {
	w.active.Store(false)
	w.running.Unlock()
}

// Forget tells that the result has been saved or is not wanted. Only a work at rest is forgotten.
func (w *Work) Forget() { current.CompareAndSwap(w, nil) }

// ending is held, for ever, by the goroutine that ends the process.
var ending sync.Mutex

// catch begins to handle signals. One that was ignored when the process was started stays ignored,
// as far as Go tells it: HUP and INT, which nohup and shells with a job in the background ignore.
var catch = sync.OnceFunc(func() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGQUIT) // first: without a handler, Go prints all stacks
	for _, s := range fatal {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	// With a handler, a closed pipe and a limit on the size of files are errors of writing.
	signal.Notify(make(chan os.Signal, 1), harmless...)
	go func() {
		for s := range signals {
			w := current.Load()
			switch {
			case s == syscall.SIGINT && w != nil && w.active.Load() &&
				w.interrupted.CompareAndSwap(false, true):
			case s == syscall.SIGQUIT:
				die(s) // the way out for a person who does not want to wait
			default:
				go end(s)
			}
		}
	}()
})

// end saves the current work and ends the process.
func end(s os.Signal) {
	ending.Lock()
	if w := current.Load(); w != nil {
		w.running.Lock()
		tell(w.save())
	}
	die(s)
}

// die ends the process by the signal.
func die(s os.Signal) {
	outfile.RemoveTemporary()
	raise(s)
	os.Exit(128 + int(s.(syscall.Signal)))
}

// tell shows the last line on the standard output or, if that cannot be written, on the standard
// error output. An error is shown there, too.
func tell(line string, err error) {
	if err == nil && (line == "" || show(os.Stdout, line, screen.Lock) == nil) {
		return
	}
	if err != nil {
		line = err.Error()
	}
	show(os.Stderr, line, func() {})
}

// show writes a line after lock has returned. A terminal or pipe that nobody reads is given up
// after a second.
func show(w io.Writer, line string, lock func()) error {
	written := make(chan error, 1)
	go func() {
		lock()
		_, err := fmt.Fprintf(w, "\n%s\n", line)
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-time.After(time.Second):
		return errors.New("nobody reads")
	}
}
