package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The headers of all files, the labels and the model file are read before the images: the end of
// these is missing.
func TestHeadersComeFirst(t *testing.T) {
	converse(t, "", nil)
	images, err := os.ReadFile("images")
	if err != nil {
		t.Fatal(err)
	}
	// A gzip file that ends within its stored data, which the header is a part of.
	header := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 208, 0, 0xff ^ 208, 0xff}
	short := append(header, images[:20]...)
	if err := os.WriteFile("short.gz", short, 0o644); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"-d short.gz -dl labels -t images -tl missing -model model.h5": "classification: cannot open " +
			"missing: ",
		"-d short.gz -dl labels -t images -tl labels -model missing.h5": "classification: cannot read " +
			"missing.h5: ",
		"-d short.gz -dl labels -t images -tl labels -model model.h5": "classification: short.gz: " +
			"byte 20: the file ends early: ",
	} {
		var stdout, stderr bytes.Buffer
		status := run(strings.Fields("-quiet "+args), strings.NewReader(""), &stdout, &stderr)
		if status != 1 || !strings.HasPrefix(stderr.String(), want) || stdout.Len() > 0 {
			t.Errorf("%s: status %d, %q, want %q", args, status, stderr.String(), want)
		}
	}
}
