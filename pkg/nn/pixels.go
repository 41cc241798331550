package nn

// Pixels names how grey levels become the values that a network takes. Model files have these
// words.
type Pixels string

const (
	// RowNormalised divides every row of an image by its sum; a row of zeros stays.
	RowNormalised Pixels = "row-normalised"
	GreyLevels    Pixels = "grey-levels" // divided by 255
	RawLevels     Pixels = "raw"         // 0 to 255
)

// Input returns the Input of samples for images of rows x cols grey levels. Quotients are computed
// in float64, then rounded to float32.
// Unknown Pixels panic.
func (p Pixels) Input(pix []uint8, rows, cols int) func(dst []float32, index []int) error {
	size := rows * cols
	var convert func(dst []float32, image []uint8)
	switch p {
	case RowNormalised:
		convert = func(dst []float32, image []uint8) { rowNormalise(dst, image, cols) }
	case GreyLevels:
		convert = greyLevels
	case RawLevels:
		convert = rawLevels
	default:
		panic("nn: unknown pixels")
	}
	return func(dst []float32, index []int) error {
		for i, k := range index {
			convert(dst[i*size:(i+1)*size], pix[k*size:(k+1)*size])
		}
		return nil
	}
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
