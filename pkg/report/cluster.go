package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"

	"imagesimilarity/pkg/results"
)

// maxMedians is the largest number of medians shown of one clustering.
const maxMedians = 100

const badClustering = "report: a clustering needs a label and a silhouette for each image"

// NewCluster returns the page of a run of cluster, without its rounds.
func NewCluster(run *results.Cluster) *Page {
	return newPage("Clusters of similar images", run.Header,
		Fact{"configuration", run.Settings.Configuration},
		Fact{"report as text", run.Settings.Output},
		algorithmsFact(run.Header))
}

// A clustering is one of the three of a round and how the page calls it.
type clustering struct {
	*results.Clustering
	name  string
	short string // for names of files
	first int    // number of the first cluster in the text
	order []int  // the clusters in the order in which the page shows them
}

func clusteringsOf(round *results.ClusterRound) []clustering {
	all := []clustering{
		{
			Clustering: &round.Reduced, name: "k-medians in the new space", short: "new-space",
			first: 1,
		},
		{
			Clustering: &round.Original, name: "k-medians in the original space",
			short: "original-space", first: 1,
		},
		{Clustering: &round.Network, name: "Classes of the network", short: "network"},
	}
	for i := range all {
		all[i].order = sample(len(all[i].Sizes), len(all[i].Sizes))
		all[i].sort()
	}
	return all
}

// sort sorts the clusters by the label that most of their images have. Clusters of one label are
// sorted by the images with it, the most first. Empty clusters come last. sort leaves the order if
// the labels are not known.
func (c clustering) sort() {
	if c.Truth == nil || c.Truth.Count == nil {
		return
	}
	key := func(k int) (label, images int) {
		for l, n := range c.Truth.Count[k] {
			if n > images {
				label, images = l, n
			}
		}
		if images == 0 {
			return len(c.Truth.Labels), 0
		}
		return label, images
	}
	slices.SortStableFunc(c.order, func(a, b int) int {
		labelA, imagesA := key(a)
		labelB, imagesB := key(b)
		return cmp.Or(cmp.Compare(labelA, labelB), cmp.Compare(imagesB, imagesA))
	})
}

// ClusterSize returns the bytes that AddCluster takes while it draws n images.
func ClusterSize(n int) float64 { return float64(8 * n) }

// AddCluster appends the sections of one round of a run of cluster.
func (p *Page) AddCluster(round *results.ClusterRound) {
	if !p.round() {
		return
	}
	all, images := clusteringsOf(round), round.Images
	t := Table{
		Caption: fmt.Sprintf("Clusterings of %s images, all judged in the original space. "+
			"The silhouette lies between -1 and 1 and is better when higher; the objective is "+
			"the sum of the images' distances to medians in grey levels, better when lower.",
			count(images.Images)),
		Head: []string{"Clustering", "clusters", "smallest", "largest", "mean silhouette",
			"objective", "time"},
	}
	facts := []Fact{
		{"images", fmt.Sprintf("%s: %d of %d × %d pixels",
			images.Name, images.Images, images.Rows, images.Cols)},
		{"latent vectors", round.Latents.Name},
		{"classes", round.Classes},
	}
	known := round.Labels != ""
	if known {
		facts = append(facts, Fact{"true labels", round.Labels})
		t.Caption += " The purity is the share of images whose label is the most frequent one of " +
			"their cluster. The adjusted Rand index is 1 if the clusters are the labels, and about 0 " +
			"if they have nothing to do with them."
		t.Head = append(t.Head, "purity", "adjusted Rand index")
	}
	low, high := 0.0, 0.0 // of the silhouettes of all three
	for _, c := range all {
		if len(c.Label) != images.Images || len(c.OfImage) != images.Images {
			panic(badClustering)
		}
		row := []string{c.name, count(len(c.Sizes)), count(c.Smallest),
			count(c.Largest), number(c.Average), number(results.Number(c.Objective)),
			seconds(c.Seconds)}
		if known {
			row = append(row, percentage(c.Truth.Purity), fmt.Sprintf("%.3f", c.Truth.AdjustedRand))
		}
		t.Rows = append(t.Rows, row)
		for _, s := range c.OfImage {
			if isFinite(s) {
				low, high = min(low, s), max(high, s)
			}
		}
	}
	p.add("clusterings", "The clusterings",
		execute("cluster", map[string]any{"Facts": facts, "Table": t}))
	for i, c := range all {
		p.add(fmt.Sprintf("clustering-%d", i+1), c.name,
			p.clustering(c, images.Rows, images.Cols, low, high))
	}
	for _, pair := range round.Pairs {
		a, b := all[pair.First], all[pair.Second]
		id, title := fmt.Sprintf("against-%d-%d", pair.First+1, pair.Second+1), a.name+" against "+b.name
		text := fmt.Sprintf("Adjusted Rand index %.3f: 1 for equal clusterings, about 0 for "+
			"unrelated ones.", float64(pair.AdjustedRand))
		if pair.Count == nil {
			p.add(id, title, execute("notice", fmt.Sprintf("%s The table of counts is left out: "+
				"there are more than %d clusters.", text, results.MaxTable)))
			continue
		}
		h := heatMap{
			Title: title,
			Caption: "Images in each pair of clusters, which their medians and numbers name; the " +
				"stronger the colour, the larger the share of the row. " + text,
			Down: a.name, Across: b.name,
			Rows:    a.headings(images.Rows, images.Cols),
			Columns: b.headings(images.Rows, images.Cols),
		}
		for _, k := range a.order {
			h.Count = append(h.Count, permuted(pair.Count[k], b.order))
		}
		p.add(id, title, h.html())
		p.keep(a.short+"-against-"+b.short, h.graph())
	}
}

// permuted returns the values in the given order.
func permuted(values, order []int) []int {
	p := make([]int, len(order))
	for i, at := range order {
		p[i] = values[at]
	}
	return p
}

// clustering shows the medians of the clusters, the labels of their images, and their silhouettes
// on an axis from low to high.
func (p *Page) clustering(c clustering, rows, cols int, low, high float64) template.HTML {
	values := c.byCluster()
	names := make([]string, len(c.Sizes))
	for at, k := range c.order {
		names[at] = fmt.Sprint(c.first + k)
	}
	headings := c.headings(rows, cols)
	tiles := make([]tile, min(len(c.Sizes), maxMedians))
	for at := range tiles {
		k := c.order[at]
		silhouette := math.Round(c.Silhouette[k]*1000) / 1000
		if c.Sizes[k] == 0 {
			silhouette = math.NaN()
		}
		tiles[at] = tile{
			Picture: headings[at].Picture,
			Ask:     key{c.medians(), c.first + k}.text(),
			Alt:     headings[at].Alt,
			Lines: []string{fmt.Sprintf("cluster %d", c.first+k), count(c.Sizes[k]),
				"s = " + number(results.Number(silhouette))},
		}
	}
	var truth template.HTML
	if c.Truth != nil && c.Truth.Count != nil {
		labels := make([]string, len(c.Truth.Labels))
		for i, l := range c.Truth.Labels {
			labels[i] = fmt.Sprint(l)
		}
		h := heatMap{
			Title: "True labels in the clusters of " + c.name,
			Caption: "Images of each cluster by their true label. The clusters are sorted by the label " +
				"that most of their images have; the stronger the colour, the larger the share of the row.",
			Down: "cluster", Across: "true label", Rows: headings, Columns: texts(labels),
		}
		for _, k := range c.order {
			h.Count = append(h.Count, c.Truth.Count[k])
		}
		truth = h.html()
		p.keep("labels-"+c.short, h.graph())
	}
	plot := silhouettes("Silhouette plot of "+c.name, names, values, float64(c.Average), low, high)
	p.keep("silhouettes-"+c.short, plot)
	return execute("clustering", map[string]any{
		"Clusters": len(c.Sizes),
		"Shown":    len(tiles),
		"Tiles":    tiles,
		"Truth":    truth,
		"Plots": []drawing{plot.drawing("Silhouettes of the images of each cluster, sorted; the " +
			"dashed line is the mean of all. Bars to the left of 0 are images nearer to another " +
			"cluster. The plots of all three clusterings have one scale.")},
	})
}

// byCluster returns the silhouettes of the images of each cluster, in the page's order. They are a
// copy.
func (c clustering) byCluster() [][]float64 {
	all := make([]float64, len(c.Label))
	values := make([][]float64, len(c.Sizes))
	place := make([]int, len(c.Sizes))
	from := 0
	for at, k := range c.order {
		place[k] = at
		values[at] = all[from : from : from+c.Sizes[k]]
		from += c.Sizes[k]
	}
	for n, l := range c.Label {
		values[place[l]] = append(values[place[l]], c.OfImage[n])
	}
	return values
}

// headings returns the number and the median of each cluster, in the page's order. The median of an
// empty cluster is black.
func (c clustering) headings(rows, cols int) []heading {
	h := make([]heading, len(c.order))
	for at, k := range c.order {
		median := []uint8(c.Medians[k])
		if c.Sizes[k] == 0 {
			median = make([]uint8, rows*cols)
		}
		h[at] = heading{
			Name:    fmt.Sprint(c.first + k),
			Picture: picture(median, rows, cols),
			Alt:     fmt.Sprintf("median of cluster %d", c.first+k),
		}
	}
	return h
}
