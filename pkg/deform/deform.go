// Package deform makes any number of images from a few by small shifts, rotations, changes of size
// and elastic deformations, as MNIST8M was made from MNIST (Loosli, Canu and Bottou 2007, "Training
// Invariant Support Vector Machines using Selective Sampling"). It moves the pixels themselves,
// where MNIST8M adds multiples of tangent vectors to them. All arithmetic is in whole numbers.
package deform

import (
	"iter"
	"math/bits"
	"math/rand/v2"
	"runtime"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/parallel"
)

// A coordinate or displacement has 16 bits after the point.
const one = 1 << 16

// The largest deformations. They are so small that the nearest original of most deformed digits is
// the same digit.
const (
	shift    = one / 28 // of the rows or columns: 1 pixel in MNIST
	elastic  = one / 14 // of the rows or columns: 2 pixels in MNIST
	rotation = one / 10 // in radians: 6 degrees
	scaling  = one / 20 // for rows and columns apart: 5 %
)

// fields is the number of random displacement fields. Drawing a field costs more than deforming
// many images, so all images share these. An image takes two of them, each with a strength of its
// own.
const fields = 128

// A Deformer makes images from originals. Image i is made from original i modulo their number. The
// first images are the originals themselves. An image depends on the originals, the seed and i
// alone.
type Deformer struct {
	originals *imageset.Images[uint8]
	seed      uint64
	fields    []int16 // (fields, Rows, Cols), from -32767 to 32767
}

// New returns a deformer of the originals, at least one. It draws the displacement fields.
func New(originals *imageset.Images[uint8], seed uint64) (*Deformer, error) {
	dim := originals.Dim()
	// Two bytes for each value of a field, and eight for each worker.
	need := float64(2*fields+8*runtime.GOMAXPROCS(0)) * float64(dim)
	err := memory.Check(need, "deforming images of %dx%d pixels needs", originals.Rows, originals.Cols)
	if err != nil {
		return nil, err
	}
	d := &Deformer{originals, seed, make([]int16, fields*dim)}
	parallel.Do(fields, func(jobs iter.Seq[int]) {
		grid := make([]int, dim)
		for i := range jobs {
			source := rand.NewPCG(seed, 1<<63|uint64(i)) // no image has this number
			drawField(grid, originals.Rows, originals.Cols, source)
			for j, v := range grid {
				d.fields[i*dim+j] = int16(v)
			}
		}
	})
	return d, nil
}

// Fill fills pix with the images from number first on, on all cores.
func (d *Deformer) Fill(pix []uint8, first int) {
	m := d.originals
	dim := m.Dim()
	const block = 64 // images, about a quarter of a millisecond of work in MNIST
	n := len(pix) / dim
	parallel.Do((n+block-1)/block, func(jobs iter.Seq[int]) {
		frame := make([]uint8, (m.Rows+1)*(m.Cols+1))
		for j := range jobs {
			for i := j * block; i < min(n, (j+1)*block); i++ {
				d.image(pix[i*dim:(i+1)*dim], first+i, frame)
			}
		}
	})
}

// image writes image i to pix. Frame has room for an image with one more row and column.
func (d *Deformer) image(pix []uint8, i int, frame []uint8) {
	m := d.originals
	original := m.At(i % m.N)
	if i < m.N {
		copy(pix, original)
		return
	}
	w := draw(d.seed, i, m.Rows, m.Cols)
	dim := m.Dim()
	w.apply(pix, original, d.fields[w.fieldX*dim:][:dim], d.fields[w.fieldY*dim:][:dim], frame)
}

// A warp tells for each pixel of a new image at which place of the original it is.
type warp struct {
	rows, cols         int
	shiftX, shiftY     int
	xx, xy, yx, yy     int // displacement in x by a distance in x from the centre, in x by y, ...
	fieldX, fieldY     int // numbers of the fields
	elasticX, elasticY int // displacement where a field has the value 1<<15
}

// draw draws the warp of image i.
func draw(seed uint64, i, rows, cols int) warp {
	source := rand.NewPCG(seed, uint64(i))
	// below returns a number from 0 to n-1, within one from -most to most.
	below := func(n int) int {
		high, _ := bits.Mul64(source.Uint64(), uint64(n))
		return int(high)
	}
	within := func(most int) int { return below(2*most+1) - most }
	angle := within(rotation)
	return warp{
		rows: rows, cols: cols,
		shiftX: within(shift * cols), shiftY: within(shift * rows),
		xx: within(scaling), xy: -angle, yx: angle, yy: within(scaling),
		fieldX: below(fields), fieldY: below(fields),
		elasticX: within(elastic * cols), elasticY: within(elastic * rows),
	}
}

// apply writes the warped original to pix, each pixel interpolated between four. What lies outside
// of the original is as its nearest pixel. The fields have a value for each pixel.
func (w *warp) apply(pix, original []uint8, fieldX, fieldY []int16, frame []uint8) {
	// The row and column that are added to the original get the weight 0 below.
	stride := w.cols + 1
	for r := range w.rows {
		copy(frame[r*stride:], original[r*w.cols:(r+1)*w.cols])
	}
	lastX, lastY := (w.cols-1)*one, (w.rows-1)*one
	for r := range w.rows {
		// Twice the distances of the row's first pixel from the centre are whole numbers.
		fromX, fromY := 1-w.cols, 2*r+1-w.rows
		x := w.shiftX + (w.xx*fromX+w.xy*fromY)/2
		y := w.shiftY + (w.yx*fromX+w.yy*fromY)/2 + r*one
		row := pix[r*w.cols:][:w.cols]
		moveX, moveY := fieldX[r*w.cols:][:w.cols], fieldY[r*w.cols:][:w.cols]
		for c := range row {
			px := min(max(x+int(moveX[c])*w.elasticX>>15, 0), lastX)
			py := min(max(y+int(moveY[c])*w.elasticY>>15, 0), lastY)
			at := py>>16*stride + px>>16
			top, bottom := frame[at:at+2], frame[at+stride:at+stride+2]
			right, down := px>>8&255, py>>8&255
			upper := int(top[0])<<8 + (int(top[1])-int(top[0]))*right
			lower := int(bottom[0])<<8 + (int(bottom[1])-int(bottom[0]))*right
			row[c] = uint8((upper<<8 + (lower-upper)*down + 1<<15) >> 16)
			x += one + w.xx
			y += w.yx
		}
	}
}

// drawField draws a smooth random field. It is white noise that means over windows make smooth in
// three passes, which is close to a Gaussian of a sixth of the rows and columns. The field goes on
// beyond each edge at the edge opposite. Its largest value is 32767 or -32767.
func drawField(field []int, rows, cols int, source *rand.PCG) {
	for i := range field {
		field[i] = int(int32(source.Uint64() >> 32))
	}
	line := make([]int, max(rows, cols))
	for range 3 {
		for r := range rows {
			smooth(field[r*cols:], 1, line[:cols])
		}
		for c := range cols {
			smooth(field[c:], cols, line[:rows])
		}
	}
	largest := 1
	for _, v := range field {
		largest = max(largest, v, -v)
	}
	for i, v := range field {
		field[i] = v * 32767 / largest
	}
}

// smooth replaces every stride-th value by the mean of a window around it. It does so for as many
// values as line, its buffer, can hold.
func smooth(values []int, stride int, line []int) {
	n := len(line)
	for i := range line {
		line[i] = values[i*stride]
	}
	half := n / 7
	sum := 0
	for i := -half; i <= half; i++ {
		sum += line[(i+n)%n]
	}
	for i := range line {
		values[i*stride] = sum / (2*half + 1)
		sum += line[(i+half+1)%n] - line[(i-half+n)%n]
	}
}
