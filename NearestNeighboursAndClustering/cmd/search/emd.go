package main

import (
	"fmt"
	"io"

	"imagesimilarity/pkg/atomicfile"
	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/ostream"
)

// neighbours is how many neighbours of a query are judged, or all images where there are fewer.
const neighbours = 10

// searchEMD finds each query's nearest neighbours by Earth Mover's Distance and by Manhattan distance, and writes how many have the query's label.
// stdout gets a line as each query is done.
func searchEMD(opt options, stdout io.Writer) error {
	if err := atomicfile.Distinct(opt.output, opt.data, opt.query, opt.dataLabels, opt.queryLabels); err != nil {
		return err
	}
	data, dataLabels, err := readLabelled(opt.data, opt.dataLabels)
	if err != nil {
		return err
	}
	queries, queryLabels, err := readLabelled(opt.query, opt.queryLabels)
	if err != nil {
		return err
	}
	index, err := emd.New(data, opt.cell)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}

	var screen error
	byEMD, err := index.Nearest(queries, neighbours, func(done, _ int) {
		if _, err := fmt.Fprintf(stdout, "Query: %d\n", done-1); screen == nil {
			screen = err
		}
	})
	if err != nil {
		return fmt.Errorf("%s: %w", opt.query, err)
	}
	if screen != nil {
		return screen
	}
	byManhattan := knn.Nearest(data, queries, neighbours)

	labels := queryLabels[:queries.N]
	ofEMD := correctness(labels, dataLabels, len(byEMD), func(i int) int32 { return byEMD[i].Index })
	ofManhattan := correctness(labels, dataLabels, len(byManhattan), func(i int) int32 { return byManhattan[i].Index })
	return atomicfile.Write(opt.output, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Average Correct Search Results EMD: %s\nAverage Correct Search Results MANHATTAN: %s\n",
			ostream.Double(ofEMD), ostream.Double(ofManhattan))
		return err
	})
}

// readLabelled reads images and their labels; there may be more labels than images.
func readLabelled(images, labels string) (*idx.Images[uint8], []uint8, error) {
	m, err := idx.ReadImages(images)
	if err != nil {
		return nil, nil, err
	}
	l, err := idx.ReadLabels(labels)
	if err != nil {
		return nil, nil, err
	}
	if len(l) < m.N {
		return nil, nil, fmt.Errorf("%s has %d labels for the %d images of %s", labels, len(l), m.N, images)
	}
	return m, l, nil
}

// correctness is the share of queries whose neighbours all have the query's label; neighbour(0) to neighbour(n-1) are those of the first query,
// then those of the second, and so on. Without queries it is 0/0.
// The original meant the mean share of neighbours with the label, but divided integers: ten of ten gives 1, and fewer give 0.
func correctness(queryLabels, dataLabels []uint8, n int, neighbour func(i int) int32) float64 {
	queries, correct := len(queryLabels), 0
	for q, label := range queryLabels {
		all := true
		for i := n / queries * q; i < n/queries*(q+1); i++ {
			all = all && dataLabels[neighbour(i)] == label
		}
		if all {
			correct++
		}
	}
	return float64(correct) / float64(queries)
}
