// Package prompt asks the programs' questions and reads the answers. Input asks as Python's input()
// does, Cin as C++'s std::cin >> does.
package prompt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"imagesimilarity/pkg/quote"
)

// Bounds on what is read, so that an endless input ends the program.
const (
	maxLine   = 1 << 20 // bytes in a line
	maxPath   = 1 << 12 // bytes in a path, the limit of Linux
	maxMisses = 100     // invalid answers in a row
)

// errEnded is the cause of the error at the end of the input.
var errEnded = errors.New("the input ended")

// A conversation shows questions and reads lines. After a fault or the end of the input it does
// nothing more.
type conversation struct {
	in     *bufio.Reader
	out    io.Writer
	err    error // why no answer can be read
	misses int   // invalid answers in a row
	served bool  // whether no answer was invalid since the last Y or N

	// Refusals that the end of the input leaves standing; nil for none.
	missed   error // of the question that is asked
	rejected error // by Reject, or before a person left a question for a path
	again    bool  // whether an answer was taken since rejected
}

// Err returns why no answer can be read. It is nil as long as every question was answered.
func (c *conversation) Err() error { return c.err }

// Fault returns Err if it is more than the end of the input.
func (c *conversation) Fault() error {
	if errors.Is(c.err, errEnded) {
		return nil
	}
	return c.err
}

// Reject shows why an answer does not serve. A hundred invalid answers in a row are a fault. If the
// input ends before other answers serve, Err tells the reason, too.
func (c *conversation) Reject(err error) {
	c.rejected, c.again = err, false
	c.miss(quote.Message(err) + "\n")
}

// expected shows that an answer is not what a question expects.
func (c *conversation) expected(what, answer string) {
	c.missed = fmt.Errorf("expected %s, got %s", what, quote.Short(answer))
	c.miss(fmt.Sprintf("Expected %s, got %s.\n", what, quote.Short(answer)))
}

// taken notes that a question has an answer that serves.
func (c *conversation) taken() { c.missed, c.again = nil, true }

// ended returns the error at the end of the input.
func (c *conversation) ended(question string) error {
	refusal := c.missed
	if refusal == nil {
		refusal = c.rejected
	}
	if refusal == nil {
		return fmt.Errorf("%w where an answer to %q was expected", errEnded, question)
	}
	return fmt.Errorf("%w where an answer to %q was expected; the last one was refused: %w",
		errEnded, question, refusal)
}

// miss shows text, which may be empty, and counts an invalid answer.
func (c *conversation) miss(text string) {
	c.say(text)
	c.served = false
	if c.misses++; c.misses >= maxMisses && c.err == nil {
		c.err = fmt.Errorf("the last %d answers were invalid", maxMisses)
	}
}

// say shows text.
func (c *conversation) say(text string) {
	if _, err := io.WriteString(c.out, text); err != nil && c.err == nil {
		c.err = fmt.Errorf("cannot show a question: %w", err)
	}
}

// line shows a question and reads a line. It returns the line without its end, "\n" or "\r\n".
// The last line of the input needs no end.
func (c *conversation) line(question string) (line string, ok bool) {
	if c.err == nil {
		c.say(question)
	}
	var text []byte
	for c.err == nil {
		part, err := c.in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxLine:
			c.err = fmt.Errorf("the answer to %q is longer than %d bytes", question, maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
		case err == nil || errors.Is(err, io.EOF) && len(text) > 0:
			return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), true
		case errors.Is(err, io.EOF):
			c.err = c.ended(question)
		default:
			c.err = fmt.Errorf("the answer to %q could not be read: %w", question, err)
		}
	}
	return "", false
}

// yesNo asks until next returns y, yes, n or no, in small or capital letters, with blanks around.
// It returns true for the first two, and false for the others and if no answer can be read. An
// invalid answer is told with the original's word for it.
func (c *conversation) yesNo(invalid string, next func() (answer string, ok bool)) bool {
	if c.served {
		c.misses = 0
	}
	if c.again {
		c.rejected = nil // other answers served
	}
	for {
		answer, ok := next()
		if !ok {
			return false
		}
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
			c.served, c.missed = true, nil
			return true
		case "n", "no":
			c.served, c.missed, c.rejected = true, nil, nil
			return false
		}
		c.say(invalid + "\n")
		c.expected("Y or N", answer)
	}
}

// Back is the error of a question for a path if an empty line led back from it, or no answer
// could be read.
type Back struct {
	Err error // why the last path did not serve, or the end of the input, or nil
}

func (b *Back) Error() string {
	if b.Err != nil {
		return b.Err.Error()
	}
	return "no path was given"
}

func (b *Back) Unwrap() error { return b.Err }

// path asks until serves returns nil for a path that next returns. Errors are shown, then the
// question comes again. An empty line, the end of the input and a fault lead back from the
// question.
func (c *conversation) path(
	next func() (path string, ok bool), serves func(path string) error,
) error {
	back := new(Back)
	for {
		path, ok := next()
		switch {
		case !ok:
			if back.Err == nil && errors.Is(c.err, errEnded) {
				back.Err = c.err
			}
			return back
		case path == "":
			c.miss("") // or Y and an empty line could go on for ever
			return back
		case len(path) > maxPath:
			back.Err = fmt.Errorf("%s: longer than %d bytes, which no path is", quote.Short(path), maxPath)
		default:
			back.Err = serves(path)
		}
		if back.Err == nil {
			c.rejected = nil
			return nil
		}
		c.Reject(back.Err)
	}
}
