package progress

import (
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// A descriptor is a reader or writer that belongs to a file of the system, as an *os.File does.
type descriptor interface{ Fd() uintptr }

// IsTerminal reports whether f, a reader or a writer, is a person's terminal.
func IsTerminal(f any) bool {
	file, ok := f.(descriptor)
	return ok && term.IsTerminal(int(file.Fd()))
}

// terminalWidth returns the function that looks up how many columns the terminal w has at the
// moment. It returns nil if w is no terminal.
func terminalWidth(w io.Writer) func() int {
	if !IsTerminal(w) {
		return nil
	}
	file := w.(descriptor)
	return func() int {
		const usual = 80 // for a terminal that does not know its size, as a serial line
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return columns
		}
		return usual
	}
}

// A bar is a line on a terminal that is drawn again and again in the same place.
type bar struct {
	w        io.Writer
	columns  func() int    // of the terminal at the moment
	cells    int           // length of the gauge if there is room
	interval time.Duration // shortest time between two states
	last     time.Time     // when the last state was drawn
	width    int           // columns of the last state
}

// due reports whether the last state is old enough to be replaced.
func (b *bar) due(now time.Time) bool { return now.Sub(b.last) >= b.interval }

// draw replaces the last state. line returns the new state with a gauge of the given length; a
// gauge of length 0 is left out. The gauge is as long as the width of the terminal allows, and a
// line that is too long without it is cut, so that no state takes two lines. The writer's errors
// are ignored: they are no reason to stop the work.
func (b *bar) draw(now time.Time, end string, line func(cells int) string) {
	columns := b.columns()
	text := fit(columns, b.cells, line)
	width := utf8.RuneCountInString(text)
	// These are the bytes that Keras writes.
	io.WriteString(b.w, strings.Repeat("\b", b.width)+"\r"+text+b.blank(columns, width)+end)
	b.width, b.last = width, now
}

// blank returns what blanks the last state behind the first columns that are overwritten. If the
// terminal has become narrower than the last state, that may have been broken into two lines: the
// control sequence ED erases all that is below.
func (b *bar) blank(columns, overwritten int) string {
	if b.width > columns {
		return "\x1b[J"
	}
	return strings.Repeat(" ", max(0, b.width-overwritten))
}

// wipe removes the bar.
func (b *bar) wipe() {
	if b.width > 0 {
		io.WriteString(b.w, strings.Repeat("\b", b.width)+"\r"+b.blank(b.columns(), 0)+"\r")
		b.width = 0
	}
}

// fit returns the line with the longest gauge of up to cells cells with which it has at most the
// given number of columns.
func fit(columns, cells int, line func(cells int) string) string {
	text := line(cells)
	if over := utf8.RuneCountInString(text) - columns; over > 0 {
		text = line(max(0, cells-over))
	}
	if utf8.RuneCountInString(text) > columns {
		text = string([]rune(text)[:columns])
	}
	return text
}

// gauge returns a gauge of the given length of which the first cells are full. The last full cell
// is tip.
func gauge(length, full int, cell, tip, empty string) string {
	if full == 0 {
		return strings.Repeat(empty, length)
	}
	return strings.Repeat(cell, full-1) + tip + strings.Repeat(empty, length-full)
}
