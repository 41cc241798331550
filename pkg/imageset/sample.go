package imageset

import "fmt"

// A Sample is some images of a set, which keep their indices.
type Sample[P uint8 | uint16] struct {
	N, Rows, Cols int // of the set

	images *Images[P]
	place  map[int]int // in images, by the index in the set; nil if images has all
}

// Sample returns all images as a sample, which shares their memory.
func (m *Images[P]) Sample() *Sample[P] {
	return &Sample[P]{N: m.N, Rows: m.Rows, Cols: m.Cols, images: m}
}

// SampleOf returns the images of a set at index, which may name an image twice. It reads nothing if
// the set is kept in memory.
func SampleOf[P uint8 | uint16](s *Set[P], index []int) (*Sample[P], error) {
	if s.whole != nil {
		return s.whole.Sample(), nil
	}
	var once []int
	place := map[int]int{}
	for _, i := range index {
		if _, known := place[i]; !known {
			place[i] = len(once)
			once = append(once, i)
		}
	}
	images, err := SelectFrom(s, once)
	if err != nil {
		return nil, err
	}
	return &Sample[P]{N: s.N, Rows: s.Rows, Cols: s.Cols, images: images, place: place}, nil
}

// Dim returns the number of values of one image.
func (s *Sample[P]) Dim() int { return s.Rows * s.Cols }

// At returns image i of the set, which must be in the sample.
func (s *Sample[P]) At(i int) []P {
	if s.place == nil {
		return s.images.At(i)
	}
	at, known := s.place[i]
	if !known {
		panic(fmt.Sprintf("imageset: image %d is not in the sample", i))
	}
	return s.images.At(at)
}
