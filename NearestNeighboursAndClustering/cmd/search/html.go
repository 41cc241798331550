package main

import (
	"fmt"
	"time"

	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/report"
)

const greyLevels = "sum of grey-level differences"

// newPage is the HTML report before anything was found.
func newPage(opt options, args []string) *report.Page {
	algorithms := "the original's"
	if opt.textbook {
		algorithms = "the textbook's"
	}
	p := &report.Page{
		Title:   "Nearest neighbours: reduced, LSH, exact",
		Command: append([]string{"./search"}, args...),
		Facts:   []report.Fact{{Name: "report as text", Value: opt.output}, {Name: "algorithms", Value: algorithms}},
	}
	if opt.emd {
		p.Title = "Earth Mover's Distance against Manhattan distance"
	} else {
		p.Facts = append(p.Facts, report.Fact{Name: "LSH", Value: fmt.Sprintf("%d hash functions, %d tables", opt.functions, opt.tables)})
	}
	return p
}

// html is what the HTML report shows of a round.
func (d *dataSet) html(q *spaces, r *round) report.Search {
	return report.Search{
		Facts: []report.Fact{
			{Name: "data set", Value: size(d.originalFile, d.original)},
			{Name: "its latent vectors", Value: size(d.reducedFile, d.reduced)},
			{Name: "queries", Value: size(q.originalFile, q.original)},
			{Name: "their latent vectors", Value: size(q.reducedFile, q.reduced)},
			{Name: "images that LSH compared with a query", Value: fmt.Sprintf("%.3g %% of the data set, on the average", 100*r.compared)},
		},
		Data: d.original, Queries: q.original, DataLabels: d.labels, QueryLabels: q.labels,
		Exact:       answers("exact", r.exact, 1, r.exactTime),
		Approximate: []report.Answers{answers("reduced", r.reduced, 1, r.reducedTime), answers("LSH", r.lsh, 1, r.lshTime)},
	}
}

// size is a file and what is in it.
func size[P uint8 | uint16](name string, m *imageset.Images[P]) string {
	return fmt.Sprintf("%s: %d of %d × %d values", name, m.N, m.Rows, m.Cols)
}

func answers(name string, found []knn.Neighbour, k int, took time.Duration) report.Answers {
	a := report.Answers{Name: name, K: k, Unit: greyLevels, Seconds: took.Seconds()}
	for _, n := range found {
		a.Index, a.Distance = append(a.Index, int32(n.Index)), append(a.Distance, float64(n.Distance))
	}
	return a
}

func answersEMD(found []emd.Neighbour, k int, took time.Duration) report.Answers {
	a := report.Answers{Name: "Earth Mover's Distance", K: k, Unit: "pixels", Seconds: took.Seconds()}
	for _, n := range found {
		a.Index, a.Distance = append(a.Index, int32(n.Index)), append(a.Distance, n.Distance)
	}
	return a
}
