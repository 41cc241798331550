package experiment

import (
	"errors"
	"fmt"
	"io"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/progress"
)

// errInterrupted ends a fit after Ctrl-C.
var errInterrupted = errors.New("interrupted")

// Train fits a model, which u keeps, and shows the progress of each epoch on out and of the whole
// training on display. The work goes on if out cannot be written.
//
// whole is false if the training ended early, which is no error. Ctrl-C ends it after the current
// epoch; another signal ends the program after the current batch. A loss that is not finite ends it
// with the weights from before that epoch. The original lost the training in all these cases.
// Failed takes any other error.
func Train(
	u *Unsaved, t *nn.Trainer, train, validation *nn.Samples, epochs, batch int,
	out io.Writer, display *progress.Display,
) (history nn.History, whole bool, err error) {
	show, told := fitProgress(out, display), false
	history, err = t.Fit(train, validation, epochs, batch, func(p nn.Progress) error {
		u.trained = true
		interrupted := u.Interrupted()
		u.Pause(func() {
			show(p)
			if interrupted && !told {
				told = true
				fmt.Fprintln(out,
					"\nInterrupted: this epoch is the last one. Ctrl-C again ends the program.")
			}
		})
		if p.Done && interrupted {
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
