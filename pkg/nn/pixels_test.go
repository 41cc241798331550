package nn

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory/memorytest"
)

// input returns the samples at index of n images of rows x cols grey levels.
func input(t *testing.T, p Pixels, pix []uint8, rows, cols int, index ...int) []float32 {
	t.Helper()
	m := &imageset.Images[uint8]{N: len(pix) / (rows * cols), Rows: rows, Cols: cols, Pix: pix}
	got := make([]float32, len(index)*rows*cols)
	if err := p.Samples(m.Set(), nil).Input(got, index); err != nil {
		t.Error(err)
	}
	return got
}

func TestRowNormalised(t *testing.T) {
	pix := []uint8{
		1, 2, 3,
		0, 0, 0,

		255, 255, 255,
		0, 7, 0,
	}
	got := input(t, RowNormalised, pix, 2, 3, 1, 0)
	third := float32(255.0 / 765.0)
	sixth, half := float32(1.0/6), float32(3.0/6)
	want := []float32{third, third, third, 0, 1, 0, sixth, third, half, 0, 0, 0}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGreyLevels(t *testing.T) {
	got := input(t, GreyLevels, []uint8{9, 9, 0, 255, 51, 1}, 1, 2, 2, 1)
	if want := []float32{0.2, 1.0 / 255, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRawLevels(t *testing.T) {
	got := input(t, RawLevels, []uint8{9, 9, 0, 255, 51, 1}, 1, 2, 2, 1)
	if want := []float32{51, 1, 0, 255}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// randomImages returns n images of 3x4 pixels.
func randomImages(n int) *imageset.Images[uint8] {
	r := rand.New(rand.NewPCG(1, 1))
	m := &imageset.Images[uint8]{N: n, Rows: 3, Cols: 4, Pix: make([]uint8, 12*n)}
	for i := range m.Pix {
		m.Pix[i] = uint8(r.UintN(256))
	}
	return m
}

// Images that are not kept give the same samples, whether or not they were announced, and in any
// order. Input reads no image again that was announced with this batch or the next one.
func TestSamplesOfStoredImages(t *testing.T) {
	m := randomImages(50)
	var reads atomic.Int64
	stored := imageset.NewSet(m.N, m.Rows, m.Cols, 7, func(dst []uint8, first int) error {
		reads.Add(1)
		copy(dst, m.Pix[12*first:])
		return nil
	})
	for _, p := range []Pixels{RowNormalised, GreyLevels, RawLevels} {
		kept, got := p.Samples(m.Set(), nil), p.Samples(stored, nil)
		if kept.Ahead != nil {
			t.Error("kept images are read ahead")
		}
		for _, c := range []struct {
			name  string
			ahead [][]int
			index []int
			reads int64 // by Input
		}{
			{"one after the other", nil, []int{3, 4, 5, 6, 7, 20, 21, 1, 0}, 4},
			{"announced", [][]int{{9, 3, 49}}, []int{49, 9, 3}, 0},
			{"announced twice", [][]int{{9, 3, 9}}, []int{9, 3, 9}, 0},
			{"partly announced", [][]int{{30, 2}}, []int{2, 3, 4, 30, 2}, 1},
			{"announced before the next", [][]int{{30, 2}, {40, 41}}, []int{30, 2}, 0},
			{"forgotten", [][]int{{30, 2}, {40, 41}, {42, 43}}, []int{30, 2}, 2},
			{"none", nil, nil, 0},
		} {
			for _, index := range c.ahead {
				got.Ahead(index)
				got.Input(make([]float32, 12), index[:1]) // waits
			}
			want, have := make([]float32, 12*len(c.index)), make([]float32, 12*len(c.index))
			reads.Store(0)
			if err := got.Input(have, c.index); err != nil {
				t.Error(err)
			}
			if n := reads.Load(); n != c.reads {
				t.Errorf("%s, %s: %d reads, want %d", p, c.name, n, c.reads)
			}
			if kept.Input(want, c.index); !slices.Equal(have, want) {
				t.Errorf("%s, %s: other samples", p, c.name)
			}
		}
	}
}

func TestSamplesThatCannotBeRead(t *testing.T) {
	fault := errors.New("fault")
	stored := imageset.NewSet(50, 3, 4, 7, func(dst []uint8, first int) error {
		if first <= 30 && 30 < first+len(dst)/12 {
			return fault
		}
		return nil
	})
	s := GreyLevels.Samples(stored, nil)
	dst := make([]float32, 12*50)
	for _, c := range []struct {
		ahead, index []int
		want         error
	}{
		{nil, []int{3, 4, 31}, nil},
		{nil, []int{3, 29, 30}, fault},
		{[]int{3, 30, 5}, []int{3}, fault},
		{[]int{3, 4, 5}, []int{3, 4, 5}, nil},
	} {
		if c.ahead != nil {
			s.Ahead(c.ahead)
		}
		if err := s.Input(dst, c.index); err != c.want {
			t.Errorf("%v ahead, then %v: %v, want %v", c.ahead, c.index, err, c.want)
		}
	}
}

// permutations draws what Perm draws, call after call.
func TestPermutations(t *testing.T) {
	want, got := rand.New(rand.NewPCG(5, 1)), permutations(rand.New(rand.NewPCG(5, 1)))
	for _, n := range []int{10, 10, 0, 1, 1000, 10} {
		if p := want.Perm(n); !slices.EqualFunc(got(n), p, func(a uint32, b int) bool {
			return int(a) == b
		}) {
			t.Errorf("other permutations of %d than %v", n, p)
		}
	}
}

// Reading batches from a file, ahead or not, keeps within what the samples say that it takes.
func TestReadingKeepsWithinItsRoom(t *testing.T) {
	const n, dim, batch = 4000, 784, 1000
	set := imageset.NewSet(n, 28, 28, 10, func(dst []uint8, first int) error { return nil })
	dst := make([]float32, batch*dim)
	for name, ahead := range map[string]bool{"ahead": true, "not ahead": false} {
		s := GreyLevels.Samples(set, nil)
		most := memorytest.Peak(func() {
			for first := 0; first < n; first += batch {
				index := make([]int, batch)
				for i := range index {
					index[i] = first + i
				}
				if ahead {
					s.Ahead(index)
				}
				if err := s.Input(dst, index); err != nil {
					t.Error(err)
				}
			}
		})
		// Places of images and garbage that is not collected yet are beside it.
		if room := s.Room(batch); most > 1.5*room || most < room/4 {
			t.Errorf("%s: %.3g bytes, said to be %.3g", name, most, room)
		}
	}
	if whole := GreyLevels.Samples((&imageset.Images[uint8]{N: 1, Rows: 1, Cols: 1,
		Pix: []uint8{1}}).Set(), nil); whole.room(7) != 0 {
		t.Error("images in memory take room when they are read")
	}
}

// A need to read from a file is part of what a prediction asks for.
func TestPredictionAsksForTheRoom(t *testing.T) {
	m, err := NewModel("m", []*Layer{{Class: InputLayer, Name: "in", Output: []int{4}}})
	if err != nil {
		t.Fatal(err)
	}
	asked := func(s *Samples) float64 {
		needs := memorytest.Needs(func() {
			m.PredictEach(nil, s, "none", 2, nil, nil)
			if err := m.checkPrediction(s.N, s.N, "", 2, s.room(2)); err != nil {
				t.Error(err)
			}
		})
		return needs[len(needs)-1].Bytes
	}
	set := imageset.NewSet(3, 2, 2, 1, func(dst []uint8, first int) error { return nil })
	if got := asked(RawLevels.Samples(set, nil)) - asked(&Samples{N: 3}); got != 3*2*4 {
		t.Errorf("%v bytes to read", got)
	}
}
