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

const someClasses = "CLUSTER-0 { size: 2, 0, 2}}\nCLUSTER-1 { size: 1, 1}}\n"

// talk runs cluster in a new folder on three images with this class file and this input. report is
// "" if there is none.
func talk(t *testing.T, input, classes string) (status int, report, screen, errors string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, err := range []error{
		idx.WriteImages("images", &imageset.Images[uint8]{
			N: 3, Rows: 1, Cols: 2, Pix: []uint8{0, 0, 0, 8, 9, 200},
		}),
		idx.WriteLatents("latents", &imageset.Images[uint16]{
			N: 3, Rows: 1, Cols: 1, Pix: []uint16{0, 10, 60000},
		}),
		os.WriteFile("classes", []byte(classes), 0o644),
		os.WriteFile("two.conf", []byte("number_of_clusters: 2\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	args := []string{"-quiet", "-d", "images", "-i", "latents", "-n", "classes", "-c", "two.conf",
		"-o", "out", "-html", "page.html"}
	status = run(args, strings.NewReader(input), &stdout, &stderr)
	b, err := os.ReadFile("out")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return status, string(b), stdout.String(), stderr.String()
}

// rounds returns the number of rounds in a report, and -1 if it has a part of one.
func rounds(report string) int {
	n := strings.Count(report, "CLASSES AS CLUSTERS\n")
	if n != strings.Count(report, "NEW SPACE\n") {
		return -1
	}
	return n
}

// Wherever the input ends, the program ends with the rounds until then.
func TestTheInputEndsAtEveryQuestion(t *testing.T) {
	words := strings.Fields("Y images latents classes Y images latents classes N")
	for k := range len(words) + 1 {
		for _, end := range []string{"", "\n", "\r\n"} {
			status, report, _, stderr := talk(t, strings.Join(words[:k], "\n")+end, someClasses)
			if want := 1 + min(k/4, 2); status != 0 || rounds(report) != want || stderr != "" {
				t.Errorf("after %d words and %q: status %d, %d rounds, want %d; stderr %q",
					k, end, status, rounds(report), want, stderr)
			}
		}
	}
}

// Whatever stands before the right answer of any question, the conversation reaches the same end.
func TestOddAnswersAtEveryQuestion(t *testing.T) {
	for name, odd := range map[string]string{
		"letters": "abc", "a minus sign": "-", "UTF-8": "ναι", "stray bytes": "\xff\xfe\x00",
		"blanks within": "a b c",
		"a megabyte":    strings.Repeat("9", 1e6),
	} {
		answers := []string{
			odd, "Y", odd, "latents", "images\t" + odd, odd, "classes", "latents\v" + odd, "images",
			"classes", odd, "N", "",
		}
		status, report, screen, stderr := talk(t, strings.Join(answers, "\r\n"), someClasses)
		if status != 0 || rounds(report) != 2 || stderr != "" {
			t.Errorf("%s: status %d, %d rounds, want 2; stderr %q, screen %.1000q",
				name, status, rounds(report), stderr, screen)
		}
	}
	for _, empty := range []string{"", " ", "\t\v\f"} {
		answers := []string{
			empty, "Y", empty, "Y", "images", empty, "Y", "images", "latents", empty, "Y", "images",
			"latents", "classes",
			empty, "N", "",
		}
		status, report, screen, stderr := talk(t, strings.Join(answers, "\r\n"), someClasses)
		if status != 0 || rounds(report) != 2 || stderr != "" {
			t.Errorf("%q: status %d, %d rounds, want 2; stderr %q, screen %q",
				empty, status, rounds(report), stderr, screen)
		}
	}
}

// All work lies in phases, each of which is shown if it takes long.
func TestPhases(t *testing.T) {
	talk(t, "", someClasses) // makes the files
	opt, err := parseOptions(strings.Fields(
		"-d images -i latents -n classes -c two.conf -o out -html page.html"))
	if err != nil {
		t.Fatal(err)
	}
	var phases []string
	opt.display = progress.New(io.Discard, true)
	opt.display.Began = func(name string) { phases = append(phases, name) }
	if err := converse(opt, results.Header{}, strings.NewReader(""), io.Discard); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"checking the files", "reading the files",
		"seeds in the new space", "k-medians in the new space", "silhouettes of the new space",
		"seeds in the original space", "k-medians in the original space",
		"silhouettes of the original space", "silhouettes of the classes", "comparing the clusters",
		"preparing the report", "writing out",
	}
	if !slices.Equal(phases, want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
}

// A hundred invalid answers in a row end the program with a sentence; what was written stays.
func TestEndlessInput(t *testing.T) {
	for start, again := range map[string]string{
		"": "maybe\n", "Y ": "Y\n", "huh\n": "\n", "maybe\n": "Y\n\n",
	} {
		status, report, screen, stderr := talk(t, start+strings.Repeat(again, 1000), someClasses)
		if status != 1 || rounds(report) != 1 ||
			stderr != "cluster: the last 100 answers were invalid\n" {
			t.Errorf("%q and %q: status %d, stderr %q, screen %.1000q", start, again, status, stderr, screen)
		}
	}
	// A line without end.
	status, report, screen, stderr := talk(t, strings.Repeat("\x00", 2<<20), someClasses)
	if status != 1 || rounds(report) != 1 ||
		!strings.HasSuffix(stderr, " is longer than 1048576 bytes\n") {
		t.Errorf("status %d, stderr %q, screen %.1000q", status, stderr, screen)
	}
}

// Whatever is typed, and whatever the class file holds, cluster ends with status 0 and a report of
// whole rounds. If the class file is invalid, it ends with status 1, one sentence and no report.
func FuzzConversation(f *testing.F) {
	for _, s := range []string{
		"", "N\n", "Y images latents classes\nN", "y\r\nYes Y\timages\r\nlatents\r\nclasses\r\nN\r\n",
		"Y missing latents classes images latents out", "Y \xff\x00 . ..\nN", "yes images\n\nno",
	} {
		f.Add(s, someClasses)
	}
	f.Add("N", "CLUSTER-0 { size: 0}}\r\n\r\n")
	f.Fuzz(func(t *testing.T, input, classes string) {
		status, report, screen, stderr := talk(t, input, classes)
		const invalid = "cluster: the last 100 answers were invalid\n"
		if status == 1 && stderr == invalid {
			status, stderr = 0, ""
		}
		if status != 0 {
			if status != 1 || report != "" || screen != "" ||
				!strings.HasPrefix(stderr, "cluster: classes: ") {
				t.Errorf("status %d, report %q, screen %q, stderr %q", status, report, screen, stderr)
			}
			return
		}
		if rounds(report) < 1 || stderr != "" {
			t.Errorf("report %q, stderr %q", report, stderr)
		}
		if left, err := filepath.Glob("*"); err != nil || len(left) != 6 {
			t.Errorf("the folder has %q, %v; want the four inputs and the two reports", left, err)
		}
		if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}
