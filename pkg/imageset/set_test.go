package imageset

import (
	"errors"
	"slices"
	"testing"
)

// numbered returns n images of 1x2 values that differ.
func numbered(n int) *Images[uint16] {
	m := &Images[uint16]{N: n, Rows: 1, Cols: 2, Pix: make([]uint16, 2*n)}
	for i := range m.Pix {
		m.Pix[i] = uint16(i)
	}
	return m
}

// stored returns the images as a set that is not kept, in blocks of that size.
func stored(m *Images[uint16], block int) *Set[uint16] {
	return NewSet(m.N, m.Rows, m.Cols, block, func(dst []uint16, first int) error {
		copy(dst, m.Pix[2*first:])
		return nil
	})
}

func TestEach(t *testing.T) {
	for _, n := range []int{0, 1, 6, 7, 8, 100} {
		m := numbered(n)
		for _, block := range []int{1, 7, 512} {
			for name, s := range map[string]*Set[uint16]{"kept": m.Set(), "stored": stored(m, block)} {
				for pass := 1; pass <= 2; pass++ {
					var all []uint16
					err := s.Each(func(b *Images[uint16], first int) error {
						if first != len(all)/2 || b.N*2 != len(b.Pix) || s.Whole() == nil && b.N > block {
							t.Errorf("%s: block of %d images at %d", name, b.N, first)
						}
						all = append(all, b.Pix...)
						return nil
					})
					if err != nil || !slices.Equal(all, m.Pix) {
						t.Errorf("%s: %d images in blocks of %d are %v, %v", name, n, block, all, err)
					}
					if want := map[string]int{"stored": pass}[name]; s.Passes() != want {
						t.Errorf("%s: %d passes, want %d", name, s.Passes(), want)
					}
				}
			}
		}
	}
}

func TestEachEndsWithAnError(t *testing.T) {
	fault := errors.New("fault")
	s := stored(numbered(10), 3)
	blocks := 0
	err := s.Each(func(*Images[uint16], int) error { blocks++; return fault })
	if err != fault || blocks != 1 {
		t.Errorf("error of the visit: %v after %d blocks", err, blocks)
	}
	s.read = func(dst []uint16, first int) error {
		if first == 6 {
			return fault
		}
		return nil
	}
	blocks = 0
	err = s.Each(func(*Images[uint16], int) error { blocks++; return nil })
	if err != fault || blocks != 2 || s.Passes() != 0 {
		t.Errorf("error of the reader: %v after %d blocks, %d passes", err, blocks, s.Passes())
	}
	if _, err := SelectFrom(s, []int{0, 6}); err != fault {
		t.Errorf("error of the reader in SelectFrom: %v", err)
	}
}

func TestPartsOfSets(t *testing.T) {
	m := numbered(10)
	for name, s := range map[string]*Set[uint16]{"kept": m.Set(), "stored": stored(m, 3)} {
		some, err := SelectFrom(s, []int64{9, 0, 9})
		if want := []uint16{18, 19, 0, 1, 18, 19}; err != nil || !slices.Equal(some.Pix, want) {
			t.Errorf("%s: images 9, 0, 9 are %v, %v", name, some, err)
		}
		part, err := SelectFrom(s.Part(4, 7), []int{2, 0})
		if want := []uint16{12, 13, 8, 9}; err != nil || !slices.Equal(part.Pix, want) {
			t.Errorf("%s: images 2, 0 from image 4 on are %v, %v", name, part, err)
		}
	}
}

// A pass takes the memory of the pass before. Passes at the same time do not share it.
func TestPassesTakeTheSameMemory(t *testing.T) {
	s := stored(numbered(1000), 100)
	pass := func(visit func()) error {
		return s.Each(func(b *Images[uint16], first int) error {
			if visit != nil && first == 300 {
				visit()
			}
			if b.Pix[0] != uint16(2*first) {
				t.Errorf("the block at %d begins with %d", first, b.Pix[0])
			}
			return nil
		})
	}
	if err := pass(nil); err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(s.spare)
	if err := pass(nil); err != nil {
		t.Fatal(err)
	}
	if len(before) != 2 || len(s.spare) != 2 || &before[0][0] != &s.spare[0][0] {
		t.Error("the second pass made new blocks")
	}
	if want := 2. * 100 * 2 * 2; s.PassSize() != want {
		t.Errorf("a pass takes %v bytes, want %v", s.PassSize(), want)
	}
	if size := numbered(5).Set().PassSize(); size != 0 {
		t.Errorf("a pass over kept images takes %v bytes", size)
	}
	if err := pass(func() {
		if err := pass(nil); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
