//go:build unix

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"imagesimilarity/pkg/infile/pipetest"
)

// Pipes are read as files are, also if they are fed one after the other.
func TestPipes(t *testing.T) {
	_, want, _, _ := talk(t, "N\n", someClasses)
	files := []string{"two.conf", "images", "latents", "classes"} // in the order of reading
	var pipes []string
	for _, name := range files {
		pipes = append(pipes, name+".pipe")
	}
	pipetest.Feed(t, pipes, files)
	var stdout, stderr bytes.Buffer
	status := run(strings.Fields("-quiet -d images.pipe -i latents.pipe -n classes.pipe "+
		"-c two.conf.pipe -o piped"), strings.NewReader("N\n"), &stdout, &stderr)
	got, err := os.ReadFile("piped")
	if status != 0 || err != nil || masked(string(got)) != masked(want) {
		t.Errorf("status %d, %s; report\n%s\nwant\n%s", status, stderr.String(), got, want)
	}
}

// Devices that never end, and those that are empty, end the program with a sentence.
func TestDevices(t *testing.T) {
	talk(t, "N\n", someClasses)
	for args, want := range map[string]string{
		"-d /dev/zero -i latents -n classes -c two.conf": "cluster: /dev/zero: byte 0: magic number 0",
		"-d images -i /dev/zero -n classes -c two.conf":  "cluster: /dev/zero: byte 0: magic number 0",
		"-d images -i latents -n /dev/zero -c two.conf": "cluster: /dev/zero: this is a file that " +
			"begins with zeros, expected a class file",
		"-d images -i latents -n classes -c /dev/zero":     "cluster: /dev/zero: more than 65536 bytes",
		"-d images -i latents -n /dev/urandom -c two.conf": "cluster: /dev/urandom: ",
		"-d images -i latents -n /dev/null -c two.conf": "cluster: /dev/null: image 0 of 3 is in no " +
			"class",
	} {
		var stdout, stderr bytes.Buffer
		status := run(append(strings.Fields(args), "-o", "out"), strings.NewReader("N\n"),
			&stdout, &stderr)
		if status != 1 || !strings.HasPrefix(stderr.String(), want) {
			t.Errorf("%s: status %d, %q, want %q", args, status, stderr.String(), want)
		}
	}
}

func masked(report string) string {
	return times.ReplaceAllString(report, "clustering_time: T")
}
