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

// cluster reads and groups the images of one round.
func (opt options) cluster(in inputs, k int, display *progress.Display) (*round, error) {
	original, err := idx.ReadImages(in.original)
	if err != nil {
		return nil, err
	}
	reduced, err := idx.ReadLatents(in.reduced)
	if err != nil {
		return nil, err
	}
	if original.N != reduced.N {
		return nil, fmt.Errorf("%s has %d images and %s has %d latent vectors; expected as many", in.original, original.N, in.reduced, reduced.N)
	}
	if original.N == 0 {
		return nil, fmt.Errorf("%s: there are no images in it to cluster", in.original)
	}
	if original.N > maxImages {
		return nil, fmt.Errorf("%s has %d images; expected at most %d", in.original, original.N, maxImages)
	}
	class, classes, err := clustering.ReadClasses(in.classes, original.N)
	if err != nil {
		return nil, err
	}

	space, err := clustering.NewSpace(original)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.original, err)
	}
	reducedSpace, err := clustering.NewSpace(reduced)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.reduced, err)
	}

	r := &round{inputs: in, images: original}
	if r.reduced, err = kMedians(reducedSpace, space, k, opt.mode, display.Passes("k-medians in the new space", "images")); err != nil {
		return nil, err
	}
	if r.original, err = kMedians(space, space, k, opt.mode, display.Passes("k-medians in the original space", "images")); err != nil {
		return nil, err
	}
	r.classes = grouping{label: class, judged: clustering.Evaluate(space, class, classes, opt.mode)}
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
