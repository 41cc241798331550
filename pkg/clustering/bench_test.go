package clustering

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/mnist"
)

// whole returns the 60,000 training images of MNIST.
var whole = sync.OnceValue(func() *Space[uint8] {
	dir, err := mnist.Fetch()
	if err != nil {
		panic(err)
	}
	images, err := idx.ReadImages(filepath.Join(dir, "train-images-idx3-ubyte.gz"))
	if err != nil {
		panic(err)
	}
	s, err := NewSpace(images)
	if err != nil {
		panic(err)
	}
	return s
})

const clusters = 10

var modes = []string{Original: "original", Textbook: "textbook"}

func seedsOf(b *testing.B, s *Space[uint8]) []int {
	seeds, err := s.Seed(clusters, Original, nil)
	if err != nil {
		b.Fatal(err)
	}
	return seeds
}

func BenchmarkSeed(b *testing.B) {
	s := whole()
	b.ReportAllocs()
	for b.Loop() {
		seedsOf(b, s)
	}
}

// The whole iteration takes 50 passes or so, in the textbook's mode some more.
func BenchmarkLloyd(b *testing.B) {
	s := whole()
	seeds := seedsOf(b, s)
	for mode, name := range modes {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Lloyd(seeds, Mode(mode), nil)
			}
		})
	}
}

// The bytes are those of all pairs of image and centroid.
func BenchmarkAssign(b *testing.B) {
	s := whole()
	centroids := imageset.Select(s.images, seedsOf(b, s))
	b.ReportAllocs()
	b.SetBytes(clusters * int64(len(s.images.Pix)))
	for b.Loop() {
		s.assign(centroids)
	}
}

// Medians are counted from scratch, or kept in a tally while one image of fifty moves.
func BenchmarkMedians(b *testing.B) {
	s := whole()
	centroids := imageset.Select(s.images, seedsOf(b, s))
	label := s.assign(centroids)
	b.Run("counted", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(s.images.Pix)))
		for b.Loop() {
			medians(s.images, label, centroids)
		}
	})
	b.Run("kept", func(b *testing.B) {
		tally := newTally(s.images, clusters)
		tally.medians(slices.Repeat([]int32{-1}, len(label)), label, centroids)
		moved := slices.Clone(label)
		for i := 0; i < len(moved); i += 50 {
			moved[i] = (moved[i] + 1) % clusters
		}
		b.ReportAllocs()
		b.SetBytes(int64(len(s.images.Pix)))
		for b.Loop() {
			tally.medians(label, moved, centroids)
			label, moved = moved, label
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	s := whole()
	label := s.assign(imageset.Select(s.images, seedsOf(b, s)))
	for mode, name := range modes {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Evaluate(s, label, clusters, Mode(mode))
			}
		})
	}
}

// The silhouettes of 5,000 images come from tables, or from the distances of all pairs.
func BenchmarkSilhouettes(b *testing.B) {
	images := whole().images.First(5000)
	label := make([]int32, images.N)
	for i := range label {
		label[i] = int32(i % clusters)
	}
	b.Run("tables", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			silhouettes(images, members(label, clusters), label)
		}
	})
	b.Run("pairs", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			judge(images, label, clusters, Textbook)
		}
	})
}
