package clustering

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"imagesimilarity/pkg/imageset"
)

// What is found in parts of the images is what Evaluate finds in the whole.
func TestPartsMakeTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 31))
	for range 30 {
		n, k := 2+r.IntN(600), 1+r.IntN(5)
		images := &imageset.Images[uint8]{N: n, Rows: 3, Cols: 4, Pix: make([]uint8, 12*n)}
		for i := range images.Pix {
			images.Pix[i] = uint8(r.IntN(4) * 80)
		}
		space, err := NewSpace(images.Set())
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range []Mode{Original, Textbook} {
			label := make([]int32, n)
			for i := range label {
				label[i] = int32(r.IntN(k))
			}
			want, err := Evaluate(space, label, k, mode, nil)
			if err != nil {
				t.Fatal(err)
			}
			cut := 1 + r.IntN(n-1)
			parts := []*imageset.Images[uint8]{images.Part(0, cut), images.Part(cut, n)}
			labels := [][]int32{label[:cut], label[cut:]}
			got := &Evaluation{
				Sizes: sizes(label, k), Silhouette: make([]float64, k),
				Centroids: &imageset.Images[uint8]{N: k, Rows: 3, Cols: 4, Pix: make([]uint8, 12*k)},
			}
			counts := make([][]Histogram, k)
			for c := range counts {
				counts[c] = make([]Histogram, 12)
			}
			for i, some := range parts {
				part, err := NewPart(some)
				if err != nil {
					t.Fatal(err)
				}
				part.Histograms(labels[i], k, nil, 0, func(c int, some []Histogram) {
					for p := range some {
						for v, n := range some[p] {
							counts[c][p][v] += n
						}
					}
				})
			}
			for c := range k {
				NewMedian(got.Centroids.At(c), got.Sizes[c]).Rank(counts[c], 0)
			}
			for i, some := range parts {
				part, err := NewPart(some)
				if err != nil {
					t.Fatal(err)
				}
				silhouette, objective, err := Judge(part, labels[i], got.Sizes, got.Centroids, mode,
					func(c int) ([]Histogram, error) { return counts[c], nil })
				if err != nil {
					t.Fatal(err)
				}
				got.Add(labels[i], silhouette)
				got.OfImage = append(got.OfImage, silhouette...)
				got.Objective += objective
			}
			got.Mean()
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%d images in %d clusters, mode %d:\n%v\nwant\n%v", n, k, mode, got, want)
			}
		}
	}
}
