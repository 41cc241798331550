package numpy_test

import (
	"encoding/json"
	"os"
	"testing"

	"imagesimilarity/pkg/numpy"
	"imagesimilarity/pkg/sklearn"
)

// The recorded matrices are those of the package sklearn: confusion matrices as NumPy prints them.
func TestArrayTextIsNumPys(t *testing.T) {
	b, err := os.ReadFile("../sklearn/testdata/report.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name            string
		True, Predicted []int
		Matrix          string
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
		if got := numpy.ArrayText(sklearn.NewConfusion(truth, predicted).Count); got != c.Matrix {
			t.Errorf("%s: matrix\n%s\nwant\n%s", c.Name, got, c.Matrix)
		}
	}
}

func TestArrayTextOfSmallMatrices(t *testing.T) {
	for _, c := range []struct {
		a    [][]int
		want string
	}{
		{nil, "[]"},
		{[][]int{{7}}, "[[7]]"},
		{[][]int{{1, 0}, {23, 456}}, "[[  1   0]\n [ 23 456]]"},
	} {
		if got := numpy.ArrayText(c.a); got != c.want {
			t.Errorf("%v is printed %q, want %q", c.a, got, c.want)
		}
	}
}
