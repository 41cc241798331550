package experiment

import (
	"fmt"

	"imagesimilarity/pkg/nn"
)

// Pixels returns how images are scaled for the networks. The original normalises each row of an
// image, which loses how bright the rows are compared with each other. The textbook keeps the
// grey levels.
func Pixels(textbook bool) nn.Pixels {
	if textbook {
		return nn.GreyLevels
	}
	return nn.RowNormalised
}

// CheckPixels returns an error if the model in a file was trained with a different pixel scaling
// than the one in use. A file that Keras wrote does not tell its scaling; it is accepted.
func CheckPixels(path string, trained nn.Pixels, textbook bool) error {
	if trained == "" || trained == Pixels(textbook) {
		return nil
	}
	if textbook {
		return fmt.Errorf("%s: the model was trained without -textbook, on other pixels; "+
			"leave -textbook out to use it", path)
	}
	return fmt.Errorf("%s: the model was trained with -textbook, on other pixels; "+
		"give -textbook to use it", path)
}
