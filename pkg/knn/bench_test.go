package knn

import (
	"fmt"
	"path/filepath"
	"runtime"
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

// The bytes are those of all pairs of images, whether a search looks at them or not, so the rates
// compare the ways to search. Each search packs the images anew.
func BenchmarkNearest(b *testing.B) {
	data, queries := whole()
	for _, c := range []struct {
		name    string
		queries int
		k       int
		way     way
	}{
		{"pruned/k=1", queries.N, 1, pruned},
		{"all/k=1", queries.N, 1, all},
		{"pairs/k=1", 100, 1, pairs},
		{"pruned/k=10", queries.N, 10, pruned},
		{"all/k=10", queries.N, 10, all},
	} {
		b.Run(c.name, func(b *testing.B) {
			queries := queries.First(c.queries)
			b.ReportAllocs()
			b.SetBytes(int64(data.N) * int64(queries.N) * int64(data.Dim()))
			for b.Loop() {
				searchBy(b, c.way, data, queries, c.k)
			}
		})
	}
}

// MNIST in blocks that are read one after the other, as a set that is not kept in memory: exactly,
// and by LSH as well. What is packed of a block takes the place of the one before.
func BenchmarkBlocks(b *testing.B) {
	data, queries := whole()
	width := must(Width(index(b, data), nil))
	for _, n := range []int{1000, 5000, 20_000, 60_000} {
		ix := must(New(stored(data, n)))
		b.Run(fmt.Sprintf("exact/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(ix.Nearest(queries, 1, nil))
			}
		})
		b.Run(fmt.Sprintf("LSH/%d", n), func(b *testing.B) {
			lsh := originalLSH(data, width, 4)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := lsh.Nearest(ix, queries, 1, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOutlines(b *testing.B) {
	data, _ := whole()
	b.SetBytes(int64(len(data.Pix)))
	for b.Loop() {
		NewBlock(data, 0).outlines()
	}
}

func BenchmarkLSH(b *testing.B) {
	data, queries := whole()
	ix := index(b, data)
	width := must(Width(ix, nil))
	b.Run("Width", func(b *testing.B) {
		for b.Loop() {
			must(Width(ix, nil))
		}
	})
	b.Run("New", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data.Pix)))
		for b.Loop() {
			if err := originalLSH(data, width, 4).Keep(ix.Kept(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, c := range []struct {
		name string
		lsh  *LSH
	}{
		{"Nearest", originalLSH(data, width, 4)},
		{"Textbook", textbookLSH(data, width, 8, 10)},
	} {
		if err := c.lsh.Keep(ix.Kept(), nil); err != nil {
			b.Fatal(err)
		}
		for _, cpus := range []int{1, 2, 4, 8, 16} {
			if cpus > runtime.NumCPU() {
				break
			}
			b.Run(fmt.Sprintf("%s/cpus=%d", c.name, cpus), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cpus))
				b.ReportAllocs()
				for b.Loop() {
					c.lsh.Nearest(ix, queries, 1, nil)
				}
			})
		}
	}
}
