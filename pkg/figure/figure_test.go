package figure

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden figures in testdata")

// check compares a figure with its golden file.
func check(t *testing.T, name string, img image.Image) {
	t.Helper()
	file := "testdata/" + name
	if *update {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds() != want.Bounds() {
		t.Fatalf("%s: the figure has the bounds %v, want %v", file, img.Bounds(), want.Bounds())
	}
	// Curves and letters are smoothed with arithmetic whose last bit may differ from one processor to
	// another.
	const tolerance = 2 << 8 // of 65535
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			wr, wg, wb, _ := want.At(x, y).RGBA()
			if max(r, wr)-min(r, wr) > tolerance || max(g, wg)-min(g, wg) > tolerance ||
				max(b, wb)-min(b, wb) > tolerance {
				t.Fatalf("%s: the figure differs at (%d,%d): %v, want %v",
					file, x, y, img.At(x, y), want.At(x, y))
			}
		}
	}
}

func TestLossGraphs(t *testing.T) {
	title := "Convolutional layers: 3\nConvolutional filter size: 3\n" +
		"Convolutional filters per layer: [16, 32, 64]\nBatch size: 128"
	check(t, "loss_graphs.png", LossGraphs([]LossGraph{
		{Title: title, Loss: []float64{0.1, 0.05, 0.03, 0.02},
			ValLoss: []float64{0.07, 0.04, 0.035, 0.03}},
		{Title: "One epoch, a loss that was no number", Loss: []float64{0.5},
			ValLoss: []float64{math.NaN()}},
		{Title: "No epoch"},
	}))
}

func TestLossGraphsGrowOnlySoFar(t *testing.T) {
	for graphs, want := range map[int]image.Point{
		1: {640, 480}, 2: {640, 960}, 20: {640, 9600}, 25: {640, 9600},
	} {
		if got := LossGraphs(make([]LossGraph, graphs)).Bounds().Size(); got != want {
			t.Errorf("%d graphs make a figure of %v, want %v", graphs, got, want)
		}
	}
}

func TestEpochsCountFrom1(t *testing.T) {
	for last, want := range map[int]string{
		2: "1 2", 10: "1 2 3 4 5 6 7 8 9 10", 11: "1 3 5 7 9 11", 100: "1 11 21 31 41 51 61 71 81 91",
	} {
		var got []string
		for _, tick := range epochTicks(last) {
			if tick.Label != strconv.Itoa(int(tick.Value)) {
				t.Errorf("epoch %v has the label %s", tick.Value, tick.Label)
			}
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d epochs: ticks %v, want %s", last, got, want)
		}
	}
}

func TestFiniteCutsAtWhatIsNoNumber(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	parts := finite([]float64{nan, 1, 2, inf, -inf, 3, nan})
	if len(parts) != 2 || len(parts[0]) != 2 || len(parts[1]) != 1 || parts[1][0].X != 6 ||
		parts[1][0].Y != 3 {
		t.Errorf("parts %v", parts)
	}
}

// digit is an image of 4 x 3 pixels with the brightest at place i.
func digit(i int) []float32 {
	pix := make([]float32, 12)
	pix[i%12] = 0.25
	return pix
}

func TestDigits(t *testing.T) {
	var pix []float32
	var titles []DigitTitle
	for i := range 15 {
		pix = append(pix, digit(i)...)
		titles = append(titles, DigitTitle{i % 10, i % 10})
	}
	titles[3].Truth = 8 // a mistake
	clear(pix[12:24])   // an image of one colour
	check(t, "digits.png", Digits(pix, 4, 3, titles))
}

func TestDigitsShowsAHundredAtMost(t *testing.T) {
	var pix []float32
	var titles []DigitTitle
	for i := range 120 {
		pix = append(pix, digit(0)...)
		titles = append(titles, DigitTitle{i, i})
	}
	bytesOf := func(img image.Image) []byte { return img.(*image.RGBA).Pix }
	if !bytes.Equal(bytesOf(Digits(pix, 4, 3, titles)),
		bytesOf(Digits(pix[:100*12], 4, 3, titles[:100]))) {
		t.Error("120 digits look other than the first 100")
	}
}

func TestPictureSpansItsOwnRange(t *testing.T) {
	dark, bright := color.RGBA{68, 1, 84, 255}, color.RGBA{253, 231, 37, 255}
	img := picture([]float32{3, 3.5, 4, 3}, 2)
	side := img.Bounds().Dx() / 2
	for at, want := range map[image.Point]color.RGBA{
		{0, 0}: dark, {side, 0}: viridis(0.5), {0, side}: bright, {side, side}: dark,
		{side - 1, side - 1}: dark,
	} {
		if got := img.At(at.X, at.Y); got != want {
			t.Errorf("at %v the colour is %v, want %v", at, got, want)
		}
	}
	if got := picture([]float32{7, 7}, 2).At(0, 0); got != dark {
		t.Errorf("an image of one value has the colour %v, want the darkest", got)
	}
}

// Colours of matplotlib 3.11's viridis.
func TestViridis(t *testing.T) {
	for share, want := range map[float64]color.RGBA{
		0: {68, 1, 84, 255}, 15. / 255: {72, 23, 105, 255}, 75. / 255: {53, 94, 141, 255},
		120. / 255: {35, 137, 142, 255},
		150. / 255: {33, 165, 133, 255}, 195. / 255: {101, 203, 94, 255}, 240. / 255: {216, 226, 25, 255},
		1: {253, 231, 37, 255},
	} {
		got := viridis(share)
		for k, pair := range [][2]uint8{{got.R, want.R}, {got.G, want.G}, {got.B, want.B}} {
			if d := int(pair[0]) - int(pair[1]); d < -2 || d > 2 {
				t.Errorf("viridis(%v) is %v, want %v (channel %d)", share, got, want, k)
			}
		}
	}
}
