//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// Pipes are read as files are, also if they are fed one after the other.
func TestPipes(t *testing.T) {
	_, want, _ := converse(t, strings.Join(conversation, "\n"), nil)
	files := []string{"images", "labels", "images", "labels"}
	for i := range files {
		if err := syscall.Mkfifo(fmt.Sprintf("%d.pipe", i), 0o600); err != nil {
			t.Skip("pipes: not tested, this system makes none: ", err)
		}
	}
	go func() {
		for i, name := range files {
			if b, err := os.ReadFile(name); err == nil {
				os.WriteFile(fmt.Sprintf("%d.pipe", i), b, 0)
			}
		}
	}()
	var stdout, stderr bytes.Buffer
	status := run(strings.Fields("-quiet -d 0.pipe -dl 1.pipe -t 2.pipe -tl 3.pipe -model model.h5"),
		strings.NewReader(strings.Join(conversation, "\n")), &stdout, &stderr)
	times := regexp.MustCompile(`\d+(s|ms|us)/step`)
	got := times.ReplaceAllString(stdout.String(), "")
	if want := times.ReplaceAllString(want, ""); status != 0 || got != want {
		t.Errorf("status %d, %s; screen\n%s\nwant\n%s", status, stderr.String(), got, want)
	}
}
