package scripttest

import (
	"regexp"
	"strings"
)

// middling matches numbers of 2 to 10 digits without leading zeros. As epochs they can keep the
// machine busy for ever; longer numbers are refused.
var middling = regexp.MustCompile(`(^|[^0-9])0*[1-9][0-9]{1,9}($|[^0-9])`)

// Harmless reports whether a fuzz test may give a program this input: the input names no file
// outside of the current folder, and a training with it is short.
func Harmless(input string) bool {
	return len(input) < 1<<12 && !strings.ContainsAny(input, `/\`) &&
		!middling.MatchString(strings.ReplaceAll(input, "_", ""))
}
