package clustering

import (
	"path/filepath"
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
	s, err := NewSpace(images.Set())
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

// labels returns the cluster of each image after a pass.
func labels(b *testing.B, s *Space[uint8]) (label []int32, centroids *imageset.Images[uint8]) {
	centroids, err := imageset.SelectFrom(s.images, seedsOf(b, s))
	if err != nil {
		b.Fatal(err)
	}
	return assigned(b, s, centroids), centroids
}

// The bytes are those of all pairs of image and centroid. The first pass measures them all, later
// ones what the bounds leave: here the centroids go to and fro between the 20th and the 21st pass.
func BenchmarkAssign(b *testing.B) {
	s := whole()
	b.Run("first", func(b *testing.B) { benchmarkAssign(b, s, true) })
	b.Run("later", func(b *testing.B) { benchmarkAssign(b, s, false) })
}

func benchmarkAssign(b *testing.B, s *Space[uint8], first bool) {
	centroids, err := imageset.SelectFrom(s.images, seedsOf(b, s))
	if err != nil {
		b.Fatal(err)
	}
	l := s.newLloyd(clusters)
	var last [2]*imageset.Images[uint8]
	for pass := range 21 {
		last[pass%2] = imageset.Select(centroids, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
		l.assign(centroids)
		l.medians(centroids)
	}
	b.ReportAllocs()
	b.SetBytes(clusters * int64(s.images.N*s.images.Dim()))
	for pass := 0; b.Loop(); pass++ {
		if first {
			l = s.newLloyd(clusters)
		}
		l.assign(last[pass%2])
	}
}

// Medians are counted from scratch, or kept in a tally while one image of fifty moves.
func BenchmarkMedians(b *testing.B) {
	s := whole()
	label, centroids := labels(b, s)
	b.Run("counted", func(b *testing.B) {
		l := s.newLloyd(clusters)
		l.tally, l.assignment.Label = nil, label
		b.ReportAllocs()
		b.SetBytes(int64(s.images.N * s.images.Dim()))
		for b.Loop() {
			l.medians(centroids)
		}
	})
	b.Run("kept", func(b *testing.B) {
		l := s.newLloyd(clusters)
		l.assignment.Label = label
		images := s.images.Whole()
		moved := make([]move, images.N)
		for i := range moved {
			moved[i] = move{int32(i), unassigned}
		}
		moveAll(l.tally, images, moved, label)
		b.ReportAllocs()
		b.SetBytes(int64(s.images.N * s.images.Dim()))
		for b.Loop() {
			moved = moved[:0]
			for i := 0; i < len(label); i += 50 {
				moved = append(moved, move{int32(i), label[i]})
				label[i] = (label[i] + 1) % clusters
			}
			moveAll(l.tally, images, moved, label)
			l.medians(centroids)
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	s := whole()
	label, _ := labels(b, s)
	for mode, name := range modes {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Evaluate(s, label, clusters, Mode(mode), nil)
			}
		})
	}
}

// The silhouettes of 5,000 images come from tables, or from the distances of all pairs.
func BenchmarkSilhouettes(b *testing.B) {
	images := whole().images.Whole().First(5000)
	label := make([]int32, images.N)
	for i := range label {
		label[i] = int32(i % clusters)
	}
	s := space(b, images)
	b.Run("tables", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Evaluate(s, label, clusters, Textbook, nil)
		}
	})
	b.Run("pairs", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			evaluated(images, label, clusters, Textbook)
		}
	})
}

// The stages on images that stay in their file, which the system has in memory.
func BenchmarkBlocks(b *testing.B) {
	name := filepath.Join(b.TempDir(), "images")
	if err := idx.WriteImages(name, whole().images.Whole()); err != nil {
		b.Fatal(err)
	}
	const block = 8 << 20 / 784 // images: what idx takes if there is much memory
	defer idx.InBlocks(block)()
	f, err := idx.OpenImages(name)
	if err != nil {
		b.Fatal(err)
	}
	set, err := f.Set()
	if err != nil {
		b.Fatal(err)
	}
	defer set.Close()
	s, err := NewSpace(set)
	if err != nil {
		b.Fatal(err)
	}
	seeds := seedsOf(b, s)
	label, _ := labels(b, s)
	b.Run("Seed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			seedsOf(b, s)
		}
	})
	b.Run("Assign/first", func(b *testing.B) { benchmarkAssign(b, s, true) })
	b.Run("Assign/later", func(b *testing.B) { benchmarkAssign(b, s, false) })
	b.Run("Lloyd", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Lloyd(seeds, Original, nil)
		}
	})
	b.Run("Evaluate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Evaluate(s, label, clusters, Original, nil)
		}
	})
}
