package clustering

import (
	"math/rand/v2"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
)

// Wherever the centroids go, each image has its nearest one, ties included, and its bounds hold.
func TestAssignmentFollowsTheCentroids(t *testing.T) {
	for _, s := range []shape{
		{500, 4, 5, 6, 256}, {300, 1, 2, 5, 3}, {257, 3, 3, 1, 256}, {40, 2, 2, 40, 2},
	} {
		testAssignment[uint8](t, s)
	}
	for _, s := range []shape{{300, 1, 10, 6, 65536}, {300, 1, 10, 3, 4}} {
		testAssignment[uint16](t, s)
	}
}

func testAssignment[P uint8 | uint16](t *testing.T, shape shape) {
	r := rand.New(rand.NewPCG(12, 12))
	images := randomImages[P](r, shape.n, shape.rows, shape.cols, shape.top)
	centroids := imageset.Select(images, r.Perm(shape.n)[:shape.k])
	part, err := NewPart(images)
	if err != nil {
		t.Fatal(err)
	}
	a := NewAssignment[P](images.N)
	for pass := range 30 {
		before := slices.Clone(a.Label)
		changed := part.Assign(a, centroids)
		want := 0
		for i, label := range a.Label {
			best := int32(0)
			distance := make([]int64, shape.k)
			for c := range distance {
				distance[c] = metric.Manhattan(images.At(i), centroids.At(c))
				if distance[c] < distance[best] {
					best = int32(c)
				}
			}
			if label != best {
				t.Fatalf("%v, pass %d: image %d is in cluster %d, want %d", shape, pass, i, label, best)
			}
			if label != before[i] {
				want++
			}
			for c, d := range distance {
				if c == int(best) && d > int64(a.near[i]) || c != int(best) && d < int64(a.far[i]) {
					t.Fatalf("%v, pass %d: image %d is %d from centroid %d, in cluster %d: "+
						"bounds %d, %d", shape, pass, i, d, c, best, a.near[i], a.far[i])
				}
			}
		}
		if changed != want {
			t.Fatalf("%v, pass %d: %d images changed, want %d", shape, pass, changed, want)
		}
		// Few centroids move far, some a little, some not.
		for c := range shape.k {
			switch pixels := centroids.At(c); r.IntN(8) {
			case 0:
				copy(pixels, images.At(r.IntN(images.N)))
			case 1, 2, 3:
				pixels[r.IntN(len(pixels))] = P(r.UintN(shape.top))
			}
		}
	}
}

// Bounds spare the distances of images that are far from the border of their cluster. What was not
// measured again has kept bounds that are not the distances.
func TestBoundsSpareDistances(t *testing.T) {
	const n, dim = 1000, 9
	images := randomImages[uint8](rand.New(rand.NewPCG(13, 13)), n, 3, 3, 20)
	for i := n / 2; i < n; i++ {
		for p := range images.At(i) {
			images.At(i)[p] += 200
		}
	}
	part, err := NewPart(images)
	if err != nil {
		t.Fatal(err)
	}
	a := NewAssignment[uint8](n)
	centroids := imageset.Select(images, []int{0, n - 1})
	part.Assign(a, centroids)
	for _, c := range []int{0, 1} {
		centroids.At(c)[0] ^= 1
	}
	near := slices.Clone(a.near)
	if changed := part.Assign(a, centroids); changed != 0 {
		t.Errorf("%d images changed their cluster", changed)
	}
	for i := range n {
		if a.near[i] != near[i]+1 {
			t.Fatalf("image %d was measured again: its bound was %d and is %d", i, near[i], a.near[i])
		}
	}
}
