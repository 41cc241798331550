package convert

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/npy"
)

// write writes a file and its folders.
func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// picture returns a picture of one colour as a PNG or JPEG file.
func picture(t *testing.T, rows, cols int, c color.Color, asJPEG bool) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, cols, rows))
	for i := range rows * cols {
		m.Set(i%cols, i/cols, c)
	}
	var b bytes.Buffer
	var err error
	if asJPEG {
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 100})
	} else {
		err = png.Encode(&b, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// set is what a folder that Convert wrote holds for one of its parts.
func set(t *testing.T, folder, part string) (*imageset.Images[uint8], []uint8) {
	t.Helper()
	m, err := idx.ReadImages(filepath.Join(folder, part, "images.dat"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := idx.ReadLabels(filepath.Join(folder, part, "labels.dat"))
	if err != nil {
		t.Fatal(err)
	}
	return m, l
}

func TestPictures(t *testing.T) {
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "new")
	grey := func(v uint8) color.Color { return color.Gray{Y: v} }
	for i := range 11 { // "10" comes after "9"
		name := filepath.Join(in, "2", string(rune('a'+i))+".png")
		write(t, name, picture(t, 3+i, 5, grey(uint8(i)), false))
	}
	write(t, filepath.Join(in, "10", "red.jpg"), picture(t, 8, 8, color.NRGBA{R: 255, A: 255}, true))
	write(t, filepath.Join(in, "10", "clear.PNG"), picture(t, 1, 1, color.NRGBA{R: 255}, false))
	write(t, filepath.Join(in, "10", "notes.txt"), []byte("no picture"))
	write(t, filepath.Join(in, "10", "broken.png"), []byte("\x89PNG\r\n\x1a\n"))
	write(t, filepath.Join(in, ".hidden", "a.png"), picture(t, 1, 1, grey(9), false))

	var told strings.Builder
	if err := Convert(in, out, Options{Rows: 4, Cols: 6}, &told); err != nil {
		t.Fatal(err)
	}
	m, labels := set(t, out, "training")
	// Class by class in turn; the tenth of a class is a query.
	if want := []uint8{0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0}; !slices.Equal(labels, want) {
		t.Errorf("labels %d, want %d", labels, want)
	}
	if m.N != 12 || m.Rows != 4 || m.Cols != 6 {
		t.Errorf("%d images of %dx%d", m.N, m.Rows, m.Cols)
	}
	// The luminance of red is 76; that of nothing is 0.
	if red, clear := m.At(4)[0], m.At(2)[0]; red < 74 || red > 78 || clear != 0 {
		t.Errorf("red is %d, clear is %d", red, clear)
	}
	if q, l := set(t, out, "query"); q.N != 1 || q.Pix[0] != 9 || l[0] != 0 {
		t.Errorf("%d queries, %d, %d", q.N, q.Pix[0], l)
	}
	if names, err := Classes(out); err != nil || !slices.Equal(names, []string{"2", "10"}) {
		t.Errorf("classes %q, %v", names, err)
	}
	for _, want := range []string{"grey by luminance: ", "Scaled to 4x6 pixels: 13 images\n",
		"Classes: 0 2 1 10\n", "Skipped: 2\n", "broken.png: ", "notes.txt: the name does not end",
		": 12 training images and 1 query of 4x6 pixels\n"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("%q is not told in\n%s", want, told.String())
		}
	}
	first, err := os.ReadFile(filepath.Join(out, "training", "images.dat"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Convert(in, out, Options{Rows: 4, Cols: 6}, &told); err != nil {
		t.Fatal(err)
	}
	second, _ := os.ReadFile(filepath.Join(out, "training", "images.dat"))
	if !bytes.Equal(first, second) {
		t.Error("the same pictures gave other bytes")
	}
}

// array returns a file .npy of bytes.
func array(t *testing.T, kind string, values any, shape ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (npy.Header{Type: kind, Shape: shape}).Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArrays(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string][]byte{
		"x_train.npy": array(t, "|u1", []uint8{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 2, 3),
		"y_train.npy": array(t, "<i8", []int64{3, 200}, 2, 1),
		"x_test.npy":  array(t, "|u1", []uint8{255, 0, 0, 9, 9, 9}, 1, 1, 2, 3),
		"y_test.npy":  array(t, "|u1", []uint8{3}, 1),
		"other.npy":   array(t, "|u1", []uint8{3}, 1),
	} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	z.Close()
	npz := filepath.Join(in, "mnist.npz")
	write(t, npz, b.Bytes())
	var told strings.Builder
	if err := Convert(npz, out, Options{Transpose: true, Invert: true}, &told); err != nil {
		t.Fatal(err)
	}
	m, labels := set(t, out, "training")
	want := []uint8{254, 251, 253, 250, 252, 249, 248, 245, 247, 244, 246, 243}
	if m.Rows != 3 || m.Cols != 2 || !slices.Equal(m.Pix, want) ||
		!slices.Equal(labels, []uint8{3, 200}) {
		t.Errorf("%+v, labels %d, want %d", m, labels, want)
	}
	if q, _ := set(t, out, "query"); q.N != 1 || q.Rows != 3 || q.Cols != 2 {
		t.Errorf("queries %+v", q)
	}
	if !strings.Contains(told.String(), ": other: no array of images or labels") {
		t.Errorf("told %s", told.String())
	}

	images, labelled := filepath.Join(in, "x.npy"), filepath.Join(in, "y.npy")
	write(t, images, array(t, "|u1", make([]uint8, 20), 20, 1, 1))
	write(t, labelled, array(t, "<i4", make([]int32, 20), 20))
	if err := Convert(images, out, Options{Labels: labelled}, &told); err != nil {
		t.Fatal(err)
	}
	if q, _ := set(t, out, "query"); q.N != 2 {
		t.Errorf("%d queries, want each tenth of 20", q.N)
	}
}

func TestFaults(t *testing.T) {
	in := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(in, name)
		write(t, path, content)
		return path
	}
	pixels := file("pixels.npy", array(t, "|u1", make([]uint8, 4), 2, 2, 1))
	floats := file("floats.npy", array(t, "<f4", make([]float32, 4), 2, 2, 1))
	short := file("short.npy", array(t, "|u1", make([]uint8, 3), 2, 2, 1))
	two := file("two.npy", array(t, "|u1", []uint8{0, 1}, 2))
	three := file("three.npy", array(t, "|u1", []uint8{0, 1, 2}, 3))
	high := file("high.npy", array(t, "<i2", []int16{0, -1}, 2))
	file("part/train-images-idx3-ubyte", nil)
	file("empty/nothing.txt", nil)
	for _, c := range []struct{ source, labels, want string }{
		{filepath.Join(in, "missing"), "", "cannot open"},
		{pixels, "", "where are its labels?"},
		{pixels, three, "2 images and 3 labels; expected as many"},
		{pixels, high, "label 1 is not from 0 to 255"},
		{pixels, pixels, "expected whole numbers, one for each image"},
		{floats, two, "values of type <f4 and shape [2 2 1]; expected bytes"},
		{short, two, "image 1 of 2 cannot be read: unexpected EOF"},
		{pixels, two, "2 training images and 0 queries; expected at least 1 of each"},
		{filepath.Join(in, "part"), "", "found 1 of the four files train-images-idx3-ubyte"},
		{filepath.Join(in, "empty"), "", "expected one folder of PNG or JPEG pictures for each class"},
		{file("a.npz", nil), "", "cannot read"},
		{file("a.tar", nil), "", "expected a folder, or a file .npz or .npy"},
		{filepath.Join(in, "part"), two, "labels in a file of their own belong to"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		err := Convert(c.source, out, Options{Labels: c.labels}, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: error %v, want %q", c.source, c.labels, err, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was written", c.source)
		}
	}
}

// Four files with the names of EMNIST, whose images are transposed, and folders that Convert wrote.
func TestIDX(t *testing.T) {
	in, out := t.TempDir(), t.TempDir()
	for i, part := range []string{"train", "test"} {
		begin := filepath.Join(in, "emnist-letters-"+part)
		m := &imageset.Images[uint8]{N: 1, Rows: 2, Cols: 2, Pix: []uint8{1, 2, 3, uint8(i)}}
		if err := idx.WriteImages(begin+"-images-idx3-ubyte", m); err != nil {
			t.Fatal(err)
		}
		if err := idx.WriteLabels(begin+"-labels-idx1-ubyte", []uint8{1}); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(in, ClassesFile), []byte("none\r\nA\r\n"))
	var told strings.Builder
	if err := Convert(in, out, Options{Transpose: true}, &told); err != nil {
		t.Fatal(err)
	}
	again := t.TempDir()
	if err := Convert(out, again, Options{}, &told); err != nil {
		t.Fatal(err)
	}
	for part, want := range map[string][]uint8{"training": {1, 3, 2, 0}, "query": {1, 3, 2, 1}} {
		if m, _ := set(t, again, part); !slices.Equal(m.Pix, want) {
			t.Errorf("%s: %d, want %d", part, m.Pix, want)
		}
	}
	if names, err := Classes(again); err != nil || !slices.Equal(names, []string{"none", "A"}) {
		t.Errorf("classes %q, %v", names, err)
	}
	if err := Convert(out, out, Options{}, &told); err == nil {
		t.Error("a folder was written to itself")
	}
	// Names do not stay for a data set without names.
	if err := os.Remove(filepath.Join(out, ClassesFile)); err != nil {
		t.Fatal(err)
	}
	if err := Convert(out, again, Options{}, &told); err != nil {
		t.Fatal(err)
	}
	if names, err := Classes(again); names != nil || err != nil {
		t.Errorf("classes %q, %v of an earlier data set", names, err)
	}
}

// The naive mean: every pixel is repeated until both grids fit.
func TestScaled(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		rows, cols := 1+random.IntN(9), 1+random.IntN(9)
		newRows, newCols := 1+random.IntN(9), 1+random.IntN(9)
		pix := make([]uint8, rows*cols)
		for i := range pix {
			pix[i] = uint8(random.Uint32())
		}
		got := scaled(pix, rows, cols, newRows, newCols)
		for r := range newRows {
			for c := range newCols {
				sum := 0
				for y := r * rows; y < (r+1)*rows; y++ {
					for x := c * cols; x < (c+1)*cols; x++ {
						sum += int(pix[y/newRows*cols+x/newCols])
					}
				}
				want := uint8((2*sum + rows*cols) / (2 * rows * cols))
				if got[r*newCols+c] != want {
					t.Fatalf("%dx%d to %dx%d: pixel %d,%d is %d, want %d",
						rows, cols, newRows, newCols, r, c, got[r*newCols+c], want)
				}
			}
		}
	}
}
