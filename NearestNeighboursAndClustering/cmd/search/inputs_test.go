package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

// writeInputs writes three images with latent vectors and labels to the current folder: images,
// latents, labels and, with the last images missing, damaged.gz and other.gz. fewer has labels for
// two images.
func writeInputs(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	grey, latent := []uint8{0, 9, 200, 1, 7, 7}, []uint16{3, 60000, 9}
	for _, err := range []error{
		idx.WriteImages("images", &imageset.Images[uint8]{N: 3, Rows: 1, Cols: 2, Pix: grey}),
		idx.WriteLatents("latents", &imageset.Images[uint16]{N: 3, Rows: 1, Cols: 1, Pix: latent}),
		idx.WriteLabels("labels", []uint8{1, 0, 1}),
		idx.WriteLabels("fewer", []uint8{1, 0}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile("images")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(whole[:len(whole)-3])
	z.Close()
	for _, name := range []string{"damaged.gz", "other.gz"} {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The headers of all files are read before one is read whole: what a later file lacks is told
// before what is missing at the end of the first.
func TestHeadersComeFirst(t *testing.T) {
	writeInputs(t)
	for args, want := range map[string]string{
		"-d damaged.gz -i latents -q images -s missing": "search: cannot open missing: ",
		"-d damaged.gz -i latents -q images -s labels":  "search: labels: byte 0: magic number 2049",
		"-d damaged.gz -i latents -q images -s latents -html p -l2 fewer": "search: fewer: 2 labels, " +
			"expected 3, one for each image of images\n",
		"-d damaged.gz -q images -l1 labels -l2 missing -EMD": "search: cannot open missing: ",
		"-d damaged.gz -q images -l1 fewer -l2 labels -EMD": "search: fewer: 2 labels, expected 3, " +
			"one for each image of damaged.gz\n",
		"-d damaged.gz -i latents -q images -s latents -html p -l1 labels -l2 labels": "search: damage" +
			"d.gz: byte 19: the file ends early: ",
		"-d images -i latents -q damaged.gz -s latents -html p -l1 labels -l2 /dev/null": "search: /de" +
			"v/null: byte 0: the file ends within its header",
	} {
		var stdout, stderr bytes.Buffer
		all := append(strings.Fields(args), "-o", "out")
		status := run(all, strings.NewReader("N\n"), &stdout, &stderr)
		if status != 1 || !strings.HasPrefix(stderr.String(), want) || stdout.Len() > 0 {
			t.Errorf("%s: status %d, %q, want %q", args, status, stderr.String(), want)
		}
	}
}

// The files are read at the same time. Of two damaged ones, that of the data set is told, whichever
// is done first.
func TestFirstDamagedFile(t *testing.T) {
	writeInputs(t)
	for args, want := range map[string]string{
		"-d damaged.gz -q other.gz": "search: damaged.gz: byte 19: the file ends early: ",
		"-d other.gz -q damaged.gz": "search: other.gz: byte 19: the file ends early: ",
		"-d images -q other.gz":     "search: other.gz: byte 19: the file ends early: ",
	} {
		for range 20 {
			var stdout, stderr bytes.Buffer
			all := append(strings.Fields(args), "-i", "latents", "-s", "latents", "-o", "out")
			status := run(all, strings.NewReader("N\n"), &stdout, &stderr)
			if status != 1 || !strings.HasPrefix(stderr.String(), want) || stdout.Len() > 0 {
				t.Fatalf("%s: status %d, %q, want %q", args, status, stderr.String(), want)
			}
		}
	}
}

// Names reach the screen without control characters, and cut.
func TestNamesOnTheScreen(t *testing.T) {
	writeInputs(t)
	for name, want := range map[string]string{
		"a\x1b[31m\u202eb\nsearch: done": `search: cannot open a\x1b[31m\u202eb\nsearch: done: `,
		strings.Repeat("x", 400_000):     "search: cannot open xxx",
	} {
		var stdout, stderr bytes.Buffer
		status := run([]string{"-d", name, "-i", "latents", "-q", "images", "-s", "latents", "-o", "out"},
			strings.NewReader("N\n"), &stdout, &stderr)
		if got := stderr.String(); status != 1 || !strings.HasPrefix(got, want) || len(got) > 1100 {
			t.Errorf("%.50q: status %d, %.200q of %d bytes, want %q", name, status, got, len(got), want)
		}
		stderr.Reset()
		status = run([]string{name}, strings.NewReader("N\n"), &stdout, &stderr)
		if got := stderr.String(); status != 2 || len(got) > 4000 || strings.Contains(got, "\x1b") {
			t.Errorf("%.50q as a flag: status %d, %.200q of %d bytes", name, status, got, len(got))
		}
	}
}
