package report

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func decode(t *testing.T, uri string) *image.Gray {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(uri, "data:image/png;base64,"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*image.Gray)
}

func TestPictureIsTheImage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, size := range [][2]int{{1, 1}, {3, 5}, {28, 28}, {56, 56}} {
		m := noise(1, size[0], size[1], rng)
		got := decode(t, string(picture(m.Pix, m.Rows, m.Cols)))
		if got.Rect.Dx() != m.Cols || got.Rect.Dy() != m.Rows || !bytes.Equal(got.Pix, m.Pix) {
			t.Errorf("%v: the picture differs from the image", size)
		}
	}
}

func TestShrinkAverages(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, size := range [][2]int{{57, 1}, {57, 57}, {112, 30}, {113, 200}, {1, 1000}} {
		m := noise(1, size[0], size[1], rng)
		f := 1
		for max(m.Rows, m.Cols) > f*maxSide {
			f++
		}
		got, h, w := shrink(m.Pix, m.Rows, m.Cols)
		if h > maxSide || w > maxSide || len(got) != h*w {
			t.Fatalf("%v: %dx%d, %d pixels", size, h, w, len(got))
		}
		sum, n := make([]float64, h*w), make([]float64, h*w)
		for i, v := range m.Pix {
			at := i/m.Cols/f*w + i%m.Cols/f
			sum[at] += float64(v)
			n[at]++
		}
		for i := range got {
			if want := uint8(math.Floor(sum[i]/n[i] + 0.5)); got[i] != want {
				t.Errorf("%v: pixel %d is %d, want %d", size, i, got[i], want)
			}
		}
	}
}

func TestImagesStandWhereTheScriptLooks(t *testing.T) {
	m := noise(130, 6, 4, rand.New(rand.NewPCG(1, 1)))
	picture := decode(t, string(sheet(m.Pix, m.N, m.Rows, m.Cols)))
	if want := image.Rect(0, 0, 50*4, 3*6); picture.Rect != want {
		t.Errorf("the sheet is %v, want %v", picture.Rect, want)
	}
	for i := range m.N {
		left, top := i%across*m.Cols, i/across*m.Rows
		for p, want := range m.At(i) {
			if got := picture.GrayAt(left+p%m.Cols, top+p/m.Cols).Y; got != want {
				t.Fatalf("image %d differs on the sheet", i)
			}
		}
	}
}

func TestGrey(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	want := []uint8{0, 128, 255, 0, 255, 0, 255}
	if got := grey([]float32{0, 0.5, 1, -3, 7, nan, inf}, 1); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := grey([]float32{0, 0}, 0); !slices.Equal(got, []uint8{0, 0}) {
		t.Errorf("a black image is %v", got)
	}
}

// What the bars show is read back from their drawing: the height of each, by the tallest.
func TestHistogramCounts(t *testing.T) {
	values := []float64{1, 1, 1, 1, 1.3, 1.3, 1.6, 99}
	drawing := string(histogram(
		"Title & more", "x", "y", binned(values, 1, 2, 4), 1, 2, 4, 0).html())
	const begin = `<svg role="img" aria-label="Title &amp; more" viewBox="0 0 420 220">`
	if !strings.HasPrefix(drawing, begin) ||
		!strings.HasSuffix(drawing, "</svg>") {
		t.Errorf("%.80s …", drawing)
	}
	var heights []float64
	path := regexp.MustCompile(`<path d="M(\S+?),(\S+?)L(\S+?),(\S+?)L(\S+?),(\S+?)L\S+?Z" ` +
		`style="fill:var\(--c0\)`)
	for _, bar := range path.FindAllStringSubmatch(drawing, -1) {
		ys := []float64{float(t, bar[2]), float(t, bar[4]), float(t, bar[6])}
		heights = append(heights, slices.Max(ys)-slices.Min(ys))
	}
	want := []float64{4, 2, 1, 1}
	if len(heights) != len(want) {
		t.Fatalf("%d bars, want %d", len(heights), len(want))
	}
	for i := range want {
		if got := heights[i] / heights[0] * want[0]; math.Abs(got-want[i]) > 0.01 {
			t.Errorf("bar %d is %v high, want %v", i, got, want[i])
		}
	}
}

func float(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDrawingsTakeTheColoursOfThePage(t *testing.T) {
	for name, drawing := range map[string]string{
		"losses": string(losses("a", []curve{
			{"x", []float64{3, 2, 1}}, {"y", []float64{2, 2, 2}},
		}, 1).html()),
		"histogram": string(histogram("a", "x", "y", []int{1, 2}, 1, 3, 2, 1).html()),
		"bars":      string(bars("a", "x", "y", []string{"p", "q"}, [][]int{{1, 2}, {3, 4}}).html()),
		"silhouettes": string(silhouettes(
			"a", []string{"1", "2"}, [][]float64{{0.5, -0.5}, {0.1}}, 0.2, -1, 1).html()),
	} {
		if found := regexp.MustCompile(`#[0-9A-Fa-f]{6}`).FindString(drawing); found != "" {
			t.Errorf("%s has the colour %s in both themes", name, found)
		}
		if !strings.Contains(drawing, "var(--ink)") || !strings.Contains(drawing, "var(--c1)") {
			t.Errorf("%s is drawn without the page's colours", name)
		}
		if strings.Contains(drawing, "<?xml") || strings.Contains(drawing, "NaN") {
			t.Errorf("%s has what a page must not have", name)
		}
	}
}

func TestLossesThatDifferMuchAreLogarithmic(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   bool
	}{
		{[]float64{1, 0.5, 0.06}, false}, {[]float64{1, 0.5, 0.05}, true}, {[]float64{1, 0}, false},
		{[]float64{3}, false}, {nil, false},
		{[]float64{1e300, 1e-300}, true},
		{[]float64{math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN()}, true},
	} {
		drawing := string(losses("a", []curve{{"x", c.values}, {"y", nil}}, 1).html())
		if got := strings.Contains(drawing, "loss (logarithmic)"); got != c.want {
			t.Errorf("%v: logarithmic %v, want %v", c.values, got, c.want)
		}
		if strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
			t.Errorf("%v: a place that is none in the drawing", c.values)
		}
	}
}

func TestDecades(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      string
	}{
		{0.0016, 0.098, "0.002 0.005 0.01 0.02 0.05"},
		{0.1, 2, "0.1 0.2 0.5 1 2"},
		{1e-5, 10, "1e-05 0.0001 0.001 0.01 0.1 1 10"},
		{1e-20, 1, "1e-20 1e-17 1e-14 1e-11 1e-08 1e-05 0.01"},
	} {
		var got []string
		for _, tick := range decades(c.low, c.high) {
			got = append(got, tick.Label)
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%v to %v: %s, want %s", c.low, c.high, got, c.want)
		}
	}
}

func TestColourOfEveryKindDiffers(t *testing.T) {
	for _, n := range []int{1, 10, 11, 26, 62} {
		seen := map[string]bool{}
		for i := range n {
			seen[string(colour(i))] = true
		}
		if len(seen) != n {
			t.Errorf("%d colours for %d kinds", len(seen), n)
		}
	}
}

func TestShade(t *testing.T) {
	h := heatMap{Count: [][]int{{75, 25, 0}, {0, 0, 4}}, Diagonal: true, sums: []int{100, 4}, wrong: 1}
	for _, test := range []struct {
		i, j int
		want cell
	}{
		{0, 0, cell{"right strong", "0.866", "75", "75.0 %"}},
		{0, 1, cell{"wrong", "0.500", "25", "25.0 %"}},
		{0, 2, cell{Class: "none"}},
		{1, 2, cell{"wrong strong", "1.000", "4", "100.0 %"}}, {1, 1, cell{Class: "none"}},
	} {
		if got := h.Shade(test.i, test.j); got != test.want {
			t.Errorf("(%d, %d): %v, want %v", test.i, test.j, got, test.want)
		}
	}
	h.wrong = 0.25
	if got := h.Shade(0, 1).Share; got != "1.000" {
		t.Errorf("the largest share of mistakes has the colour %s, want the full one", got)
	}
}

func TestConfused(t *testing.T) {
	h := heatMap{
		Rows: texts([]string{"0", "1", "5"}), Columns: texts([]string{"0", "1", "5"}),
		Count: [][]int{{9, 1, 0}, {3, 0, 1}, {1, 0, 4}},
	}
	want := [][]string{
		{"1", "0", "3", "75.0 %"}, {"0", "1", "1", "10.0 %"}, {"1", "5", "1", "25.0 %"},
	}
	if got := h.confused(3).Rows; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
