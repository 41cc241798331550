package experiment

import (
	"fmt"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/quote"
)

// choices are the values of the flag -pixels, with what they mean.
var choices = []struct {
	flag   string
	pixels nn.Pixels
	text   string
}{
	{"rows", nn.RowNormalised, "each row divided by its sum"},
	{"unit", nn.GreyLevels, "grey levels divided by 255"},
	{"raw", nn.RawLevels, "grey levels 0 to 255"},
}

// PixelsHelp is the help for the flag -pixels.
const PixelsHelp = "rows divided by their sums (rows, the default), grey levels divided by 255 " +
	"(unit, the default with -textbook), or as they are (raw)"

// SetPixels returns the Set of the flag -pixels.
func SetPixels(to *nn.Pixels) func(string) error {
	return func(value string) error {
		for _, c := range choices {
			if c.flag == value {
				*to = c.pixels
				return nil
			}
		}
		return fmt.Errorf("invalid choice: '%s' (choose from 'rows', 'unit', 'raw')", value)
	}
}

// Pixels returns how images are scaled for the networks: as chosen, if anything is. The original
// normalises each row of an image, which loses how bright the rows are compared with each other.
// The textbook keeps the grey levels.
func Pixels(chosen nn.Pixels, textbook bool) nn.Pixels {
	switch {
	case chosen != "":
		return chosen
	case textbook:
		return nn.GreyLevels
	}
	return nn.RowNormalised
}

// CheckPixels returns an error if the model in a file was trained with a different pixel scaling
// than the one in use. A file that Keras wrote does not tell its scaling; it is accepted.
func CheckPixels(path string, trained, chosen nn.Pixels, textbook bool) error {
	if trained == "" || trained == Pixels(chosen, textbook) {
		return nil
	}
	if chosen != "" || trained == nn.RawLevels {
		for _, c := range choices {
			if c.pixels == trained {
				return fmt.Errorf("%s: the model was trained on other pixels, %s; "+
					"give -pixels %s to use it", path, c.text, c.flag)
			}
		}
	}
	if textbook {
		return fmt.Errorf("%s: the model was trained without -textbook, on other pixels; "+
			"leave -textbook out to use it", path)
	}
	return fmt.Errorf("%s: the model was trained with -textbook, on other pixels; "+
		"give -textbook to use it", path)
}

// TellForeign returns what a person should know of a model that neither program has trained: where
// its encoder ends, that it is not computed as Keras does, and the pixels that it gets.
func TellForeign(
	end *nn.Layer, narrowest bool, policy string, trained, chosen nn.Pixels, textbook bool,
) string {
	text := fmt.Sprintf("Encoder: up to layer %s, output %v", quote.Short(end.Name), end.Output)
	if narrowest {
		text += ", the narrowest"
	}
	text += ".\n"
	if policy != "" {
		text += fmt.Sprintf("Computed in float32, not in %s: values differ from those of Keras.\n",
			quote.Printable(policy))
	}
	if trained == "" {
		used := Pixels(chosen, textbook)
		for _, c := range choices {
			if c.pixels == used {
				text += fmt.Sprintf("Pixels: %s; the file does not say. -pixels chooses.\n", c.text)
			}
		}
	}
	return text
}

// FitsImages returns whether a model with inputs of a shape takes images of rows x cols pixels:
// with or without a dimension of 1 for the channel, or flat.
func FitsImages(in []int, rows, cols int) bool {
	if len(in) == 1 {
		return in[0] == rows*cols
	}
	var sides []int
	for _, d := range in {
		if d != 1 {
			sides = append(sides, d)
		}
	}
	var want []int
	for _, d := range []int{rows, cols} {
		if d != 1 {
			want = append(want, d)
		}
	}
	return fmt.Sprint(sides) == fmt.Sprint(want)
}

// CheckImages returns an error if a model in a file does not take the images.
func CheckImages(path string, in []int, images string, rows, cols int) error {
	if FitsImages(in, rows, cols) {
		return nil
	}
	return fmt.Errorf("%s: the model takes inputs of shape %v, expected [%d %d 1] as in %s",
		path, in, rows, cols, images)
}
