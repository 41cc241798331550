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
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/results"
)

// converse runs classification in a new folder on 12 images of 4x4 pixels in 3 classes and an
// autoencoder for them, with these lines as the answers. poison, which may be nil, changes the
// autoencoder first.
func converse(
	t *testing.T, input string, poison func(*nn.Model), flags ...string,
) (status int, screen, errors string) {
	t.Helper()
	t.Chdir(t.TempDir())
	m := &imageset.Images[uint8]{N: 12, Rows: 4, Cols: 4, Pix: make([]uint8, 12*16)}
	for i := range m.Pix {
		m.Pix[i] = uint8(31 * i)
	}
	model, err := nn.NewAutoencoder(nn.AutoencoderConfig{
		Rows: 4, Cols: 4, FilterSize: 3, Filters: []int{2}, Embedding: 2,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if poison != nil {
		poison(model)
	}
	for _, err := range []error{
		idx.WriteImages("images", m),
		idx.WriteLabels("labels", []uint8{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}),
		keras.Save("model.h5", model, nn.MeanSquaredError, nn.RMSprop),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	args := append([]string{"-quiet", "-d", "images", "-dl", "labels", "-t", "images", "-tl", "labels",
		"-model", "model.h5"}, flags...)
	var stdout, stderr bytes.Buffer
	status = run(args, strings.NewReader(input), &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

// All work lies in phases, each of which is shown if it takes long. In the end the display tells
// what was found and written.
func TestPhases(t *testing.T) {
	converse(t, "", nil) // makes the files
	o := options{
		trainingSet: "images", trainingLabels: "labels", testSet: "images", testLabels: "labels",
		model: "model.h5", save: "classifier.h5", json: "out.json", seed: 1,
	}
	var stderr strings.Builder
	var phases []string
	display := progress.New(&stderr, false)
	display.Began = func(name string) { phases = append(phases, name) }
	answers := strings.NewReader(strings.Join(conversation, "\n"))
	if err := classification(o, results.Header{}, answers, io.Discard, display); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"checking the files", "reading the files", "building the network", "training", "training",
		"writing classifier.h5", "drawing the loss graphs",
		"prediction", "comparing classes with labels", "prediction", "writing the classes",
		"prediction", "comparing classes with labels", "drawing the digits",
		"preparing the report", "writing the report",
	}
	if !slices.Equal(phases, want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
	// On a busy machine the phases are shown before it.
	found := regexp.MustCompile(`(^|\n)Right: [0-9]+ of 12 test images \([0-9.]+ %\)\n` +
		`Written: classifier.h5, classification_loss_graphs.png, clustering_test_set.txt,\n` +
		`  clustering_train_set.txt, classified_digits.png, out.json\n$`)
	if !found.MatchString(stderr.String()) {
		t.Errorf("in the end: %q", stderr.String())
	}
}

// A whole conversation; its answers up to the dropout rate are needed, the later ones can be left
// out.
var conversation = []string{"1", "3", "2", "5", "1", "1", "8", "2", "0.5", "Y", "Y", "N"}

const needed = 9

// Wherever the input ends, the program ends too: with an error as long as nothing is trained,
// then as if all other questions were answered with N.
func TestTheInputEndsAtEveryQuestion(t *testing.T) {
	for k := range len(conversation) + 1 {
		status, screen, stderr := converse(t, strings.Join(append(conversation[:k:k], ""), "\n"), nil)
		want := 0
		if k < needed {
			want = 1
		}
		const ended = "classification: the input ended where an answer to "
		if status != want || want == 1 && !strings.HasPrefix(stderr, ended) ||
			want == 0 && stderr != "" {
			t.Errorf("after %d answers: status %d, want %d; stderr %q", k, status, want, stderr)
		}
		for _, file := range []string{testClasses, trainingClasses} {
			if _, err := os.Stat(file); (err == nil) != (k >= needed) {
				t.Errorf("after %d answers: %s: %v", k, file, err)
			}
		}
		if reported := strings.Contains(screen, "weighted avg"); reported != (k > needed+1) {
			t.Errorf("after %d answers: reported %v", k, reported)
		}
		if left, err := filepath.Glob(".*"); err != nil || len(left) > 0 {
			t.Errorf("after %d answers: left behind %v, error %v", k, left, err)
		}
	}
}

// Whatever stands before the right answer of any question, the conversation reaches the same end.
func TestOddAnswersAtEveryQuestion(t *testing.T) {
	_, want, _ := converse(t, strings.Join(conversation, "\n"), nil)
	if judgement(want) == "" {
		t.Fatal("no report")
	}
	for name, odd := range map[string]string{
		"blank": " ", "empty": "", "letters": "abc", "a minus sign": "-", "UTF-8": "ναι",
		"stray bytes": "\xff\xfe\x00", "blanks within": "3 3",
		"a megabyte": strings.Repeat("9", 1e6),
	} {
		status, screen, stderr := converse(t, odd+"\n"+strings.Join(conversation, "\r\n"+odd+"\n"), nil)
		if status != 0 || stderr != "" {
			t.Errorf("%s: status %d, stderr %q", name, status, stderr)
		}
		if got, want := judgement(screen), judgement(want); got != want {
			t.Errorf("%s: report\n%s\nwant\n%s", name, got, want)
		}
	}
}

// judgement returns what stands on the screen from the counts to the last question.
func judgement(screen string) string {
	_, after, _ := strings.Cut(screen, "Found")
	before, _, _ := strings.Cut(after, "Repeat Experiment")
	return before
}

// An encoder that makes the loss no number ends the training at once; the conversation goes on.
func TestTrainingThatGoesWrong(t *testing.T) {
	status, screen, stderr := converse(t, strings.Join(conversation, "\n"), func(m *nn.Model) {
		w := m.Layer("conv2d").Weights[0].Data
		for i := range w {
			w[i] = 1e38
		}
	})
	if status != 0 || stderr != "" {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
	const ends = "\nThe training ends: nn: the loss is no finite number: it became NaN in epoch 1 " +
		"of 1; the weights are those from before that epoch\n"
	if n := strings.Count(screen, ends); n != 1 {
		t.Errorf("the end of the training is told %d times, want once, as phase 2 is not begun:\n%s",
			n, screen)
	}
	if !strings.Contains(screen, "Found 4 correct labels\nFound 8 incorrect labels\n") {
		t.Errorf("the images, all doubtful, are not in class 0:\n%s", screen)
	}
}

// Where the file of -save cannot be written, another is asked for.
func TestSaveAsksForAnotherFile(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []string // typed
		want  int      // status
		saved string
	}{
		{"the second file", []string{"images", "c.h5"}, 0, "c.h5"},
		{"none", nil, 1, ""},
	} {
		input := strings.Join(append(append(conversation[:needed:needed], tt.files...), ""), "\n")
		status, screen, stderr := converse(t, input, nil, "-save", "c.weights.h5")
		const cannot = "cannot write c.weights.h5: "
		if status != tt.want ||
			(tt.want == 1) != strings.HasPrefix(stderr, "classification: "+cannot) {
			t.Errorf("%s: status %d, stderr %q", tt.name, status, stderr)
		}
		if !strings.Contains(screen, cannot) ||
			strings.Contains(screen, "Trained model: "+tt.saved) != (tt.saved != "") {
			t.Errorf("%s: screen\n%s", tt.name, screen)
		}
		if tt.saved != "" {
			if _, err := keras.Load(tt.saved); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
}

// A hundred invalid answers in a row end the program with a sentence, before the training and
// after it.
func TestEndlessInput(t *testing.T) {
	trained := strings.Join(conversation[:needed], "\n") + "\n"
	for _, tt := range []struct {
		start, again string
		flags        []string
	}{
		{start: "", again: "maybe\n"},
		{start: trained, again: "maybe\n"},
		// This file cannot be written.
		{start: trained, again: "images\n", flags: []string{"-save", "c.weights.h5"}},
	} {
		status, screen, stderr := converse(t, tt.start+strings.Repeat(tt.again, 1000), nil, tt.flags...)
		if status != 1 || !strings.HasSuffix(stderr, "the last 100 answers were invalid\n") {
			t.Errorf("%q and %q: status %d, stderr %q, screen %.1000q",
				tt.start, tt.again, status, stderr, screen)
		}
	}
}

func TestRoundedArgmax(t *testing.T) {
	for _, tt := range []struct {
		p    []float32
		want uint8
	}{
		{[]float32{0.1, 0.2, 0.7}, 2},
		{[]float32{0.49, 0.5, 0.01}, 0}, // one half is rounded to 0, the even number
		{[]float32{0.3, 0.4, 0.3}, 0},
		{[]float32{0.49999997, 0.50000006}, 1},
		{[]float32{1, 0}, 0},
	} {
		if got := roundedArgmax(tt.p); got != tt.want {
			t.Errorf("the class of %v is %d, want %d", tt.p, got, tt.want)
		}
	}
}

func TestArgmax(t *testing.T) {
	for _, tt := range []struct {
		p    []float32
		want uint8
	}{
		{[]float32{0.1, 0.2, 0.7}, 2},
		{[]float32{0.3, 0.4, 0.3}, 1},
		{[]float32{0.2, 0.4, 0.4}, 1},
		{[]float32{1, 0}, 0},
	} {
		if got := argmax(tt.p); got != tt.want {
			t.Errorf("the class of %v is %d, want %d", tt.p, got, tt.want)
		}
	}
}

// Whatever is typed, the program ends with status 0, or with status 1 and a sentence, and leaves
// no temporary file.
func FuzzConversation(f *testing.F) {
	f.Add(strings.Join(conversation, "\n"))
	f.Add(strings.Join(conversation, "\r\n") + "\r\n")
	f.Add("1\n3\n4\n5\n1\n1\n8\n2\n0.5\n1\n3\n2\n5\n0\n0\n8\n2\n.5\nY\nN\nY\n")
	f.Add("2\n3\n2\n2\n5\n0\n0\n8\n2\n1e-1\nmaybe\nN\nY\nN\n")
	f.Add("1\n+3\n99999999999\n2\n5\n0\n1\n9\n2\nnan\n1\n\xff\x00\nN\nN\nN\n")
	f.Fuzz(func(t *testing.T, input string) {
		if !scripttest.Harmless(input) {
			return
		}
		status, screen, stderr := converse(t, input, nil, "-save", "c.h5")
		if status != 0 && (status != 1 || !strings.HasPrefix(stderr, "classification: ")) ||
			status == 0 && stderr != "" {
			t.Errorf("status %d, stderr %q, screen %q", status, stderr, screen)
		}
		if left, err := filepath.Glob(".*.tmp"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	})
}
