package hdf5

import (
	"strconv"
	"unicode/utf8"
)

// maxQuoted is the number of characters of a name from a file that an error shows.
const maxQuoted = 120

// quote returns a name from a file in quotation marks, with everything that is not printable
// escaped. It cuts long names.
func quote(name string) string {
	if cut := cut(name); cut < len(name) {
		return strconv.Quote(name[:cut]) + "…"
	}
	return strconv.Quote(name)
}

// shown returns a path as it is if it is short and printable, and otherwise quotes it.
func shown(path string) string {
	if q := quote(path); q != `"`+path+`"` {
		return q
	}
	return path
}

// cut returns the length in bytes of the first maxQuoted characters of s.
func cut(s string) int {
	n := 0
	for range maxQuoted {
		if n == len(s) {
			break
		}
		_, size := utf8.DecodeRuneInString(s[n:])
		n += size
	}
	return n
}
