// Package progress shows how far a long computation has come: a bar with rate and time left on a terminal, a plain line now and then
// elsewhere, and nothing for work that is done at once.
package progress

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

const (
	patience = 2 * time.Second        // work that ends sooner shows nothing
	pause    = 5 * time.Second        // between two plain lines: a log stays readable
	redraw   = 100 * time.Millisecond // between two states of a bar: about what an eye can follow
	barWidth = 24                     // characters: leaves room for the numbers in 80 columns
)

// A Display shows the progress of one task after the other.
type Display struct {
	w        io.Writer
	terminal bool
	quiet    bool
}

// New is a display on w, as a rule the standard error output. A quiet display shows nothing.
func New(w io.Writer, quiet bool) *Display {
	f, ok := w.(*os.File)
	return &Display{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), quiet: quiet}
}

// Task starts the clock of a task and returns the function that tells how many of its units (in the plural: "queries") are done.
// The function may be called from several goroutines at once; a call that comes late, with fewer done than were told before, is ignored.
func (d *Display) Task(name, unit string) func(done, total int) {
	switch {
	case d.quiet:
		return func(int, int) {}
	case d.terminal:
		return d.bar(name, unit)
	}
	return d.lines(name, unit)
}

// Passes starts the clock of a task that repeats passes over items, nobody knows how often, until few items change.
// The function that it returns tells the number of the pass that is done and how many items changed in it. There is no bar, since there is no end
// to measure by: a terminal gets the lines, too.
func (d *Display) Passes(name, items string) func(pass, changed int) {
	if d.quiet {
		return func(int, int) {}
	}
	start := time.Now()
	next := start.Add(patience)
	return func(pass, changed int) {
		if now := time.Now(); !now.Before(next) {
			fmt.Fprintf(d.w, "%s: pass %d, %d %s changed, %s\n", name, pass, changed, items, now.Sub(start).Round(time.Second))
			next = now.Add(pause)
		}
	}
}

// lines writes a line after patience and then one every pause; a task that had a line gets a last one at its end.
func (d *Display) lines(name, unit string) func(done, total int) {
	var mu sync.Mutex
	start := time.Now()
	next := start.Add(patience)
	told := 0      // the highest done so far
	spoke := false // whether there was a line
	return func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if done <= told || total <= 0 || told >= total {
			return
		}
		told = done
		now := time.Now()
		took := now.Sub(start)
		switch {
		case done >= total && spoke:
			fmt.Fprintf(d.w, "%s: %d %s in %s\n", name, total, unit, took.Round(time.Second))
		case done < total && !now.Before(next):
			left := time.Duration(float64(took) * float64(total-done) / float64(done))
			fmt.Fprintf(d.w, "%s: %d of %d %s (%d%%), %s a second, %s left\n",
				name, done, total, unit, int64(done)*100/int64(total), rate(float64(done)/took.Seconds()), left.Round(time.Second))
			next, spoke = now.Add(pause), true
		}
	}
}

// rate is a number with a decimal only where it is small.
func rate(x float64) string {
	if x < 10 {
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// bar draws a bar after patience and removes it at the end of the task.
func (d *Display) bar(name, unit string) func(done, total int) {
	var mu sync.Mutex
	out := &gate{w: d.w}
	bar := progressbar.NewOptions(1, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(name),
		progressbar.OptionSetItsString(unit), progressbar.OptionShowIts(),
		progressbar.OptionSetWidth(barWidth), progressbar.OptionClearOnFinish())
	// The bar counts from the start, so that its rate is right, but is seen only where the work turns out to be long.
	bar.StartWithoutRender()
	start := time.Now()
	last := start // when the bar was told something
	told := 0     // the highest done so far
	return func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if done <= told || total <= 0 || told >= total {
			return
		}
		if told == 0 {
			bar.ChangeMax(total)
		}
		told = min(done, total)
		now := time.Now()
		if told < total && now.Sub(last) < redraw {
			return
		}
		last = now
		out.open = out.open || told < total && now.Sub(start) >= patience
		bar.Set(told) // an output that cannot be written to is no reason to stop the work
	}
}

// A gate swallows what is written until it is open.
type gate struct {
	w    io.Writer
	open bool
}

func (g *gate) Write(p []byte) (int, error) {
	if !g.open {
		return len(p), nil
	}
	return g.w.Write(p)
}
