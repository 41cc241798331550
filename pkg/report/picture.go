package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/png"
	"sync"
)

// maxSide is the largest width and height of a picture on a page; larger images are made smaller.
// It bounds the size of a page.
const maxSide = 56

// A tile is a picture with a few short lines under it.
type tile struct {
	Picture template.URL
	Alt     string
	Lines   []string
	Mark    string // "right", "wrong" or nothing: the colour of its frame
	Ask     string // the image as the text of its key, so that a reader can ask; may be empty
}

// A card is a titled group of tiles.
type card struct {
	Title string
	Tiles []tile
}

// picture returns a grey image of (rows, cols) pixels as a data URI.
func picture(pix []uint8, rows, cols int) template.URL {
	pix, rows, cols = shrink(pix, rows, cols)
	return dataURI(&image.Gray{Pix: pix, Stride: cols, Rect: image.Rect(0, 0, cols, rows)})
}

// shrink averages square blocks of pixels if an image is larger than maxSide.
func shrink(pix []uint8, rows, cols int) ([]uint8, int, int) {
	f := (max(rows, cols) + maxSide - 1) / maxSide
	if f <= 1 {
		return pix, rows, cols
	}
	h, w := (rows+f-1)/f, (cols+f-1)/f
	small := make([]uint8, h*w)
	for y := range h {
		for x := range w {
			sum, n := 0, 0
			for v := y * f; v < min((y+1)*f, rows); v++ {
				for u := x * f; u < min((x+1)*f, cols); u++ {
					sum += int(pix[v*cols+u])
					n++
				}
			}
			small[y*w+x] = uint8((sum + n/2) / n)
		}
	}
	return small, h, w
}

// across is the number of images in a row of a sheet.
const across = 50

// sheet returns one picture of n images of (rows, cols) pixels, side by side in rows.
func sheet(pix []uint8, n, rows, cols int) template.URL {
	down := (n + across - 1) / across
	canvas := image.NewGray(image.Rect(0, 0, across*cols, down*rows))
	for i := range n {
		left, top := i%across*cols, i/across*rows
		for y := range rows {
			at := (i*rows + y) * cols
			copy(canvas.Pix[(top+y)*canvas.Stride+left:], pix[at:at+cols])
		}
	}
	return dataURI(canvas)
}

// encoder reuses its buffers, which are larger than the pictures.
var encoder = png.Encoder{CompressionLevel: png.BestCompression, BufferPool: &buffers{}}

type buffers struct{ pool sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer {
	e, _ := b.pool.Get().(*png.EncoderBuffer)
	return e
}

func (b *buffers) Put(e *png.EncoderBuffer) { b.pool.Put(e) }

// dataURI returns the image as a PNG inside of a URI.
func dataURI(m *image.Gray) template.URL {
	var b bytes.Buffer
	if err := encoder.Encode(&b, m); err != nil {
		panic(err) // only a picture without pixels fails, and idx reads none
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}

// called returns the number of an image and, if it is known, its label as text.
func called(i int, labels []uint8) string {
	if i < len(labels) {
		return fmt.Sprintf("image %s, label %d", count(i), labels[i])
	}
	return "image " + count(i)
}
