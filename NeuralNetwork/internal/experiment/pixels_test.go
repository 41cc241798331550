package experiment

import (
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/prompt"
)

// A model that was trained on some pixels serves for these only, and the error says which flag
// chooses them.
func TestCheckPixels(t *testing.T) {
	const (
		rows, unit, raw = nn.RowNormalised, nn.GreyLevels, nn.RawLevels
		m               = "m.h5: the model was trained "
	)
	for _, tt := range []struct {
		trained, chosen nn.Pixels
		textbook        bool
		want            string
	}{
		{"", "", false, ""}, {"", raw, true, ""}, {rows, "", false, ""}, {unit, "", true, ""},
		{rows, rows, true, ""}, {raw, raw, false, ""},
		{rows, "", true, m + "without -textbook, on other pixels; leave -textbook out to use it"},
		{unit, "", false, m + "with -textbook, on other pixels; give -textbook to use it"},
		{raw, "", false, m + "on other pixels, grey levels 0 to 255; give -pixels raw to use it"},
		{rows, unit, false,
			m + "on other pixels, each row divided by its sum; give -pixels rows to use it"},
	} {
		got := ""
		if err := CheckPixels("m.h5", tt.trained, tt.chosen, tt.textbook); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: error %q", tt, got)
		}
	}
}

func TestFitsImages(t *testing.T) {
	for _, tt := range []struct {
		in   []int
		want bool
	}{
		{[]int{28, 20, 1}, true}, {[]int{28, 20}, true}, {[]int{560}, true},
		{[]int{1, 28, 20}, true}, {[]int{20, 28, 1}, false}, {[]int{28, 20, 3}, false},
		{[]int{561}, false}, {[]int{28, 28}, false}, {nil, false},
	} {
		if got := FitsImages(tt.in, 28, 20); got != tt.want {
			t.Errorf("%v: %v", tt.in, got)
		}
	}
}

// An empty line takes what a model file offers; questions beyond that have to be answered.
func TestAskEncoderOffered(t *testing.T) {
	lines := prompt.NewInput(strings.NewReader("3\n\n\n\n\n7\n"), new(strings.Builder))
	e := AskEncoder(lines, 28, 28, Offered{FilterSize: 5, Filters: []int{4, 8}, Embedding: 3})
	if e.FilterSize != 5 || e.FilterList() != "[4, 8, 7]" || lines.Err() != nil {
		t.Errorf("encoder %+v, error %v", e, lines.Err())
	}
}
