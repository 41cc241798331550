package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// What the class file lacks, and the number of latent vectors, are told before the images are read
// whole: the end of these is missing.
func TestHeadersComeFirst(t *testing.T) {
	talk(t, "N\n", someClasses)
	// A gzip file that ends within its stored data, which the header is a part of.
	images, err := os.ReadFile("images")
	if err != nil {
		t.Fatal(err)
	}
	header := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 22, 0, 0xff ^ 22, 0xff}
	short := append(header, images[:18]...)
	for name, text := range map[string]string{
		"short.gz": string(short),
		"few":      "CLUSTER-0 { size: 2, 0, 1}}\n",
		"many":     "CLUSTER-0 { size: 4, 0, 1, 2, 3}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"-d short.gz -i missing -n classes -c two.conf": "cluster: cannot open missing: ",
		"-d short.gz -i latents -n two.conf -c two.conf": "cluster: two.conf: line 1: expected a " +
			"class such as",
		"-d short.gz -i latents -n few -c two.conf": "cluster: few: image 2 of 3 is in no class; the " +
			"images are those of short.gz\n",
		"-d short.gz -i latents -n many -c two.conf": "cluster: many: line 1: image 3 does not " +
			"exist, expected an index below 3; the images are those of short.gz\n",
		"-d short.gz -i latents -n classes -c two.conf": "cluster: short.gz: byte 18: the file ends " +
			"early: ",
	} {
		var stdout, stderr bytes.Buffer
		status := run(append(strings.Fields(args), "-o", "out"), strings.NewReader("N\n"),
			&stdout, &stderr)
		if status != 1 || !strings.HasPrefix(stderr.String(), want) {
			t.Errorf("%s: status %d, %q, want %q", args, status, stderr.String(), want)
		}
	}
}

// A class file may lack blanks after commas, have blanks and empty lines, and other headers.
func TestFormsOfClassFiles(t *testing.T) {
	_, want, _, _ := talk(t, "N\n", someClasses)
	for _, classes := range []string{
		"CLUSTER-0 { size: 2,0,2}}\nCLUSTER-1 { size: 1,1}}\n",
		"CLUSTER-0 { size: 9, 0, 2}}\nCLUSTER-1 { size: 1, 1}}\n\n",
		"\ufeffCLUSTER-0 {size: 2, 0, 2}\r\n\r\nCLUSTER-1 {size: 1, 1}\r\n",
	} {
		status, got, _, stderr := talk(t, "N\n", classes)
		if status != 0 || times.ReplaceAllString(got, "") != times.ReplaceAllString(want, "") {
			t.Errorf("%q: status %d, %s, report\n%s\nwant\n%s", classes, status, stderr, got, want)
		}
	}
}

// A name with a line end stays on the line: it cannot look like another message.
func TestWritten(t *testing.T) {
	o := options{output: "a\ncluster: failed", html: "b.html", json: "\x1b[2J"}
	if got, want := o.written(), `Written: a\ncluster: failed, b.html, \x1b[2J`+"\n"; got != want {
		t.Errorf("%q, expected %q", got, want)
	}
}
