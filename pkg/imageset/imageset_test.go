package imageset

import (
	"slices"
	"testing"
)

func TestParts(t *testing.T) {
	m := &Images[uint8]{N: 3, Rows: 1, Cols: 2, Pix: []uint8{0, 1, 10, 11, 20, 21}}
	if got := m.At(1); !slices.Equal(got, []uint8{10, 11}) {
		t.Errorf("image 1 is %v", got)
	}
	if got := m.First(2); got.N != 2 || !slices.Equal(got.Pix, m.Pix[:4]) {
		t.Errorf("the first two are %+v", got)
	}
	if got := m.First(5); got.N != 3 {
		t.Errorf("the first five of three are %d", got.N)
	}
	some := Select(m, []int32{2, 0, 2})
	if want := []uint8{20, 21, 0, 1, 20, 21}; some.N != 3 || !slices.Equal(some.Pix, want) {
		t.Errorf("images 2, 0, 2 are %+v", some)
	}
	some.Pix[0] = 99
	if m.Pix[4] != 20 {
		t.Error("the selected images share memory with the set")
	}
}
