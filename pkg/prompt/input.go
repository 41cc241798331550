package prompt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// maxLine is the longest answer that is read, in bytes; it keeps an input without line ends from filling the memory.
const maxLine = 1 << 20

// Input asks questions in the way of Python's input(): the prompt without a line end, one line as the answer.
// When the input has ended, every question is answered at once with its zero value, and Err says where it ended.
type Input struct {
	in  *bufio.Reader
	out io.Writer
	err error
}

// NewInput makes a conversation that shows its questions on out and reads the answers from in.
func NewInput(in io.Reader, out io.Writer) *Input {
	return &Input{in: bufio.NewReader(in), out: out}
}

// Err tells why no answer could be read; it is nil as long as every question was answered.
func (l *Input) Err() error { return l.err }

// Text asks for one line of text; blanks around it are cut off, since no answer begins or ends with one.
func (l *Input) Text(question string) string { return strings.TrimSpace(l.line(question)) }

// YesNo asks until the answer is Y (true) or N, after an empty line. It is false at the end of the input.
// As in the original, y and n count at the first try only, and a line with anything else on it is invalid.
func (l *Input) YesNo(question string) bool {
	fmt.Fprintln(l.out)
	answer := strings.ToUpper(l.line(question))
	for l.err == nil && answer != "Y" && answer != "N" {
		fmt.Fprintln(l.out, "Invalid input!")
		answer = l.line(question)
	}
	return answer == "Y"
}

// pythonInt is what Python's int() accepts of ASCII text.
var pythonInt = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*$`)

// Int asks until the answer is a whole number from lo to hi. The original ended with a traceback at any other answer.
func (l *Input) Int(question string, lo, hi int) int {
	for {
		text := l.Text(question)
		if l.err != nil {
			return 0
		}
		if pythonInt.MatchString(text) {
			v, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
			if err == nil && lo <= v && v <= hi {
				return v
			}
		}
		fmt.Fprintf(l.out, "Expected a whole number from %d to %d, got %s.\n", lo, hi, clip(text))
	}
}

// Share asks until the answer is a number from 0 to 1. The original ended with a traceback at any other answer.
func (l *Input) Share(question string) float64 {
	for {
		text := l.Text(question)
		if l.err != nil {
			return 0
		}
		// Hexadecimal numbers are Go's, not Python's. NaN fails both comparisons.
		v, err := strconv.ParseFloat(text, 64)
		if err == nil && v >= 0 && v <= 1 && !strings.ContainsAny(text, "xX") {
			return math.Abs(v) // no negative zero
		}
		fmt.Fprintf(l.out, "Expected a number from 0 to 1, got %s.\n", clip(text))
	}
}

// line shows the question and reads a line without its end, "\n" or "\r\n". A last line without an end counts.
func (l *Input) line(question string) string {
	if l.err != nil {
		return ""
	}
	fmt.Fprint(l.out, question)
	var line []byte
	for {
		part, err := l.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			l.err = fmt.Errorf("the answer to %q is longer than %d bytes", question, maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil || errors.Is(err, io.EOF) && len(line) > 0:
			return strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		case errors.Is(err, io.EOF):
			l.err = fmt.Errorf("the input ended where an answer to %q was expected", question)
		default:
			l.err = fmt.Errorf("the answer to %q could not be read: %w", question, err)
		}
		fmt.Fprintln(l.out) // the question stays open; what follows begins a line
		return ""
	}
}

// clip quotes an answer for a message, cut where it is long.
func clip(text string) string {
	const most = 40
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "..."
	}
	return strconv.Quote(text)
}
