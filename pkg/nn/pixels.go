package nn

import "imagesimilarity/pkg/imageset"

// Pixels names how grey levels become the values that a network takes. Model files have these
// words.
type Pixels string

const (
	// RowNormalised divides every row of an image by its sum; a row of zeros stays.
	RowNormalised Pixels = "row-normalised"
	GreyLevels    Pixels = "grey-levels" // divided by 255
	RawLevels     Pixels = "raw"         // 0 to 255
)

// Samples returns images as samples. labels has a label for each image; it is nil for an
// autoencoder. Quotients are computed in float64, then rounded to float32. Unknown Pixels panic.
func (p Pixels) Samples(s *imageset.Set[uint8], labels []uint8) *Samples {
	convert, dim := p.conversion(s.Cols), s.Dim()
	samples := &Samples{N: s.N, Labels: labels}
	if m := s.Whole(); m != nil {
		samples.Input = func(dst []float32, index []int) error {
			for i, k := range index {
				convert(dst[i*dim:(i+1)*dim], m.At(k))
			}
			return nil
		}
		return samples
	}
	r := &reader{set: s}
	samples.Ahead, samples.Room = r.ahead, r.room
	samples.Input = func(dst []float32, index []int) error {
		return r.images(index, func(pix []uint8, at int) { convert(dst[at*dim:][:len(pix)], pix) })
	}
	return samples
}

// conversion returns the function that converts images whose rows have cols pixels.
func (p Pixels) conversion(cols int) func(dst []float32, images []uint8) {
	switch p {
	case RowNormalised:
		return func(dst []float32, images []uint8) { rowNormalise(dst, images, cols) }
	case GreyLevels:
		return greyLevels
	case RawLevels:
		return rawLevels
	}
	panic("nn: unknown pixels")
}

func rowNormalise(dst []float32, image []uint8, cols int) {
	for r := 0; r < len(image); r += cols {
		var sum int
		for _, p := range image[r : r+cols] {
			sum += int(p)
		}
		divisor := float64(max(sum, 1))
		for c, p := range image[r : r+cols] {
			dst[r+c] = float32(float64(p) / divisor)
		}
	}
}

func greyLevels(dst []float32, image []uint8) {
	for i, p := range image {
		dst[i] = float32(float64(p) / 255)
	}
}

func rawLevels(dst []float32, image []uint8) {
	for i, p := range image {
		dst[i] = float32(p)
	}
}
