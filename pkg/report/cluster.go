package report

import (
	"fmt"
	"html/template"
	"math"

	"imagesimilarity/pkg/imageset"
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
	first int // number of the first cluster in the text
}

func clusteringsOf(round *results.ClusterRound) []clustering {
	return []clustering{
		{&round.Reduced, "k-medians in the new space", 1},
		{&round.Original, "k-medians in the original space", 1},
		{&round.Network, "Classes of the network", 0},
	}
}

// AddCluster appends the sections of one round of a run of cluster.
func (p *Page) AddCluster(round *results.ClusterRound, images *imageset.Images[uint8]) {
	if !p.round() {
		return
	}
	all := clusteringsOf(round)
	t := Table{
		Caption: fmt.Sprintf("Clusterings of %s images, all judged in the original space. "+
			"The silhouette lies between -1 and 1 and is better when higher; the objective is "+
			"the sum of the images' distances to medians in grey levels, better when lower.",
			count(images.N)),
		Head: []string{"Clustering", "clusters", "smallest", "largest", "mean silhouette",
			"objective", "time"},
	}
	for _, c := range all {
		if len(c.Label) != images.N || len(c.OfImage) != images.N {
			panic(badClustering)
		}
		t.Rows = append(t.Rows, []string{c.name, count(len(c.Sizes)), count(c.Smallest),
			count(c.Largest), number(c.Average), number(results.Number(c.Objective)),
			seconds(c.Seconds)})
	}
	p.add("clusterings", "The clusterings", execute("cluster", map[string]any{
		"Facts": []Fact{
			{"images", fmt.Sprintf("%s: %d of %d × %d pixels",
				round.Images.Name, images.N, images.Rows, images.Cols)},
			{"latent vectors", round.Latents.Name},
			{"classes", round.Classes},
		},
		"Table": t,
	}))
	for i, c := range all {
		p.add(fmt.Sprintf("clustering-%d", i+1), c.name, c.html(images.Rows, images.Cols))
	}
	for _, pair := range round.Pairs {
		a, b := all[pair.First], all[pair.Second]
		id := fmt.Sprintf("against-%d-%d", pair.First+1, pair.Second+1)
		p.add(id, a.name+" against "+b.name, heatMap{
			Caption: fmt.Sprintf("Images in each pair of clusters; the stronger the colour, the "+
				"larger the share of the row. Adjusted Rand index %.3f: 1 for equal clusterings, "+
				"about 0 for unrelated ones.", float64(pair.AdjustedRand)),
			Corner: a.name + " ↓, " + b.name + " →",
			Rows:   a.numbers(), Columns: b.numbers(), Count: pair.Count,
		}.html())
	}
}

// html shows the medians of the clusters and the silhouettes of their images.
func (c clustering) html(rows, cols int) template.HTML {
	values := make([][]float64, len(c.Sizes))
	for n, l := range c.Label {
		values[l] = append(values[l], c.OfImage[n])
	}
	tiles := make([]tile, min(len(c.Sizes), maxMedians))
	for k := range tiles {
		median, silhouette := []uint8(c.Medians[k]), math.Round(c.Silhouette[k]*1000)/1000
		if c.Sizes[k] == 0 {
			median, silhouette = make([]uint8, rows*cols), math.NaN()
		}
		tiles[k] = tile{
			Picture: picture(median, rows, cols),
			Alt:     fmt.Sprintf("median of cluster %d", c.first+k),
			Lines: []string{fmt.Sprintf("cluster %d", c.first+k), count(c.Sizes[k]),
				"s = " + number(results.Number(silhouette))},
		}
	}
	return execute("clustering", map[string]any{
		"Clusters": len(c.Sizes),
		"Shown":    len(tiles),
		"Tiles":    tiles,
		"Plots": []drawing{{
			Drawing: silhouettes("Silhouette plot of "+c.name, c.first, values, float64(c.Average)),
			Caption: "Silhouettes of the images of each cluster, sorted; the dashed line is the " +
				"mean of all. Bars to the left of 0 are images nearer to another cluster.",
		}},
	})
}

// numbers returns the numbers of the clusters as texts.
func (c clustering) numbers() []string {
	names := make([]string, len(c.Sizes))
	for k := range names {
		names[k] = fmt.Sprint(c.first + k)
	}
	return names
}
