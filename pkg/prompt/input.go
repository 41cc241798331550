package prompt

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"

	"imagesimilarity/pkg/quote"
)

// Input asks questions as Python's input() does: the question has no line end, and a line is the
// answer. Blanks around an answer are ignored. If no answer can be read, every question is
// answered at once with its zero value, and Err says why.
type Input struct {
	conversation
	prepared map[string]string // answers by question
}

// NewInput returns a conversation that shows questions on out and reads answers from in.
func NewInput(in io.Reader, out io.Writer) *Input {
	return &Input{conversation: conversation{in: bufio.NewReader(in), out: out}}
}

// Prepare gives questions their answers in advance. A question that has one is shown together with
// it, once: if it is asked again, the answer is read.
func (l *Input) Prepare(answers map[string]string) { l.prepared = maps.Clone(answers) }

// YesNo asks, after an empty line, until the answer is yes (true) or no. It returns false if no
// answer can be read.
//
// The original takes small letters at the first try only, and does not say what is wanted.
func (l *Input) YesNo(question string) bool {
	if l.err == nil {
		l.say("\n")
	}
	return l.yesNo("Invalid input!", func() (string, bool) { return l.answer(question) })
}

// pythonInt matches the ASCII text that Python's int() accepts.
var pythonInt = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*$`)

// Int asks until the answer is a whole number from lo to hi. The original ended with a traceback
// at any other answer.
func (l *Input) Int(question string, lo, hi int) int { return l.IntOr(question, lo, hi, lo-1) }

// IntOr asks as Int does. An empty line stands for the number offered, if that is from lo to hi.
func (l *Input) IntOr(question string, lo, hi, offered int) int {
	for {
		text, ok := l.answer(question)
		if !ok {
			return 0
		}
		if text == "" && lo <= offered && offered <= hi {
			l.taken()
			return offered
		}
		if pythonInt.MatchString(text) {
			v, err := strconv.Atoi(strings.ReplaceAll(text, "_", ""))
			if err == nil && lo <= v && v <= hi {
				l.taken()
				return v
			}
		}
		l.expected(fmt.Sprintf("a whole number from %d to %d", lo, hi), text)
	}
}

// Share asks until the answer is a number from 0 to 1. The original ended with a traceback at any
// other answer.
func (l *Input) Share(question string) float64 {
	for {
		text, ok := l.answer(question)
		if !ok {
			return 0
		}
		// Hexadecimal numbers are Go's, not Python's. NaN fails both comparisons.
		v, err := strconv.ParseFloat(text, 64)
		if err == nil && v >= 0 && v <= 1 && !strings.ContainsAny(text, "xX") {
			l.taken()
			return math.Abs(v) // no negative zero
		}
		l.expected("a number from 0 to 1", text)
	}
}

// Path asks for a path until serves returns nil for it. It shows the errors of serves. After an
// empty line, and if no answer can be read, it returns a *Back.
func (l *Input) Path(question string, serves func(path string) error) error {
	return l.path(func() (string, bool) { return l.answer(question) }, serves)
}

// answer shows a question and returns the prepared answer or a line, without the blanks around it.
func (l *Input) answer(question string) (string, bool) {
	if l.err != nil {
		return "", false
	}
	if answer, ok := l.prepared[question]; ok {
		delete(l.prepared, question)
		l.say(question + quote.Printable(answer) + "\n")
		return answer, l.err == nil
	}
	line, ok := l.line(question)
	if !ok {
		l.say("\n") // the question stays open; what follows begins a line
	}
	return strings.TrimSpace(line), ok
}
