// Package experiment holds what reduce and classification have in common: the split of the training set, the progress
// of training and prediction on the screen, the questions about a network, the figures.
package experiment

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/progress"
)

// IsTerminal tells whether what is written to w, or read from it, is at a person's terminal.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// fitProgress returns the callback that shows a fit on out as Keras does: on a terminal as a line that rewrites itself.
// Elsewhere only the last state of each epoch is written, where Keras writes a line for every state.
func fitProgress(out io.Writer) func(nn.Progress) {
	b := newBar(out, IsTerminal(out), time.Now)
	return func(p nn.Progress) {
		if p.Step == 1 && !p.Done && p.Epochs > 1 {
			fmt.Fprintf(out, "Epoch %d/%d\n", p.Epoch, p.Epochs)
		}
		if !p.Done {
			b.show(p.Step, p.Steps, false, " - loss: "+loss(p.Loss))
			return
		}
		b.show(p.Steps, p.Steps, true, " - loss: "+loss(p.Loss)+" - val_loss: "+loss(p.ValLoss))
		*b = *newBar(out, b.terminal, b.now)
	}
}

// PredictProgress returns the callback that shows a prediction on out in the same way, and on display.
func PredictProgress(out io.Writer, display *progress.Display) func(done, total int) {
	b := newBar(out, IsTerminal(out), time.Now)
	batches := display.Task("prediction", "batches")
	return func(done, total int) {
		b.show(done, total, done == total, "")
		batches(done, total)
	}
}

// NewDisplay is what shows progress on stderr where stdout, which shows it as Keras does, is no terminal that a person looks at.
func NewDisplay(stdout, stderr io.Writer, quiet bool) *progress.Display {
	return progress.New(stderr, quiet || IsTerminal(stdout))
}

// loss is a loss as Keras shows it.
func loss(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 0):
		return strings.ToLower(strings.TrimPrefix(fmt.Sprint(v), "+"))
	case math.Abs(v) > 1e-3:
		return fmt.Sprintf("%.4f", v)
	}
	return fmt.Sprintf("%.4e", v)
}

// A bar is the progress line of one epoch or prediction, the Progbar of Keras 2.15.
type bar struct {
	out      io.Writer
	terminal bool
	now      func() time.Time

	start, first, last time.Time // when it began, when the first step was done, when a state was shown last
	width              int       // of the line on the screen
}

func newBar(out io.Writer, terminal bool, now func() time.Time) *bar {
	return &bar{out: out, terminal: terminal, now: now, start: now()}
}

// interval is the shortest time between two states, so that a screen can follow.
const interval = 50 * time.Millisecond

// show shows that step steps of all are done; the final state has times and a line end, all others the time that is left.
func (b *bar) show(step, all int, final bool, losses string) {
	now := b.now()
	if !final && (!b.terminal || now.Sub(b.last) < interval) {
		return
	}
	const bars = 30
	done := int(bars * (float64(step) / float64(all)))
	arrow := ""
	if done > 0 {
		arrow = strings.Repeat("=", done-1) + ">"
		if step == all {
			arrow = strings.Repeat("=", done)
		}
	}
	line := fmt.Sprintf("%*d/%d [%s%s]", len(fmt.Sprint(all)), step, all, arrow, strings.Repeat(".", bars-done))

	// As the first step is slower than the others, it does not count as soon as there is a second.
	perStep := now.Sub(b.start).Seconds() / float64(step)
	if !b.first.IsZero() && step > 1 {
		perStep = now.Sub(b.first).Seconds() / float64(step-1)
	}
	if step == 1 {
		b.first = now
	}
	if final {
		line += fmt.Sprintf(" - %.0fs %s/step", now.Sub(b.start).Seconds(), duration(perStep))
	} else {
		line += " - ETA: " + eta(perStep*float64(all-step))
	}
	line += losses

	text := line
	if b.terminal {
		text = strings.Repeat("\b", b.width) + "\r" + line + strings.Repeat(" ", max(0, b.width-len(line)))
	}
	if final {
		text += "\n"
	}
	io.WriteString(b.out, text)
	b.width, b.last = len(line), now
}

// eta is a time that is left, in seconds, as text.
func eta(seconds float64) string {
	s := int(seconds)
	switch {
	case seconds > 3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s%3600/60, s%60)
	case seconds > 60:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

// duration is the time of a step, in seconds, as text.
func duration(seconds float64) string {
	switch {
	case seconds >= 1 || seconds == 0:
		return fmt.Sprintf("%.0fs", seconds)
	case seconds >= 1e-3:
		return fmt.Sprintf("%.0fms", seconds*1e3)
	}
	return fmt.Sprintf("%.0fus", seconds*1e6)
}
