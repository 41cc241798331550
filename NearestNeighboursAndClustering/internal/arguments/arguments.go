// Package arguments reads command lines as the original C++ programs did: pairs of a flag and its value, in any order.
package arguments

import (
	"fmt"
	"strings"
)

// Parse sets, for each flag in args, the value that values names to the word after it, whatever that looks like,
// and for a flag without value what switches names to true. Of a repeated flag the last counts.
// The standard package flag does not serve: there a value that looks like a flag ends the flags, or is one.
func Parse(args []string, values map[string]*string, switches map[string]*bool) error {
	for i := 0; i < len(args); i++ {
		name := plain(args[i])
		if s, ok := switches[name]; ok {
			*s = true
			continue
		}
		v, ok := values[name]
		if !ok {
			return fmt.Errorf("unknown flag %q", args[i])
		}
		if i+1 == len(args) {
			return fmt.Errorf("flag %s has no value", name)
		}
		i++
		*v = args[i]
	}
	return nil
}

// plain is a flag with a hyphen and a Latin o. The original's own usage text has en dashes and a Greek omicron,
// which the programs receive when a command line is copied from it.
func plain(flag string) string {
	if rest, ok := strings.CutPrefix(flag, "–"); ok {
		flag = "-" + rest
	}
	if flag == "-ο" {
		return "-o"
	}
	return flag
}
