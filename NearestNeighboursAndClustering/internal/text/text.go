// Package text writes the results of search and cluster as text, as the original did. The program
// shard writes with it, too.
package text

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/results"
)

// Search writes the round as the original did, up to the empty line after it. The textbook's has
// one more line: the mean share of the data set that LSH compared with a query.
// A mean factor is "-nan" if there is nothing to average or a query lies on both its neighbours
// (0/0), and "inf" if it lies on the true one only.
func Search(w io.Writer, r *results.SearchRound, textbook bool) {
	for q, exact := range r.Exact.Index {
		name, lshDistance := fmt.Sprint(r.LSH.Index[q]), r.LSH.Distance[q]
		if r.LSH.Index[q] < 0 {
			name, lshDistance = "NOT FOUND", r.Exact.Distance[q] // as the original did
		}
		fmt.Fprintf(w, "Query: %d\nNearest neighbor Reduced: %d\n", q, r.Reduced.Index[q])
		fmt.Fprintf(w, "Nearest neighbor LSH: %s\nNearest neighbor True: %d\n", name, exact)
		fmt.Fprintf(w, "distanceReduced: %s\ndistanceLSH: %s\ndistanceTrue: %s\n\n",
			libstdcxx.Double(r.Reduced.Distance[q]), libstdcxx.Double(lshDistance),
			libstdcxx.Double(r.Exact.Distance[q]))
	}
	fmt.Fprintf(w, "tReduced: %s\ntLSH: %s\ntTrue: %s\n",
		Double(r.Reduced.Seconds), Double(r.LSH.Seconds), Double(r.Exact.Seconds))
	fmt.Fprintf(w, "Approximation Factor LSH: %s\nApproximation Factor Reduced: %s\n",
		Double(r.LSH.Mean), Double(r.Reduced.Mean))
	if textbook {
		fmt.Fprintf(w, "Share of Images Compared LSH: %s\n", Double(r.Compared))
	}
	fmt.Fprintln(w)
}

// EMD writes the correctness of both distances as the original did.
func EMD(w io.Writer, r *results.EMDRound) {
	fmt.Fprintf(w, "Average Correct Search Results EMD: %s\n", Double(r.EMD.Correctness))
	fmt.Fprintf(w, "Average Correct Search Results MANHATTAN: %s\n",
		Double(r.Manhattan.Correctness))
}

// Cluster writes the round as the original did.
func Cluster(w *bytes.Buffer, r *results.ClusterRound) {
	w.WriteString("NEW SPACE\n")
	writeKMedians(w, &r.Reduced)
	w.WriteString("ORIGINAL SPACE\n")
	writeKMedians(w, &r.Original)
	w.WriteString("CLASSES AS CLUSTERS\n")
	writeJudgement(w, &r.Network)
}

// writeKMedians writes the clusters that k-medians found, and an empty line.
func writeKMedians(w *bytes.Buffer, c *results.Clustering) {
	var line []byte
	for k, size := range c.Sizes {
		line = fmt.Appendf(line[:0], "CLUSTER-%d {size: %d, centroid: [", k+1, size)
		for p, v := range c.Medians[k] {
			if p > 0 {
				line = append(line, ", "...)
			}
			line = strconv.AppendUint(line, uint64(v), 10)
		}
		w.Write(append(line, "]}\n"...))
	}
	fmt.Fprintf(w, "clustering_time: %s\n", libstdcxx.Double(float64(c.Seconds)))
	writeJudgement(w, c)
	w.WriteString("\n")
}

// writeJudgement writes the silhouette of each cluster and, last in the list, of all images, and
// the objective.
func writeJudgement(w *bytes.Buffer, c *results.Clustering) {
	w.WriteString("Silhouette: [")
	for _, s := range c.Silhouette {
		w.WriteString(libstdcxx.Double(s) + ", ")
	}
	fmt.Fprintf(w, "%s]\nValue of Objective Function: %s\n",
		libstdcxx.Double(float64(c.Average)), libstdcxx.Double(float64(c.Objective)))
}

// Double returns a number as the original printed it.
func Double(n results.Number) string { return libstdcxx.Double(float64(n)) }
