package results

import (
	"math"
	"slices"

	"imagesimilarity/pkg/clustering"
)

// A Cluster is a run of cluster: three clusterings of the same images.
type Cluster struct {
	Header
	Settings ClusterSettings `json:"settings"`
	Rounds   []ClusterRound  `json:"rounds"`
}

func (*Cluster) kind() string  { return "cluster" }
func (r *Cluster) rounds() int { return len(r.Rounds) }

// ClusterSettings are what the command line and the configuration file set.
type ClusterSettings struct {
	Output        string `json:"output"` // the report as text
	Configuration string `json:"configuration"`
	Clusters      int    `json:"clusters"` // of k-medians
}

// A ClusterRound is the clusterings of one set of images.
type ClusterRound struct {
	Images  File   `json:"images"`
	Latents File   `json:"latents"`
	Classes string `json:"classes"` // file of the network's classes
	Labels  string `json:"labels"`  // file of the true labels; "" if they are not known

	Reduced  Clustering `json:"reduced"`  // k-medians in the new space
	Original Clustering `json:"original"` // k-medians in the original space
	Network  Clustering `json:"network"`  // the classes of the network
	Pairs    []Pair     `json:"pairs"`    // every two of the three
}

// Clusterings returns the three in the order of the text, which Pair refers to.
func (r *ClusterRound) Clusterings() []*Clustering {
	return []*Clustering{&r.Reduced, &r.Original, &r.Network}
}

// CompareSize returns the bytes that Compare and Judge take for clusterings of n images into at
// most that many clusters.
func CompareSize(n, clusters int) float64 {
	return clustering.AdjustedRandSize(n, max(clusters, math.MaxUint8+1))
}

// Compare fills Pairs.
func (r *ClusterRound) Compare() {
	all := r.Clusterings()
	for j, b := range all {
		for i, a := range all[:j] {
			r.Pairs = append(r.Pairs, newPair(i, j, a, b))
		}
	}
}

// Judge fills Truth of the three clusterings. labels are the true labels of the images, which come
// from the named file.
func (r *ClusterRound) Judge(file string, labels []uint8) {
	r.Labels = file
	for _, c := range r.Clusterings() {
		c.Truth = newAgreement(c, labels)
	}
}

// A Clustering gives every image a cluster and judges them in the original space.
type Clustering struct {
	Seconds    Number  `json:"seconds"`    // of Lloyd's iteration; NaN for the network's classes
	Passes     int     `json:"passes"`     // of Lloyd's iteration; 0 for the network's classes
	Average    Number  `json:"average"`    // silhouette over all images, in [-1, 1]
	Objective  int64   `json:"objective"`  // sum of distances to medians, in grey levels
	Smallest   int     `json:"smallest"`   // images in the smallest cluster
	Largest    int     `json:"largest"`    // images in the largest cluster
	Sizes      []int   `json:"sizes"`      // images in each cluster
	Silhouette Numbers `json:"silhouette"` // mean of each cluster; 0 for an empty one
	Medians    []Grey  `json:"medians"`    // (clusters, pixels); nil for an empty cluster
	Label      []int32 `json:"label"`      // cluster of each image, counted from 0
	OfImage    Numbers `json:"of_image"`   // silhouette of each image

	Truth *Agreement `json:"truth"` // nil if the true labels are not known
}

// An Agreement tells how well a clustering agrees with the true labels of its images.
type Agreement struct {
	Purity       Number  `json:"purity"`
	AdjustedRand Number  `json:"adjusted_rand"`
	Labels       []int   `json:"labels"` // all that images have, ascending
	Count        [][]int `json:"count"`  // images by cluster and label
}

func newAgreement(c *Clustering, labels []uint8) *Agreement {
	var images [256]int
	for _, l := range labels {
		images[l]++
	}
	a := &Agreement{AdjustedRand: Number(clustering.AdjustedRand(c.Label, labels))}
	var column [256]int
	for l, n := range images {
		if n > 0 {
			column[l] = len(a.Labels)
			a.Labels = append(a.Labels, l)
		}
	}
	count := make([][]int, len(c.Sizes))
	for k := range count {
		count[k] = make([]int, len(a.Labels))
	}
	for i, k := range c.Label {
		count[k][column[labels[i]]]++
	}
	a.Purity = Number(clustering.Purity(count))
	if len(count) <= MaxTable {
		a.Count = count
	}
	return a
}

// NewClustering returns the clustering with its evaluation. seconds is NaN if no time was taken.
func NewClustering(label []int32, e *clustering.Evaluation, seconds float64) Clustering {
	c := Clustering{
		Seconds: Number(seconds), Average: Number(e.Average), Objective: e.Objective,
		Smallest: slices.Min(e.Sizes), Largest: slices.Max(e.Sizes),
		Sizes: e.Sizes, Silhouette: e.Silhouette, Label: label, OfImage: e.OfImage,
	}
	for k, size := range e.Sizes {
		var median Grey
		if size > 0 {
			median = e.Centroids.At(k)
		}
		c.Medians = append(c.Medians, median)
	}
	return c
}

// A Pair compares two clusterings of the same images.
type Pair struct {
	First        int     `json:"first"`  // 0 reduced, 1 original, 2 network
	Second       int     `json:"second"` // the same
	AdjustedRand Number  `json:"adjusted_rand"`
	Count        [][]int `json:"count"` // images by cluster of first and of second
}

// MaxTable is the largest number of clusters of a clustering that has tables of counts.
const MaxTable = 40

func newPair(i, j int, a, b *Clustering) Pair {
	p := Pair{First: i, Second: j}
	p.AdjustedRand = Number(clustering.AdjustedRand(a.Label, b.Label))
	if max(len(a.Sizes), len(b.Sizes)) > MaxTable {
		return p
	}
	p.Count = make([][]int, len(a.Sizes))
	for k := range p.Count {
		p.Count[k] = make([]int, len(b.Sizes))
	}
	for n, l := range a.Label {
		p.Count[l][b.Label[n]]++
	}
	return p
}
