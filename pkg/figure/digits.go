package figure

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A DigitTitle is the title of an image: the predicted class and, if it is another, the true one.
type DigitTitle struct{ Predicted, Truth int }

// text returns what stands above the image.
func (t DigitTitle) text() string {
	if t.Predicted == t.Truth {
		return strconv.Itoa(t.Predicted)
	}
	return fmt.Sprintf("%d, true: %d", t.Predicted, t.Truth)
}

// Digits shows the first 100 images, row by row in a grid of 10 x 10, each in colours that span its
// own darkest and brightest pixel, with its title above, red if the prediction is wrong. pix is
// (len(titles), rows, cols), row-major.
func Digits(pix []float32, rows, cols int, titles []DigitTitle) image.Image {
	if len(pix) != len(titles)*rows*cols {
		panic("figure: the number of pixels does not fit the titles")
	}
	const grid, width, height = 10, 10 * vg.Inch, 10.9 * vg.Inch // leaves squares for square images
	img, canvas := newCanvas(width, height)
	tiles := draw.Tiles{Rows: grid, Cols: grid, PadX: vg.Points(6), PadY: vg.Points(4),
		PadTop: vg.Points(6), PadBottom: vg.Points(6), PadLeft: vg.Points(6), PadRight: vg.Points(10)}
	for i := range min(len(titles), grid*grid) {
		p := plot.New()
		p.Title.Text = titles[i].text()
		p.Title.TextStyle.Font.Size = vg.Points(9)
		if titles[i].Predicted != titles[i].Truth {
			p.Title.TextStyle.Color = red
		}
		p.HideAxes()
		digit := picture(pix[i*rows*cols:(i+1)*rows*cols], cols)
		p.Add(plotter.NewImage(digit, 0, 0, float64(cols), float64(rows)))
		p.Draw(tiles.At(canvas, i%grid, i/grid))
	}
	return img
}

// red marks what is wrong.
var red = color.RGBA{0xbf, 0x3a, 0x30, 0xff}

// picture paints an image of pix. Every pixel becomes a square of several dots, so that it keeps
// its edges when the plot stretches the picture.
func picture(pix []float32, cols int) image.Image {
	const dots = 8
	lo, hi := pix[0], pix[0]
	for _, v := range pix {
		lo, hi = min(lo, v), max(hi, v)
	}
	span := float64(hi) - float64(lo)
	if span == 0 {
		span = 1
	}
	img := image.NewRGBA(image.Rect(0, 0, dots*cols, dots*(len(pix)/cols)))
	for i, v := range pix {
		c := viridis((float64(v) - float64(lo)) / span)
		for y := range dots {
			for x := range dots {
				img.SetRGBA(i%cols*dots+x, i/cols*dots+y, c)
			}
		}
	}
	return img
}

// viridis returns matplotlib's default colour for a share of 0 (dark violet) to 1 (yellow), to
// within 2 of 255.
func viridis(share float64) color.RGBA {
	at := float64(share * float64(len(viridisAnchors)-1))
	i := min(int(at), len(viridisAnchors)-2)
	var c [3]uint8
	for k := range c {
		a, b := float64(viridisAnchors[i][k]), float64(viridisAnchors[i+1][k])
		c[k] = uint8(math.Round(a + float64((b-a)*(at-float64(i)))))
	}
	return color.RGBA{c[0], c[1], c[2], 255}
}

// viridisAnchors are colours of matplotlib's map viridis (van der Walt and Smith 2015) at equal
// distances.
var viridisAnchors = [...][3]uint8{
	{68, 1, 84}, {71, 13, 96}, {72, 24, 106}, {72, 35, 116}, {71, 45, 123}, {69, 54, 129},
	{66, 64, 134}, {63, 73, 137}, {59, 82, 139}, {55, 90, 141}, {51, 99, 141}, {47, 106, 142},
	{44, 114, 142}, {41, 122, 142}, {38, 129, 142}, {35, 137, 142}, {33, 144, 140}, {31, 152, 139},
	{31, 159, 136}, {33, 166, 133}, {40, 174, 128}, {49, 181, 123}, {62, 188, 116}, {76, 194, 108},
	{93, 201, 99}, {110, 206, 88}, {130, 211, 76}, {150, 216, 63}, {171, 220, 50}, {192, 223, 36},
	{213, 226, 26}, {234, 229, 26}, {253, 231, 37},
}
