package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"imagesimilarity/NearestNeighboursAndClustering/internal/text"
	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/explore"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/program"
	"imagesimilarity/pkg/quote"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

// neighbours is the number of neighbours of a query that are judged, or all images if there are
// fewer.
const neighbours = 10

// searchEMD finds each query's nearest neighbours by Earth Mover's Distance and by Manhattan
// distance, and writes how many have the query's label.
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
	defer data.close()
	opt.display.Phase("reading the queries")
	if err := queries.read(); err != nil {
		return err
	}
	defer queries.close()
	if err := report.CheckMemory(opt.html != "", opt.png != "", 0); err != nil {
		return err
	}
	asking, err := newAsking(opt, data)
	if err != nil {
		return idx.Named(opt.data, err)
	}
	k := min(neighbours, data.original.N)
	byEMD, byManhattan, err := rankImages(opt, data, queries, k, stdout)
	if err != nil {
		return err
	}

	rank := func(r *ranking) results.Ranking {
		return results.NewRanking(r.took.Seconds(), k, r.index, r.distance,
			queries.labels, data.labels, opt.textbook)
	}
	e := &results.EMD{
		Header:   run,
		Settings: results.EMDSettings{Output: opt.output, Cell: opt.cell},
		Rounds: []results.EMDRound{{
			Data:       data.labelled(),
			Queries:    queries.labelled(),
			Neighbours: k,
			EMD:        rank(byEMD),
			Manhattan:  rank(byManhattan),
		}},
	}
	round := &e.Rounds[0]
	write := func(w io.Writer) { text.EMD(w, round) }
	var page *report.Page
	err = opt.keep(write, func() (err error) {
		page, err = explainEMD(opt, e, data, queries, asking)
		return err
	})
	if err != nil {
		return err
	}
	if err := opt.write(write, e, page); err != nil {
		return err
	}
	passes := ""
	if n := round.Data.Images.BlockPasses; n > 0 {
		passes = fmt.Sprintf("Passes over the images: %d\n", n)
	}
	found := fmt.Sprintf(
		"Queries: %d, images: %d, neighbours of each query: %d\nCorrect results: EMD %s, Manhattan %s\n",
		round.Queries.Images.Images, round.Data.Images.Images, k,
		text.Double(round.EMD.Correctness), text.Double(round.Manhattan.Correctness))
	opt.display.Say(found + passes + opt.written())
	return nil
}

// keep calls prepare for a report on results that are final. If a signal ends the program
// meanwhile, the text is written alone, under a name that replaces no file: an old text belongs to
// the other files of its run.
func (opt options) keep(text func(w io.Writer), prepare func() error) error {
	work := program.Begin(func() (told string, err error) {
		write := func(w io.Writer) error {
			text(w)
			return nil
		}
		name := opt.output
		if outfile.Direct(name) {
			err = outfile.Write(name, write)
		} else {
			name, err = outfile.WriteNew(name, write)
		}
		return "The results are in " + quote.Printable(name) + "; the other files were not written", err
	})
	work.Rest()
	defer work.Forget()
	return prepare()
}

// explainEMD adds to the results of the round what a reader may ask about and see in pictures, and
// returns the page.
func explainEMD(
	opt options, e *results.EMD, data, queries *spaces, asking *asking,
) (page *report.Page, err error) {
	round := &e.Rounds[0]
	if e.Neighbourhoods, err = asking.themselves(nil); err != nil {
		return nil, err
	}
	var known explore.Known
	if asking != nil {
		known = knownOf(round, &e.Neighbourhoods[0])
	}
	e.Neighbourhoods, err = asking.queries(
		e.Neighbourhoods, queries, report.AskedOfEMD(round), known)
	if err != nil {
		return nil, err
	}
	opt.display.Phase("preparing the report")
	if round.Flows, err = flows(round, data, queries, opt.cell); err != nil {
		return nil, err
	}
	page = report.NewEMD(e)
	if opt.html != "" || opt.png != "" {
		ofData, ofQueries := report.ShownOfEMD(round)
		dataShown, err := data.shown(ofData)
		if err != nil {
			return nil, err
		}
		queriesShown, err := queries.shown(ofQueries)
		if err != nil {
			return nil, err
		}
		page.AddEMD(e, round, dataShown, queriesShown)
	}
	if opt.html != "" {
		for i, asked := range []*spaces{data, queries} {
			if err := asking.show(page, &e.Neighbourhoods[i], asked); err != nil {
				return nil, err
			}
		}
	}
	return page, nil
}

// A ranking is the nearest images by one distance: (queries, k), each row sorted.
type ranking struct {
	index    []int64
	distance []float64
	took     time.Duration
}

func newRanking(queries, k int) *ranking {
	return &ranking{
		index: make([]int64, 0, queries*k), distance: make([]float64, 0, queries*k),
	}
}

// add appends the neighbours of the next queries.
func add[D int64 | float64](r *ranking, found []nearest.Neighbour[D]) {
	for _, n := range found {
		r.index, r.distance = append(r.index, n.Index), append(r.distance, float64(n.Distance))
	}
}

// rankImages returns the k nearest images of each query. One pass over the images serves both
// distances. If the queries are not kept in memory, each part of them needs a pass. stdout gets a
// line as each query is done, unless -quiet is given: in the last block of a pass.
//
// Each time is wall-clock time for the whole set of queries, with all cores at work. It includes
// what the method prepares: the projections or outlines of queries and images, and their packing
// for the kernels.
func rankImages(
	opt options, data, queries *spaces, k int, stdout io.Writer,
) (byEMD, byManhattan *ranking, err error) {
	n := queries.original.N
	err = memory.Check(float64(2*results.RankingSize(n, k)),
		"the nearest images of %s by two distances, %d for each, need", plural.Of(n, "query"), k)
	if err != nil {
		return nil, nil, err
	}
	byEMD, byManhattan = newRanking(n, k), newRanking(n, k)
	index, err := knn.New(data.original)
	if err != nil {
		return nil, nil, idx.Named(opt.data, err)
	}
	lines := opt.display.Writer(stdout)
	kept := index.Kept() != nil && queries.original.Whole() != nil
	size := queries.part()
	for first := 0; first < n; first += size {
		part, err := load(queries.original, first, min(n, first+size), opt.query)
		if err != nil {
			return nil, nil, err
		}
		name, share := "Earth Mover's Distance", 1.
		if !kept { // Manhattan distance is about a tenth of the work on a block
			name = fmt.Sprintf("EMD and Manhattan distance, pass %d of %d",
				first/size+1, (n+size-1)/size)
			share = 0.9
		}
		tell := opt.display.Task(name, "queries")
		start := time.Now()
		moved, err := emd.NewSearch(part, k, opt.cell)
		if err != nil {
			return nil, nil, idx.Named(opt.query, err)
		}
		byEMD.took += time.Since(start)
		near, err := knn.NewSearch(part, k)
		if err != nil {
			return nil, nil, idx.Named(opt.query, err)
		}
		err = index.Each(func(block *knn.Block[uint8]) error {
			last := int(block.First)+block.N == index.Set.N
			tellBlock := index.Share(block, 0, share, tell)
			// What Manhattan distance needs is refused before the long work on EMD.
			if err := near.CheckAdd(block); err != nil {
				return idx.Named(opt.data, err)
			}
			start := time.Now()
			err := moved.Add(block.Images, block.First, func(done, total int) {
				if last && !opt.quiet {
					fmt.Fprintf(lines, "Query: %d\n", first+done-1)
				}
				tellBlock(done, total)
			})
			byEMD.took += time.Since(start)
			if err != nil {
				return idx.Named(opt.data, err)
			}
			if kept {
				tell, share = opt.display.Task("Manhattan distance", "queries"), 0
			}
			start = time.Now()
			err = near.Add(block, index.Share(block, share, 1, tell))
			byManhattan.took += time.Since(start)
			if err != nil {
				return idx.Named(opt.data, err)
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		add(byEMD, moved.Nearest())
		add(byManhattan, near.Nearest())
	}
	return byEMD, byManhattan, nil
}

// flows returns the flows of a few queries to their nearest images by both distances. It returns
// none if the images have too many cells to be shown.
func flows(round *results.EMDRound, data, queries *spaces, cell int) ([]results.Flow, error) {
	const shown, cells = 6, 256
	q := queries.original
	if q.Rows/cell*(q.Cols/cell) > cells {
		return nil, nil
	}
	var which []int
	var images []int
	for i := range min(shown, q.N) {
		i = i * q.N / min(shown, q.N)
		nearest := []int64{round.EMD.Index[i][0], round.Manhattan.Index[i][0]}
		for _, image := range slices.Compact(nearest) {
			which, images = append(which, i), append(images, int(image))
		}
	}
	from, err := imageset.SampleOf(q, which)
	if err != nil {
		return nil, err
	}
	to, err := imageset.SampleOf(data.original, images)
	if err != nil {
		return nil, err
	}
	var all []results.Flow
	for i, query := range which {
		f, err := emd.NewFlow(from.At(query), to.At(images[i]), q.Rows, q.Cols, cell)
		if err != nil {
			return nil, err
		}
		all = append(all, results.NewFlow(query, int64(images[i]), f))
	}
	return all, nil
}

// labelled returns the names and sizes of the files of images and labels.
func (s *spaces) labelled() results.Labelled {
	files := s.files()
	return results.Labelled{Images: files.Images, Labels: files.Labels}
}

// openLabelled opens the images and labels of the data set and of the queries. It returns an error
// if they do not fit together or cannot be cut into cells.
func openLabelled(opt options) (data, queries *spaces, err error) {
	data, queries = newSpaces(opt), newSpaces(opt)
	if err := data.openImages(opt.data); err != nil {
		return nil, nil, err
	}
	if data.images.N == 0 {
		return nil, nil, fmt.Errorf("%s: there are no images to search", opt.data)
	}
	if err := data.openLabels(opt.dataLabels); err != nil {
		return nil, nil, err
	}
	if err := data.openQueryImages(queries, opt.query); err != nil {
		return nil, nil, err
	}
	if err := queries.openLabels(opt.queryLabels); err != nil {
		return nil, nil, err
	}
	if err := emd.Check(data.images.Rows, data.images.Cols, opt.cell); err != nil {
		return nil, nil, idx.Named(opt.data, err)
	}
	return data, queries, nil
}
