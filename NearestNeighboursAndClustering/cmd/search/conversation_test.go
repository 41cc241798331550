package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

// talk runs search in a new folder on two images, with this input, and returns how many rounds its
// report has, too.
func talk(t *testing.T, input string) (status, rounds int, screen, errors string) {
	t.Helper()
	return talkTo(t, strings.NewReader(input))
}

func talkTo(t *testing.T, reader io.Reader) (status, rounds int, screen, errors string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, err := range []error{
		idx.WriteImages("two", &imageset.Images[uint8]{
			N: 2, Rows: 1, Cols: 2, Pix: []uint8{0, 9, 200, 1},
		}),
		idx.WriteLatents("twolatents", &imageset.Images[uint16]{
			N: 2, Rows: 1, Cols: 1, Pix: []uint16{3, 60000},
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	args := []string{"-quiet", "-d", "two", "-i", "twolatents", "-q", "two", "-s", "twolatents",
		"-o", "out", "-html", "page.html"}
	status = run(args, reader, &stdout, &stderr)
	return status, roundsIn(t, "out"), stdout.String(), stderr.String()
}

// roundsIn returns the number of rounds in a report.
func roundsIn(t *testing.T, name string) int {
	t.Helper()
	report, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(report, []byte("Approximation Factor Reduced: "))
}

// A person is an input that gives a line to each read. It checks that all rounds before have been
// written.
type person struct {
	t     *testing.T
	lines int
}

func (p *person) Read(b []byte) (int, error) {
	if got := roundsIn(p.t, "out"); got != 1+p.lines {
		p.t.Errorf("the program waits, and the report has %d of %d rounds", got, 1+p.lines)
	}
	if p.lines == 20 {
		return 0, io.EOF
	}
	p.lines++
	return copy(b, "Y two twolatents\n"), nil
}

// While the program waits for a person, its report has all rounds. With answers that are there
// already, it has them in the end.
func TestAllRoundsAreWritten(t *testing.T) {
	if status, rounds, _, stderr := talkTo(t, &person{t: t}); status != 0 || rounds != 21 {
		t.Errorf("status %d, %d rounds, stderr %q", status, rounds, stderr)
	}
	many := strings.Repeat("Y two twolatents\n", 200)
	if status, rounds, _, stderr := talk(t, many); status != 0 || rounds != 201 {
		t.Errorf("status %d, %d rounds, stderr %q", status, rounds, stderr)
	}
}

// Wherever the input ends, the program ends with the rounds until then.
func TestTheInputEndsAtEveryQuestion(t *testing.T) {
	words := strings.Fields("Y two twolatents Y two twolatents N")
	for k := range len(words) + 1 {
		for _, end := range []string{"", "\n", "\r\n"} {
			status, rounds, _, stderr := talk(t, strings.Join(words[:k], "\n")+end)
			if want := 1 + min(k/3, 2); status != 0 || rounds != want || stderr != "" {
				t.Errorf("after %d words and %q: status %d, %d rounds, want %d; stderr %q",
					k, end, status, rounds, want, stderr)
			}
		}
	}
}

// Whatever stands before the right answer of any question, the conversation reaches the same end.
func TestOddAnswersAtEveryQuestion(t *testing.T) {
	for name, odd := range map[string]string{
		"letters": "abc", "a minus sign": "-", "UTF-8": "ναι", "stray bytes": "\xff\xfe\x00",
		"blanks within": "a b",
		"a megabyte":    strings.Repeat("9", 1e6),
	} {
		answers := []string{odd, "Y", odd, "two\t" + odd, "two", "twolatents", odd, "N", ""}
		status, rounds, screen, stderr := talk(t, strings.Join(answers, "\r\n"))
		if status != 0 || rounds != 2 || stderr != "" {
			t.Errorf("%s: status %d, %d rounds, want 2; stderr %q, screen %.1000q",
				name, status, rounds, stderr, screen)
		}
	}
	for _, empty := range []string{"", " ", "\t\v\f"} {
		answers := []string{
			empty, "Y", empty, "Y", "two", empty, "Y", "two", "twolatents", empty, "N", "",
		}
		status, rounds, screen, stderr := talk(t, strings.Join(answers, "\r\n"))
		if status != 0 || rounds != 2 || stderr != "" {
			t.Errorf("%q: status %d, %d rounds, want 2; stderr %q, screen %q",
				empty, status, rounds, stderr, screen)
		}
	}
}

// A hundred invalid answers in a row end the program with a sentence; what was written stays.
func TestEndlessInput(t *testing.T) {
	for start, again := range map[string]string{
		"": "maybe\n", "Y ": "Y\n", "huh\n": "\n", "maybe\n": "Y\n\n",
	} {
		status, rounds, screen, stderr := talk(t, start+strings.Repeat(again, 1000))
		if status != 1 || rounds != 1 || stderr != "search: the last 100 answers were invalid\n" {
			t.Errorf("%q and %q: status %d, stderr %q, screen %.1000q", start, again, status, stderr, screen)
		}
	}
	// A line without end.
	status, rounds, screen, stderr := talk(t, strings.Repeat("\x00", 2<<20))
	if status != 1 || rounds != 1 || !strings.HasSuffix(stderr, " is longer than 1048576 bytes\n") {
		t.Errorf("status %d, stderr %q, screen %.1000q", status, stderr, screen)
	}
}

// Whatever is typed, a search ends with a report of whole rounds and no file left behind. Its
// status is 0, or 1 after a hundred invalid answers.
func FuzzConversation(f *testing.F) {
	for _, s := range []string{
		"", "N\n", "Y two twolatents\nN", "y\r\nYes Y\ttwo\r\ntwolatents\r\nN\r\n",
		"Y missing two two twolatents Y out out", "Y two two two \xff\x00 . ..\nN", "y\n\nyes two\n\nno",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, input string) {
		status, rounds, screen, stderr := talk(t, input)
		const invalid = "search: the last 100 answers were invalid\n"
		if (status != 0 || stderr != "") && (status != 1 || stderr != invalid) {
			t.Errorf("status %d, stderr %q", status, stderr)
		}
		if rounds == 0 || rounds > 1 && !strings.ContainsAny(input, "yY") ||
			!strings.HasPrefix(screen, "Do you want") {
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
