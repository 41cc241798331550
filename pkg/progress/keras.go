package progress

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// Keras shows the steps of one epoch or prediction as the Progbar of Keras 2.15 does. On a
// terminal it is a line that is drawn again and again; it is shortened only if Keras' own line
// would be longer than the terminal is wide. Elsewhere only the final state is written, whereas
// Keras writes a line for every state.
type Keras struct {
	bar
	now   func() time.Time
	start time.Time // of the first step
	first time.Time // end of the first step
}

// NewKeras returns a bar on w. Its clock starts.
func NewKeras(w io.Writer) *Keras { return newKeras(w, terminalWidth(w), time.Now) }

func newKeras(w io.Writer, columns func() int, now func() time.Time) *Keras {
	const kerasInterval = 50 * time.Millisecond
	b := bar{w: w, columns: columns, cells: 30, interval: kerasInterval}
	return &Keras{bar: b, now: now, start: now()}
}

// Show shows that step steps of all are done, and then values. The final state has the time per
// step and ends the line. All others have the time that is left; they are skipped if the last one
// is too young.
func (k *Keras) Show(step, all int, final bool, values string) {
	now := k.now()
	if !final && (k.columns == nil || !k.due(now)) {
		return
	}
	// As the first step is slower than the others, it does not count once there is a second.
	perStep := now.Sub(k.start).Seconds() / float64(step)
	if !k.first.IsZero() && step > 1 {
		perStep = now.Sub(k.first).Seconds() / float64(step-1)
	}
	if step == 1 {
		k.first = now
	}
	times := " - ETA: " + KerasTime(perStep*float64(all-step))
	if final {
		times = fmt.Sprintf(" - %.0fs %s/step", now.Sub(k.start).Seconds(), duration(perStep))
	}
	line := func(cells int) string {
		return kerasCount(step, all, cells) + times + values
	}
	switch {
	case k.columns == nil:
		io.WriteString(k.w, line(k.cells)+"\n")
	case final:
		k.draw(now, "\n", line)
	default:
		k.draw(now, "", line)
	}
}

// kerasCount returns the number of steps and a gauge of the given length.
func kerasCount(step, all, cells int) string {
	count := fmt.Sprintf("%*d/%d", len(fmt.Sprint(all)), step, all)
	const least = 3 // cells: a shorter gauge shows nothing
	if cells < least {
		return count
	}
	tip := ">"
	if step == all {
		tip = "="
	}
	full := int(float64(cells) * (float64(step) / float64(all)))
	return count + " [" + gauge(cells, full, "=", tip, ".") + "]"
}

// KerasLoss returns a loss as Keras shows it.
func KerasLoss(v float64) string {
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

// KerasTime returns a time that is left, in seconds, as Keras shows it.
func KerasTime(seconds float64) string {
	s := int(seconds)
	switch {
	case seconds > 3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s%3600/60, s%60)
	case seconds > 60:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

// duration returns the time of a step, in seconds, as text.
func duration(seconds float64) string {
	switch {
	case seconds >= 1 || seconds == 0:
		return fmt.Sprintf("%.0fs", seconds)
	case seconds >= 1e-3:
		return fmt.Sprintf("%.0fms", seconds*1e3)
	}
	return fmt.Sprintf("%.0fus", seconds*1e6)
}
