package main

import (
	"fmt"
	"io"
	"time"

	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/report"
)

// neighbours is how many neighbours of a query are judged, or all images where there are fewer.
const neighbours = 10

// searchEMD finds each query's nearest neighbours by Earth Mover's Distance and by Manhattan distance, and writes how many have the query's label.
// stdout gets a line as each query is done.
func searchEMD(opt options, stdout io.Writer, page *report.Page, display *progress.Display) error {
	if err := opt.checkFiles(opt.data, opt.query, opt.dataLabels, opt.queryLabels); err != nil {
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
	index, err := emd.New(data, 0, opt.cell)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}

	var screen error
	start := time.Now()
	byEMD, err := index.Nearest(queries, neighbours, func(done, _ int) { // these lines are the progress
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
	timeEMD := time.Since(start)

	start = time.Now()
	manhattan, err := knn.New(data, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}
	byManhattan, err := manhattan.Nearest(queries, neighbours, display.Task("Manhattan distance", "queries"))
	if err != nil {
		return fmt.Errorf("%s: %w", opt.query, err)
	}
	timeManhattan := time.Since(start)

	labels := queryLabels[:queries.N]
	ofEMD := correctness(labels, dataLabels, len(byEMD), func(i int) int32 { return int32(byEMD[i].Index) }, opt.textbook)
	ofManhattan := correctness(labels, dataLabels, len(byManhattan), func(i int) int32 { return int32(byManhattan[i].Index) }, opt.textbook)
	err = outfile.Write(opt.output, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "Average Correct Search Results EMD: %s\nAverage Correct Search Results MANHATTAN: %s\n",
			libstdcxx.Double(ofEMD), libstdcxx.Double(ofManhattan))
		return err
	})
	if err != nil || opt.html == "" {
		return err
	}
	page.AddEMD(report.EMD{
		Facts: []report.Fact{
			{Name: "data set", Value: size(opt.data, data) + ", labels " + opt.dataLabels},
			{Name: "queries", Value: size(opt.query, queries) + ", labels " + opt.queryLabels},
			{Name: "cells", Value: fmt.Sprintf("%d × %d pixels", opt.cell, opt.cell)},
		},
		Data: data, Queries: queries, DataLabels: dataLabels, QueryLabels: queryLabels,
		Rankings: [2]report.Answers{
			answersEMD(byEMD, min(neighbours, data.N), timeEMD),
			answers("Manhattan", byManhattan, min(neighbours, data.N), timeManhattan),
		},
	})
	return outfile.Write(opt.html, page.Render)
}

// readLabelled reads images and their labels; there may be more labels than images.
func readLabelled(images, labels string) (*imageset.Images[uint8], []uint8, error) {
	m, err := idx.ReadImages(images)
	if err != nil {
		return nil, nil, err
	}
	l, err := readLabels(labels, images, m.N)
	return m, l, err
}

// readLabels reads the labels of n images; there may be more. Without a name there are none.
func readLabels(name, images string, n int) ([]uint8, error) {
	if name == "" {
		return nil, nil
	}
	l, err := idx.ReadLabels(name)
	if err != nil {
		return nil, err
	}
	if len(l) < n {
		return nil, fmt.Errorf("%s has %d labels for the %d images of %s", name, len(l), n, images)
	}
	return l, nil
}

// correctness is the mean share of a query's neighbours with its label; neighbour(0) to neighbour(n-1) are those of the first query,
// then those of the second, and so on. Without queries it is 0/0.
// The original meant the same, but divided integers: a query whose neighbours all have its label counts 1, and any other 0.
func correctness(queryLabels, dataLabels []uint8, n int, neighbour func(i int) int32, textbook bool) float64 {
	k, right := n/max(1, len(queryLabels)), 0
	for q, label := range queryLabels {
		same := 0
		for i := k * q; i < k*(q+1); i++ {
			if dataLabels[neighbour(i)] == label {
				same++
			}
		}
		if textbook || same == k {
			right += same
		}
	}
	return float64(right) / float64(n)
}
