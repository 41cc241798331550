// Package grow makes large data sets of small ones, for tests and measurements of scale.
package grow

import (
	"fmt"
	"io"
	"path/filepath"

	"imagesimilarity/pkg/deform"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/mnist"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
)

// Options say what is made, and of what.
type Options struct {
	N              int
	Seed           uint64
	Images, Labels string // IDX files, or "" for the training set of MNIST
	Folder         string
}

// Grow writes N images and their labels to images.dat and labels.dat in the folder, which it makes:
// first the given images, then deformed ones in the same order again and again. The same options
// give the same files, and with a larger N files that begin alike. The memory does not depend on N.
func Grow(o Options, guard outfile.Guard, display *progress.Display) error {
	defer display.Rest()
	set, err := o.read(display)
	if err != nil {
		return err
	}
	if err := outfile.MakeFolder(o.Folder); err != nil {
		return err
	}
	images, labels := filepath.Join(o.Folder, "images.dat"), filepath.Join(o.Folder, "labels.dat")
	if err := guard.Check([]string{o.Images, o.Labels}, images, labels); err != nil {
		return err
	}
	display.Phase("drawing the deformations")
	d, err := deform.New(set.Images, o.Seed)
	if err != nil {
		return err
	}
	var files outfile.Group
	files.Add(images, func(w io.Writer) error {
		m := set.Images
		if err := idx.EncodeImagesHeader(w, o.N, m.Rows, m.Cols); err != nil {
			return err
		}
		defer display.Phase("writing the files to the disk")
		return writeImages(w, d, o.N, m.Dim(), display.Task("deforming images", "images"))
	})
	files.Add(labels, func(w io.Writer) error { return writeLabels(w, set.Labels, o.N) })
	return files.Commit()
}

// read reads the images and labels from which the others are made.
func (o *Options) read(display *progress.Display) (set mnist.Set, err error) {
	if o.Images == "" {
		display.Phase("fetching MNIST")
		dir, err := mnist.Fetch()
		if err != nil {
			return set, err
		}
		return mnist.Training(dir)
	}
	display.Phase("reading the files")
	images, err := idx.OpenImages(o.Images)
	if err != nil {
		return set, err
	}
	if images.N == 0 {
		return set, fmt.Errorf("%s: no images; expected at least 1", o.Images)
	}
	labels, err := idx.OpenLabelsOf(images, o.Labels)
	if err != nil {
		return set, err
	}
	if set.Images, err = images.Read(); err != nil {
		return set, err
	}
	set.Labels, err = labels.Read()
	return set, err
}

// writeImages writes n images of dim pixels. While some are written, the next ones are made.
func writeImages(
	w io.Writer, d *deform.Deformer, n, dim int, progress func(done, total int),
) error {
	const size = 4 << 20 // bytes that are made at a time, or one image
	atATime := min(n, size/dim+1)
	err := memory.Check(2*float64(atATime)*float64(dim), "writing images of %d pixels needs", dim)
	if err != nil {
		return err
	}
	pix, next := make([]uint8, atATime*dim), make([]uint8, atATime*dim)
	written := make(chan error, 1)
	written <- nil
	for first := 0; first < n; first += atATime {
		pix = pix[:min(atATime, n-first)*dim]
		d.Fill(pix, first)
		if err := <-written; err != nil {
			return err
		}
		progress(first, n)
		go func(pix []uint8) {
			_, err := w.Write(pix)
			written <- err
		}(pix)
		pix, next = next, pix
	}
	if err := <-written; err != nil {
		return err
	}
	progress(n, n)
	return nil
}

// writeLabels writes n labels, the given ones again and again.
func writeLabels(w io.Writer, labels []uint8, n int) error {
	if err := idx.EncodeLabelsHeader(w, n); err != nil {
		return err
	}
	for ; n > 0; n -= len(labels) {
		if _, err := w.Write(labels[:min(n, len(labels))]); err != nil {
			return err
		}
	}
	return nil
}
