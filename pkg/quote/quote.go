// Package quote makes text from outside (answers, names in files, paths) harmless on a terminal.
// What is not printable is escaped as in Go's string literals: control characters, bytes that are
// no UTF-8, and invisible characters such as those that reverse the direction of writing.
package quote

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Short returns s in double quotes. Of more than 40 characters it shows the first 40 and "...".
func Short(s string) string {
	const most = 40
	n := 0
	for i := range s {
		if n == most {
			s = s[:i] + "..."
			break
		}
		n++
	}
	return strconv.Quote(s)
}

// Message returns the text of an error for a terminal, with what is not printable escaped. Of a
// text of more than 1,000 characters it leaves out the middle: the cause stands at the end. Errors
// that are joined have a line each.
func Message(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var plain, lines []string
		for _, e := range joined.Unwrap() {
			plain, lines = append(plain, e.Error()), append(lines, Message(e))
		}
		if strings.Join(plain, "\n") == err.Error() { // not another sentence that wraps them
			return strings.Join(lines, "\n")
		}
	}
	const half = 500
	text := []rune(Printable(err.Error()))
	if len(text) > 2*half {
		return string(text[:half]) + " ... " + string(text[len(text)-half:])
	}
	return string(text)
}

// Printable returns s on one line, with what is not printable escaped.
func Printable(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		broken := r == utf8.RuneError && size == 1
		if strconv.IsPrint(r) && !broken {
			b.WriteString(s[:size])
		} else {
			b.WriteString(strings.Trim(strconv.Quote(s[:size]), `"`))
		}
		s = s[size:]
	}
	return b.String()
}
