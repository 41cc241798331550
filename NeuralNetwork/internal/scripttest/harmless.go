package scripttest

import (
	"regexp"
	"strings"
)

// middling matches numbers of 2 to 10 digits, leading zeros aside: as epochs they can keep the machine busy for ever; longer ones are refused.
var middling = regexp.MustCompile(`(^|[^0-9])0*[1-9][0-9]{1,9}($|[^0-9])`)

// Harmless tells whether a program may be given this input in a fuzz test: it names no file outside of the current folder and
// trains no longer than a moment.
func Harmless(input string) bool {
	return len(input) < 1<<12 && !strings.ContainsAny(input, `/\`) && !middling.MatchString(strings.ReplaceAll(input, "_", ""))
}
