package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// neighbours is the number of neighbours of a query that are judged, or all images if there are
// fewer.
const neighbours = 10

// searchEMD finds each query's nearest neighbours by Earth Mover's Distance and by Manhattan
// distance, and writes how many have the query's label. stdout gets a line as each query is done,
// unless -quiet is given.
func searchEMD(opt options, run results.Header, stdout io.Writer) error {
	opt.display.Phase("checking the files")
	err := opt.checkFiles(opt.data, opt.query, opt.dataLabels, opt.queryLabels)
	if err != nil {
		return err
	}
	data, queries, err := openLabelled(opt)
	if err != nil {
		return err
	}
	opt.display.Phase("reading the data set")
	if err := data.read(); err != nil {
		return err
	}
	opt.display.Phase("reading the queries")
	if err := queries.read(); err != nil {
		return err
	}
	opt.display.Phase("projecting the images")
	index, err := emd.New(data.original.Whole(), 0, opt.cell)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}

	lines := opt.display.Writer(stdout)
	tell := opt.display.Task("Earth Mover's Distance", "queries")
	start := time.Now()
	byEMD, err := index.Nearest(queries.original.Whole(), neighbours, func(done, total int) {
		if !opt.quiet {
			fmt.Fprintf(lines, "Query: %d\n", done-1)
		}
		tell(done, total)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", opt.query, err)
	}
	timeEMD := time.Since(start)

	tell = opt.display.Task("Manhattan distance", "queries")
	start = time.Now()
	manhattan, err := knn.New(data.original.Whole(), 0)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}
	byManhattan, err := manhattan.Nearest(queries.original.Whole(), neighbours, tell)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.query, err)
	}
	timeManhattan := time.Since(start)

	opt.display.Phase("preparing the report")
	k := min(neighbours, data.images.N)
	rank := func(at []int64, distance []float64, took time.Duration) results.Ranking {
		return results.NewRanking(took.Seconds(), k, at, distance,
			queries.labels, data.labels, opt.textbook)
	}
	e := &results.EMD{
		Header:   run,
		Settings: results.EMDSettings{Output: opt.output, Cell: opt.cell},
		Rounds: []results.EMDRound{{
			Data:       data.labelled(),
			Queries:    queries.labelled(),
			Neighbours: k,
		}},
	}
	round := &e.Rounds[0]
	at, distance := split(byEMD)
	round.EMD = rank(at, distance, timeEMD)
	at, distance = split(byManhattan)
	round.Manhattan = rank(at, distance, timeManhattan)
	if round.Flows, err = flows(round, data, queries, opt.cell); err != nil {
		return fmt.Errorf("%s: %w", opt.query, err)
	}

	asking, err := newAsking(opt, data)
	if err != nil {
		return fmt.Errorf("%s: %w", opt.data, err)
	}
	e.Neighbourhoods, err = asking.themselves(nil)
	if err != nil {
		return err
	}
	e.Neighbourhoods, err = asking.queries(e.Neighbourhoods, queries, report.AskedOfEMD(round))
	if err != nil {
		return err
	}

	var b bytes.Buffer
	text.EMD(&b, round)
	page := report.NewEMD(e)
	if opt.html != "" || opt.png != "" {
		images := func(s *spaces) report.Images {
			return report.Images{Sample: s.original.Whole().Sample(), Labels: s.labels}
		}
		page.AddEMD(e, round, images(data), images(queries))
	}
	if opt.html != "" {
		for i, asked := range []*spaces{data, queries} {
			if err := asking.show(page, &e.Neighbourhoods[i], asked); err != nil {
				return err
			}
		}
	}
	if err := opt.write(b.Bytes(), e, page); err != nil {
		return err
	}
	opt.display.Say(fmt.Sprintf(
		"Queries: %d, images: %d, neighbours of each query: %d\nCorrect results: EMD %s, Manhattan %s\n",
		round.Queries.Images.Images, round.Data.Images.Images, k,
		text.Double(round.EMD.Correctness), text.Double(round.Manhattan.Correctness)) + opt.written())
	return nil
}

// flows returns the flows of a few queries to their nearest images by both distances. It returns
// none if the images have too many cells to be shown.
func flows(round *results.EMDRound, data, queries *spaces, cell int) ([]results.Flow, error) {
	const shown, cells = 6, 256
	q := queries.original.Whole()
	if q.Rows/cell*(q.Cols/cell) > cells || round.Neighbours == 0 {
		return nil, nil
	}
	var all []results.Flow
	for i := range min(shown, q.N) {
		i = i * q.N / min(shown, q.N)
		images := []int64{round.EMD.Index[i][0], round.Manhattan.Index[i][0]}
		for _, image := range slices.Compact(images) {
			f, err := emd.NewFlow(q.At(i), data.original.Whole().At(int(image)), q.Rows, q.Cols, cell)
			if err != nil {
				return nil, err
			}
			all = append(all, results.NewFlow(i, image, f))
		}
	}
	return all, nil
}

// split returns the indices and the distances of neighbours.
func split[D int64 | float64](all []nearest.Neighbour[D]) (index []int64, distance []float64) {
	index, distance = make([]int64, len(all)), make([]float64, len(all))
	for i, n := range all {
		index[i], distance[i] = n.Index, float64(n.Distance)
	}
	return index, distance
}

// labelled returns the names and sizes of the files of images and labels.
func (s *spaces) labelled() results.Labelled {
	files := s.files()
	return results.Labelled{Images: files.Images, Labels: files.Labels}
}

// openLabelled opens the images and labels of the data set and of the queries.
func openLabelled(opt options) (data, queries *spaces, err error) {
	data, queries = new(spaces), new(spaces)
	if err := data.openImages(opt.data); err != nil {
		return nil, nil, err
	}
	if data.images.N == 0 {
		return nil, nil, fmt.Errorf("%s: there are no images to search", opt.data)
	}
	if err := data.openLabels(opt.dataLabels); err != nil {
		return nil, nil, err
	}
	if err := queries.openImages(opt.query); err != nil {
		return nil, nil, err
	}
	d, q := data.images, queries.images
	if err := nearest.CheckSize(q.Rows, q.Cols, d.Rows, d.Cols); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", opt.query, err)
	}
	return data, queries, queries.openLabels(opt.queryLabels)
}
