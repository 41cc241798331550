package experiment

import (
	"fmt"

	"imagesimilarity/pkg/nn"
)

// Pixels is what the networks take for grey levels. The original normalises the rows of an image, which leaves out how bright they are
// beside each other; the textbook's form keeps all that an image shows.
func Pixels(textbook bool) nn.Pixels {
	if textbook {
		return nn.GreyLevels
	}
	return nn.RowNormalised
}

// CheckPixels refuses the model in a file that was trained on other pixels than it would get. A file that Keras wrote does not say
// on which it was trained.
func CheckPixels(path string, trained nn.Pixels, textbook bool) error {
	if trained == "" || trained == Pixels(textbook) {
		return nil
	}
	if textbook {
		return fmt.Errorf("%s: the model was trained without -textbook, on other pixels; leave -textbook out to use it", path)
	}
	return fmt.Errorf("%s: the model was trained with -textbook, on other pixels; give -textbook to use it", path)
}
