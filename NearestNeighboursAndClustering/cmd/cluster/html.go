package main

import (
	"fmt"
	"math"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/report"
)

// newPage is the HTML report before anything was found.
func newPage(opt options, args []string) *report.Page {
	algorithms := "the original's"
	if opt.mode == clustering.Textbook {
		algorithms = "the textbook's"
	}
	return &report.Page{
		Title:   "Clusters of similar images",
		Command: append([]string{"./cluster"}, args...),
		Facts: []report.Fact{
			{Name: "configuration", Value: opt.configuration},
			{Name: "report as text", Value: opt.output},
			{Name: "algorithms", Value: algorithms},
		},
	}
}

// html is what the HTML report shows of the round.
func (r *round) html() report.Cluster {
	grouped := func(name string, first int, g grouping) report.Clustering {
		return report.Clustering{
			Name: name, First: first, Label: g.label, Medians: g.judged.Centroids, Silhouette: g.judged.OfImage,
			Average: g.judged.Average, Objective: float64(g.judged.Objective), Seconds: g.seconds,
		}
	}
	classes := grouped("Classes of the network", 0, r.classes)
	classes.Seconds = math.NaN()
	return report.Cluster{
		Facts: []report.Fact{
			{Name: "images", Value: fmt.Sprintf("%s: %d of %d × %d pixels", r.inputs.original, r.images.N, r.images.Rows, r.images.Cols)},
			{Name: "latent vectors", Value: r.inputs.reduced},
			{Name: "classes", Value: r.inputs.classes},
		},
		Images: r.images,
		Clusterings: []report.Clustering{
			grouped("k-medians in the new space", 1, r.reduced),
			grouped("k-medians in the original space", 1, r.original),
			classes,
		},
	}
}
