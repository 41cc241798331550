package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"imagesimilarity/pkg/atomicfile"
	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/ostream"
)

// maxImages is the largest number that the seeding's generator can draw an image from.
const maxImages = 1<<31 - 3

// cluster is the report of one round: k clusters in the new space, k in the original space, and the classes, all judged in the original space.
func cluster(in inputs, output string, k int) ([]byte, error) {
	if err := atomicfile.Distinct(output, in.original, in.reduced, in.classes); err != nil {
		return nil, err
	}
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
	if original.N > maxImages {
		return nil, fmt.Errorf("%s has %d images; expected at most %d", in.original, original.N, maxImages)
	}
	class, classes, err := clustering.ReadClasses(in.classes, original.N)
	if err != nil {
		return nil, err
	}

	var report bytes.Buffer
	report.WriteString("NEW SPACE\n")
	if err := writeKMedians(&report, reduced, original, k); err != nil {
		return nil, err
	}
	report.WriteString("ORIGINAL SPACE\n")
	if err := writeKMedians(&report, original, original, k); err != nil {
		return nil, err
	}
	report.WriteString("CLASSES AS CLUSTERS\n")
	writeJudgement(&report, clustering.Evaluate(original, class, classes))
	return report.Bytes(), nil
}

// writeKMedians clusters the images in space and writes what came out, judged in the original space, and an empty line.
// The time is the seconds that Lloyd's iteration took, by the clock on the wall; the original counted processor seconds.
func writeKMedians[P uint8 | uint16](report *bytes.Buffer, space *idx.Images[P], original *idx.Images[uint8], k int) error {
	seeds, err := clustering.Seed(space, k)
	if err != nil {
		return err
	}
	start := time.Now()
	label := clustering.Lloyd(space, seeds)
	seconds := time.Since(start).Seconds()

	e := clustering.Evaluate(original, label, k)
	var line []byte
	for c, size := range e.Sizes {
		line = fmt.Appendf(line[:0], "CLUSTER-%d {size: %d, centroid: [", c+1, size)
		if size > 0 {
			for p, v := range e.Centroids.At(c) {
				if p > 0 {
					line = append(line, ", "...)
				}
				line = strconv.AppendUint(line, uint64(v), 10)
			}
		}
		report.Write(append(line, "]}\n"...))
	}
	fmt.Fprintf(report, "clustering_time: %s\n", ostream.Double(seconds))
	writeJudgement(report, e)
	report.WriteByte('\n')
	return nil
}

// writeJudgement writes the silhouette of each cluster and, last in the list, of all images, and the objective.
func writeJudgement(report *bytes.Buffer, e *clustering.Evaluation) {
	report.WriteString("Silhouette: [")
	for _, s := range e.Silhouette {
		report.WriteString(ostream.Double(s) + ", ")
	}
	fmt.Fprintf(report, "%s]\nValue of Objective Function: %s\n", ostream.Double(e.Average), ostream.Double(float64(e.Objective)))
}
