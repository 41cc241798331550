package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/NeuralNetwork/internal/scripttest"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/results"
)

// converse runs reduce in a new folder on 12 images of 4x4 pixels, with these lines as the answers.
func converse(t *testing.T, input string) (status int, screen, errors string) {
	t.Helper()
	t.Chdir(t.TempDir())
	m := &imageset.Images[uint8]{N: 12, Rows: 4, Cols: 4, Pix: make([]uint8, 12*16)}
	for i := range m.Pix {
		m.Pix[i] = uint8(31 * i)
	}
	if err := idx.WriteImages("images", m); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	status = run([]string{"-quiet", "-d", "images", "-q", "images", "-od", "d", "-oq", "q"},
		strings.NewReader(input), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// A whole conversation; its answers up to the embedding dimension are needed, the later ones can
// be left out.
var conversation = []string{"N", "1", "3", "2", "1", "8", "2", "Y", "Y", "model.h5", "Y", "N"}

const needed = 7

// Wherever the input ends, the program ends too. It ends with an error as long as nothing is
// trained, or if a model was to be saved but no path was given. Otherwise it ends as if all other
// questions were answered with N.
func TestTheInputEndsAtEveryQuestion(t *testing.T) {
	const path = 9 // answers before the question for a path
	for k := range len(conversation) + 1 {
		status, screen, stderr := converse(t, strings.Join(append(conversation[:k:k], ""), "\n"))
		want := 0
		if k < needed || k == path {
			want = 1
		}
		const ended = "reduce: the input ended where an answer to "
		if status != want || want == 1 && !strings.HasPrefix(stderr, ended) ||
			want == 0 && stderr != "" {
			t.Errorf("after %d answers: status %d, want %d; stderr %q", k, status, want, stderr)
		}
		_, err := os.Stat("d")
		if written := err == nil; written != (k > 10) {
			t.Errorf("after %d answers: vectors written: %v", k, written)
		}
		if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
			t.Errorf("after %d answers: left behind %v, error %v", k, left, err)
		}
		if k == len(conversation) && !strings.HasSuffix(screen, "Repeat Experiment (Y/N)? ") {
			t.Errorf("the last question is missing:\n%s", screen)
		}
	}
}

// All work lies in phases, each of which is shown if it takes long. In the end the display tells
// what was found and written.
func TestPhases(t *testing.T) {
	converse(t, "") // makes the images
	o := options{
		dataset: "images", queryset: "images", datasetLatents: "d", querysetLatents: "q",
		html: "page.html", loss: nn.MeanSquaredError, seed: 1,
	}
	var stderr strings.Builder
	var phases []string
	display := progress.New(&stderr, false)
	display.Began = func(name string) { phases = append(phases, name) }
	answers := strings.NewReader(strings.Join(conversation, "\n"))
	if err := reduce(o, results.Header{}, answers, io.Discard, display); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"checking the files", "reading the files", "building the network", "training",
		"drawing the loss graphs", "writing model.h5",
		"prediction", "scaling the vectors", "prediction", "scaling the vectors",
		"writing the vectors", "vectors for the report", "map of the vectors for the report",
		"reconstructions for the report", "preparing the report", "writing the report",
	}
	if !slices.Equal(phases, want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
	found := regexp.MustCompile(`^Epochs: 1, loss: [0-9.e-]+, validation loss: [0-9.e-]+\n` +
		`Written: loss_graphs.png, model.h5, d, q, page.html\n$`)
	if !found.MatchString(stderr.String()) {
		t.Errorf("in the end: %q", stderr.String())
	}
}

// Whatever stands before the right answer of any question, the conversation reaches the same end.
func TestOddAnswersAtEveryQuestion(t *testing.T) {
	_, want, _ := converse(t, strings.Join(conversation, "\n"))
	for name, odd := range map[string]string{
		"blank": " ", "empty": "", "letters": "abc", "a minus sign": "-", "UTF-8": "ναι",
		"stray bytes": "\xff\xfe\x00", "blanks within": "3 3",
		"a megabyte": strings.Repeat("9", 1e6),
	} {
		var input strings.Builder
		for i, a := range conversation {
			// Any text is a path; it would be taken.
			if i != 9 {
				input.WriteString(odd + "\n")
			}
			input.WriteString(a + "\r\n")
		}
		status, screen, stderr := converse(t, input.String())
		if status != 0 || stderr != "" || lastLine(screen) != lastLine(want) {
			t.Errorf("%s: status %d, stderr %q, last line %q", name, status, stderr, lastLine(screen))
		}
		for _, file := range []string{"d", "q", "model.h5", "loss_graphs.png"} {
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// After a path that does not serve, its question comes again: before a model is loaded, and after
// one was trained.
func TestOddPaths(t *testing.T) {
	for name, odd := range map[string]string{
		"a folder": ".", "no such folder": "none/model.h5", "stray bytes": "\xff\xfe\x00",
		"a megabyte": strings.Repeat("9", 1e6),
	} {
		status, screen, stderr := converse(t, "Y\n"+odd+"\r\n"+odd+"\n")
		const ended = "reduce: the input ended where an answer to \"Input model file path: \" was " +
			"expected; the last one was refused: "
		if status != 1 || !strings.HasPrefix(stderr, ended) || strings.Count(stderr, "\n") != 1 ||
			strings.Count(screen, "Input model file path: ") != 3 {
			t.Errorf("%s to load: status %d, stderr %q, screen %.1000q", name, status, stderr, screen)
		}
		input := slices.Insert(slices.Clone(conversation), 9, odd)
		status, screen, stderr = converse(t, strings.Join(input, "\n"))
		asked := strings.Count(screen, "Save trained model (Y/N)? Input save file path: ")
		if status != 0 || stderr != "" ||
			asked != 1 || strings.Count(screen, "Input save file path: ") != 2 {
			t.Errorf("%s to save: status %d, stderr %q, screen %.1000q", name, status, stderr, screen)
		}
		if _, err := os.Stat("model.h5"); err != nil {
			t.Errorf("%s to save: %v", name, err)
		}
	}
}

// An empty line instead of a path leads back to the question before.
func TestNoPath(t *testing.T) {
	for _, empty := range []string{"", " \t"} {
		input := append([]string{"Y", empty}, slices.Insert(slices.Clone(conversation), 9, empty, "y")...)
		status, screen, stderr := converse(t, strings.Join(input, "\n"))
		if status != 0 || stderr != "" || strings.Count(screen, "\nLoad trained model (Y/N)? ") != 2 ||
			strings.Count(screen, "\nSave trained model (Y/N)? Input save file path: ") != 2 {
			t.Errorf("%q: status %d, stderr %q, screen %q", empty, status, stderr, screen)
		}
		if _, err := os.Stat("model.h5"); err != nil {
			t.Error(err)
		}
		// Who then does without has lost nothing by choice.
		input = slices.Insert(slices.Clone(conversation[:9]), 9, empty, "N", "N", "N")
		if status, screen, stderr := converse(t, strings.Join(input, "\n")); status != 0 || stderr != "" {
			t.Errorf("%q: status %d, stderr %q, screen %q", empty, status, stderr, screen)
		}
	}
}

// A hundred invalid answers in a row end the program with a sentence, before the training and
// after it.
func TestEndlessInput(t *testing.T) {
	trained := strings.Join(conversation[:8], "\n") + "\n"
	for _, start := range []string{"", "N\n", trained, "Y\n", "Y\nnone\n\nN\n"} {
		status, screen, stderr := converse(t, start+strings.Repeat("maybe\n", 1000))
		if status != 1 || stderr != "reduce: the last 100 answers were invalid\n" ||
			strings.Count(screen, "maybe") > 100 {
			t.Errorf("after %q: status %d, stderr %q, screen %.1000q", start, status, stderr, screen)
		}
	}
}

func lastLine(text string) string { return text[strings.LastIndex(text, "\n")+1:] }

// Whatever is typed, the program ends with status 0, or with status 1 and a sentence, and leaves
// no temporary file.
func FuzzConversation(f *testing.F) {
	f.Add(strings.Join(conversation, "\n"))
	f.Add(strings.Join(conversation, "\r\n") + "\r\n")
	f.Add("y\nimages\n\nmodel.h5\n")
	f.Add("maybe\nN\n1\n3\n2\n0\n8\n2\nN\nY\nimages\nY\nd\nN\nY\nN\n")
	f.Add("N\n1\n+3\n99999999999\n4\n0\n8\n2\nY\n\xff\x00\nN\nN\nY\n2\n3\n\n")
	f.Fuzz(func(t *testing.T, input string) {
		if !scripttest.Harmless(input) {
			return
		}
		status, screen, stderr := converse(t, input)
		if status != 0 && (status != 1 || !strings.HasPrefix(stderr, "reduce: ")) ||
			status == 0 && stderr != "" {
			t.Errorf("status %d, stderr %q, screen %q", status, stderr, screen)
		}
		if left, err := filepath.Glob(".*.tmp"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}
