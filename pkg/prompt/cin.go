// Package prompt asks the programs' questions and reads the answers.
package prompt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Cin asks as the C++ programs did: an answer is a word between white space, so several answers may stand on one line.
// Reading and writing go on quietly after a fault, as at the end of input; Err tells it.
type Cin struct {
	in  *bufio.Reader
	out io.Writer
	err error
}

// NewCin asks on out and reads answers from in.
func NewCin(in io.Reader, out io.Writer) *Cin {
	return &Cin{in: bufio.NewReader(in), out: out}
}

// Again asks a question that only Y and N answer, and is true for Y.
// The end of input counts as N; the original asked on for ever.
func (t *Cin) Again(question string) bool {
	t.Say(question)
	for {
		switch answer, ok := t.next(); {
		case !ok || answer == "N":
			return false
		case answer == "Y":
			return true
		}
		t.Say("Invalid answer\n")
	}
}

// Word asks for one word; false at the end of input.
func (t *Cin) Word(question string) (string, bool) {
	t.Say(question)
	return t.next()
}

// Say writes text to where the questions go.
func (t *Cin) Say(text string) {
	if _, err := io.WriteString(t.out, text); err != nil {
		t.fail(fmt.Errorf("cannot show a question: %w", err))
	}
}

// Err is the first fault of reading or writing, nil if there was none; the end of input is no fault.
func (t *Cin) Err() error { return t.err }

func (t *Cin) fail(err error) {
	if t.err == nil && !errors.Is(err, io.EOF) {
		t.err = err
	}
}

// maxToken bounds what is kept of a word: longer than any file name, so what is cut off was wrong anyway.
const maxToken = 1 << 16

// next reads a word; false where the input ends before one begins.
func (t *Cin) next() (string, bool) {
	var word []byte
	for {
		c, err := t.in.ReadByte()
		if err != nil {
			t.fail(fmt.Errorf("cannot read an answer: %w", err))
			return string(word), len(word) > 0
		}
		switch {
		case !space(c):
			if len(word) < maxToken {
				word = append(word, c)
			}
		case len(word) > 0:
			return string(word), true
		}
	}
}

// space tells what C++ streams take for white space.
func space(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
