package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"imagesimilarity/pkg/cmd/internal/article"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/report"
	"imagesimilarity/pkg/results"
)

var head = []string{"figure", "original", "-textbook", ""}

// figures returns the rows of the summary: a name, the value in each mode, and which values are
// good.
func figures(all [2]*found) [][]string {
	double := func(n results.Number) string { return libstdcxx.Double(float64(n)) }
	const exact, high = "1 is exact", "higher is better"
	var rows [][]string
	add := func(name, good string, value func(f *found) string) {
		rows = append(rows, []string{name, value(all[0]), value(all[1]), good})
	}
	add("reduced search: approximation factor", exact, func(f *found) string {
		return double(f.search.Rounds[0].Reduced.Mean)
	})
	add("LSH: approximation factor", exact, func(f *found) string {
		return double(f.search.Rounds[0].LSH.Mean)
	})
	add("EMD (cells of 4 pixels): correctness", high, func(f *found) string {
		return double(f.emd.Rounds[0].EMD.Correctness)
	})
	add("Manhattan: correctness", high, func(f *found) string {
		return double(f.emd.Rounds[0].Manhattan.Correctness)
	})
	add("classifier: right answers", high, func(f *found) string {
		return fmt.Sprint(f.classification.Rounds[0].Test.Right)
	})
	for _, c := range []struct {
		name string
		of   func(r *results.ClusterRound) *results.Clustering
	}{
		{"k-medians, latent space", func(r *results.ClusterRound) *results.Clustering {
			return &r.Reduced
		}},
		{"k-medians, original space", func(r *results.ClusterRound) *results.Clustering {
			return &r.Original
		}},
		{"classes as clusters", func(r *results.ClusterRound) *results.Clustering {
			return &r.Network
		}},
	} {
		add(c.name+": silhouette", high, func(f *found) string {
			return double(c.of(&f.cluster.Rounds[0]).Average)
		})
		add(c.name+": adjusted Rand index", high, func(f *found) string {
			return double(c.of(&f.cluster.Rounds[0]).Truth.AdjustedRand)
		})
	}
	return rows
}

// slips returns the slips of the original with what both modes measured.
func slips(all [2]*found) []report.Slip {
	double := func(n results.Number) string { return libstdcxx.Double(float64(n)) }
	var s []report.Slip
	add := func(title, reason, figure string, value func(f *found) string) {
		s = append(s, report.Slip{
			Title: title, Reason: reason, Figure: figure,
			Original: value(all[0]), Textbook: value(all[1]),
		})
	}
	add("A doubtful image counts as class 0",
		"The original rounds the probabilities before it takes the largest. If none is above one "+
			"half, all become 0, and the first class wins. The textbook takes the most probable class.",
		"wrong answers, of the images for which no class is above one half", doubtful)
	add("Every row is divided by its sum",
		"The original meant to bring the grey levels to 0…1, but divides each row of an image by the "+
			"sum of that row, so that a faint row gets as bright as a full one. The textbook divides "+
			"by 255.",
		"right answers of the classifier", func(f *found) string {
			return fmt.Sprint(f.classification.Rounds[0].Test.Right)
		})
	add("Two scales for the latent vectors",
		"The original scales the vectors of the data set and of the queries each by their own least "+
			"and greatest values, so that equal vectors become different numbers. The textbook scales "+
			"both as the data set.",
		"approximation factor of the search in the latent space", func(f *found) string {
			return double(f.search.Rounds[0].Reduced.Mean)
		})
	add("All hash tables are one",
		fmt.Sprintf("Every table of the original draws the same random numbers, so that more tables "+
			"find nothing new. The textbook's are independent. The original got %s, the textbook %s.",
			tables(all[0]), tables(all[1])),
		"approximation factor of LSH", func(f *found) string {
			return double(f.search.Rounds[0].LSH.Mean)
		})
	add("Hash values overlap",
		"The original puts the hash values of a table together so that they overlap, and loses a part "+
			"of them. The textbook puts them side by side.",
		"images that LSH compares with a query", func(f *found) string {
			return percent(f.search.Rounds[0].Compared)
		})
	add("Ten right neighbours or nothing",
		"The original divides whole numbers: a query counts 1 if all its ten neighbours have its "+
			"label, and else 0. The textbook takes the mean share of right neighbours.",
		"correctness of Earth Mover's Distance", func(f *found) string {
			return double(f.emd.Rounds[0].EMD.Correctness)
		})
	add("k-means++ draws by a neighbour's distance",
		"The next seed should be an image with a probability that grows with its own distance to the "+
			"seeds. The original takes the distance of another image, so that seeds lie closer.",
		"sum of distances to medians, original space", func(f *found) string {
			return double(results.Number(f.cluster.Rounds[0].Original.Objective))
		})
	add("Lloyd's algorithm stops at 100 changes",
		"The original ends if at most 100 images change their cluster. The textbook goes on until none "+
			"does.",
		"passes of k-medians in the original space", func(f *found) string {
			return fmt.Sprint(f.cluster.Rounds[0].Original.Passes)
		})
	add("The silhouette has other means",
		"The original divides the distances within a cluster by its size, the image itself included, "+
			"and takes the cluster of the second nearest median for the neighbour. The textbook leaves "+
			"the image out, and takes the cluster with the least mean distance.",
		"silhouette of the classes as clusters", func(f *found) string {
			return double(f.cluster.Rounds[0].Network.Average)
		})
	add("The objective forgets the clusters",
		"The original adds up the distances to the nearest median of any cluster, the textbook those "+
			"to the median of the image's own cluster.",
		"sum of distances to medians, classes as clusters", func(f *found) string {
			return double(results.Number(f.cluster.Rounds[0].Network.Objective))
		})
	return s
}

// tables returns the settings of LSH.
func tables(f *found) string {
	return fmt.Sprintf("%d tables of %d functions",
		f.search.Settings.Tables, f.search.Settings.Functions)
}

func percent(share results.Number) string {
	return strconv.FormatFloat(100*float64(share), 'f', 1, 64) + " %"
}

// doubtful tells how many images have no class above one half, and how many of these are wrong.
func doubtful(f *found) string {
	images, wrong := 0, 0
	t := f.classification.Rounds[0].Test
	for i, p := range t.Probability {
		if p > 0.5 {
			continue
		}
		images++
		if t.Predicted[i] != t.Truth[i] {
			wrong++
		}
	}
	return fmt.Sprintf("%d of %d", wrong, images)
}

// cover returns the first screen: the methods and what they find for one query. It is the first
// query of search -EMD for which the methods find the most different images and, if there is one,
// some with the right label and some with a wrong one.
func cover(f *found, queriesFile string) (report.Cover, error) {
	data, err := idx.ReadImages("demo/images.dat")
	if err != nil {
		return report.Cover{}, err
	}
	labels, err := idx.ReadLabels("demo/labels.dat")
	if err != nil {
		return report.Cover{}, err
	}
	queries, err := idx.ReadImages(queriesFile)
	if err != nil {
		return report.Cover{}, err
	}
	search, emd, test := f.search.Rounds[0], f.emd.Rounds[0], f.classification.Rounds[0].Test
	found := func(q int) []int64 {
		return []int64{search.Exact.Index[q], search.Reduced.Index[q], search.LSH.Index[q],
			emd.EMD.Index[q][0]}
	}
	best, most := 0, 0
	for q := range emd.EMD.Index {
		images, right := map[int64]bool{}, map[bool]bool{}
		for _, i := range found(q) {
			images[i] = true
			right[i >= 0 && labels[i] == test.Truth[q]] = true
		}
		if apart := len(images) * len(right); apart > most {
			best, most = q, apart
		}
	}
	c := report.Cover{
		Rows: queries.Rows, Cols: queries.Cols, Query: queries.At(best),
		File: search.Queries.Images.Name, Index: best,
		Name: fmt.Sprintf("image %d of the queries", best), Label: int(test.Truth[best]),
	}
	// The pages follow the cover in the order of the steps.
	for m, text := range []struct {
		name, sentence string
		article        int
	}{
		{"Exact search", "compares the query with every image by Manhattan distance, the sum of the " +
			"differences of their grey levels.", 2},
		{"Latent space", "compares only the 10 numbers that an autoencoder makes of each image.", 2},
		{"LSH", "compares the query with the images that fall into its buckets of random hash " +
			"functions.", 2},
		{"Earth Mover's Distance", "measures the work of moving the grey levels of one image until it " +
			"is the other.", 3},
	} {
		method := report.Method{
			Name: text.name, Sentence: text.sentence, Article: text.article, Label: -1,
			Line: "nothing found",
		}
		if i := found(best)[m]; i >= 0 {
			method.Answer, method.Label = data.At(int(i)), int(labels[i])
			method.File, method.Index = f.search.Data.Images.Name, int(i)
			method.Line = fmt.Sprintf("image %d", i)
		}
		c.Methods = append(c.Methods, method)
	}
	clusters := f.cluster.Rounds[0].Original
	own := clusters.Label[best]
	c.Methods = append(c.Methods, report.Method{
		Name: "Clusters", Article: 5, Answer: clusters.Medians[own], Label: -1,
		Line: fmt.Sprintf("median of cluster %d", own+1),
		Sentence: "put every image to the nearest of 10 medians, and make a median of the images " +
			"that it got, until little changes.",
	}, report.Method{
		Name: "Autoencoder", Article: 1,
		Sentence: "learns to press an image into 10 numbers and to draw it again from these.",
	}, report.Method{
		Name: "Classifier", Article: 4,
		Sentence: fmt.Sprintf("takes the encoder and learns labels with it; it takes the query for "+
			"a %d, with a probability of %s.",
			test.Predicted[best], percent(results.Number(test.Probability[best]))),
	})
	return c, nil
}

// legend returns the names of the classes, each behind its label.
func legend(classes []string) string {
	var list []string
	for label, name := range classes {
		list = append(list, fmt.Sprintf("%d %s", label, name))
	}
	return strings.Join(list, ", ")
}

// page writes the methods, both modes face to face, and the reports of the first mode as one page.
// queries is the name of their file; classes holds the names of the labels, if they have names.
func page(name string, all [2]*found, queries string, classes []string, took time.Duration) error {
	front := &report.Page{
		Title: "Image similarity: the whole pipeline",
		Facts: []report.Fact{
			{Name: "images", Value: fmt.Sprintf(
				"the first %d training images; %d queries from the test set",
				all[0].reduce.Dataset.Images, all[0].reduce.Queryset.Images)},
			{Name: "time", Value: took.Round(time.Second).String()},
		},
	}
	if len(classes) > 0 {
		front.Facts = append(front.Facts, report.Fact{Name: "classes", Value: legend(classes)})
	}
	c, err := cover(all[0], queries)
	if err != nil {
		return err
	}
	front.AddCover("The methods", c)
	front.AddSlips("The original and the textbook",
		"Each program ran twice: as the original did, with its slips, and with -textbook. A card has "+
			"a slip, its reason and a figure that it changes. Other slips may change the same figure.",
		slips(all))
	front.AddTables("What came out", report.Table{
		Caption: "The figures that the programs printed, as the original computes them and with " +
			"-textbook.",
		Head: head,
		Rows: figures(all),
	})
	pages := []*report.Page{front}
	f := all[0]
	for _, run := range []results.Document{
		&f.reduce, &f.search, &f.emd, &f.classification, &f.cluster,
	} {
		p, err := article.Of(modes[0].dir(), run)
		if err != nil {
			return err
		}
		pages = append(pages, p)
	}
	err = article.Ask(front, modes[0].dir(), c.Index,
		&f.search, &f.emd, &f.classification, &f.cluster)
	if err != nil {
		return err
	}
	return outfile.Write(name, func(w io.Writer) error {
		return report.Render(w, pages...)
	})
}
