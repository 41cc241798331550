// Package experiment holds what reduce and classification have in common: the split of the training
// set, the progress of training and prediction on the screen, the questions about a network, the
// figures.
package experiment

import (
	"fmt"
	"io"
	"time"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/progress"
)

// fitProgress returns the callback that shows a fit on out as Keras does, and on display. On a
// terminal it adds the time left for all epochs, or for the validation of the only one, and the
// validation.
func fitProgress(out io.Writer, display *progress.Display) func(nn.Progress) {
	all := batches(out, display, "training")
	b := progress.NewKeras(out)
	start := time.Now()
	return func(p nn.Progress) {
		epoch := p.Steps + p.Validations
		done, total := (p.Epoch-1)*epoch+p.Step+p.Validated, p.Epochs*epoch
		all(done, total)
		if p.Step == 1 && p.Validated == 0 && p.Epochs > 1 {
			fmt.Fprintf(out, "Epoch %d/%d\n", p.Epoch, p.Epochs)
		}
		values := " - loss: " + progress.KerasLoss(p.Loss)
		if p.Done {
			b.Show(p.Steps, p.Steps, true, values+" - val_loss: "+progress.KerasLoss(p.ValLoss))
			b = progress.NewKeras(out) // for the next epoch
			return
		}
		left := progress.KerasTime(time.Since(start).Seconds() * float64(total-done) / float64(done))
		switch {
		case display.Quiet():
		case p.Epochs > 1:
			values += " - all epochs: " + left
		case p.Validated > 0: // the time of Keras is that of the batches to train on
			values += " - left: " + left
		}
		if p.Validated > 0 {
			values += " - validating: " + validated(p)
		}
		b.Show(p.Step, p.Steps, false, values)
	}
}

// validated returns how many batches of the validation are done. Of many it tells the percentage,
// which leaves room for the times.
func validated(p nn.Progress) string {
	if p.Validations < 10000 {
		return fmt.Sprintf("%d/%d", p.Validated, p.Validations)
	}
	return fmt.Sprintf("%d%%", p.Validated*100/p.Validations)
}

// PredictProgress returns the callback that shows a prediction on out as Keras does, and on
// display.
func PredictProgress(out io.Writer, display *progress.Display) func(done, total int) {
	all := batches(out, display, "prediction")
	b := progress.NewKeras(out)
	return func(done, total int) {
		all(done, total)
		b.Show(done, total, done == total, "")
	}
}

// batches begins a phase of display and returns the function that tells how many batches are done.
// If out is a terminal, which shows the batches as Keras does, display rests from the first one on.
func batches(out io.Writer, display *progress.Display, name string) func(done, total int) {
	if !progress.IsTerminal(out) {
		return display.Task(name, "batches")
	}
	display.Phase(name)
	return func(int, int) { display.Rest() }
}
