package main

import (
	"encoding/json"
	"os"
	"testing"
)

// testdata/report.json holds what scikit-learn and NumPy print, recorded by testdata/report.py.
func TestReportAndMatrixAreScikitLearns(t *testing.T) {
	b, err := os.ReadFile("testdata/report.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name            string
		True, Predicted []int
		Report, Matrix  string
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
		got := confuse(truth, predicted)
		if r := got.report(); r != c.Report {
			t.Errorf("%s: report\n%s\nwant\n%s", c.Name, r, c.Report)
		}
		if m := got.matrix(); m != c.Matrix {
			t.Errorf("%s: matrix\n%s\nwant\n%s", c.Name, m, c.Matrix)
		}
	}
}

func TestReportWithoutImages(t *testing.T) {
	c := confuse(nil, nil)
	if got := c.matrix(); got != "[]" {
		t.Errorf("matrix %q, want []", got)
	}
	c.report() // has no rows, and must not divide by zero in a way that panics
}
