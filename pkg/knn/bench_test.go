package knn

import (
	"path/filepath"
	"sync"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/mnist"
)

// whole is MNIST: 60,000 images and 10,000 queries.
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

// The bytes are those of all pairs of images, whether a search looks at them or not, so the rates compare the ways to search.
func BenchmarkNearest(b *testing.B) {
	data, queries := whole()
	for _, c := range []struct {
		name    string
		queries int
		k       int
		way     func([]Neighbour, *imageset.Images[uint8], *imageset.Images[uint8], int, func(done, total int))
	}{
		{"pruned/k=1", queries.N, 1, searchPruned},
		{"all/k=1", queries.N, 1, searchAll[uint8]},
		{"pairs/k=1", 100, 1, searchPairs[uint8]},
		{"pruned/k=10", queries.N, 10, searchPruned},
		{"all/k=10", queries.N, 10, searchAll[uint8]},
	} {
		b.Run(c.name, func(b *testing.B) {
			queries := queries.First(c.queries)
			b.ReportAllocs()
			b.SetBytes(int64(data.N) * int64(queries.N) * int64(data.Dim()))
			for b.Loop() {
				search(b, c.way, data, queries, c.k)
			}
		})
	}
}

func BenchmarkOutlines(b *testing.B) {
	data, _ := whole()
	b.SetBytes(int64(len(data.Pix)))
	for b.Loop() {
		newOutlines(data)
	}
}

func BenchmarkLSH(b *testing.B) {
	data, queries := whole()
	width := Width(data)
	table := NewLSH(data, width, 4)
	b.Run("Width", func(b *testing.B) {
		for b.Loop() {
			Width(data)
		}
	})
	b.Run("New", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data.Pix)))
		for b.Loop() {
			NewLSH(data, width, 4)
		}
	})
	b.Run("Nearest", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			table.Nearest(queries, nil)
		}
	})
}
