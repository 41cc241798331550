package arguments

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		d, o    string
		emd     bool
		wantErr string
	}{
		{name: "nothing"},
		{name: "any order", args: []string{"-o", "out", "-d", "data"}, d: "data", o: "out"},
		{name: "the last wins", args: []string{"-d", "a", "-o", "b", "-d", "c"}, d: "c", o: "b"},
		{name: "copied from the usage text", args: []string{"–d", "data", "-ο", "out"},
			d: "data", o: "out"},
		{name: "dash and omicron", args: []string{"–ο", "out"}, o: "out"},
		{name: "a value like a flag", args: []string{"-d", "-o", "-o", "–d"}, d: "-o", o: "–d"},
		{name: "switch first", args: []string{"-EMD", "-d", "x"}, d: "x", emd: true},
		{name: "switch last", args: []string{"-d", "x", "-EMD"}, d: "x", emd: true},
		{name: "switch as value", args: []string{"-d", "-EMD"}, d: "-EMD"},
		{name: "unknown", args: []string{"-d", "x", "-e", "y"}, wantErr: `unknown flag "-e"`},
		{name: "no flag", args: []string{"data"}, wantErr: `unknown flag "data"`},
		{name: "empty", args: []string{""}, wantErr: `unknown flag ""`},
		{name: "trailing value", args: []string{"-d", "x", "y"}, wantErr: `unknown flag "y"`},
		{name: "help", args: []string{"-d", "x", "-h"}, wantErr: ErrHelp.Error()},
		{name: "help in the long form", args: []string{"--help", "-e"}, wantErr: ErrHelp.Error()},
		{name: "help with one hyphen", args: []string{"-help"}, wantErr: ErrHelp.Error()},
		{name: "help with a dash", args: []string{"–h"}, wantErr: ErrHelp.Error()},
		{name: "help as value", args: []string{"-d", "-h"}, d: "-h"},
		{name: "empty value", args: []string{"-d", "x", "-o", ""},
			wantErr: "the value of flag -o is empty"},
		{name: "a flag instead of a value", args: []string{"-o", "-d", "x", "-EMD"},
			wantErr: "flag -o has no value: -d follows it"},
		{name: "a switch instead of a value", args: []string{"-d", "x", "–ο", "-EMD", "y"},
			wantErr: "flag -o has no value: -EMD follows it"},
		{name: "a value like a flag, and an unknown one", args: []string{"-d", "-o", "-EMD", "x"},
			wantErr: `unknown flag "x"`},
		{name: "no value", args: []string{"-o", "x", "–d"}, wantErr: "flag -d has no value"},
	} {
		var d, o string
		var emd bool
		err := Parse(c.args, map[string]*string{"-d": &d, "-o": &o}, map[string]*bool{"-EMD": &emd})
		if c.wantErr != "" {
			if err == nil || err.Error() != c.wantErr {
				t.Errorf("%s: error %v, want %s", c.name, err, c.wantErr)
			}
			continue
		}
		if err != nil || d != c.d || o != c.o || emd != c.emd {
			t.Errorf("%s: -d %q, -o %q, -EMD %v, %v; want %q, %q, %v",
				c.name, d, o, emd, err, c.d, c.o, c.emd)
		}
	}
}

// No arguments, however odd, make the parser panic, and a flag that is set got one of them as its
// value.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"-d|a|-o|b", "–d|-o|-ο|–d", "-EMD|-d", "|–|-|-d|", "-d|\xff\xfe|–\xce",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "|")
		const unset = "\x00unset"
		d, o, emd := unset, unset, false
		err := Parse(args, map[string]*string{"-d": &d, "-o": &o}, map[string]*bool{"-EMD": &emd})
		for _, v := range []string{d, o} {
			if v != unset && !slices.Contains(args, v) {
				t.Errorf("the value %q is none of the arguments", v)
			}
		}
		if err == nil && !emd && len(args)%2 != 0 {
			t.Errorf("%q are accepted, and are no pairs", args)
		}
	})
}
