package numpy_test

import (
	"encoding/json"
	"os"
	"strings"
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

// No line is longer than 75 columns, however many classes there are.
func TestArrayTextFits75Columns(t *testing.T) {
	for _, classes := range []int{10, 26, 27, 31, 32, 47, 62, 256} {
		for _, largest := range []int{9, 1000, 123456, 12345678} {
			a := make([][]int, classes)
			for i := range a {
				a[i] = make([]int, classes)
				a[i][i] = largest
			}
			for line := range strings.SplitSeq(numpy.ArrayText(a), "\n") {
				if len(line) > 75 {
					t.Errorf("%d classes: %d columns: %s", classes, len(line), line)
				}
			}
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
