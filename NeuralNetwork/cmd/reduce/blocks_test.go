package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
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

// writeImages writes n images of 8x8 pixels and labels to the current folder, and the first 90
// images as queries.
func writeImages(t *testing.T, n int) {
	t.Helper()
	m := &imageset.Images[uint8]{N: n, Rows: 8, Cols: 8, Pix: make([]uint8, n*64)}
	labels := make([]uint8, m.N)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * i / 64 % 251)
	}
	for i := range labels {
		labels[i] = uint8(i % 7)
	}
	if err := idx.WriteImages("images", m); err != nil {
		t.Fatal(err)
	}
	if err := idx.WriteImages("queries", m.First(90)); err != nil {
		t.Fatal(err)
	}
	if err := idx.WriteLabels("labels", labels); err != nil {
		t.Fatal(err)
	}
}

// All results are the same to the byte, whether the images are kept in memory or read in blocks of
// any size, in both modes, of a training and of a model that is loaded.
func TestBlocks(t *testing.T) {
	t.Chdir(t.TempDir())
	const (
		files = "-quiet -d images -l labels -q queries -od d -oq q "
		train = files + "-layers 2 -size 3 -filters 4,4 -epochs 2 -batch 30 -embedding 3 " +
			"-yes graphs,save=model.h5,latents "
	)
	for _, c := range []struct {
		name, args string
		images     int
	}{
		{"trained", train + "-tsv v.tsv -html page.html -json out.json", 150},
		{"trained, textbook", train + "-tsv v.npy -textbook", 1100},
		{"loaded, textbook", files + "-model model.h5 -tsv v.tsv -textbook -html page.html", 150},
	} {
		writeImages(t, c.images)
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
	}
}

// A file that is cut or written anew while it is read costs nothing that was trained, and no file
// that was there. The program ends with a sentence.
func TestImagesThatChangeWhileTheyAreRead(t *testing.T) {
	defer idx.InBlocks(50)()
	cut := func() error { return os.Truncate("images", 1000) }
	written := func() error { return os.WriteFile("images", bytes.Repeat([]byte{1}, 44816), 0o600) }
	answers := []string{"N", "1", "3", "2", "2", "8", "2", "N", "Y", "model.h5", "Y", "N", "N"}
	for name, c := range map[string]struct {
		at            string // what begins
		change        func() error
		saved, latent string // the model that is there in the end, and the beginning of the vectors
	}{
		"before the training": {"training", cut, "", "old"},
		"in the training":     {"Epoch 2/2", cut, "autoencoder-interrupted.h5", "old"},
		"written anew":        {"Epoch 2/2", written, "autoencoder-interrupted.h5", "old"},
		"in the prediction":   {"prediction", cut, "model.h5", "old"},
		"for the report":      {"vectors for the report", cut, "model.h5", "\x00\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			writeImages(t, 700)
			for _, file := range []string{"d", "q", "page.html"} {
				if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			changed := false
			begun := func(what string) {
				if strings.Contains(what, c.at) && !changed {
					changed = true
					if err := c.change(); err != nil {
						t.Error(err)
					}
				}
			}
			display := progress.New(io.Discard, true)
			display.Began = begun
			o := options{
				dataset: "images", queryset: "queries", datasetLatents: "d", querysetLatents: "q",
				html: "page.html", loss: nn.MeanSquaredError, seed: 1,
			}
			var screen watched
			screen.see = begun
			input := strings.NewReader(strings.Join(answers, "\n"))
			err := reduce(o, results.Header{}, input, &screen, display)
			const want = "images: the file changed while it was read ("
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one sentence that begins %q", err, want)
			}
			for _, file := range []string{"autoencoder-interrupted.h5", "model.h5"} {
				_, err := keras.Load(file)
				if saved := err == nil; saved != (file == c.saved) {
					t.Errorf("%s: %v", file, err)
				}
			}
			for _, file := range []string{"d", "q"} {
				if b, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(b), c.latent) {
					t.Errorf("%s begins %.20q, %v; want %q", file, b, err, c.latent)
				}
			}
			if told := strings.Contains(screen.String(), "The trained model is in "); told !=
				(c.saved == "autoencoder-interrupted.h5") {
				t.Errorf("the screen:\n%s", &screen)
			}
		})
	}
}

// watched is a screen that tells what is written to it.
type watched struct {
	bytes.Buffer
	see func(text string)
}

func (w *watched) Write(b []byte) (int, error) {
	w.see(string(b))
	return w.Buffer.Write(b)
}
