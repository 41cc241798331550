package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

// writeSets writes n images of side x side pixels to train on and 90 to test with, their labels,
// and an autoencoder.
func writeSets(t *testing.T, n, side int) {
	t.Helper()
	m := &imageset.Images[uint8]{N: n, Rows: side, Cols: side, Pix: make([]uint8, n*side*side)}
	labels := make([]uint8, n)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * i / 64 % 251)
	}
	for i := range labels {
		labels[i] = uint8(i % 7)
	}
	model, err := nn.NewAutoencoder(nn.AutoencoderConfig{
		Rows: side, Cols: side, FilterSize: 3, Filters: []int{4, 4}, Embedding: 3,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		idx.WriteImages("images", m),
		idx.WriteLabels("labels", labels),
		idx.WriteImages("tests", m.First(90)),
		idx.WriteLabels("testlabels", labels[:90]),
		keras.Save("model.h5", model, nn.MeanSquaredError, nn.RMSprop),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// All results are the same to the byte, whether the images are kept in memory or read in blocks of
// any size, in both modes, also if the outputs of an encoder that cannot be trained are computed
// once.
func TestBlocks(t *testing.T) {
	strided, err := filepath.Abs("../../../pkg/testdata/encoders/k2_stride2.h5")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	const (
		common = "-quiet -d images -dl labels -t tests -tl testlabels -fc 6 -phase1 1 -phase2 2 " +
			"-batch 30 -dropout 0.3 -save classifier.h5 -yes graphs,classify -html page.html " +
			"-json out.json "
		ours = common + "-model model.h5 -layers 2 -size 3 -filters 4,4 -embedding 3 "
	)
	for _, c := range []struct {
		name, args   string
		images, side int
	}{
		{"ours", ours, 1100, 8},
		{"ours, textbook", ours + "-textbook", 300, 8},
		{"another's", common + "-model " + strided, 150, 28},
	} {
		writeSets(t, c.images, c.side)
		var want map[string]string
		for _, block := range []int{0, 1, 7, 512} {
			restore := idx.InBlocks(block)
			var stdout, stderr bytes.Buffer
			status := run(strings.Fields(c.args), strings.NewReader(""), &stdout, &stderr)
			restore()
			if status != 0 || stderr.Len() > 0 {
				t.Fatalf("%s, blocks of %d: status %d, stderr %q", c.name, block, status, &stderr)
			}
			got := scripttest.Outputs(t, stdout.String())
			if want == nil {
				want = got
			}
			scripttest.Compare(t, fmt.Sprintf("%s, blocks of %d", c.name, block), got, want)
		}
		if once := strings.Contains(want["the screen"], "There is no phase 2"); once !=
			(c.name == "another's") {
			t.Errorf("%s: the screen\n%s", c.name, want["the screen"])
		}
	}
}

// A file that is cut while it is read costs nothing that was trained, and no file that was there.
// The program ends with a sentence.
func TestImagesThatChangeWhileTheyAreRead(t *testing.T) {
	defer idx.InBlocks(50)()
	answers := []string{"2", "3", "4", "4", "6", "1", "1", "8", "3", "0.5", "N", "Y", "N", "N"}
	for name, c := range map[string]struct {
		at, file string // what begins, and the file that is cut then
		saved    string // the model that is there in the end
		classes  string // the beginning of the class files
		page     bool   // is written
	}{
		"before the training": {"training", "images", "", "old", false},
		"in phase 2": {
			"second training", "images", "classifier-interrupted.h5", "old", false,
		},
		"in the prediction":       {"prediction", "tests", "classifier.h5", "old", true},
		"in the later prediction": {"drawing the digits", "tests", "classifier.h5", "CLUSTER", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			writeSets(t, 700, 8)
			for _, file := range []string{testClasses, trainingClasses, "page.html"} {
				if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			display := progress.New(io.Discard, true)
			trainings, changed := 0, false
			display.Began = func(phase string) {
				if phase == "training" {
					if trainings++; trainings == 2 {
						phase = "second training"
					}
				}
				if phase == c.at && !changed {
					changed = true
					if err := os.Truncate(c.file, 1000); err != nil {
						t.Error(err)
					}
				}
			}
			o := options{
				trainingSet: "images", trainingLabels: "labels", testSet: "tests",
				testLabels: "testlabels", model: "model.h5", save: "classifier.h5",
				html: "page.html", seed: 1,
			}
			var screen bytes.Buffer
			input := strings.NewReader(strings.Join(answers, "\n"))
			err := classification(o, results.Header{}, input, &screen, display)
			want := c.file + ": the file changed while it was read ("
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one sentence that begins %q", err, want)
			}
			for _, file := range []string{"classifier-interrupted.h5", "classifier.h5"} {
				_, err := keras.Load(file)
				if saved := err == nil; saved != (file == c.saved) {
					t.Errorf("%s: %v", file, err)
				}
			}
			for _, file := range []string{testClasses, trainingClasses} {
				if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), c.classes) {
					t.Errorf("%s begins %.20q, %v; want %q", file, b, err, c.classes)
				}
			}
			if b, err := os.ReadFile("page.html"); err != nil || (string(b) != "old") != c.page {
				t.Errorf("the page has %d bytes, %v; written: %v", len(b), err, c.page)
			}
		})
	}
}

// Results without a page need no images any more, so a file that is cut then does not matter.
func TestResultsWithoutAPageReadNoImages(t *testing.T) {
	defer idx.InBlocks(50)()
	t.Chdir(t.TempDir())
	writeSets(t, 90, 8)
	display := progress.New(io.Discard, true)
	cut := 0
	display.Began = func(phase string) {
		if phase == "preparing the report" {
			cut++
			if err := os.Truncate("tests", 1000); err != nil {
				t.Error(err)
			}
		}
	}
	o := options{
		trainingSet: "images", trainingLabels: "labels", testSet: "tests", testLabels: "testlabels",
		model: "model.h5", json: "out.json", seed: 1,
	}
	answers := []string{"2", "3", "4", "4", "6", "1", "1", "8", "3", "0.5", "N", "Y", "N", "N"}
	input := strings.NewReader(strings.Join(answers, "\n"))
	if err := classification(o, results.Header{}, input, io.Discard, display); err != nil {
		t.Error(err)
	}
	var run results.Classification
	if err := results.Read("out.json", &run); err != nil || len(run.Rounds) != 1 || cut != 1 {
		t.Errorf("%d rounds, %v; the file was cut %d times", len(run.Rounds), err, cut)
	}
}
