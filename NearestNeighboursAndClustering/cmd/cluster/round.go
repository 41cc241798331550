package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/results"
)

// maxImages is the largest number of images that the seeding's generator can draw from.
const maxImages = 1<<31 - 3

// A data is the content of the files of a round. They are opened in the order of its methods,
// before one is read whole, so that what does not fit together is told at once.
type data struct {
	imageFile  *idx.ImageFile
	latentFile *idx.LatentFile

	files        results.ClusterRound // without the clusterings
	images       *imageset.Images[uint8]
	space        *clustering.Space[uint8]  // of the images
	reducedSpace *clustering.Space[uint16] // of the latent vectors
	class        []int32                   // of each image
	labels       []uint8                   // of each image; nil if they are not known
	classCount   int
}

// openImages opens the images, which are to be grouped into k clusters.
func (d *data) openImages(path string, k int) (err error) {
	if d.imageFile, err = idx.OpenImages(path); err != nil {
		return err
	}
	n := d.imageFile.N
	switch {
	case n == 0:
		return fmt.Errorf("%s: there are no images in it to cluster", path)
	case n > maxImages:
		return fmt.Errorf("%s has %d images; expected at most %d", path, n, maxImages)
	}
	return clustering.CheckClusters(k, n)
}

// openLatents opens the latent vectors of the images.
func (d *data) openLatents(path string) (err error) {
	d.latentFile, err = idx.OpenLatentsOf(d.imageFile, path)
	return err
}

// readClasses reads the classes of the images.
func (d *data) readClasses(path string) (err error) {
	d.files.Classes = path
	d.class, d.classCount, err = clustering.ReadClasses(path, d.imageFile.N)
	if m := (*clustering.MismatchError)(nil); errors.As(err, &m) {
		return fmt.Errorf("%w; the images are those of %s", err, d.imageFile.Name)
	}
	return err
}

// readLabels reads the true labels of the images. It does nothing if path is "".
func (d *data) readLabels(path string) error {
	if path == "" {
		return nil
	}
	f, err := idx.OpenLabelsOf(d.imageFile, path)
	if err != nil {
		return err
	}
	d.files.Labels = path
	d.labels, err = f.Read()
	return err
}

// readImages reads the images.
func (d *data) readImages() (err error) {
	if d.images, err = d.imageFile.Read(); err != nil {
		return err
	}
	d.files.Images = results.FileOf(d.imageFile.Name, d.images)
	if d.space, err = clustering.NewSpace(d.images); err != nil {
		return fmt.Errorf("%s: %w", d.imageFile.Name, err)
	}
	return nil
}

// readLatents reads the latent vectors.
func (d *data) readLatents() error {
	latents, err := d.latentFile.Read()
	if err != nil {
		return err
	}
	d.files.Latents = results.FileOf(d.latentFile.Name, latents)
	if d.reducedSpace, err = clustering.NewSpace(latents); err != nil {
		return fmt.Errorf("%s: %w", d.latentFile.Name, err)
	}
	return nil
}

// read reads all files of a round.
func read(in inputs, k int) (*data, error) {
	d := new(data)
	if err := d.openImages(in.original, k); err != nil {
		return nil, err
	}
	if err := d.openLatents(in.reduced); err != nil {
		return nil, err
	}
	if err := d.readClasses(in.classes); err != nil {
		return nil, err
	}
	if err := d.readLabels(in.labels); err != nil {
		return nil, err
	}
	if err := d.readImages(); err != nil {
		return nil, err
	}
	return d, d.readLatents()
}

// cluster clusters the images of one round.
func (opt options) cluster(d *data, k int) (*results.ClusterRound, error) {
	r := d.files
	var err error
	if r.Reduced, err = kMedians(opt, d.reducedSpace, d.space, k, "the new space"); err != nil {
		return nil, err
	}
	if r.Original, err = kMedians(opt, d.space, d.space, k, "the original space"); err != nil {
		return nil, err
	}
	opt.display.Phase("silhouettes of the classes")
	judged, err := clustering.Evaluate(d.space, d.class, d.classCount, opt.mode)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.files.Classes, err)
	}
	r.Network = results.NewClustering(d.class, judged, math.NaN())
	r.Compare()
	if d.labels != nil {
		r.Judge(d.files.Labels, d.labels)
	}
	return &r, opt.checkText(&r)
}

// checkText returns an error if there is no memory for the medians as text.
func (opt options) checkText(r *results.ClusterRound) error {
	medians := len(r.Reduced.Sizes) + len(r.Original.Sizes)
	if opt.json != "" {
		medians += medians + len(r.Network.Sizes)
	}
	const value = 5 // bytes: three digits, a comma and a blank
	need := value * float64(medians) * float64(r.Images.Rows) * float64(r.Images.Cols)
	// The buffer may grow to twice its size while it is copied.
	return memory.Check(3*need, "writing %d medians of %dx%d pixels needs",
		medians, r.Images.Rows, r.Images.Cols)
}

// kMedians clusters the images in a space, whose name is for the display, and judges the clusters
// in the original space. Its time is that of Lloyd's iteration by the wall clock; the original
// counted processor seconds.
func kMedians[P uint8 | uint16](
	opt options, space *clustering.Space[P], original *clustering.Space[uint8], k int, name string,
) (results.Clustering, error) {
	seeds, err := space.Seed(k, opt.mode, opt.display.Task("seeds in "+name, "clusters"))
	if err != nil {
		return results.Clustering{}, err
	}
	tell := opt.display.Passes("k-medians in "+name, "images")
	passes := 0
	start := time.Now()
	label, err := space.Lloyd(seeds, opt.mode, func(pass, changed int) {
		passes = pass
		tell(pass, changed)
	})
	if err != nil {
		return results.Clustering{}, err
	}
	seconds := time.Since(start).Seconds()
	opt.display.Phase("silhouettes of " + name)
	judged, err := clustering.Evaluate(original, label, k, opt.mode)
	if err != nil {
		return results.Clustering{}, err
	}
	c := results.NewClustering(label, judged, seconds)
	c.Passes = passes
	return c, nil
}

// writeAssignments writes the clusters of every image as a table with tabs between the columns and
// a header. Rounds are counted from 1 and images from 0. Clusters have the numbers of the text,
// from 1, and classes those of the class file, from 0.
func writeAssignments(w io.Writer, rounds []results.ClusterRound) error {
	_, err := io.WriteString(w, "round\timage\tnew_space\toriginal_space\tclass\n")
	if err != nil {
		return err
	}
	for i := range rounds {
		r := &rounds[i]
		for image, class := range r.Network.Label {
			_, err := fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\n",
				i+1, image, r.Reduced.Label[image]+1, r.Original.Label[image]+1, class)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// found returns what was found in the last round, in a few lines for the person at the screen.
func found(run *results.Cluster) string {
	r := &run.Rounds[len(run.Rounds)-1]
	text := ""
	if n := len(run.Rounds); n > 1 {
		text = fmt.Sprintf("Last of %d rounds:\n", n)
	}
	text += fmt.Sprintf("Images: %d, clusters: %d\n", r.Images.Images, run.Settings.Clusters)
	for _, c := range []struct {
		name string
		*results.Clustering
	}{
		{"new space", &r.Reduced}, {"original space", &r.Original}, {"classes as clusters", &r.Network},
	} {
		text += fmt.Sprintf("%s: silhouette %s, objective %s", c.name,
			libstdcxx.Double(float64(c.Average)), libstdcxx.Double(float64(c.Objective)))
		if c.Truth != nil {
			text += fmt.Sprintf(", purity %s, adjusted Rand index %s",
				libstdcxx.Double(float64(c.Truth.Purity)),
				libstdcxx.Double(float64(c.Truth.AdjustedRand)))
		}
		text += "\n"
	}
	return text
}
