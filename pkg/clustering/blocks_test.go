package clustering

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory/memorytest"
	"imagesimilarity/pkg/metric"
)

// stored returns the images as a set that is not kept, in blocks of that size. It is kept if the
// size is 0.
func stored[P uint8 | uint16](m *imageset.Images[P], block int) *imageset.Set[P] {
	if block == 0 {
		return m.Set()
	}
	return imageset.NewSet(m.N, m.Rows, m.Cols, block, func(dst []P, first int) error {
		copy(dst, m.Pix[first*m.Dim():])
		return nil
	})
}

// plainLloyd is the iteration of Lloyd, one image and one value after the other.
func plainLloyd[P uint8 | uint16](images *imageset.Images[P], seeds []int, mode Mode) []int32 {
	centroids := imageset.Select(images, seeds)
	label := slices.Repeat([]int32{unassigned}, images.N)
	for {
		changed := 0
		for i := range label {
			best := int32(0)
			for c := range int32(centroids.N) {
				if metric.Manhattan(images.At(i), centroids.At(int(c))) <
					metric.Manhattan(images.At(i), centroids.At(int(best))) {
					best = c
				}
			}
			if label[i] != best {
				label[i] = best
				changed++
			}
		}
		if changed == 0 || changed <= settled && mode == Original {
			return label
		}
		sortedMedians(images, label, centroids)
	}
}

// shape are the sizes of a test.
type shape struct {
	n, rows, cols, k int
	top              uint // values are below
}

func (s shape) String() string {
	return fmt.Sprintf("%d images of %dx%d values below %d, %d clusters",
		s.n, s.rows, s.cols, s.top, s.k)
}

// The seeds and the clusters are the same in blocks of any size, and those of the definition.
func TestClustersInBlocks(t *testing.T) {
	for _, s := range []shape{
		{600, 3, 5, 7, 256}, {1100, 8, 9, 4, 4}, {130, 1, 1, 3, 256}, {1, 2, 2, 1, 256},
	} {
		testClusters[uint8](t, s, Original)
		testClusters[uint8](t, s, Textbook)
	}
	for _, s := range []shape{
		{600, 1, 10, 7, 65536}, {700, 1, 3, 5, 300},
	} {
		testClusters[uint16](t, s, Original)
		testClusters[uint16](t, s, Textbook)
	}
}

func testClusters[P uint8 | uint16](t *testing.T, shape shape, mode Mode) {
	images := randomImages[P](rand.New(rand.NewPCG(7, 7)), shape.n, shape.rows, shape.cols, shape.top)
	wantSeeds, err := space(t, images).Seed(shape.k, mode, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := plainLloyd(images, wantSeeds, mode)
	eachSpace(t, images, func(t *testing.T, s *Space[P]) {
		seeds, err := s.Seed(shape.k, mode, nil)
		if err != nil || !slices.Equal(seeds, wantSeeds) {
			t.Errorf("%v, mode %d: seeds %v, %v; want %v", shape, mode, seeds, err, wantSeeds)
		}
		label, err := s.Lloyd(seeds, mode, nil)
		if err != nil || !slices.Equal(label, want) {
			t.Errorf("%v, mode %d: clusters %v, %v; want %v", shape, mode, label, err, want)
		}
	})
}

// eachSpace runs a test with the images kept in memory and in blocks, and with all histograms in
// one group and in many, which end within a cluster.
func eachSpace[P uint8 | uint16](
	t *testing.T, images *imageset.Images[P], test func(t *testing.T, s *Space[P]),
) {
	t.Helper()
	for _, block := range []int{0, 1, 7, 512} {
		for _, most := range []int{mostHistograms, 3 * tile, 0} {
			t.Run(fmt.Sprintf("blocks of %d, %d histograms", block, most), func(t *testing.T) {
				s, err := NewSpace(stored(images, block))
				if err != nil {
					t.Fatal(err)
				}
				s.most, s.mostGroup = most, most
				if block == 0 {
					s.block = strip // several blocks of kept images, too
				}
				test(t, s)
			})
		}
	}
}

// The judgement is the same in blocks of any size, and that of the definition.
func TestJudgementInBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	for _, s := range []shape{
		{600, 3, 5, 7, 256}, {1030, 2, 2, 5, 3}, {40, 8, 9, 1, 256}, {30, 4, 4, 40, 256},
		{60, 15, 15, 9, 256},
	} {
		images := randomImages[uint8](random, s.n, s.rows, s.cols, s.top)
		label := make([]int32, s.n)
		for i := range label {
			label[i] = int32(random.IntN(s.k))
		}
		for _, mode := range []Mode{Original, Textbook} {
			want := evaluated(images, label, s.k, mode)
			eachSpace(t, images, func(t *testing.T, space *Space[uint8]) {
				last := 0
				got, err := Evaluate(space, label, s.k, mode, func(done, total int) {
					if last = total - done; last < 0 {
						t.Errorf("%d of %d images are done", done, total)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if last != 0 {
					t.Errorf("%v, mode %d: at the end %d images are left", s, mode, last)
				}
				if !slices.Equal(got.OfImage, want.OfImage) || got.Objective != want.Objective ||
					!slices.Equal(got.Sizes, want.Sizes) || got.Average != want.Average ||
					!slices.Equal(got.Silhouette, want.Silhouette) ||
					!slices.Equal(got.Centroids.Pix, want.Centroids.Pix) {
					t.Errorf("%v, mode %d: another judgement than by the definition", s, mode)
				}
			})
		}
	}
}

// Each stage reads the images as often as its documentation says.
func TestPassesOverImages(t *testing.T) {
	images := randomImages[uint8](rand.New(rand.NewPCG(9, 9)), 400, 28, 28, 256)
	latents := randomImages[uint16](rand.New(rand.NewPCG(9, 9)), 400, 1, 10, 65536)
	passesOver(t, images, 5, 1, 2)
	passesOver(t, images, 100, 1+2, 3*2) // of 78,400 histograms, 65,536 are a group
	passesOver(t, latents, 5, 1+1, 0)
}

// passesOver checks the passes that the stages take: to assign and to find medians, and to judge.
func passesOver[P uint8 | uint16](t *testing.T, images *imageset.Images[P], k, iterate, judge int) {
	set := stored(images, 64)
	s, err := NewSpace(set)
	if err != nil {
		t.Fatal(err)
	}
	seeds, err := s.Seed(k, Textbook, nil)
	if err != nil || set.Passes() != k-1 {
		t.Errorf("%d passes for %d seeds, %v", set.Passes(), k, err)
	}
	before, passes := set.Passes(), 0
	label, err := s.Lloyd(seeds, Textbook, func(pass, _ int) { passes = pass })
	// After the last pass no medians are looked for.
	if got, want := set.Passes()-before, iterate*(passes-1)+1; err != nil || got != want {
		t.Errorf("%d clusters: the images are read %d times in %d passes, want %d, %v",
			k, got, passes, want, err)
	}
	grey, ok := any(s).(*Space[uint8])
	if !ok {
		return
	}
	before = set.Passes()
	if _, err := Evaluate(grey, label, k, Textbook, nil); err != nil || set.Passes()-before != judge {
		t.Errorf("%d clusters are judged in %d passes, want %d, %v", k, set.Passes()-before, judge, err)
	}
}

// Wherever the images cannot be read on, that is the error.
func TestImagesThatCannotBeRead(t *testing.T) {
	images := randomImages[uint8](rand.New(rand.NewPCG(10, 10)), 86, 28, 28, 256)
	const k = 85 // two groups of histograms
	fault := errors.New("fault")
	all := func(good int) (reads int, err error) {
		set := imageset.NewSet(images.N, 28, 28, 40, func(dst []uint8, first int) error {
			if reads++; reads > good {
				return fault
			}
			copy(dst, images.Pix[first*images.Dim():])
			return nil
		})
		s, err := NewSpace(set)
		if err != nil {
			return reads, err
		}
		seeds, err := s.Seed(k, Textbook, nil)
		if err != nil {
			return reads, err
		}
		label, err := s.Lloyd(seeds, Textbook, nil)
		if err != nil {
			return reads, err
		}
		_, err = Evaluate(s, label, k, Textbook, nil)
		return reads, err
	}
	reads, err := all(1 << 30)
	if err != nil {
		t.Fatal(err)
	}
	for good := range reads {
		if good > 4 && good < 3*k || good > 3*k+12 && good < reads-12 { // within long stages
			continue
		}
		if _, err := all(good); err != fault {
			t.Fatalf("after %d of %d reads that succeed: error %v", good, reads, err)
		}
	}
}

// The refusal of memory for a pass tells what needs it. Blocks of few images need no whole strips.
func TestMemoryOfAPass(t *testing.T) {
	needs := func(block int) memorytest.Need {
		images := randomImages[uint8](rand.New(rand.NewPCG(11, 11)), 300, 28, 28, 256)
		var err error
		all := memorytest.Needs(func() { _, err = NewSpace(stored(images, block)) })
		if err != nil {
			t.Fatal(err)
		}
		return all[len(all)-1]
	}
	one, strips := needs(1), needs(strip)
	want := fmt.Sprintf("images of 28x28 values, read in blocks of 1 and packed in strips of 1 "+
		"(CPUs: %d) need", runtime.GOMAXPROCS(0))
	if one.What != want {
		t.Errorf("%q, want %q", one.What, want)
	}
	if one.Bytes*4 > strips.Bytes {
		t.Errorf("blocks of 1 image need %v bytes, those of %d %v", one.Bytes, strip, strips.Bytes)
	}
}
