package convert

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"image/color"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/mnist"
	"imagesimilarity/pkg/npy"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
)

// pairs are the names of images and labels in files .npz. The first ones are those in Keras'
// mnist.npz.
var pairs = []struct {
	images, labels string
	query          bool
}{
	{"x_train", "y_train", false}, {"x_test", "y_test", true},
	{"train_images", "train_labels", false}, {"test_images", "test_labels", true},
	{"x", "y", false}, {"images", "labels", false},
}

// readArchive reads a file .npz: a zip archive of arrays.
func (c *converter) readArchive(name string) error {
	z, err := zip.OpenReader(name)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	defer z.Close()
	arrays := map[string]*zip.File{}
	for _, f := range z.File {
		arrays[strings.TrimSuffix(f.Name, ".npy")] = f
	}
	open := func(array string) opener {
		return func() (io.ReadCloser, string, error) {
			r, err := arrays[array].Open()
			return r, name + ": " + array, err
		}
	}
	used := map[string]bool{}
	hasQueries := slices.ContainsFunc([]string{"x_test", "test_images"}, func(array string) bool {
		return arrays[array] != nil
	})
	for _, p := range pairs {
		if arrays[p.images] == nil || arrays[p.labels] == nil {
			continue
		}
		used[p.images], used[p.labels] = true, true
		set := c.set
		if hasQueries {
			s := &c.training
			if p.query {
				s = &c.query
			}
			set = func(int) *mnist.Set { return s }
		}
		if err := c.readPair(open(p.images), open(p.labels), set); err != nil {
			return err
		}
	}
	for _, f := range z.File {
		if array := strings.TrimSuffix(f.Name, ".npy"); !used[array] {
			c.skip(name+": "+array, "no array of images or labels that is known by its name")
		}
	}
	if len(used) == 0 {
		return fmt.Errorf("%s: expected arrays x_train, y_train, x_test and y_test, found %s",
			name, quote.Short(strings.Join(sortedNames(z.File), ", ")))
	}
	return c.readClasses(filepath.Dir(name))
}

func sortedNames(files []*zip.File) (names []string) {
	for _, f := range files {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

// readArrays reads images and labels, each in a file .npy.
func (c *converter) readArrays(images string) error {
	if c.Labels == "" {
		return fmt.Errorf("%s: where are its labels? Name their file .npy with -labels", images)
	}
	open := func(name string) opener {
		return func() (io.ReadCloser, string, error) {
			f, _, err := infile.Open(name)
			return f, name, err
		}
	}
	return c.readPair(open(images), open(c.Labels), c.set)
}

// An opener opens an array and returns its name for errors.
type opener func() (r io.ReadCloser, name string, err error)

// readPair reads images and their labels. set returns the set for image i.
func (c *converter) readPair(images, labels opener, set func(i int) *mnist.Set) error {
	list, err := readLabels(labels)
	if err != nil {
		return err
	}
	r, name, err := images()
	if err != nil {
		return err
	}
	defer r.Close()
	in := bufio.NewReaderSize(r, 1<<16)
	h, err := npy.Read(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	channels := 1
	if len(h.Shape) == 4 {
		channels = h.Shape[3]
	}
	if h.Type != "|u1" || len(h.Shape) < 3 || len(h.Shape) > 4 || channels != 1 && channels != 3 {
		return fmt.Errorf("%s: values of type %s and shape %d; expected bytes, |u1, of the shape "+
			"images, rows, columns, and maybe 1 or 3 for the colours",
			name, quote.Printable(h.Type), h.Shape)
	}
	n, rows, cols := h.Shape[0], h.Shape[1], h.Shape[2]
	if n != len(list) {
		return fmt.Errorf("%s: %s and %s; expected as many", name,
			plural.Of(n, "image"), plural.Of(len(list), "label"))
	}
	if rows*cols > maxPicture {
		return fmt.Errorf("%s: images of %dx%d pixels, expected at most %d pixels",
			name, rows, cols, maxPicture)
	}
	if err := c.reserve(set(0), n, rows, cols, name); err != nil {
		return err
	}
	values := make([]uint8, rows*cols*channels)
	for i, label := range list {
		if _, err := io.ReadFull(in, values); err != nil {
			return fmt.Errorf("%s: image %d of %d cannot be read: %w", name, i, n, err)
		}
		pix := values
		if channels == 3 {
			pix = luminance(values)
			c.grey++
		}
		if err := c.add(set(i), pix, rows, cols, label); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// luminance returns the grey levels of pixels of red, green and blue.
func luminance(rgb []uint8) []uint8 {
	pix := make([]uint8, 0, len(rgb)/3)
	for p := range slices.Chunk(rgb, 3) {
		grey := color.GrayModel.Convert(color.RGBA{R: p[0], G: p[1], B: p[2], A: 255})
		pix = append(pix, grey.(color.Gray).Y)
	}
	return pix
}

// readLabels reads labels: whole numbers from 0 to 255, of any type of whole numbers.
func readLabels(open opener) ([]uint8, error) {
	r, name, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	in := bufio.NewReader(r)
	h, err := npy.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	width := map[string]int{
		"|u1": 1, "|i1": 1, "<u2": 2, "<i2": 2, "<u4": 4, "<i4": 4, "<u8": 8, "<i8": 8,
	}[h.Type]
	flat := len(h.Shape) == 1 || len(h.Shape) == 2 && h.Shape[1] == 1
	if width == 0 || !flat {
		return nil, fmt.Errorf("%s: values of type %s and shape %d; expected whole numbers, one for "+
			"each image", name, quote.Printable(h.Type), h.Shape)
	}
	var list []uint8
	var value [8]byte
	for i := range h.Shape[0] {
		if _, err := io.ReadFull(in, value[:width]); err != nil {
			return nil, fmt.Errorf("%s: label %d of %d cannot be read: %w", name, i, h.Shape[0], err)
		}
		v := binary.LittleEndian.Uint64(value[:])
		if v >= maxClasses || h.Type == "|i1" && v > 127 {
			return nil, fmt.Errorf("%s: label %d is not from 0 to %d", name, i, maxClasses-1)
		}
		list = append(list, uint8(v))
	}
	return list, nil
}
