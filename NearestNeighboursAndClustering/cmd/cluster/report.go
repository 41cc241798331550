package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/progress"
)

// maxImages is the largest number that the seeding's generator can draw an image from.
const maxImages = 1<<31 - 3

// A round is three groupings of the same images, all judged in the original space.
type round struct {
	inputs
	images            *imageset.Images[uint8]
	reduced, original grouping // k-medians in the new and in the original space
	classes           grouping
}

// A grouping gives every image a cluster.
type grouping struct {
	label   []int32
	judged  *clustering.Evaluation
	seconds float64 // that Lloyd's iteration took, by the clock on the wall; the original counted processor seconds
}

// A data is what the files of a round hold. They are read in the order of its methods.
type data struct {
	inputs
	images       *imageset.Images[uint8]
	space        *clustering.Space[uint8]  // of the images
	reducedSpace *clustering.Space[uint16] // of the latent vectors
	class        []int32                   // of each image
	classCount   int
}

// readOriginal reads the images, of which k clusters are to be made.
func (d *data) readOriginal(path string, k int) (err error) {
	d.original = path
	if d.images, err = idx.ReadImages(path); err != nil {
		return err
	}
	n := d.images.N
	switch {
	case n == 0:
		return fmt.Errorf("%s: there are no images in it to cluster", path)
	case n > maxImages:
		return fmt.Errorf("%s has %d images; expected at most %d", path, n, maxImages)
	}
	if err := clustering.CheckClusters(k, n); err != nil {
		return err
	}
	if d.space, err = clustering.NewSpace(d.images); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readReduced reads the latent vectors of the images.
func (d *data) readReduced(path string) error {
	d.reduced = path
	latents, err := idx.ReadLatents(path)
	if err != nil {
		return err
	}
	if d.images.N != latents.N {
		return fmt.Errorf("%s has %d images and %s has %d latent vectors; expected as many",
			d.original, d.images.N, path, latents.N)
	}
	if d.reducedSpace, err = clustering.NewSpace(latents); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readClasses reads the classes of the images.
func (d *data) readClasses(path string) (err error) {
	d.classes = path
	d.class, d.classCount, err = clustering.ReadClasses(path, d.images.N)
	return err
}

// read reads all files of a round.
func read(in inputs, k int) (*data, error) {
	d := new(data)
	if err := d.readOriginal(in.original, k); err != nil {
		return nil, err
	}
	if err := d.readReduced(in.reduced); err != nil {
		return nil, err
	}
	if err := d.readClasses(in.classes); err != nil {
		return nil, err
	}
	return d, nil
}

// cluster groups the images of one round.
func (opt options) cluster(d *data, k int, display *progress.Display) (*round, error) {
	r := &round{inputs: d.inputs, images: d.images}
	var err error
	r.reduced, err = kMedians(d.reducedSpace, d.space, k, opt.mode,
		display.Passes("k-medians in the new space", "images"))
	if err != nil {
		return nil, err
	}
	r.original, err = kMedians(d.space, d.space, k, opt.mode,
		display.Passes("k-medians in the original space", "images"))
	if err != nil {
		return nil, err
	}
	judged := clustering.Evaluate(d.space, d.class, d.classCount, opt.mode)
	r.classes = grouping{label: d.class, judged: judged}
	return r, nil
}

// kMedians clusters the images in a space and judges what came out in the original space.
func kMedians[P uint8 | uint16](space *clustering.Space[P], original *clustering.Space[uint8], k int, mode clustering.Mode,
	progress func(pass, changed int)) (grouping, error) {
	seeds, err := space.Seed(k, mode)
	if err != nil {
		return grouping{}, err
	}
	start := time.Now()
	label := space.Lloyd(seeds, mode, progress)
	seconds := time.Since(start).Seconds()
	return grouping{label, clustering.Evaluate(original, label, k, mode), seconds}, nil
}

// write writes the round as the original did.
func (r *round) write(report *bytes.Buffer) {
	report.WriteString("NEW SPACE\n")
	writeKMedians(report, r.reduced)
	report.WriteString("ORIGINAL SPACE\n")
	writeKMedians(report, r.original)
	report.WriteString("CLASSES AS CLUSTERS\n")
	writeJudgement(report, r.classes.judged)
}

// writeKMedians writes the clusters that k-medians found, and an empty line.
func writeKMedians(report *bytes.Buffer, g grouping) {
	var line []byte
	for c, size := range g.judged.Sizes {
		line = fmt.Appendf(line[:0], "CLUSTER-%d {size: %d, centroid: [", c+1, size)
		if size > 0 {
			for p, v := range g.judged.Centroids.At(c) {
				if p > 0 {
					line = append(line, ", "...)
				}
				line = strconv.AppendUint(line, uint64(v), 10)
			}
		}
		report.Write(append(line, "]}\n"...))
	}
	fmt.Fprintf(report, "clustering_time: %s\n", libstdcxx.Double(g.seconds))
	writeJudgement(report, g.judged)
	report.WriteByte('\n')
}

// writeJudgement writes the silhouette of each cluster and, last in the list, of all images, and the objective.
func writeJudgement(report *bytes.Buffer, e *clustering.Evaluation) {
	report.WriteString("Silhouette: [")
	for _, s := range e.Silhouette {
		report.WriteString(libstdcxx.Double(s) + ", ")
	}
	fmt.Fprintf(report, "%s]\nValue of Objective Function: %s\n", libstdcxx.Double(e.Average), libstdcxx.Double(float64(e.Objective)))
}
