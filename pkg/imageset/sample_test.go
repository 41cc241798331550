package imageset

import (
	"errors"
	"slices"
	"testing"
)

func TestSamplesKeepIndices(t *testing.T) {
	m := numbered(10)
	for name, s := range map[string]*Set[uint16]{"kept": m.Set(), "stored": stored(m, 3)} {
		some, err := SampleOf(s, []int{9, 0, 4, 9})
		if err != nil {
			t.Fatal(err)
		}
		if some.N != 10 || some.Rows != 1 || some.Cols != 2 || some.Dim() != 2 {
			t.Errorf("%s: %+v", name, some)
		}
		for _, i := range []int{0, 4, 9} {
			if !slices.Equal(some.At(i), m.At(i)) {
				t.Errorf("%s: image %d is %v", name, i, some.At(i))
			}
		}
	}
	if got := m.Sample().At(7); &got[0] != &m.At(7)[0] {
		t.Error("a sample of all images is a copy")
	}
	fault := errors.New("fault")
	s := NewSet(10, 1, 2, 3, func([]uint16, int) error { return fault })
	if _, err := SampleOf(s, []int{1}); err != fault {
		t.Errorf("error %v", err)
	}
}
