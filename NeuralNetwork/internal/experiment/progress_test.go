package experiment

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"imagesimilarity/pkg/nn"
)

// testdata/progress.json holds what Keras writes on a terminal, recorded by testdata/progress.py.
func TestBarIsKeras(t *testing.T) {
	b, err := os.ReadFile("testdata/progress.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		Steps  int
		States [][]any // time in seconds, step, loss or null, validation loss or null
		Screen string
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 12 {
		t.Fatalf("%d cases, want 12", len(cases))
	}
	number := func(v any) float64 {
		if s, ok := v.(string); ok {
			return map[string]float64{"nan": math.NaN(), "inf": math.Inf(1), "-inf": math.Inf(-1)}[s]
		}
		return v.(float64)
	}
	for _, c := range cases {
		start := time.Unix(1<<20, 0)
		clock := start
		var screen bytes.Buffer
		bar := newBar(&screen, true, func() time.Time { return clock })
		for _, s := range c.States {
			clock = start.Add(time.Duration(number(s[0]) * 1e9))
			step, losses, final := int(number(s[1])), "", s[3] != nil || s[2] == nil && int(number(s[1])) == c.Steps
			if s[2] != nil {
				losses += " - loss: " + loss(number(s[2]))
			}
			if s[3] != nil {
				losses += " - val_loss: " + loss(number(s[3]))
			}
			bar.show(step, c.Steps, final, losses)
		}
		if got := screen.String(); got != c.Screen {
			t.Errorf("%s:\n%q\nwant\n%q", c.Name, got, c.Screen)
		}
	}
}

// Where no terminal is, there is one line for each epoch and prediction, and nothing that moves back.
func TestProgressInAFile(t *testing.T) {
	var out bytes.Buffer
	fit := fitProgress(&out)
	for epoch := 1; epoch <= 2; epoch++ {
		p := nn.Progress{Epoch: epoch, Epochs: 2, Steps: 3}
		for p.Step = 1; p.Step <= p.Steps; p.Step++ {
			p.Loss = 1 / float64(epoch+p.Step)
			fit(p)
		}
		p.Step, p.ValLoss, p.Done = p.Steps, 0.0005, true
		fit(p)
	}
	fitProgress(&out)(nn.Progress{Epoch: 1, Epochs: 1, Step: 1, Steps: 1, Loss: 1})
	fitProgress(&out)(nn.Progress{Epoch: 1, Epochs: 1, Step: 1, Steps: 1, Loss: 1, ValLoss: 2, Done: true})
	predict := PredictProgress(&out, silent)
	for done := 1; done <= 12; done++ {
		predict(done, 12)
	}
	want := `Epoch 1/2
3/3 [==============================] - TIME - loss: 0.2500 - val_loss: 5.0000e-04
Epoch 2/2
3/3 [==============================] - TIME - loss: 0.2000 - val_loss: 5.0000e-04
1/1 [==============================] - TIME - loss: 1.0000 - val_loss: 2.0000
12/12 [==============================] - TIME
`
	if got := times.ReplaceAllString(out.String(), "TIME"); got != want {
		t.Errorf("\n%s\nwant\n%s", strings.ReplaceAll(got, "\b", "<"), want)
	}
}
