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
	for _, args := range []string{
		"-d images.pipe -i latents.pipe -q images -s latents -html page -l1 labels.pipe -l2 labels",
		"-d images -i latents -q images.pipe -s latents.pipe -html page -l1 labels -l2 labels.pipe",
		"-d images.pipe -l1 labels.pipe -q images -l2 labels -cell 1 -EMD",
	} {
		writeInputs(t)
		var pipes, files []string
		for word := range strings.FieldsSeq(args) {
			if file, pipe := strings.CutSuffix(word, ".pipe"); pipe {
				pipes, files = append(pipes, word), append(files, file)
			}
		}
		pipetest.Feed(t, pipes, files)
		var reports [2][]byte
		for i, args := range []string{args, strings.ReplaceAll(args, ".pipe", "")} {
			var stdout, stderr bytes.Buffer
			status := run(append(strings.Fields(args), "-quiet", "-o", "out"),
				strings.NewReader("N\n"), &stdout, &stderr)
			if status != 0 || stderr.Len() > 0 {
				t.Fatalf("%s: status %d, %s", args, status, stderr.String())
			}
			report, err := os.ReadFile("out")
			if err != nil {
				t.Fatal(err)
			}
			reports[i] = maskTimes(report)
		}
		if !bytes.Equal(reports[0], reports[1]) {
			t.Errorf("%s:\n%s\nfrom files\n%s", args, reports[0], reports[1])
		}
	}
}
