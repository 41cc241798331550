package main

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/progress"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// neighbours is the number of neighbours of a query that are judged, or all images if there are
// fewer.
const neighbours = 10

// searchEMD finds each query's nearest neighbours by Earth Mover's Distance and by Manhattan
// distance, and writes how many have the query's label. stdout gets a line as each query is done.
func searchEMD(
	opt options, run results.Header, stdout io.Writer, display *progress.Display,
) error {
	err := opt.checkFiles(opt.data, opt.query, opt.dataLabels, opt.queryLabels)
	if err != nil {
		return err
	}
	data, err := readLabelled(opt.data, opt.dataLabels)
	if err != nil {
		return err
	}
	queries, err := readLabelled(opt.query, opt.queryLabels)
	if err != nil {
		return err
	}
	index, err := emd.New(data.Images, 0, opt.cell)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}

	var screen error
	start := time.Now()
	byEMD, err := index.Nearest(queries.Images, neighbours, func(done, _ int) { // the progress
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
	manhattan, err := knn.New(data.Images, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}
	byManhattan, err := manhattan.Nearest(
		queries.Images, neighbours, display.Task("Manhattan distance", "queries"))
	if err != nil {
		return fmt.Errorf("%s: %w", opt.query, err)
	}
	timeManhattan := time.Since(start)

	k := min(neighbours, data.N)
	rank := func(at []int32, distance []float64, took time.Duration) results.Ranking {
		return results.NewRanking(took.Seconds(), k, at, distance,
			queries.Labels[:queries.N], data.Labels, opt.textbook)
	}
	e := &results.EMD{
		Header:   run,
		Settings: results.EMDSettings{Output: opt.output, Cell: opt.cell},
		Rounds: []results.EMDRound{{
			Data:       labelled(opt.data, data, opt.dataLabels),
			Queries:    labelled(opt.query, queries, opt.queryLabels),
			Neighbours: k,
		}},
	}
	round := &e.Rounds[0]
	at, distance := split(byEMD)
	round.EMD = rank(at, distance, timeEMD)
	at, distance = split(byManhattan)
	round.Manhattan = rank(at, distance, timeManhattan)

	var text bytes.Buffer
	fmt.Fprintf(&text, "Average Correct Search Results EMD: %s\n", double(round.EMD.Correctness))
	fmt.Fprintf(&text, "Average Correct Search Results MANHATTAN: %s\n",
		double(round.Manhattan.Correctness))
	page := report.NewEMD(e)
	if opt.html != "" {
		page.AddEMD(e, round, data, queries)
	}
	return opt.write(text.Bytes(), e, page)
}

// split returns the indices and the distances of neighbours.
func split[D int64 | float64](all []nearest.Neighbour[D]) (index []int32, distance []float64) {
	index, distance = make([]int32, len(all)), make([]float64, len(all))
	for i, n := range all {
		index[i], distance[i] = int32(n.Index), float64(n.Distance)
	}
	return index, distance
}

func labelled(name string, m report.Images, labels string) results.Labelled {
	return results.Labelled{Images: results.FileOf(name, m.Images), Labels: labels}
}

// readLabelled reads images and their labels; there may be more labels than images.
func readLabelled(images, labels string) (report.Images, error) {
	m, err := idx.ReadImages(images)
	if err != nil {
		return report.Images{}, err
	}
	l, err := readLabels(labels, images, m.N)
	return report.Images{Images: m, Labels: l}, err
}

// readLabels reads the labels of n images; there may be more. It returns nil if name is "".
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
