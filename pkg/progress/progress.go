// Package progress shows how far a long computation has come. A Display shows a bar with rate and
// time left on a terminal, a plain line now and then elsewhere, and nothing for work that is done
// at once. Keras is the progress bar of Keras 2.15.
package progress

import (
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

const (
	patience = 2 * time.Second        // work that ends sooner shows nothing
	pause    = 5 * time.Second        // between two plain lines: a log stays readable
	redraw   = 100 * time.Millisecond // between two states of a bar: about what an eye can follow
	barWidth = 24                     // cells: leaves room for the numbers in 80 columns
)

// A Display shows the progress of one task after the other.
type Display struct {
	w       io.Writer
	columns func() int // of the terminal at the moment; nil if w is none
	quiet   bool
}

// New returns a display on w, as a rule the standard error output. A quiet display shows nothing.
func New(w io.Writer, quiet bool) *Display {
	return &Display{w: w, columns: terminalWidth(w), quiet: quiet}
}

// Task starts the clock of a task and returns the function that tells how many of its units (in the
// plural: "queries") are done. The function may be called from several goroutines at once. A late
// call, with fewer units done than were told before, is ignored.
func (d *Display) Task(name, unit string) func(done, total int) {
	if d.quiet {
		return func(int, int) {}
	}
	t := &task{name: name, unit: unit, start: time.Now()}
	show := t.lines(d.w)
	if d.columns != nil {
		show = t.bar(d.w, d.columns)
	}
	return func(done, total int) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if done <= t.told || total <= 0 || t.told >= total {
			return
		}
		t.told = min(done, total)
		show(time.Now(), total)
	}
}

// Passes starts the clock of a task that repeats passes over items until few of them change. The
// function that it returns tells the number of the pass that is done and how many items changed in
// it. As the number of passes is not known, a terminal gets plain lines, too.
func (d *Display) Passes(name, items string) func(pass, changed int) {
	if d.quiet {
		return func(int, int) {}
	}
	start := time.Now()
	next := start.Add(patience)
	return func(pass, changed int) {
		if now := time.Now(); !now.Before(next) {
			fmt.Fprintf(d.w, "%s: pass %d, %d %s changed, %s\n",
				name, pass, changed, items, now.Sub(start).Round(time.Second))
			next = now.Add(pause)
		}
	}
}

// A task is some work with a known number of units.
type task struct {
	name, unit string
	start      time.Time

	mu   sync.Mutex
	told int // units done so far
}

// left estimates the time that the task still takes.
func (t *task) left(now time.Time, total int) time.Duration {
	took := float64(now.Sub(t.start))
	return time.Duration(took * float64(total-t.told) / float64(t.told)).Round(time.Second)
}

// perSecond returns the number of units done in a second, with a decimal only if it is small.
func (t *task) perSecond(now time.Time) string {
	x := float64(t.told) / now.Sub(t.start).Seconds()
	if x < 10 {
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// percent returns the share of the units that are done, rounded down.
func (t *task) percent(total int) int64 { return int64(t.told) * 100 / int64(total) }

// lines shows a task as plain lines: one after patience and then one every pause. A task that had a
// line gets a last one at its end.
func (t *task) lines(w io.Writer) func(now time.Time, total int) {
	next := t.start.Add(patience)
	spoke := false // whether there was a line
	return func(now time.Time, total int) {
		switch {
		case t.told == total && spoke:
			took := now.Sub(t.start).Round(time.Second)
			fmt.Fprintf(w, "%s: %d %s in %s\n", t.name, total, t.unit, took)
		case t.told < total && !now.Before(next):
			fmt.Fprintf(w, "%s: %d of %d %s (%d%%), %s a second, %s left\n", t.name,
				t.told, total, t.unit, t.percent(total), t.perSecond(now), t.left(now, total))
			next, spoke = now.Add(pause), true
		}
	}
}

// bar shows a task as a bar: after patience, until the end of the task. The bar then is removed.
func (t *task) bar(w io.Writer, columns func() int) func(now time.Time, total int) {
	b := &bar{w: w, columns: columns, cells: barWidth, interval: redraw}
	return func(now time.Time, total int) {
		switch {
		case t.told == total:
			b.wipe()
		case now.Sub(t.start) >= patience && b.due(now):
			b.draw(now, "", func(cells int) string { return t.line(now, total, cells) })
		}
	}
}

// line returns the line of a bar, with a gauge of the given length.
func (t *task) line(now time.Time, total, cells int) string {
	meter := ""
	if cells > 0 {
		full := int(int64(t.told) * int64(cells) / int64(total))
		meter = " |" + gauge(cells, full, "█", "█", " ") + "|"
	}
	return fmt.Sprintf("%s %3d%%%s (%s %s/s) [%s:%s]", t.name, t.percent(total), meter,
		t.perSecond(now), t.unit, now.Sub(t.start).Truncate(time.Second), t.left(now, total))
}
