package convert

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/mnist"
)

// idxFiles are the paths of the four files of a data set.
type idxFiles struct{ trainImages, trainLabels, queryImages, queryLabels string }

// idxNames match the names that the files have on the pages of MNIST, Fashion-MNIST, KMNIST and,
// with a beginning of their own, EMNIST.
var idxNames = []*regexp.Regexp{
	regexp.MustCompile(`(^|-)train-images[-.]idx3-ubyte(\.gz)?$`),
	regexp.MustCompile(`(^|-)train-labels[-.]idx1-ubyte(\.gz)?$`),
	regexp.MustCompile(`(^|-)(t10k|test)-images[-.]idx3-ubyte(\.gz)?$`),
	regexp.MustCompile(`(^|-)(t10k|test)-labels[-.]idx1-ubyte(\.gz)?$`),
}

// findIDX returns the files of the data set in a folder: with the names of a distributor, or
// images.dat and labels.dat in the folders training and query. It returns nil if none of them is
// there, and an error if some are, or if there are two of a kind.
func findIDX(folder string) (*idxFiles, error) {
	f := new(idxFiles)
	paths := []*string{&f.trainImages, &f.trainLabels, &f.queryImages, &f.queryLabels}
	for i, name := range []string{
		"training/images.dat", "training/labels.dat", "query/images.dat", "query/labels.dat",
	} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if _, err := os.Stat(path); err == nil {
			*paths[i] = path
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot %w", err) // open or read, the name, and why
	}
	for _, e := range entries {
		for i, name := range idxNames {
			if e.IsDir() || !name.MatchString(e.Name()) {
				continue
			}
			path := filepath.Join(folder, e.Name())
			if *paths[i] != "" {
				return nil, fmt.Errorf("%s: expected one of this kind, found %s, too", path, *paths[i])
			}
			*paths[i] = path
		}
	}
	found := 0
	for _, p := range paths {
		if *p != "" {
			found++
		}
	}
	switch found {
	case 0:
		return nil, nil
	case len(paths):
		return f, nil
	}
	return nil, fmt.Errorf("%s: found %d of the four files train-images-idx3-ubyte, "+
		"train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (plain or .gz)",
		folder, found)
}

// readIDX reads the four files.
func (c *converter) readIDX(f *idxFiles) error {
	for _, part := range []struct {
		images, labels string
		set            *mnist.Set
	}{{f.trainImages, f.trainLabels, &c.training}, {f.queryImages, f.queryLabels, &c.query}} {
		images, err := idx.OpenImages(part.images)
		if err != nil {
			return err
		}
		l, err := idx.OpenLabelsOf(images, part.labels)
		if err != nil {
			return err
		}
		labels, err := l.Read()
		if err != nil {
			return err
		}
		m, err := images.Read()
		if err != nil {
			return err
		}
		if err := c.reserve(part.set, m.N, m.Rows, m.Cols, part.images); err != nil {
			return err
		}
		for i, l := range labels {
			if err := c.add(part.set, m.At(i), m.Rows, m.Cols, l); err != nil {
				return fmt.Errorf("%s: %w", part.images, err)
			}
		}
	}
	return nil
}
