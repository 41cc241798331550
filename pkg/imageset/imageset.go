// Package imageset holds images of one size: grey levels, or latent vectors as images of 16-bit
// values. An image is its index.
package imageset

// Images is a list of images of one size. Grey levels are uint8, latent values uint16.
type Images[P uint8 | uint16] struct {
	N, Rows, Cols int
	Pix           []P // (N, Rows, Cols), row-major
}

// Dim returns the number of values of one image.
func (m *Images[P]) Dim() int { return m.Rows * m.Cols }

// At returns image i. It shares its memory with m.
func (m *Images[P]) At(i int) []P {
	d := m.Dim()
	return m.Pix[i*d : (i+1)*d : (i+1)*d]
}

// First returns the first n images, or all if there are fewer. They share their memory with m.
func (m *Images[P]) First(n int) *Images[P] {
	return m.Part(0, min(n, m.N))
}

// Part returns the images from first to end-1. They share their memory with m.
func (m *Images[P]) Part(first, end int) *Images[P] {
	d := m.Dim()
	return &Images[P]{
		N: end - first, Rows: m.Rows, Cols: m.Cols, Pix: m.Pix[first*d : end*d : end*d],
	}
}

// Select returns a copy of the images at index, in that order.
func Select[P uint8 | uint16, I int | int32](m *Images[P], index []I) *Images[P] {
	dim := m.Dim()
	some := &Images[P]{
		N: len(index), Rows: m.Rows, Cols: m.Cols, Pix: make([]P, 0, len(index)*dim),
	}
	for _, i := range index {
		some.Pix = append(some.Pix, m.At(int(i))...)
	}
	return some
}
