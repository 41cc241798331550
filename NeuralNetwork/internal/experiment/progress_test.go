package experiment

import (
	"bytes"
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
)

// A file gets one line for each epoch and prediction, without control characters.
func TestProgressInAFile(t *testing.T) {
	var out bytes.Buffer
	fit := fitProgress(&out, silent)
	for epoch := 1; epoch <= 2; epoch++ {
		p := nn.Progress{Epoch: epoch, Epochs: 2, Steps: 3}
		for p.Step = 1; p.Step <= p.Steps; p.Step++ {
			p.Loss = 1 / float64(epoch+p.Step)
			fit(p)
		}
		p.Step, p.ValLoss, p.Done = p.Steps, 0.0005, true
		fit(p)
	}
	fitProgress(&out, silent)(nn.Progress{Epoch: 1, Epochs: 1, Step: 1, Steps: 1, Loss: 1})
	last := nn.Progress{Epoch: 1, Epochs: 1, Step: 1, Steps: 1, Loss: 1, ValLoss: 2, Done: true}
	fitProgress(&out, silent)(last)
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
