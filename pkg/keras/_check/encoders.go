package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
)

// An encoder is a model that encoders.py made, and what Keras predicts at its bottleneck.
type encoder struct {
	File, Input string
	Layer       string // what -layer names; "" for nothing
	Narrowest   string // what is found then
	Output      []float64
	Classes     []string
}

// encoders loads the models that encoders.py wrote to dir, and compares the predictions.
func encoders(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "encoders.json"))
	if err != nil {
		return err
	}
	var models []encoder
	if err := json.Unmarshal(b, &models); err != nil {
		return err
	}
	count := map[string]int{} // models of a class
	largest, failed := 0.0, 0
	for _, e := range models {
		if strings.HasSuffix(e.File, ".h5") { // the same model lies in a .keras file, too
			for _, c := range e.Classes {
				count[c]++
			}
		}
		difference, err := e.compare(dir)
		if err == nil && !(difference <= tolerance) {
			err = fmt.Errorf("a difference of %.1e of the range, expected at most %.0e",
				difference, tolerance)
		}
		if err != nil {
			failed++
			fmt.Printf("  %s %v: %v\n", e.File, e.Classes, err)
			continue
		}
		largest = max(largest, difference)
	}
	var classes []string
	for c := range count {
		classes = append(classes, c)
	}
	slices.Sort(classes)
	for i, c := range classes {
		classes[i] = fmt.Sprintf("%s %d", c, count[c])
	}
	fmt.Printf("  Models by class: %s\n", strings.Join(classes, ", "))
	fmt.Printf("  Go   encoders: %d of %d files agree, the largest difference is %.1e of the range\n",
		len(models)-failed, len(models), largest)
	if failed > 0 {
		return fmt.Errorf("%d files of encoders do not agree", failed)
	}
	return nil
}

// compare returns the largest difference of a prediction, relative to the range of its values.
func (e *encoder) compare(dir string) (float64, error) {
	f, err := keras.Open(filepath.Join(dir, e.File))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	end, _, err := f.Bottleneck(e.Layer)
	if err != nil {
		return 0, err
	}
	if e.Layer == "" && end.Name != e.Narrowest {
		return 0, fmt.Errorf("layer %q was found, expected %q", end.Name, e.Narrowest)
	}
	m, err := f.Model(end)
	if err != nil {
		return 0, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, e.Input))
	if err != nil {
		return 0, err
	}
	input := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.LittleEndian, input); err != nil {
		return 0, err
	}
	size := 1
	for _, d := range m.Input() {
		size *= d
	}
	samples := &nn.Samples{N: len(input) / size, Input: func(dst []float32, index []int) error {
		for i, k := range index {
			copy(dst[i*size:(i+1)*size], input[k*size:(k+1)*size])
		}
		return nil
	}}
	got, err := m.Predict(cpu.New(), samples, "", 2, nil)
	if err != nil {
		return 0, err
	}
	if len(got) != len(e.Output) {
		return 0, fmt.Errorf("%d values, expected %d", len(got), len(e.Output))
	}
	worst := 0.0
	for i, want := range e.Output {
		worst = math.Max(worst, math.Abs(float64(got[i])-want))
	}
	span := slices.Max(e.Output) - slices.Min(e.Output)
	if span == 0 {
		return 0, fmt.Errorf("all values are %v: nothing is compared", e.Output[0])
	}
	return worst / span, nil
}
