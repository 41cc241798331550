package main

import (
	"os"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		text   string // in the standard output, or in the standard error output
	}{
		{"-h", 0, usage},
		{"--help", 0, usage},
		{"", 2, "datasets: expected one or two folders, found 0 arguments\nUsage: "},
		{"a b c", 2, "datasets: expected one or two folders, found 3 arguments\nUsage: "},
		{"-invert a", 2, "datasets: expected SOURCE and FOLDER after the flags\nUsage: "},
		{"-size 28 a b", 2, "expected rows and columns from 1 to 4096, such as 28x28\nUsage: "},
		{"-size 28x0 a b", 2, "expected rows and columns from 1 to 4096"},
		{"-size 28x28x28 a b", 2, "expected rows and columns from 1 to 4096"},
		{"-colour a b", 2, "flag provided but not defined: -colour\nUsage: "},
		{"-grow 0 a", 2, "expected a number of images from 1 to 4294967295\nUsage: "},
		{"-grow -5 a", 2, "expected a number of images from 1 to 4294967295"},
		{"-grow 4294967296 a", 2, "expected a number of images from 1 to 4294967295"},
		{"-grow 6e4 a", 2, "expected a number of images from 1 to 4294967295"},
		{"-grow 9", 2, "datasets: expected FOLDER or IMAGES LABELS FOLDER with -grow, found 0 arguments"},
		{"-grow 9 a b", 2, "expected FOLDER or IMAGES LABELS FOLDER with -grow, found 2 arguments"},
		{"-grow 9 -invert a", 2, "datasets: expected no other flag than -seed with -grow\nUsage: "},
		{"-grow 9 -seed x a", 2, "invalid value \"x\" for flag -seed: "},
		{"-grow 9 -seed 2 -invert=false a", 2, "expected no other flag than -seed with -grow"},
		{"-seed 2 a", 2, "datasets: expected -grow with -seed\nUsage: "},
		{"-seed 1 a b", 2, "datasets: expected -grow with -seed\nUsage: "},
		{"-grow 9 missing b c", 1, "datasets: cannot open missing: no such file or directory\n"},
		{"missing folder", 1, "datasets: cannot open missing: no such file or directory\n"},
		{"pictures", 1, "datasets: cannot write MNIST to pictures: it has other files; expected a new"},
	} {
		t.Chdir(t.TempDir())
		if err := os.MkdirAll("pictures/cat", 0o777); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr strings.Builder
		status := run(strings.Fields(c.args), nil, &stdout, &stderr)
		text := stderr.String()
		if c.status == 0 {
			text = stdout.String()
		}
		if status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%q: status %d, %q, want %d, %q", c.args, status, text, c.status, c.text)
		}
	}
}
