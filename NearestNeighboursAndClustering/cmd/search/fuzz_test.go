package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
)

// Whatever is typed, a search ends with status 0 and a report of whole rounds, without a panic and with no file left behind.
func FuzzConversation(f *testing.F) {
	for _, s := range []string{
		"", "N\n", "Y two twolatents\nN", "y\r\nYes Y\ttwo\r\ntwolatents\r\nN\r\n", "Y missing two two twolatents Y out out", "Y two two two \xff\x00 . ..\nN",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		t.Chdir(t.TempDir())
		for _, err := range []error{
			idx.WriteImages("two", &idx.Images[uint8]{N: 2, Rows: 1, Cols: 2, Pix: []uint8{0, 9, 200, 1}}),
			idx.WriteLatents("twolatents", &idx.Images[uint16]{N: 2, Rows: 1, Cols: 1, Pix: []uint16{3, 60000}}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		var stdout, stderr bytes.Buffer
		args := []string{"-quiet", "-d", "two", "-i", "twolatents", "-q", "two", "-s", "twolatents", "-o", "out", "-html", "page.html"}
		if status := run(args, strings.NewReader(input), &stdout, &stderr); status != 0 || stderr.Len() > 0 {
			t.Errorf("status %d, stderr %q", status, stderr.String())
		}
		report, err := os.ReadFile("out")
		if err != nil {
			t.Fatal(err)
		}
		rounds := bytes.Count(report, []byte("Approximation Factor Reduced: "))
		if first, _, _ := strings.Cut(stdout.String(), "Query File"); rounds == 0 || rounds > 1 && !strings.Contains(input, "Y") || !strings.HasPrefix(first, "Do you want") {
			t.Errorf("%d rounds, screen %q", rounds, stdout.String())
		}
		if left, err := filepath.Glob("*"); err != nil || len(left) != 4 {
			t.Errorf("the folder has %q, %v; want the two inputs and the two reports", left, err)
		}
		if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}
