package prompt

import (
	"bufio"
	"io"
	"os"
	"strings"
)

// Cin asks as the C++ programs do, which read words with std::cin >>: several answers may stand
// on one line.
//
// As a path may have blanks in it, an answer to a question for a path is the longest beginning of
// the rest of the line that ends between words and is the path of something that exists; if there
// is none, it is the rest of the line. So "Y a.dat b c.dat" answers three questions if a.dat and
// "b c.dat" exist. Unlike std::cin, Cin takes an empty line for an empty answer, and a path that
// does not serve takes the rest of its line with it.
type Cin struct {
	conversation
	rest string // of the line, without blanks around
}

// NewCin returns a conversation that shows questions on out and reads answers from in.
func NewCin(in io.Reader, out io.Writer) *Cin {
	return &Cin{conversation: conversation{in: bufio.NewReader(in), out: out}}
}

// blanks are the characters that C++ streams take for white space.
const blanks = " \t\n\v\f\r"

// YesNo asks until the answer is yes (true) or no. It returns false if no answer can be read.
//
// The original takes only the capital letters, does not say what is wanted, does not repeat the
// question, and at the end of the input goes on for ever.
func (t *Cin) YesNo(question string) bool {
	return t.yesNo("Invalid answer", func() (string, bool) {
		if !t.ask(question) {
			return "", false
		}
		word := t.rest
		if end := strings.IndexAny(t.rest, blanks); end >= 0 {
			word = t.rest[:end]
		}
		t.take(word)
		return word, true
	})
}

// Path asks for a path until serves returns nil for it. It shows the errors of serves. After an
// empty line, and if no answer can be read, it returns a *Back.
func (t *Cin) Path(question string, serves func(path string) error) error {
	next := func() (string, bool) {
		if !t.ask(question) {
			return "", false
		}
		path := existing(t.rest)
		t.take(path)
		return path, true
	}
	return t.path(next, func(path string) error {
		err := serves(path)
		if err != nil {
			t.rest = ""
		}
		return err
	})
}

// ask shows a question and reads a line if nothing is left of the last one.
func (t *Cin) ask(question string) bool {
	if t.rest != "" && t.err == nil {
		t.say(question)
		return t.err == nil
	}
	line, ok := t.line(question)
	t.rest = strings.Trim(line, blanks)
	return ok
}

// take removes an answer from the beginning of the rest of the line.
func (t *Cin) take(answer string) { t.rest = strings.Trim(t.rest[len(answer):], blanks) }

// existing returns the longest beginning of text that ends between words and is the path of
// something that exists, or text if there is none.
func existing(text string) string {
	for end := len(text); end > 0; end = strings.LastIndexAny(text[:end], blanks) {
		path := strings.TrimRight(text[:end], blanks)
		if end = len(path); end > maxPath {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return text
}
