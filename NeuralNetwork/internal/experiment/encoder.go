package experiment

import (
	"fmt"
	"math"
	"strings"

	"imagesimilarity/pkg/prompt"
)

// Bounds of the answers. What is within them can still be more than a machine holds; see Memory.
const (
	maxLayers = 100
	MaxCount  = math.MaxInt32 // of epochs, images in a batch, filters, units
)

// An Encoder is the convolutional part, which the autoencoder and the classifier share.
type Encoder struct {
	Rows, Cols int // of an image
	FilterSize int
	Filters    []int // one number for each layer
}

// AskEncoder asks for the encoder of images of rows x cols pixels.
func AskEncoder(lines *prompt.Input, rows, cols int) Encoder {
	e := Encoder{Rows: rows, Cols: cols}
	e.Filters = make([]int, lines.Int("Number of convolutional layers: ", 1, maxLayers))
	// A filter wider than the image would see nothing but padding around it.
	e.FilterSize = lines.Int("Convolutional filter size: ", 1, max(rows, cols))
	for i := range e.Filters {
		e.Filters[i] = lines.Int(fmt.Sprintf("Convolutional filters of layer %d: ", i+1), 1, MaxCount)
	}
	return e
}

// FilterList is the filters as Python shows a list.
func (e Encoder) FilterList() string {
	return strings.ReplaceAll(fmt.Sprint(e.Filters), " ", ", ")
}

// pooled is the number of layers, from the first, that halve the image.
const pooled = 2

// maxMemory is the most that a training may need, in bytes. It is fixed, so that the same answers are accepted everywhere.
const maxMemory = 32 << 30

// CheckMemory refuses what would need more than maxMemory to train in batches of so many images, instead of letting the
// machine run out of it. copies is how often the encoder's layers stand in the network (their mirror images count), units
// are the sizes of the dense layers after it, the first of which sees all that the encoder puts out.
func (e Encoder) CheckMemory(batch, copies int, units ...float64) error {
	// Floating point does not overflow.
	var weights, values float64
	area, channels := float64(e.Rows)*float64(e.Cols), 1.0
	for i, f := range e.Filters {
		weights += float64(e.FilterSize*e.FilterSize)*channels*float64(f) + 5*float64(f)
		values += 3 * area * float64(f) // the outputs of convolution, normalisation, and pooling or dropout
		channels = float64(f)
		if i < pooled {
			area /= 4
		}
	}
	weights *= float64(copies)
	values *= float64(copies)
	in := area * channels
	for _, u := range units {
		weights += (in + 1) * u
		values += u
		in = u
	}
	// A value has 4 bytes and a gradient; a weight has a gradient and up to two moments in the optimizer.
	need := 4 * (4*weights + 2*float64(batch)*values)
	if need > maxMemory {
		return fmt.Errorf("training this network in batches of %d images needs about %s of memory; at most %s are allowed",
			batch, memory(need), memory(maxMemory))
	}
	return nil
}

// Flat is the number of values that the encoder puts out for an image.
func (e Encoder) Flat() float64 {
	halvings := min(len(e.Filters), pooled)
	return float64(e.Rows>>halvings) * float64(e.Cols>>halvings) * float64(e.Filters[len(e.Filters)-1])
}

// memory is a number of bytes in a unit that suits it.
func memory(bytes float64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for bytes >= 1024 && len(units) > 1 {
		bytes /= 1024
		units = units[1:]
	}
	return fmt.Sprintf("%.3g %s", bytes, units[0])
}
