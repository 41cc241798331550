package argparse

import (
	"errors"
	"strings"
	"testing"
)

// parse reads args with the flags of the original's reduce.py.
func parse(args []string) (values map[string]string, err error) {
	v := make([]string, 4)
	p := &Parser{Program: "reduce", Flags: []Flag{
		{Short: "-d", Long: "--Dataset", Set: FileName(&v[0])},
		{Short: "-q", Long: "--Queryset", Set: FileName(&v[1])},
		{Short: "-od", Long: "--Output_Dataset_File", Set: FileName(&v[2])},
		{Short: "-oq", Long: "--Output_Query_File", Set: FileName(&v[3])},
	}}
	err = p.Parse(args)
	values = map[string]string{}
	for i, f := range p.Flags {
		if v[i] != "" {
			values[f.Short] = v[i]
		}
	}
	return values, err
}

// Recorded from argparse of Python 3.11 with the same arguments.
func TestParse(t *testing.T) {
	tests := []struct {
		args string // separated by |
		want string // flag=value, separated by |
		err  string
	}{
		{args: "-d|a|-q|b|-od|c|-oq|e", want: "-d=a|-q=b|-od=c|-oq=e"},
		{args: "--D|a|--Q=b|-oq=y|--Output_D|z", want: "-d=a|-q=b|-od=z|-oq=y"},
		{args: "-d|a|-d|b", want: "-d=b"},
		{args: "-dfoo|-q=bar", want: "-d=foo|-q=bar"},
		{args: "--Dataset=a=b", want: "-d=a=b"},
		{args: "-d|-1|-q|-", want: "-d=-1|-q=-"},
		{args: "-d|-1.5|-q|-.5", want: "-d=-1.5|-q=-.5"},
		{args: "-d|-a b", want: "-d=-a b"},
		{args: "-d--q", want: "-d=--q"},
		{args: "-x|1", err: "unrecognized arguments: -x 1"},
		{args: "-d|a|b|c", want: "-d=a", err: "unrecognized arguments: b c"},
		{args: "-o|3", err: "ambiguous option: -o could match -od, -oq"},
		{args: "-o|-h", err: "ambiguous option: -o could match -od, -oq"},
		{args: "--Output=3",
			err: "ambiguous option: --Output=3 could match --Output_Dataset_File, --Output_Query_File"},
		{args: "-ofoo", err: "unrecognized arguments: -ofoo"},
		{args: "-odx", err: "unrecognized arguments: -odx"},
		{args: "--Datasetx", err: "unrecognized arguments: --Datasetx"},
		{args: "--nope=1", err: "unrecognized arguments: --nope=1"},
		{args: "-d", err: "argument -d/--Dataset: expected one argument"},
		{args: "-d|-q|b", err: "argument -d/--Dataset: expected one argument"},
		{args: "-d|--q|x", err: "argument -d/--Dataset: expected one argument"},
		{args: "-d|-x", err: "argument -d/--Dataset: expected one argument"},
		{args: "-d|--|a", err: "argument -d/--Dataset: expected one argument"},
		{args: "--|-d|x", err: "unrecognized arguments: -- -d x"},
		{args: "-d|x|--|y", want: "-d=x", err: "unrecognized arguments: -- y"},
		{args: "-", err: "unrecognized arguments: -"},
		{args: "-hx", err: "argument -h/--help: ignored explicit argument 'x'"},
		{args: "--help=3", err: "argument -h/--help: ignored explicit argument '3'"},
		{args: "-x|-h", err: ErrHelp.Error()},
		{args: "--he|-x", err: ErrHelp.Error()},
	}
	for _, tt := range tests {
		values, err := parse(strings.Split(tt.args, "|"))
		var got []string
		for _, flag := range []string{"-d", "-q", "-od", "-oq"} {
			if v, ok := values[flag]; ok {
				got = append(got, flag+"="+v)
			}
		}
		if got := strings.Join(got, "|"); got != tt.want {
			t.Errorf("%s: values %q, want %q", tt.args, got, tt.want)
		}
		if err == nil {
			err = errors.New("")
		}
		if err.Error() != tt.err {
			t.Errorf("%s: error %q, want %q", tt.args, err, tt.err)
		}
	}
}

func TestParseNamesEveryMissingFlag(t *testing.T) {
	var d, l, s string
	p := &Parser{Flags: []Flag{
		{Short: "-d", Long: "--data", Required: true, Set: FileName(&d)},
		{Short: "-l", Long: "--labels", Required: true, Set: FileName(&l)},
		{Short: "-s", Long: "--seed", Set: FileName(&s)},
	}}
	for args, want := range map[string]string{
		"-s 1":         "the following arguments are required: -d/--data, -l/--labels",
		"-s 1 -d x -y": "the following arguments are required: -l/--labels",
	} {
		if err := p.Parse(strings.Fields(args)); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
	for _, args := range [][]string{{"-d", "", "-l", "x"}, {"-d=", "-l", "x"}} {
		const want = "argument -d/--data: expected the name of a file, found an empty one"
		if err := p.Parse(args); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %q", args, err, want)
		}
	}
}

// A flag without value, also recorded from Python.
func TestParseSwitch(t *testing.T) {
	for _, tt := range []struct {
		args string // separated by |
		want bool
		err  string
	}{
		{args: "-d|x"},
		{args: "-quiet", want: true},
		{args: "--qu|-d|x|-quiet", want: true},
		{args: "-quiet=1", err: "argument -quiet/--quiet: ignored explicit argument '1'"},
		{args: "--quiet=1", err: "argument -quiet/--quiet: ignored explicit argument '1'"},
		{args: "-d|x|-quiet|y", want: true, err: "unrecognized arguments: y"},
		{args: "-qui", err: "ambiguous option: -qui could match -q, -quiet"},
		{args: "-d|-quiet", err: "argument -d/--Dataset: expected one argument"},
	} {
		var d, q string
		var quiet bool
		p := &Parser{Flags: []Flag{
			{Short: "-d", Long: "--Dataset", Set: FileName(&d)},
			{Short: "-q", Long: "--Queryset", Set: FileName(&q)},
			{Short: "-quiet", Long: "--quiet", Switch: &quiet},
		}}
		err := p.Parse(strings.Split(tt.args, "|"))
		if err == nil {
			err = errors.New("")
		}
		if quiet != tt.want || err.Error() != tt.err {
			t.Errorf("%s: %v, error %q; want %v, %q", tt.args, quiet, err, tt.want, tt.err)
		}
	}
}

func TestParseUint64(t *testing.T) {
	var seed uint64
	p := &Parser{Flags: []Flag{{Short: "-seed", Long: "--seed", Set: Uint64(&seed)}}}
	if err := p.Parse([]string{"-s", "18446744073709551615"}); err != nil || seed != 1<<64-1 {
		t.Errorf("seed %d, error %v", seed, err)
	}
	for _, value := range []string{"-1", "", "1.5", "x", "18446744073709551616"} {
		want := "argument -seed/--seed: invalid value: '" + value + "', " +
			"expected a whole number from 0 to 18446744073709551615"
		if err := p.Parse([]string{"-seed", value}); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", value, err, want)
		}
	}
}

func TestRun(t *testing.T) {
	var v string
	p := &Parser{Program: "reduce", About: "Makes images small.", Flags: []Flag{
		{Short: "-d", Long: "--Dataset", Help: "images to learn from", Set: FileName(&v)},
		{Short: "-q", Long: "--Queryset", Help: "more images", Set: FileName(&v)},
		{Short: "-od", Long: "--Output_Dataset_File", Help: "their latents", Set: FileName(&v)},
		{Short: "-oq", Long: "--Output_Query_File", Help: "and theirs", Set: FileName(&v)},
	}}
	const usage = `usage: reduce [-h] [-d DATASET] [-q QUERYSET] [-od OUTPUT_DATASET_FILE]
              [-oq OUTPUT_QUERY_FILE]
`
	const help = usage + `
Makes images small.

options:
  -h, --help            show this help message and exit
  -d DATASET, --Dataset DATASET
                        images to learn from
  -q QUERYSET, --Queryset QUERYSET
                        more images
  -od OUTPUT_DATASET_FILE, --Output_Dataset_File OUTPUT_DATASET_FILE
                        their latents
  -oq OUTPUT_QUERY_FILE, --Output_Query_File OUTPUT_QUERY_FILE
                        and theirs
`
	tests := []struct {
		args, stdout, stderr string
		status               int
		done                 bool
	}{
		{args: "-d a"},
		{args: "-h", stdout: help, done: true},
		{args: "-x 1", status: 2, done: true,
			stderr: usage + "reduce: error: unrecognized arguments: -x 1\n"},
	}
	for _, tt := range tests {
		var stdout, stderr strings.Builder
		status, done := p.Run(strings.Fields(tt.args), &stdout, &stderr)
		if status != tt.status || done != tt.done ||
			stdout.String() != tt.stdout || stderr.String() != tt.stderr {
			t.Errorf("%s: status %d, done %v, stdout\n%s\nstderr\n%s",
				tt.args, status, done, &stdout, &stderr)
		}
	}
}

// Long texts are wrapped at 80 columns.
func TestHelpFits80Columns(t *testing.T) {
	long := strings.Repeat("some more words ", 20)
	var v string
	p := &Parser{Program: "reduce", About: long, Flags: []Flag{
		{Short: "-d", Long: "--Dataset", Help: long, Set: FileName(&v)},
	}}
	var stdout strings.Builder
	p.Run([]string{"-h"}, &stdout, nil)
	for line := range strings.Lines(stdout.String()) {
		if len(line) > 80 || strings.HasSuffix(line, " \n") {
			t.Errorf("%q has %d columns", line, len(line)-1)
		}
	}
	if n := strings.Count(stdout.String(), "more"); n != 40 {
		t.Errorf("%d words of 40 are shown", n)
	}
}

// No arguments, however odd, make the parser panic, and a flag that is set got its value from them.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"-d|a|-q|b", "--D=1|-o", "-|--|-h", "-dx|=|-=|--=", "-1|- |--|"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, args string) {
		values, _ := parse(strings.Split(args, "|"))
		for flag, v := range values {
			if !strings.Contains(args, v) {
				t.Errorf("%s has the value %q", flag, v)
			}
		}
	})
}
