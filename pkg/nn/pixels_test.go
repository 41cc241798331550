package nn

import (
	"slices"
	"testing"
)

func TestRowNormalised(t *testing.T) {
	pix := []uint8{
		1, 2, 3,
		0, 0, 0,

		255, 255, 255,
		0, 7, 0,
	}
	got := make([]float32, 12)
	RowNormalised.Input(pix, 2, 3)(got, []int{1, 0})
	third := float32(255.0 / 765.0)
	sixth, half := float32(1.0/6), float32(3.0/6)
	want := []float32{third, third, third, 0, 1, 0, sixth, third, half, 0, 0, 0}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGreyLevels(t *testing.T) {
	got := make([]float32, 4)
	GreyLevels.Input([]uint8{9, 9, 0, 255, 51, 1}, 1, 2)(got, []int{2, 1})
	if want := []float32{0.2, 1.0 / 255, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRawLevels(t *testing.T) {
	got := make([]float32, 4)
	RawLevels.Input([]uint8{9, 9, 0, 255, 51, 1}, 1, 2)(got, []int{2, 1})
	if want := []float32{51, 1, 0, 255}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
