package experiment

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/progress"
)

// errInterrupted ends a fit after Ctrl-C.
var errInterrupted = errors.New("interrupted")

// Train fits a model and shows the progress of each epoch on out and of the whole training on
// display.
//
// whole is false if the training ended early, which is no error. Ctrl-C ends it after the current
// epoch; a second Ctrl-C ends the program. A loss that is not finite ends it with the weights
// from before that epoch. The original lost the training in both cases.
func Train(
	t *nn.Trainer, train, validation *nn.Samples, epochs, batch int,
	out io.Writer, display *progress.Display,
) (history nn.History, whole bool, err error) {
	var interrupted atomic.Bool
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-interrupts:
			signal.Stop(interrupts) // before the person is told that the next one ends the program
			interrupted.Store(true)
		case <-done:
			signal.Stop(interrupts)
		}
	}()

	show, told := fitProgress(out, display), false
	history, err = t.Fit(train, validation, epochs, batch, func(p nn.Progress) error {
		show(p)
		if !interrupted.Load() {
			return nil
		}
		if !told {
			told = true
			fmt.Fprintln(out, "\nInterrupted: this epoch is the last one. Ctrl-C again ends the program.")
		}
		if p.Done {
			return errInterrupted
		}
		return nil
	})
	switch {
	case errors.Is(err, errInterrupted):
		return history, false, nil
	case errors.Is(err, nn.ErrDiverged):
		fmt.Fprintf(out, "\nThe training ends: %v\n", err)
		return history, false, nil
	}
	return history, true, err
}
