// Package convert makes data sets for the programs from pictures, from NumPy's arrays and from IDX
// files: a training set and a query set of grey images of one size, with labels.
package convert

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/infile"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/mnist"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/quote"
)

// Options say what is done to each image, in the order of the fields.
type Options struct {
	Transpose  bool // swap rows and columns, as the files of EMNIST need it
	Rows, Cols int  // scale to this size; 0 for as it is, and for pictures 28x28
	Invert     bool // make dark light, for ink on paper
	Labels     string
}

// ClassesFile is the name of the file with the names of the classes: line i, counted from 0, names
// class i.
const ClassesFile = "classes.txt"

const (
	defaultSize = 28 // rows and columns of pictures, as in MNIST
	maxClasses  = 256
	queryEvery  = 10 // without a query set, each tenth image is a query
	maxTold     = 20 // skipped files that are named
)

// converter collects the images.
type converter struct {
	Options
	training, query mnist.Set
	classes         []string // names; nil if they are not known
	skipped         []string // what was skipped, and why
	scaled, grey    int      // images that were scaled, that had colours
}

// Convert makes a data set from source and writes it to the folder target, as mnist.WriteSets does,
// with the names of the classes if they are known. It tells on out what it did and what it skipped.
//
// The source is a folder with one folder of PNG or JPEG pictures for each class, a folder of four
// IDX files, or a file .npz or .npy. The same source gives the same files.
func Convert(source, target string, o Options, out io.Writer) error {
	c := &converter{Options: o}
	for _, s := range []*mnist.Set{&c.training, &c.query} {
		s.Images = &imageset.Images[uint8]{Rows: o.Rows, Cols: o.Cols}
	}
	if err := c.read(source); err != nil {
		return err
	}
	if c.training.Images.N == 0 || c.query.Images.N == 0 {
		c.report(out)
		return fmt.Errorf("%s: %s and %s; expected at least 1 of each", source,
			plural.Of(c.training.Images.N, "training image"), plural.Of(c.query.Images.N, "query"))
	}
	if err := outfile.MakeFolder(target); err != nil {
		return err
	}
	from, errFrom := os.Stat(source)
	to, errTo := os.Stat(target)
	if errFrom == nil && errTo == nil && os.SameFile(from, to) {
		return fmt.Errorf("cannot write to %s: it is the same folder as %s, which is read",
			target, source)
	}
	if err := mnist.WriteSets(target, c.training, c.query); err != nil {
		return err
	}
	if err := c.writeClasses(filepath.Join(target, ClassesFile)); err != nil {
		return err
	}
	c.report(out)
	_, err := fmt.Fprintf(out, "Written to %s: %s and %s of %dx%d pixels\n",
		quote.Printable(target), plural.Of(c.training.Images.N, "training image"),
		plural.Of(c.query.Images.N, "query"),
		c.training.Images.Rows, c.training.Images.Cols)
	return err
}

// writeClasses writes the names of the classes, or removes those of an earlier data set.
func (c *converter) writeClasses(name string) error {
	if c.classes == nil {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot %w", err) // remove, the name, and why
		}
		return nil
	}
	return outfile.Write(name, func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(c.classes, "\n")+"\n")
		return err
	})
}

// report tells what was done to the images.
func (c *converter) report(out io.Writer) {
	if c.grey > 0 {
		fmt.Fprintf(out, "Colours became grey by luminance: %s\n", plural.Of(c.grey, "image"))
	}
	if c.scaled > 0 {
		fmt.Fprintf(out, "Scaled to %dx%d pixels: %s\n", c.Rows, c.Cols, plural.Of(c.scaled, "image"))
	}
	if len(c.classes) > 0 {
		fmt.Fprintf(out, "Classes:")
		for i, name := range c.classes {
			fmt.Fprintf(out, " %d %s", i, quote.Printable(name))
		}
		fmt.Fprintln(out)
	}
	if n := len(c.skipped); n > 0 {
		fmt.Fprintf(out, "Skipped: %d\n", n)
		for _, line := range c.skipped[:min(n, maxTold)] {
			fmt.Fprintf(out, "  %s\n", quote.Printable(line))
		}
		if n > maxTold {
			fmt.Fprintf(out, "  and %d more\n", n-maxTold)
		}
	}
}

// skip notes that a file is left out.
func (c *converter) skip(name, why string) {
	c.skipped = append(c.skipped, name+": "+why)
}

// read reads the source.
func (c *converter) read(source string) error {
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", source, errors.Unwrap(err))
	}
	ext := strings.ToLower(filepath.Ext(source))
	if c.Labels != "" && (info.IsDir() || ext != ".npy") {
		return fmt.Errorf("%s: labels in a file of their own belong to images in a file .npy", source)
	}
	switch {
	case !info.IsDir() && ext == ".npz":
		return c.readArchive(source)
	case !info.IsDir() && ext == ".npy":
		return c.readArrays(source)
	case !info.IsDir():
		return fmt.Errorf("%s: expected a folder, or a file .npz or .npy", source)
	}
	files, err := findIDX(source)
	switch {
	case err != nil:
		return err
	case files != nil:
		err = c.readIDX(files)
	default:
		err = c.readPictures(source)
	}
	if err != nil {
		return err
	}
	return c.readClasses(source)
}

// readClasses reads the names of the classes, if there is a file of them in the source.
func (c *converter) readClasses(source string) error {
	names, err := Classes(source)
	if err == nil && names != nil {
		c.classes = names
	}
	if err == nil && c.classes == nil && filepath.Base(source) == "fashion" {
		c.classes = fashion
	}
	return err
}

// fashion holds the names of the classes of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, table 2).
var fashion = []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
	"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}

// Classes reads the names of the classes of the data set in a folder. It returns nil if there is no
// file of them.
func Classes(folder string) ([]string, error) {
	name := filepath.Join(folder, ClassesFile)
	f, _, err := infile.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const most = 1 << 16 // bytes, for up to 256 names
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("cannot %w", err) // read, the name, and why
	}
	lines := strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	names := strings.Split(lines, "\n")
	if len(text) > most || len(names) > maxClasses {
		return nil, fmt.Errorf("%s: expected at most %d names of classes, one on each line",
			name, maxClasses)
	}
	return names, nil
}

// add adds an image, (rows,cols), to a set.
func (c *converter) add(s *mnist.Set, pix []uint8, rows, cols int, label uint8) error {
	if rows < 1 || cols < 1 {
		return errors.New("an image without pixels")
	}
	if c.Transpose {
		pix = transposed(pix, rows, cols)
		rows, cols = cols, rows
	}
	if c.Rows == 0 {
		c.Rows, c.Cols = rows, cols
	}
	if rows != c.Rows || cols != c.Cols {
		pix = scaled(pix, rows, cols, c.Rows, c.Cols)
		c.scaled++
	}
	m := s.Images
	m.Rows, m.Cols = c.Rows, c.Cols
	m.Pix = append(m.Pix, pix...)
	if c.Invert {
		for i, v := range m.Pix[m.N*m.Dim():] {
			m.Pix[m.N*m.Dim()+i] = 255 - v
		}
	}
	m.N++
	s.Labels = append(s.Labels, label)
	return nil
}

// reserve checks that there is memory for n more images of a set, and gets it.
func (c *converter) reserve(s *mnist.Set, n, rows, cols int, what string) error {
	if c.Rows > 0 {
		rows, cols = c.Rows, c.Cols
	}
	need := float64(n) * float64(rows) * float64(cols)
	if err := memory.Check(need, "%s: reading %s needs", what, plural.Of(n, "image")); err != nil {
		return err
	}
	s.Images.Pix = slices.Grow(s.Images.Pix, n*rows*cols)
	return nil
}

// set returns the set of the image i of data without a query set.
func (c *converter) set(i int) *mnist.Set {
	if i%queryEvery == queryEvery-1 {
		return &c.query
	}
	return &c.training
}

// transposed returns the image pix, (rows,cols), with rows and columns swapped.
func transposed(pix []uint8, rows, cols int) []uint8 {
	out := make([]uint8, len(pix))
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = pix[r*cols+c]
		}
	}
	return out
}

// scaled returns the image pix, (rows,cols), with another size. A pixel is the mean of the area of
// the image that it covers, rounded half up. Height and width are stretched alone.
func scaled(pix []uint8, rows, cols, newRows, newCols int) []uint8 {
	out := make([]uint8, newRows*newCols)
	whole := int64(rows) * int64(cols) // weight of the pixels under a new one
	for r := range newRows {
		for c := range newCols {
			var sum int64
			for y, high := range cover(r, rows, newRows) {
				for x, wide := range cover(c, cols, newCols) {
					sum += int64(high) * int64(wide) * int64(pix[y*cols+x])
				}
			}
			out[r*newCols+c] = uint8((sum + whole/2) / whole)
		}
	}
	return out
}

// cover yields the old pixels under pixel i of n new ones in a row of old pixels, each with the
// length that is covered. An old pixel has the length n, a new one the length old.
func cover(i, old, n int) func(yield func(pixel, length int) bool) {
	return func(yield func(pixel, length int) bool) {
		from, to := i*old, (i+1)*old
		for p := from / n; p*n < to; p++ {
			if !yield(p, min(to, (p+1)*n)-max(from, p*n)) {
				return
			}
		}
	}
}
