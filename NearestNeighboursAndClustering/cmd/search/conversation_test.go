package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

// talk runs search in a new folder on two images, with this input, and returns how many rounds its report has, too.
func talk(t *testing.T, input string) (status, rounds int, screen, errors string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, err := range []error{
		idx.WriteImages("two", &imageset.Images[uint8]{N: 2, Rows: 1, Cols: 2, Pix: []uint8{0, 9, 200, 1}}),
		idx.WriteLatents("twolatents", &imageset.Images[uint16]{N: 2, Rows: 1, Cols: 1, Pix: []uint16{3, 60000}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	args := []string{"-quiet", "-d", "two", "-i", "twolatents", "-q", "two", "-s", "twolatents", "-o", "out", "-html", "page.html"}
	status = run(args, strings.NewReader(input), &stdout, &stderr)
	report, err := os.ReadFile("out")
	if err != nil {
		t.Fatal(err)
	}
	return status, bytes.Count(report, []byte("Approximation Factor Reduced: ")), stdout.String(), stderr.String()
}

// Wherever the input ends, the program ends with the rounds until then.
func TestTheInputEndsAtEveryQuestion(t *testing.T) {
	words := strings.Fields("Y two twolatents Y two twolatents N")
	for k := range len(words) + 1 {
		for _, end := range []string{"", "\n", "\r\n"} {
			status, rounds, _, stderr := talk(t, strings.Join(words[:k], "\n")+end)
			if want := 1 + min(k/3, 2); status != 0 || rounds != want || stderr != "" {
				t.Errorf("after %d words and %q: status %d, %d rounds, want %d; stderr %q", k, end, status, rounds, want, stderr)
			}
		}
	}
}

// Whatever stands before the right answer of any question, the conversation reaches the same end.
func TestOddAnswersAtEveryQuestion(t *testing.T) {
	for name, odd := range map[string]string{
		"blank": " ", "empty": "", "letters": "abc", "a minus sign": "-", "UTF-8": "ναι", "stray bytes": "\xff\xfe\x00", "blanks within": "a b",
		"a megabyte": strings.Repeat("9", 1e6),
	} {
		// A word that does not serve as a file has both questions for files asked again.
		status, rounds, screen, stderr := talk(t, odd+"\r\nY\r\n"+odd+"\r\ntwo\r\ntwo\t"+odd+"\r\ntwo\r\ntwolatents\r\n"+odd+"\nN\n")
		if status != 0 || rounds != 2 || stderr != "" || strings.Count(screen, "Do you want to enter another query (Y/N)?  ") != 2 {
			t.Errorf("%s: status %d, %d rounds, want 2; stderr %q, screen %.1000q", name, status, rounds, stderr, screen)
		}
	}
}

// Whatever is typed, a search ends with status 0 and a report of whole rounds, without a panic and with no file left behind.
func FuzzConversation(f *testing.F) {
	for _, s := range []string{
		"", "N\n", "Y two twolatents\nN", "y\r\nYes Y\ttwo\r\ntwolatents\r\nN\r\n", "Y missing two two twolatents Y out out", "Y two two two \xff\x00 . ..\nN",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		status, rounds, screen, stderr := talk(t, input)
		if status != 0 || stderr != "" {
			t.Errorf("status %d, stderr %q", status, stderr)
		}
		if first, _, _ := strings.Cut(screen, "Query File"); rounds == 0 || rounds > 1 && !strings.Contains(input, "Y") || !strings.HasPrefix(first, "Do you want") {
			t.Errorf("%d rounds, screen %q", rounds, screen)
		}
		if left, err := filepath.Glob("*"); err != nil || len(left) != 4 {
			t.Errorf("the folder has %q, %v; want the two inputs and the two reports", left, err)
		}
		if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}
