package experiment

import (
	"fmt"
	"math"
	"strings"

	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/nn"
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
		lines.IntOr("Number of convolutional layers: ", 1, maxLayers, len(offered.Filters)))
	// A filter wider than the image would see nothing but padding around it.
	e.FilterSize = lines.IntOr("Convolutional filter size: ", 1, max(rows, cols), offered.FilterSize)
	for i := range e.Filters {
		question, filters := fmt.Sprintf("Convolutional filters of layer %d: ", i+1), 0
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

// maxMemory is the most that a training may need, in bytes. It is fixed, so that the same answers
// are accepted everywhere.
const maxMemory = 32 << 30

// CheckMemory returns an error if a training of the layers in batches of batch images needs more
// than maxMemory. It makes no weights.
func CheckMemory(layers []*nn.Layer, batch int) error {
	sizes, err := nn.Sizes(layers)
	if err != nil {
		return err
	}
	var weights, values float64
	for _, s := range sizes {
		weights += s.Parameters
		values += s.Values
	}
	// A value has 4 bytes and a gradient; a weight has a gradient and up to two moments in the
	// optimizer.
	need := 4 * (4*weights + 2*float64(batch)*values)
	if need > maxMemory {
		return fmt.Errorf("training this network in batches of %d images needs about %s of memory; "+
			"at most %s are allowed", batch, memory(need), memory(maxMemory))
	}
	return nil
}

// memory returns a number of bytes in a unit that suits it.
func memory(bytes float64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for bytes >= 1024 && len(units) > 1 {
		bytes /= 1024
		units = units[1:]
	}
	return fmt.Sprintf("%.3g %s", bytes, units[0])
}
