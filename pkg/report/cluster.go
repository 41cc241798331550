package report

import (
	"fmt"
	"math"

	"imagesimilarity/pkg/imageset"
)

// maxMedians is the largest number of medians shown of one clustering.
const maxMedians = 100

// Cluster is one round of clusterings of the same images.
type Cluster struct {
	Facts       []Fact
	Images      *imageset.Images[uint8]
	Clusterings []Clustering
}

// A Clustering is a cluster for every image, and how it was judged.
type Clustering struct {
	Name       string
	First      int                     // the number that the first cluster goes by
	Label      []int32                 // cluster of each image, counted from 0
	Medians    *imageset.Images[uint8] // one for each cluster
	Silhouette []float64               // of each image
	Average    float64                 // silhouette of all images
	Objective  float64                 // sum of the images' distances to medians, in grey levels
	Seconds    float64                 // that the clustering took; NaN where it was not measured
}

const badClustering = "report: a clustering needs a label and a silhouette for each image"

// AddCluster appends the sections of one round of clusterings.
func (p *Page) AddCluster(c Cluster) {
	p.round()
	var rows [][]string
	members := make([][]int, len(c.Clusterings)) // images in each cluster
	for i, one := range c.Clusterings {
		if len(one.Label) != c.Images.N || len(one.Silhouette) != c.Images.N {
			panic(badClustering)
		}
		members[i] = make([]int, one.Medians.N)
		for _, l := range one.Label {
			members[i][l]++
		}
		smallest, largest := c.Images.N, 0
		for _, n := range members[i] {
			smallest, largest = min(smallest, n), max(largest, n)
		}
		rows = append(rows, []string{one.Name, count(one.Medians.N), count(smallest), count(largest), number(one.Average), number(one.Objective), seconds(one.Seconds)})
	}
	p.add("clusterings", "The clusterings", execute("cluster", map[string]any{
		"Facts": c.Facts,
		"Table": Table{
			Caption: fmt.Sprintf("Clusterings of %s images, all judged in the original space. The silhouette lies between -1 and 1 and is better when higher; "+
				"the objective is the sum of the images' distances to medians in grey levels, better when lower.", count(c.Images.N)),
			Head: []string{"Clustering", "clusters", "smallest", "largest", "mean silhouette", "objective", "time"},
			Rows: rows,
		},
	}))
	for i, one := range c.Clusterings {
		values := make([][]float64, one.Medians.N)
		for n, l := range one.Label {
			values[l] = append(values[l], one.Silhouette[n])
		}
		tiles := make([]tile, min(one.Medians.N, maxMedians))
		for k := range tiles {
			tiles[k] = tile{
				Picture: picture(one.Medians.At(k), one.Medians.Rows, one.Medians.Cols),
				Alt:     fmt.Sprintf("median of cluster %d", one.First+k),
				Lines:   []string{fmt.Sprintf("cluster %d", one.First+k), count(members[i][k]), "s = " + number(math.Round(mean(values[k])*1000)/1000)},
			}
		}
		p.add(fmt.Sprintf("clustering-%d", i+1), one.Name, execute("clustering", map[string]any{
			"Clusters": one.Medians.N,
			"Shown":    len(tiles),
			"Tiles":    tiles,
			"Plots": []drawing{{
				Drawing: silhouettes("Silhouette plot of "+one.Name, one.First, values, one.Average),
				Caption: "Silhouettes of the images of each cluster, sorted; the dashed line is the mean of all. Bars to the left of 0 are images nearer to another cluster.",
			}},
		}))
	}
	for i := range c.Clusterings {
		for j := range i {
			a, b := c.Clusterings[j], c.Clusterings[i]
			p.add(fmt.Sprintf("against-%d-%d", j+1, i+1), a.Name+" against "+b.Name, contingency(a, b).html())
		}
	}
}

// mean is NaN where there are no values.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// contingency counts the images that lie in a cluster of a and a cluster of b.
func contingency(a, b Clustering) heatMap {
	h := heatMap{
		Corner:  a.Name + " ↓, " + b.Name + " →",
		Rows:    a.names(),
		Columns: b.names(),
		Count:   make([][]int, a.Medians.N),
	}
	for k := range h.Count {
		h.Count[k] = make([]int, b.Medians.N)
	}
	for n, l := range a.Label {
		h.Count[l][b.Label[n]]++
	}
	h.Caption = fmt.Sprintf("Images in each pair of clusters; the stronger the colour, the larger the share of the row. Adjusted Rand index %.3f: 1 for equal clusterings, about 0 for unrelated ones.",
		randIndex(h.Count))
	return h
}

func (c Clustering) names() []string {
	names := make([]string, c.Medians.N)
	for k := range names {
		names[k] = fmt.Sprint(c.First + k)
	}
	return names
}

// randIndex is the adjusted Rand index of a contingency table (Hubert & Arabie 1985, equation 5): the share of pairs of images on which two
// clusterings agree, corrected for chance. It is at most 1; where every clustering would agree by chance alone, it is 1.
func randIndex(count [][]int) float64 {
	pairs := func(n int) float64 { return float64(n) * float64(n-1) / 2 }
	var both, a, b float64
	n := 0
	columns := make([]int, len(count[0]))
	for _, row := range count {
		sum := 0
		for j, c := range row {
			both += pairs(c)
			sum += c
			columns[j] += c
		}
		a += pairs(sum)
		n += sum
	}
	for _, c := range columns {
		b += pairs(c)
	}
	if n < 2 {
		return 1
	}
	chance := float64(a / pairs(n) * b)
	if most := (a + b) / 2; most != chance {
		return (both - chance) / (most - chance)
	}
	return 1
}
