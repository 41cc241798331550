package main

import (
	"slices"
	"testing"
)

func TestOptions(t *testing.T) {
	files := []string{"-d", "d", "-i", "i", "-q", "q", "-s", "s", "-o", "o"}
	emd := []string{"-d", "d", "-q", "q", "-l1", "l1", "-l2", "l2", "-o", "o", "-EMD"}
	parsed := options{data: "d", query: "q", output: "o", reducedData: "i", reducedQuery: "s",
		functions: 4, tables: 5, cell: 7}
	parsedEMD := options{emd: true, data: "d", query: "q", output: "o", dataLabels: "l1",
		queryLabels: "l2", functions: 4, tables: 5, cell: 7}
	with := func(o options, change func(*options)) options { change(&o); return o }
	for _, c := range []struct {
		name    string
		args    []string
		want    options
		wantErr string
	}{
		{name: "defaults", args: files, want: parsed},
		{name: "numbers", args: append([]string{"-L", "7", "-k", "33"}, files...),
			want: with(parsed, func(o *options) { o.functions, o.tables = 33, 7 })},
		{name: "the last counts", args: append(slices.Clone(files), "-k", "2", "-d", "x", "-k", "3"),
			want: with(parsed, func(o *options) { o.functions, o.data = 3, "x" })},
		{name: "as the original's usage text prints them",
			args: []string{
				"–d", "d", "-i", "i", "–q", "q", "-s", "s", "–k", "4", "-L", "5", "-ο", "o",
			},
			want: parsed},
		{name: "EMD", args: emd, want: parsedEMD},
		{name: "EMD with cells", args: append([]string{"-EMD", "-cell", "4"}, emd...),
			want: with(parsedEMD, func(o *options) { o.cell = 4 })},

		{name: "textbook", args: append([]string{"-textbook"}, files...),
			want: with(parsed, func(o *options) { o.textbook = true })},
		{name: "textbook between other flags",
			args: slices.Concat(files[:4], []string{"-textbook", "-L", "1000"}, files[4:]),
			want: with(parsed, func(o *options) { o.textbook, o.tables = true, 1000 })},
		{name: "textbook EMD", args: append(slices.Clone(emd), "-textbook"),
			want: with(parsedEMD, func(o *options) { o.textbook = true })},
		{name: "many tables that are one", args: append(slices.Clone(files), "-L", "1001"),
			want: with(parsed, func(o *options) { o.tables = 1001 })},

		{name: "nothing", wantErr: "flag -d with a file name is missing"},
		{name: "a file is missing", args: files[:8], wantErr: "flag -o with a file name is missing"},
		{name: "latent vectors are missing", args: slices.Concat(files[:2], files[4:]),
			wantErr: "flag -i with a file name is missing"},
		{name: "an empty name", args: append(slices.Clone(files), "-s", ""),
			wantErr: "the value of flag -s is empty"},
		{name: "an empty page", args: append(slices.Clone(files), "-html", ""),
			wantErr: "the value of flag -html is empty"},
		{name: "labels are missing", args: []string{"-d", "d", "-q", "q", "-l2", "l2", "-o", "o", "-EMD"},
			wantErr: "flag -l1 with a file name is missing"},
		{name: "unknown", args: append(slices.Clone(files), "-x", "y"), wantErr: `unknown flag "-x"`},
		{name: "trailing value", args: append(slices.Clone(files), "y"), wantErr: `unknown flag "y"`},
		{name: "no value", args: append(slices.Clone(files), "-k"), wantErr: "flag -k has no value"},
		{name: "k = 0", args: append(slices.Clone(files), "-k", "0"),
			wantErr: `flag -k: expected a whole number of at least 1, found "0"`},
		{name: "L < 0", args: append(slices.Clone(files), "-L", "-1"),
			wantErr: `flag -L: expected a whole number of at least 1, found "-1"`},
		{name: "no number", args: append(slices.Clone(files), "-k", "four"),
			wantErr: `flag -k: expected a whole number of at least 1, found "four"`},
		{name: "number and more", args: append(slices.Clone(files), "-k", "4x"),
			wantErr: `flag -k: expected a whole number of at least 1, found "4x"`},
		{name: "too large", args: append(slices.Clone(files), "-L", "99999999999999999999"),
			wantErr: `flag -L: expected a whole number of at least 1, found "99999999999999999999"`},
		{name: "too many tables", args: append(slices.Clone(files), "-textbook", "-L", "1001"),
			wantErr: "flag -L: expected at most 1000 hash tables with -textbook, found 1001"},
		{name: "as many functions as bits",
			args: append(slices.Clone(files), "-textbook", "-k", "32"),
			want: with(parsed, func(o *options) { o.textbook, o.functions = true, 32 })},
		{name: "more functions than bits", args: append(slices.Clone(files), "-k", "33", "-textbook"),
			wantErr: "flag -k: expected at most 32 hash functions with -textbook, " +
				"which share the 32 bits of a hash value, found 33"},
		{name: "cell = 0", args: append(slices.Clone(emd), "-cell", "0"),
			wantErr: `flag -cell: expected a whole number of at least 1, found "0"`},
		{name: "labels without EMD", args: append(slices.Clone(files), "-l1", "l"),
			wantErr: "flags -l1 and -l2 have no meaning where neither -EMD nor -html is given"},
		{name: "labels for the HTML report",
			args: append(slices.Clone(files), "-l1", "l", "-html", "h", "-quiet"),
			want: with(parsed, func(o *options) { o.dataLabels, o.html, o.quiet = "l", "h", true })},
		{name: "results", args: append(slices.Clone(files), "-json", "j"),
			want: with(parsed, func(o *options) { o.json = "j" })},
		{name: "latent vectors with EMD", args: append(slices.Clone(emd), "-i", "i"),
			wantErr: "flag -i has no meaning where -EMD is given"},
		{name: "functions with EMD", args: append(slices.Clone(emd), "-k", "4"),
			wantErr: "flag -k has no meaning where -EMD is given"},
	} {
		got, err := parseOptions(c.args)
		if c.wantErr != "" {
			if err == nil || err.Error() != c.wantErr {
				t.Errorf("%s: error %v, want %s", c.name, err, c.wantErr)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.want)
		}
	}
}

// A name with a line end stays on the line: it cannot look like another message.
func TestWritten(t *testing.T) {
	o := options{output: "a\nsearch: failed", html: "b.html", json: "\x1b[2J"}
	if got, want := o.written(), `Written: a\nsearch: failed, b.html, \x1b[2J`+"\n"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
}
