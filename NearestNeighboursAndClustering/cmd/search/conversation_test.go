package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/results"
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

// All work lies in phases, each of which is shown if it takes long.
func TestPhases(t *testing.T) {
	talk(t, "") // makes the files
	if err := idx.WriteLabels("labels", []uint8{1, 2}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args, input string
		want        []string
	}{
		"two rounds": {"-i twolatents -s twolatents -html page.html -textbook -L 3", "Y two twolatents",
			[]string{
				"checking the files", "reading the data set", "reading the queries",
				"preparing the data set", "width of the hash grid", "building the hash tables",
				"preparing the images of the page", "neighbours on the page",
				"reduced search", "LSH search", "exact search", "comparing the answers",
				"neighbours of queries on the page", "preparing the report", "writing out",
				"reading two", "reading twolatents",
				"reduced search", "LSH search", "exact search", "comparing the answers",
				"neighbours of queries on the page", "preparing the report", "writing out",
			}},
		"EMD": {"-EMD -l1 labels -l2 labels -cell 1", "", []string{
			"checking the files", "reading the data set", "reading the queries",
			"Earth Mover's Distance", "Manhattan distance",
			"preparing the report", "writing out",
		}},
		"EMD with a page": {"-EMD -l1 labels -l2 labels -cell 1 -html page.html", "", []string{
			"checking the files", "reading the data set", "reading the queries",
			"preparing the images of the page", "Earth Mover's Distance", "Manhattan distance",
			"neighbours on the page", "neighbours of queries on the page",
			"preparing the report", "writing out",
		}},
	} {
		opt, err := parseOptions(strings.Fields("-d two -q two -o out " + c.args))
		if err != nil {
			t.Fatal(err)
		}
		var phases []string
		opt.display = progress.New(io.Discard, true)
		opt.display.Began = func(name string) { phases = append(phases, name) }
		if opt.emd {
			err = searchEMD(opt, results.Header{}, io.Discard)
		} else {
			err = searchNeighbours(opt, results.Header{}, &typist{c.input}, io.Discard)
		}
		if err != nil || !slices.Equal(phases, c.want) {
			t.Errorf("%s: phases %q, want %q; error %v", name, phases, c.want, err)
		}
	}
}

// A typist types a line when it is asked for.
type typist struct{ line string }

func (p *typist) Read(b []byte) (int, error) {
	if p.line == "" {
		return 0, io.EOF
	}
	n := copy(b, p.line+"\n")
	p.line = ""
	return n, nil
}

// -quiet hides the lines of EMD's queries, too.
func TestQuietEMD(t *testing.T) {
	talk(t, "")
	if err := idx.WriteLabels("labels", []uint8{1, 2}); err != nil {
		t.Fatal(err)
	}
	args := strings.Fields("-d two -q two -l1 labels -l2 labels -o out -EMD -cell 1")
	for quiet, want := range map[string]string{"": "Query: 0\nQuery: 1\n", "-quiet": ""} {
		var stdout, stderr bytes.Buffer
		status := run(append(args, strings.Fields(quiet)...), nil, &stdout, &stderr)
		if status != 0 || stdout.String() != want {
			t.Errorf("%q: status %d, screen %q, want %q", quiet, status, &stdout, want)
		}
		if quiet != "" && stderr.Len() > 0 {
			t.Errorf("stderr %q", &stderr)
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
