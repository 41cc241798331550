package emd

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/mnist"
)

// whole returns MNIST: 60,000 images and 10,000 queries.
var whole = sync.OnceValues(func() (data, queries *imageset.Images[uint8]) {
	dir, err := mnist.Fetch()
	if err != nil {
		panic(err)
	}
	if data, err = idx.ReadImages(filepath.Join(dir, "train-images-idx3-ubyte.gz")); err != nil {
		panic(err)
	}
	if queries, err = idx.ReadImages(filepath.Join(dir, "t10k-images-idx3-ubyte.gz")); err != nil {
		panic(err)
	}
	return data, queries
})

// The images are projected and packed for one query.
func BenchmarkNew(b *testing.B) {
	data, _ := whole()
	for _, cell := range []int{14, 7, 4} {
		b.Run(fmt.Sprintf("cell=%d", cell), func(b *testing.B) {
			f, err := newFrame(data.Rows, data.Cols, cell)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(data.Pix)))
			for b.Loop() {
				new(block).set(f, data, 0, 10)
			}
		})
	}
}

// The search is for the ten nearest of 60,000 images for 1,000 queries, on all cores. The images
// come at once and in blocks. The comparison with BenchmarkAll shows what bounds save.
func BenchmarkNearest(b *testing.B) {
	data, queries := whole()
	queries = queries.First(1000)
	for _, cell := range []int{14, 7, 4} {
		for _, size := range []int{data.N, 20_000, 1000} {
			b.Run(fmt.Sprintf("cell=%d/block=%d", cell, size), func(b *testing.B) {
				parts := blocksOf(data, size)
				b.ReportAllocs()
				for b.Loop() {
					s, err := NewSearch(queries, 10, cell)
					if err != nil {
						b.Fatal(err)
					}
					for _, p := range parts {
						if err := s.Add(p.Images, int64(p.first), nil); err != nil {
							b.Fatal(err)
						}
					}
				}
				b.ReportMetric(
					float64(b.Elapsed().Microseconds())/float64(b.N*queries.N), "µs/query")
			})
		}
	}
}

// The distance of one query to all 60,000 images is measured on one core.
func BenchmarkAll(b *testing.B) {
	data, queries := whole()
	for _, cell := range []int{14, 7, 4} {
		b.Run(fmt.Sprintf("cell=%d", cell), func(b *testing.B) {
			g, err := newGrid(data.Rows, data.Cols, cell)
			if err != nil {
				b.Fatal(err)
			}
			s := newSolver(g)
			w, v := make([]int32, g.cells), make([]int32, g.cells)
			W := g.levels(w, queries.At(0))
			b.ReportAllocs()
			for b.Loop() {
				for i := range data.N {
					V := g.levels(v, data.At(i))
					s.distance(w, W, v, V)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*data.N), "ns/pair")
		})
	}
}

// The cells of 60,000 images are summed on one core.
func BenchmarkLevels(b *testing.B) {
	data, _ := whole()
	for _, cell := range []int{28, 14, 7, 4, 2, 1} {
		b.Run(fmt.Sprintf("cell=%d", cell), func(b *testing.B) {
			g, err := newGrid(data.Rows, data.Cols, cell)
			if err != nil {
				b.Fatal(err)
			}
			cells := make([]int32, g.cells)
			b.SetBytes(int64(len(data.Pix)))
			for b.Loop() {
				for i := range data.N {
					g.levels(cells, data.At(i))
				}
			}
		})
	}
}
