//go:build unix

package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"imagesimilarity/pkg/infile/pipetest"
)

// Pipes are read as files are, also if they are fed one after the other.
func TestPipes(t *testing.T) {
	_, want, _ := converse(t, strings.Join(conversation, "\n"), nil)
	files := []string{"images", "labels", "images", "labels"}
	var pipes []string
	for i := range files {
		pipes = append(pipes, fmt.Sprintf("%d.pipe", i))
	}
	pipetest.Feed(t, pipes, files)
	var stdout, stderr bytes.Buffer
	status := run(strings.Fields("-quiet -d 0.pipe -dl 1.pipe -t 2.pipe -tl 3.pipe -model model.h5"),
		strings.NewReader(strings.Join(conversation, "\n")), &stdout, &stderr)
	times := regexp.MustCompile(`\d+(s|ms|us)/step`)
	got := times.ReplaceAllString(stdout.String(), "")
	if want := times.ReplaceAllString(want, ""); status != 0 || got != want {
		t.Errorf("status %d, %s; screen\n%s\nwant\n%s", status, stderr.String(), got, want)
	}
}
