package experiment

import (
	"fmt"
	"math"
	"strings"

	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/prompt"
)

// Bounds of the answers. Answers within them can still need more than a machine has; see
// CheckMemory.
const (
	maxLayers = 100
	MaxCount  = math.MaxInt32 // of epochs, images in a batch, filters, units
)

// An Encoder describes the convolutional part, which the autoencoder and the classifier share.
type Encoder struct {
	Rows, Cols int // of an image
	FilterSize int
	Filters    []int // one number for each layer
}

// Offered is the encoder in a model file, whose sizes an empty line answers. The zero value offers
// none.
type Offered keras.Encoder

func (o Offered) String() string { return keras.Encoder(o).String() }

// AskEncoder asks for the encoder of images of rows x cols pixels.
func AskEncoder(lines *prompt.Input, rows, cols int, offered Offered) Encoder {
	e := Encoder{Rows: rows, Cols: cols}
	e.Filters = make([]int,
		lines.IntOr(LayersQuestion, 1, maxLayers, len(offered.Filters)))
	// A filter wider than the image would see nothing but padding around it.
	e.FilterSize = lines.IntOr(SizeQuestion, 1, max(rows, cols), offered.FilterSize)
	for i := range e.Filters {
		question, filters := filtersQuestion(i), 0
		if i < len(offered.Filters) {
			filters = offered.Filters[i]
		}
		e.Filters[i] = lines.IntOr(question, 1, MaxCount, filters)
	}
	return e
}

// FilterList returns the filters as Python prints a list.
func (e Encoder) FilterList() string {
	return strings.ReplaceAll(fmt.Sprint(e.Filters), " ", ", ")
}
