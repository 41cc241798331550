package knn

import (
	"math/rand/v2"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/metric"
)

func TestOutlinesBoundDistancesFromBelow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	for _, size := range [][2]int{
		{28, 28}, {1, 1}, {1, 300}, {300, 1}, {17, 19}, {40, 33}, {3, 200}, {100, 90},
	} {
		for _, levels := range []int{2, 16, 256} {
			images := random[uint8](r, 20, size[0], size[1], levels)
			if levels == 2 {
				for i, v := range images.Pix {
					images.Pix[i] = -v // black and white
				}
			}
			coarse, fine := (&outlined[uint8]{Images: images}).outlines()
			for i := range images.N {
				for j := range images.N {
					distance := metric.Manhattan(images.At(i), images.At(j))
					for name, o := range map[string]*outlines[uint8]{"coarse": coarse, "fine": fine} {
						apart := metric.Manhattan(o.of(i), o.of(j))
						bound := o.bound(apart, o.err[i], o.err[j])
						if bound > distance {
							t.Fatalf("%v pixels, %s: bound %d of the distance %d", size, name, bound, distance)
						}
						for _, limit := range []int64{bound - 1, bound, bound + 1, distance} {
							limit = max(limit, 0) // as distances are
							if got := apart <= o.reach(limit, o.err[i], o.err[j]); got != (bound <= limit) {
								t.Fatalf("%v pixels, %s: bound %d, limit %d: within reach is %v",
									size, name, bound, limit, got)
							}
						}
					}
				}
			}
		}
	}
}

func TestOutlines(t *testing.T) {
	// There are 4 fine cells of 2x2 pixels in a coarse cell of 4x4, and a border of one column.
	images := &imageset.Images[uint8]{N: 1, Rows: 4, Cols: 5, Pix: []uint8{
		1, 2, 9, 9, 255,
		2, 2, 9, 9, 255,
		0, 0, 4, 5, 255,
		0, 0, 4, 4, 255,
	}}
	coarse, fine := (&outlined[uint8]{Images: images}).outlines()
	for _, c := range []struct {
		name string
		o    *outlines[uint8]
		mean []uint8
		err  int64
	}{
		// The sums of 4 pixels are 7, 36, 510, 0, 17 and 510.
		{"fine", fine, []uint8{2, 9, 128, 0, 4, 128}, 1 + 0 + 2 + 0 + 1 + 2},
		// The sums of 16 pixels are 60 and 1020.
		{"coarse", coarse, []uint8{4, 64}, 4 + 4},
	} {
		if !slices.Equal(c.o.mean, c.mean) || c.o.err[0] != c.err {
			t.Errorf("%s: means %v, error %d; want %v, %d", c.name, c.o.mean, c.o.err[0], c.mean, c.err)
		}
	}
}

func TestCellSize(t *testing.T) {
	for _, c := range []struct{ rows, cols, height, width int }{
		{28, 28, 4, 4}, {32, 32, 4, 4}, {33, 32, 8, 8}, {64, 64, 8, 8},
		{1, 1, 1, 16}, {1, 784, 1, 16}, {1, 1025, 1, 32}, {784, 1, 16, 1}, {2, 1000, 4, 16},
	} {
		if h, w := cellSize(c.rows, c.cols); h != c.height || w != c.width {
			t.Errorf("%dx%d pixels: cells of %dx%d, want %dx%d", c.rows, c.cols, h, w, c.height, c.width)
		}
	}
}
