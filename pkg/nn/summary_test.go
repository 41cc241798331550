package nn

import (
	"os"
	"testing"
)

// testdata/summary_*.txt are what Keras prints, recorded by testdata/summary.py.
func TestSummaryIsKeras(t *testing.T) {
	autoencoder := func(rows, cols, size, embedding int, filters ...int) func() (*Model, error) {
		return func() (*Model, error) {
			return NewAutoencoder(AutoencoderConfig{
				Rows: rows, Cols: cols, FilterSize: size, Filters: filters, Embedding: embedding,
			}, 1)
		}
	}
	classifier := func() (*Model, error) {
		return NewClassifier(ClassifierConfig{
			Rows: 28, Cols: 28, FilterSize: 5, Filters: []int{8, 16}, Embedding: 10,
			FullyConnected: 50, Classes: 10, DropoutRate: 0.2,
		}, 1)
	}
	tests := []struct {
		name  string
		build func() (*Model, error)
	}{
		{"autoencoder", autoencoder(28, 28, 3, 10, 16, 32, 64)},
		{"tiny", autoencoder(2, 2, 1, 1, 1)},
		{"classifier", classifier},
		{"classifier_frozen", func() (*Model, error) {
			m, err := classifier()
			if err == nil {
				for _, l := range m.Layers[:9] {
					l.Trainable = false
				}
			}
			return m, err
		}},
		{"rectangular", autoencoder(100, 200, 2, 123, 3, 700, 2, 11, 5)},
	}
	for _, tt := range tests {
		m, err := tt.build()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want, err := os.ReadFile("testdata/summary_" + tt.name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Summary(); got != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, want)
		}
	}
}

func TestSummarySize(t *testing.T) {
	for n, want := range map[int]string{
		0: "0.00 Byte", 48: "192.00 Byte", 255: "1020.00 Byte",
		256: "1.00 KB", 448: "1.75 KB", 150219: "586.79 KB",
		1 << 18: "1.00 MB", 1 << 28: "1.00 GB", 1 << 38: "1.00 TB",
		1 << 48: "1.00 PB", 1 << 60: "4096.00 PB",
	} {
		if got := summarySize(n); got != want {
			t.Errorf("%d parameters: %s, want %s", n, got, want)
		}
	}
}
