// Package progress shows how far a long computation has come. A Display shows a bar with rate and
// time left on a terminal, a plain line now and then elsewhere, and nothing for work that is done
// at once. Keras is the progress bar of Keras 2.15.
package progress

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
)

const (
	patience = 2 * time.Second        // work that ends sooner shows nothing
	pause    = 5 * time.Second        // between two plain lines: a log stays readable
	redraw   = 100 * time.Millisecond // between two states of a bar: about what an eye can follow
	barWidth = 24                     // cells: leaves room for the numbers in 80 columns

	// A display speaks by itself if the work does not tell how far it is: so long after a line or a
	// state of the bar is due.
	firstDelay = 150 * time.Millisecond
	delay      = time.Second
)

// A Display shows the progress of one phase after the other. It shows a phase of more than two
// seconds even if the work in it tells nothing, so no phase looks as if the program hung.
type Display struct {
	w       io.Writer
	columns func() int // of the terminal at the moment; nil if w is none
	quiet   bool

	// Began, unless nil, gets the name of each phase at its beginning, of a quiet display, too. It
	// may not call methods of the display.
	Began func(name string)

	mu   sync.Mutex
	now  *phase // the present one, or nil
	open bool   // whether the last line on the terminal has no end, as a question
}

// New returns a display on w, as a rule the standard error output. A quiet display shows nothing.
func New(w io.Writer, quiet bool) *Display {
	return &Display{w: w, columns: terminalWidth(w), quiet: quiet}
}

// Quiet reports whether the display shows nothing.
func (d *Display) Quiet() bool { return d.quiet }

// Phase begins a phase of work that cannot tell how far it is. It ends the phase before.
func (d *Display) Phase(name string) { d.begin(&phase{name: name}, d.columns) }

// Task begins a phase that consists of units (in the plural: "queries"), and returns the function
// that tells how many of them are done. The function may be called from several goroutines at once.
// A late call, with fewer units done than were told before, is ignored.
func (d *Display) Task(name, unit string) func(done, total int) {
	p := d.begin(&phase{name: name, unit: unit}, d.columns)
	return func(done, total int) {
		d.tell(p, func(now time.Time) {
			if done <= p.told || total <= 0 || p.told >= p.total && p.total > 0 {
				return
			}
			p.told, p.total, p.at = min(done, total), total, now
			if p.told == total {
				d.end(now)
				return
			}
			p.show(now, 0)
		})
	}
}

// Passes begins a phase that repeats passes over items until few of them change. item names one of
// them. The function that Passes returns tells the number of the pass that is done and how many
// items changed in it. As the number of passes is not known, a terminal gets plain lines, too.
func (d *Display) Passes(name, item string) func(pass, changed int) {
	p := d.begin(&phase{name: name}, nil)
	return func(pass, changed int) {
		d.tell(p, func(now time.Time) {
			p.pass = fmt.Sprintf("pass %d, %s changed", pass, plural.Of(changed, item))
			p.show(now, 0)
		})
	}
}

// Rest ends the present phase: the program waits for a person, or has done its work.
func (d *Display) Rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end(time.Now())
}

// Say ends the present phase and writes a text. Its lines are wrapped between words at 80 columns.
func (d *Display) Say(text string) {
	d.Rest()
	if d.quiet {
		return
	}
	const width = 80
	var b strings.Builder
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open && d.columns != nil {
		b.WriteByte('\n')
	}
	for line := range strings.Lines(text) {
		columns := 0
		for word := range strings.FieldsSeq(quote.Printable(strings.TrimSuffix(line, "\n"))) {
			n := utf8.RuneCountInString(word)
			switch {
			case columns == 0:
			case columns+1+n > width:
				b.WriteString("\n  ")
				columns = 2
			default:
				b.WriteByte(' ')
				columns++
			}
			b.WriteString(word)
			columns += n
		}
		b.WriteByte('\n')
	}
	io.WriteString(d.w, b.String())
}

// Reader returns a reader of in that calls Rest before each read.
func (d *Display) Reader(in io.Reader) io.Reader { return resting{in, d} }

type resting struct {
	in io.Reader
	d  *Display
}

func (r resting) Read(b []byte) (int, error) {
	r.d.Rest()
	n, err := r.in.Read(b)
	if n > 0 && b[n-1] == '\n' && IsTerminal(r.in) {
		r.d.mu.Lock()
		r.d.open = false // the line end that was typed stands on the screen
		r.d.mu.Unlock()
	}
	return n, err
}

// Writer returns a writer to out, which may be on the same terminal. It wipes the bar before each
// write.
func (d *Display) Writer(out io.Writer) io.Writer { return wiping{out, d} }

type wiping struct {
	out io.Writer
	d   *Display
}

func (w wiping) Write(b []byte) (int, error) {
	w.d.mu.Lock()
	defer w.d.mu.Unlock()
	if p := w.d.now; p != nil && p.bar != nil {
		p.bar.wipe()
	}
	if len(b) > 0 {
		w.d.open = b[len(b)-1] != '\n' && IsTerminal(w.out)
	}
	return w.out.Write(b)
}

// Fd returns the descriptor of the writer behind, so that a terminal stays one.
func (w wiping) Fd() uintptr {
	if f, ok := w.out.(descriptor); ok {
		return f.Fd()
	}
	return ^uintptr(0) // no file has it
}

// begin makes p the present phase. columns is nil if it is to be shown in plain lines.
func (d *Display) begin(p *phase, columns func() int) *phase {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	d.end(now)
	if d.Began != nil {
		d.Began(p.name)
	}
	if d.quiet {
		return p
	}
	p.name = quote.Printable(strings.ReplaceAll(p.name, "\n", " "))
	p.w, p.start, p.at = d.w, now, now
	p.next = now.Add(patience)
	if columns != nil {
		p.bar = &bar{w: d.w, columns: columns, cells: barWidth, interval: redraw}
	}
	p.beat = time.AfterFunc(patience+firstDelay, func() {
		d.tell(p, func(now time.Time) {
			if !p.spoke {
				p.show(now, firstDelay)
			} else {
				p.show(now, delay)
			}
			p.beat.Reset(p.silence(now))
		})
	})
	d.now = p
	return p
}

// tell does what the work has told, unless the phase has ended.
func (d *Display) tell(p *phase, do func(now time.Time)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now == p {
		do(time.Now())
	}
}

// end ends the present phase. One that had a line gets a last one if it has done all its units.
func (d *Display) end(now time.Time) {
	p := d.now
	if p == nil {
		return
	}
	d.now = nil
	p.beat.Stop()
	if p.bar != nil {
		p.bar.wipe()
		return
	}
	took := now.Sub(p.start).Round(time.Second)
	switch {
	case !p.spoke || p.pass != "":
	case p.unit == "" || p.told == 1 && p.total == 1:
		fmt.Fprintf(p.w, "%s: done in %s\n", p.name, took)
	case p.told == p.total && p.total > 0:
		fmt.Fprintf(p.w, "%s: %d %s in %s\n", p.name, p.total, p.unit, took)
	}
}

// A phase is some work, which may have a known number of units.
type phase struct {
	w          io.Writer
	name, unit string // unit is "" if the work has none
	start      time.Time
	bar        *bar        // nil for plain lines
	next       time.Time   // when a plain line is due
	beat       *time.Timer // speaks if the work tells nothing
	spoke      bool        // whether something was shown

	pass        string    // the last pass, or ""
	told, total int       // units done so far, and all of them; 0 if nothing was told
	at          time.Time // when the last units were told
}

// show shows the phase if that has been due for some time.
func (p *phase) show(now time.Time, late time.Duration) {
	if p.bar != nil {
		if now.Sub(p.start) >= patience && now.Sub(p.bar.last) >= max(redraw, late) {
			p.bar.draw(now, "", func(cells int) string { return p.line(now, cells) })
			p.spoke = true
		}
		return
	}
	if now.Before(p.next.Add(late)) {
		return
	}
	so := now.Sub(p.start).Round(time.Second)
	switch {
	case p.pass != "":
		fmt.Fprintf(p.w, "%s: %s, %s\n", p.name, p.pass, so)
	case p.total == 0:
		fmt.Fprintf(p.w, "%s: %s so far\n", p.name, so)
	default:
		fmt.Fprintf(p.w, "%s: %d of %d %s (%d%%), %s a second, %s left\n", p.name,
			p.told, p.total, p.unit, p.percent(), p.perSecond(), p.left(now))
	}
	p.next, p.spoke = now.Add(pause), true
}

// silence returns how long the phase may be silent from now on until it speaks by itself.
func (p *phase) silence(now time.Time) time.Duration {
	if p.bar != nil {
		return delay
	}
	return max(p.next.Add(delay).Sub(now), firstDelay)
}

// left estimates the time that the phase still takes.
func (p *phase) left(now time.Time) time.Duration {
	all := float64(p.at.Sub(p.start)) * float64(p.total) / float64(p.told)
	return max(0, (time.Duration(all) - now.Sub(p.start)).Round(time.Second))
}

// perSecond returns the number of units done in a second, with a decimal only if it is small.
func (p *phase) perSecond() string {
	x := float64(p.told) / p.at.Sub(p.start).Seconds()
	if x < 10 {
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

// percent returns the share of the units that are done, rounded down.
func (p *phase) percent() int64 { return int64(p.told) * 100 / int64(p.total) }

// line returns the line of a bar, with a gauge of the given length.
func (p *phase) line(now time.Time, cells int) string {
	so := now.Sub(p.start).Truncate(time.Second)
	if p.total == 0 {
		return fmt.Sprintf("%s [%s]", p.name, so)
	}
	meter := ""
	if cells > 0 {
		full := int(int64(p.told) * int64(cells) / int64(p.total))
		meter = " |" + gauge(cells, full, "█", "█", " ") + "|"
	}
	return fmt.Sprintf("%s %3d%%%s (%s %s/s) [%s:%s]", p.name, p.percent(), meter,
		p.perSecond(), p.unit, so, p.left(now))
}
