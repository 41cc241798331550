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

// Printable returns s, with what is not printable escaped. Line ends stay.
func Printable(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		broken := r == utf8.RuneError && size == 1
		if r == '\n' || strconv.IsPrint(r) && !broken {
			b.WriteString(s[:size])
		} else {
			b.WriteString(strings.Trim(strconv.Quote(s[:size]), `"`))
		}
		s = s[size:]
	}
	return b.String()
}
