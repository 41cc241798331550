package convert

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // the formats that are read
	_ "image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"imagesimilarity/pkg/mnist"
)

// maxPicture is the largest number of pixels of a picture. A small file can claim to have more than
// there is memory for.
const maxPicture = 1 << 26

// readPictures reads a folder with one folder of pictures for each class. If there are the folders
// train or training, and test or query, each of them is such a folder.
func (c *converter) readPictures(source string) error {
	if c.Rows == 0 {
		c.Rows, c.Cols = defaultSize, defaultSize
	}
	top, err := c.folders(source)
	if err != nil {
		return err
	}
	one := func(names ...string) string {
		for _, n := range names {
			if slices.Contains(top, n) {
				return filepath.Join(source, n)
			}
		}
		return ""
	}
	training, query := one("training", "train"), one("query", "test")
	if training == "" || query == "" {
		return c.readClassFolders(source, c.set)
	}
	for _, part := range []struct {
		folder string
		set    *mnist.Set
	}{{training, &c.training}, {query, &c.query}} {
		err := c.readClassFolders(part.folder, func(int) *mnist.Set { return part.set })
		if err != nil {
			return err
		}
	}
	return nil
}

// readClassFolders reads the pictures in the folders of a folder. set returns the set for picture i
// of a class. The sets get the first pictures of all classes, then the second ones and so on, so
// that a part of a set has all classes.
func (c *converter) readClassFolders(folder string, set func(i int) *mnist.Set) error {
	names, err := c.folders(folder)
	if err != nil {
		return err
	}
	if c.classes == nil {
		c.classes = names
	}
	if len(names) == 0 {
		return fmt.Errorf(
			"%s: expected one folder of PNG or JPEG pictures for each class, or four IDX files", folder)
	}
	if len(c.classes) > maxClasses {
		return fmt.Errorf("%s: %d folders, expected at most %d classes",
			folder, len(c.classes), maxClasses)
	}
	files := make([][]string, len(c.classes))
	longest, total := 0, 0
	for _, name := range names {
		class := slices.Index(c.classes, name)
		if class < 0 {
			c.skip(filepath.Join(folder, name), "no class of the training pictures")
			continue
		}
		if files[class], err = c.files(filepath.Join(folder, name)); err != nil {
			return err
		}
		longest = max(longest, len(files[class]))
		total += len(files[class])
	}
	if err := c.reserve(set(0), total, c.Rows, c.Cols, folder); err != nil {
		return err
	}
	read := make([]int, len(files)) // pictures of each class
	for i := range longest {
		for class, list := range files {
			if i >= len(list) {
				continue
			}
			pix, rows, cols, err := c.picture(list[i])
			if err != nil {
				c.skip(list[i], err.Error())
				continue
			}
			s := set(read[class])
			read[class]++
			if err := c.add(s, pix, rows, cols, uint8(class)); err != nil {
				return fmt.Errorf("%s: %w", list[i], err)
			}
		}
	}
	return nil
}

// folders returns the names of the folders in a folder: by number if all are numbers, else by
// bytes. It leaves out hidden ones.
func (c *converter) folders(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot %w", err) // open or read, the name, and why
	}
	var names []string
	numbers := true
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		names = append(names, e.Name())
		_, err := strconv.ParseUint(e.Name(), 10, 64)
		numbers = numbers && err == nil
	}
	if numbers {
		slices.SortFunc(names, func(a, b string) int {
			x, _ := strconv.ParseUint(a, 10, 64)
			y, _ := strconv.ParseUint(b, 10, 64)
			return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
		})
	}
	return names, nil
}

// files returns the paths of the pictures in a folder, in the order of their bytes, and skips other
// files.
func (c *converter) files(folder string) (paths []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot %w", err) // open or read, the name, and why
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".png", ".jpg", ".jpeg":
			paths = append(paths, path)
		default:
			c.skip(path, "the name does not end in .png, .jpg or .jpeg")
		}
	}
	return paths, nil
}

// picture reads a picture as grey levels, (rows,cols). Transparent parts become black.
func (c *converter) picture(path string) (pix []uint8, rows, cols int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, 0, errors.Unwrap(err)
	}
	defer f.Close()
	config, _, err := image.DecodeConfig(f)
	if err != nil {
		return nil, 0, 0, err
	}
	if int64(config.Width)*int64(config.Height) > maxPicture {
		return nil, 0, 0, fmt.Errorf("%dx%d pixels, expected at most %d pixels",
			config.Height, config.Width, maxPicture)
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, 0, 0, err
	}
	m, _, err := image.Decode(f)
	if err != nil {
		return nil, 0, 0, err
	}
	if m.ColorModel() != color.GrayModel && m.ColorModel() != color.Gray16Model {
		c.grey++
	}
	b := m.Bounds()
	pix = make([]uint8, 0, b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			pix = append(pix, color.GrayModel.Convert(m.At(x, y)).(color.Gray).Y)
		}
	}
	return pix, b.Dy(), b.Dx(), nil
}
