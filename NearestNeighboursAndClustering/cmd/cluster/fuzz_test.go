package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
)

// Whatever is typed, and whatever the class file holds, cluster ends: with status 0 and a report of whole rounds, or,
// where the class file does not serve, with status 1, one sentence and no report.
func FuzzConversation(f *testing.F) {
	const classes = "CLUSTER-0 { size: 2, 0, 2}}\nCLUSTER-1 { size: 1, 1}}\n"
	for _, s := range []string{
		"", "N\n", "Y images latents classes\nN", "y\r\nYes Y\timages\r\nlatents\r\nclasses\r\nN\r\n", "Y missing latents classes images latents out", "Y \xff\x00 . ..\nN",
	} {
		f.Add(s, classes)
	}
	f.Add("N", "CLUSTER-0 { size: 0}}\r\n\r\n")
	f.Fuzz(func(t *testing.T, input, classes string) {
		t.Chdir(t.TempDir())
		for _, err := range []error{
			idx.WriteImages("images", &idx.Images[uint8]{N: 3, Rows: 1, Cols: 2, Pix: []uint8{0, 0, 0, 8, 9, 200}}),
			idx.WriteLatents("latents", &idx.Images[uint16]{N: 3, Rows: 1, Cols: 1, Pix: []uint16{0, 10, 60000}}),
			os.WriteFile("classes", []byte(classes), 0o644),
			os.WriteFile("two.conf", []byte("number_of_clusters: 2\n"), 0o644),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		var stdout, stderr bytes.Buffer
		args := []string{"-quiet", "-d", "images", "-i", "latents", "-n", "classes", "-c", "two.conf", "-o", "out", "-html", "page.html"}
		status := run(args, strings.NewReader(input), &stdout, &stderr)
		report, err := os.ReadFile("out")
		if status != 0 {
			if status != 1 || err == nil || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), "cluster: classes: ") {
				t.Errorf("status %d, report %q, screen %q, stderr %q", status, report, stdout.String(), stderr.String())
			}
			return
		}
		rounds := bytes.Count(report, []byte("CLASSES AS CLUSTERS\n"))
		if err != nil || rounds == 0 || rounds != bytes.Count(report, []byte("NEW SPACE\n")) || stderr.Len() > 0 {
			t.Errorf("report %q, %v, stderr %q", report, err, stderr.String())
		}
		if left, err := filepath.Glob("*"); err != nil || len(left) != 6 {
			t.Errorf("the folder has %q, %v; want the four inputs and the two reports", left, err)
		}
		if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}
