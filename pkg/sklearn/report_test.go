package sklearn

import (
	"encoding/json"
	"os"
	"testing"
)

// testdata/report.json holds what scikit-learn and NumPy print, recorded by testdata/report.py. The
// matrices are compared in the tests of the package numpy.
func TestScoresText(t *testing.T) {
	b, err := os.ReadFile("testdata/report.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name            string
		True, Predicted []int
		Report          string
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 38 {
		t.Fatalf("%d cases, want 38", len(cases))
	}
	for _, c := range cases {
		truth, predicted := make([]uint8, len(c.True)), make([]uint8, len(c.True))
		for i := range truth {
			truth[i], predicted[i] = uint8(c.True[i]), uint8(c.Predicted[i])
		}
		if got := NewConfusion(truth, predicted).Scores().Text(); got != c.Report {
			t.Errorf("%s: report\n%s\nwant\n%s", c.Name, got, c.Report)
		}
	}
}

func TestScores(t *testing.T) {
	s := NewConfusion([]uint8{0, 0, 0, 2}, []uint8{0, 0, 1, 2}).Scores()
	want := []Score{{1, 2.0 / 3, 0.8, 3}, {0, 0, 0, 0}, {1, 1, 1, 1}}
	for i, w := range want {
		if s.Class[i] != w {
			t.Errorf("class %d has the scores %+v, want %+v", s.Classes[i], s.Class[i], w)
		}
	}
	if s.Accuracy != 0.75 || s.Macro.Support != 4 ||
		s.Weighted.Precision != 1 || s.Weighted.Recall != 0.75 {
		t.Errorf("scores %+v", s)
	}
}

func TestScoresWithoutImages(t *testing.T) {
	NewConfusion(nil, nil).Scores().Text() // has no rows, and must not panic
}
