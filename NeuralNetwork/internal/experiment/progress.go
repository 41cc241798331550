// Package experiment holds what reduce and classification have in common: the split of the training
// set, the progress of training and prediction on the screen, the questions about a network, the
// figures.
package experiment

import (
	"fmt"
	"io"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/progress"
)

// fitProgress returns the callback that shows a fit on out as Keras does.
func fitProgress(out io.Writer) func(nn.Progress) {
	b := progress.NewKeras(out)
	return func(p nn.Progress) {
		if p.Step == 1 && !p.Done && p.Epochs > 1 {
			fmt.Fprintf(out, "Epoch %d/%d\n", p.Epoch, p.Epochs)
		}
		loss := " - loss: " + progress.KerasLoss(p.Loss)
		if !p.Done {
			b.Show(p.Step, p.Steps, false, loss)
			return
		}
		b.Show(p.Steps, p.Steps, true, loss+" - val_loss: "+progress.KerasLoss(p.ValLoss))
		b = progress.NewKeras(out) // for the next epoch
	}
}

// PredictProgress returns the callback that shows a prediction on out as Keras does, and on
// display.
func PredictProgress(out io.Writer, display *progress.Display) func(done, total int) {
	b := progress.NewKeras(out)
	batches := display.Task("prediction", "batches")
	return func(done, total int) {
		b.Show(done, total, done == total, "")
		batches(done, total)
	}
}

// NewDisplay returns the display on stderr. It is quiet if stdout is a terminal, where progress is
// shown as Keras does.
func NewDisplay(stdout, stderr io.Writer, quiet bool) *progress.Display {
	return progress.New(stderr, quiet || progress.IsTerminal(stdout))
}
