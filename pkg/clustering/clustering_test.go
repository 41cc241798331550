package clustering

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/metric"
	"imagesimilarity/pkg/mnist"
)

// digits returns the first 1,000 MNIST training images and their latent vectors.
func digits(t testing.TB) (*imageset.Images[uint8], *imageset.Images[uint16]) {
	t.Helper()
	images, err := idx.ReadImages("../testdata/mnist/train1000.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	latents, err := idx.ReadLatents("../testdata/mnist/train1000_10.dat")
	if err != nil {
		t.Fatal(err)
	}
	return images, latents
}

func space[P uint8 | uint16](t testing.TB, images *imageset.Images[P]) *Space[P] {
	t.Helper()
	s, err := NewSpace(images.Set())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// evaluate returns the evaluation of a clustering.
func evaluate(t testing.TB, s *Space[uint8], label []int32, k int, mode Mode) *Evaluation {
	t.Helper()
	e, err := Evaluate(s, label, k, mode, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// randomImages returns images with values below top, few enough different ones that ties happen.
func randomImages[P uint8 | uint16](random *rand.Rand, n, rows, cols int, top uint) (
	m *imageset.Images[P]) {

	m = &imageset.Images[P]{N: n, Rows: rows, Cols: cols, Pix: make([]P, n*rows*cols)}
	for i := range m.Pix {
		m.Pix[i] = P(random.UintN(top))
	}
	return m
}

// Each choice of a seed is told.
func TestSeedTellsItsProgress(t *testing.T) {
	images := randomImages[uint8](rand.New(rand.NewPCG(1, 1)), 50, 3, 2, 255)
	for _, mode := range []Mode{Original, Textbook} {
		var told []int
		if _, err := space(t, images).Seed(20, mode, func(done, total int) {
			if total != 20 {
				t.Errorf("%d seeds in all", total)
			}
			told = append(told, done)
		}); err != nil {
			t.Fatal(err)
		}
		if len(told) != 19 || told[0] != 2 || told[18] != 20 {
			t.Errorf("told %v", told)
		}
	}
}

// The seeds are those of the original program on the same files.
func TestSeedsOfTheOriginal(t *testing.T) {
	images, latents := digits(t)
	for _, c := range []struct {
		k              int
		new, originals []int
	}{
		{5, from1(533, 462, 764, 135, 1), from1(530, 461, 760, 137, 1)},
		{
			10,
			from1(680, 672, 217, 533, 462, 933, 49, 764, 135, 1),
			from1(934, 530, 682, 461, 760, 683, 137, 53, 222, 1),
		},
	} {
		got, err := space(t, latents).Seed(c.k, Original, nil)
		if err != nil || !slices.Equal(got, c.new) {
			t.Errorf("new space, k=%d: seeds %v, error %v; want %v", c.k, got, err, c.new)
		}
		got, err = space(t, images).Seed(c.k, Original, nil)
		if err != nil || !slices.Equal(got, c.originals) {
			t.Errorf("original space, k=%d: seeds %v, error %v; want %v",
				c.k, got, err, c.originals)
		}
	}
}

func TestSeedIsEveryImageOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, mode := range []Mode{Original, Textbook} {
		for _, n := range []int{1, 2, 13, 14, 300} {
			for _, top := range []uint{1, 2, 256} { // 1: all images are black, all distances 0
				seeds, err := space(t, randomImages[uint8](random, n, 3, 2, top)).Seed(n, mode, nil)
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(seeds)
				for i, s := range seeds {
					if s != i {
						t.Fatalf("mode %d, %d images with %d values: seeds %v, want each image once",
							mode, n, top, seeds)
					}
				}
			}
		}
	}
}

// plainSeed chooses by k-means++ as the paper describes it, with a distance to every centroid for
// every choice.
func plainSeed[P uint8 | uint16](images *imageset.Images[P], k int) []int {
	random := libstdcxx.NewMinstd()
	chosen := []int{random.Intn1(images.N) - 1}
	for len(chosen) < k {
		weight := make([]float64, images.N)
		sum := 0.0
		for i := range weight {
			nearest := math.Inf(1)
			for _, c := range chosen {
				nearest = min(nearest, float64(metric.Manhattan(images.At(i), images.At(c))))
			}
			weight[i] = float64(nearest * nearest)
			sum += weight[i]
		}
		x, below := random.Float64(sum), 0.0
		for i, w := range weight {
			if below += w; below > x {
				chosen = append(chosen, i)
				break
			}
		}
	}
	return chosen
}

func TestTextbookSeedsAreThePapers(t *testing.T) {
	images, latents := digits(t)
	random := rand.New(rand.NewPCG(6, 6))
	wide := randomImages[uint16](random, 500, 4, 100, 65536) // squares of distances beyond 2^48
	for _, k := range []int{1, 2, 5, 12} {
		testSeedsArePapers(t, "images", images, k)
		testSeedsArePapers(t, "latent vectors", latents, k)
		testSeedsArePapers(t, "wide", wide, k)
	}
}

func testSeedsArePapers[P uint8 | uint16](t *testing.T, name string, images *imageset.Images[P],
	k int) {

	t.Helper()
	got, err := space(t, images).Seed(k, Textbook, nil)
	if want := plainSeed(images, k); err != nil || !slices.Equal(got, want) {
		t.Errorf("%s, k=%d: seeds %v, error %v; want %v", name, k, got, err, want)
	}
}

// An image that equals a centroid has no share, so the textbook's seeds are different images as
// long as there are some.
func TestTextbookSeedsDiffer(t *testing.T) {
	images := &imageset.Images[uint8]{N: 400, Rows: 1, Cols: 1}
	for i := range images.N {
		images.Pix = append(images.Pix, uint8(i%7*40))
	}
	values := map[uint8]bool{}
	for _, v := range images.Pix {
		values[v] = true
	}
	seeds, err := space(t, images).Seed(len(values), Textbook, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range seeds {
		delete(values, images.Pix[s])
	}
	if len(values) > 0 {
		t.Errorf("no seed has the grey levels %v", values)
	}
}

// The textbook's iteration ends when the medians of the clusters give every image the cluster it
// has.
func TestTextbookLloydSettles(t *testing.T) {
	images, latents := digits(t)
	testSettles(t, images)
	testSettles(t, latents)
}

func testSettles[P uint8 | uint16](t *testing.T, images *imageset.Images[P]) {
	s := space(t, images)
	seeds, err := s.Seed(10, Textbook, nil)
	if err != nil {
		t.Fatal(err)
	}
	var changed []int
	label, _ := s.Lloyd(seeds, Textbook, func(_, n int) { changed = append(changed, n) })
	if last := len(changed) - 1; changed[last] != 0 || slices.Contains(changed[:last], 0) {
		t.Errorf("changed %v, want 0 in the last pass alone", changed)
	}
	centroids := imageset.Select(images, seeds)
	sortedMedians(images, label, centroids)
	for i := range images.N {
		for c := range centroids.N {
			d := metric.Manhattan(images.At(i), centroids.At(c))
			own := metric.Manhattan(images.At(i), centroids.At(int(label[i])))
			if d < own || d == own && c < int(label[i]) {
				t.Fatalf("image %d is in cluster %d at %d, but cluster %d is at %d", i, label[i], own, c, d)
			}
		}
	}
}

func TestSeedRefusesImpossibleNumbers(t *testing.T) {
	images := randomImages[uint8](rand.New(rand.NewPCG(1, 1)), 3, 2, 2, 256)
	s := space(t, images)
	for _, k := range []int{-1, 0, 4, math.MaxInt} {
		if seeds, err := s.Seed(k, Original, nil); err == nil {
			t.Errorf("k=%d of 3 images gives seeds %v, want an error", k, seeds)
		}
	}
}

func TestNewSpaceRefusesDistancesBeyond32Bits(t *testing.T) {
	if _, err := NewSpace((&imageset.Images[uint16]{Rows: 1, Cols: 65537}).Set()); err != nil {
		t.Errorf("images of 65,537 values give the error %v", err)
	}
	if _, err := NewSpace((&imageset.Images[uint16]{Rows: 2, Cols: 32769}).Set()); err == nil {
		t.Errorf("images of 65,538 values give no error")
	}
}

// The numbers of changed images are those of the original program on the same files.
func TestPassesOfTheOriginal(t *testing.T) {
	images, latents := digits(t)
	for _, c := range []struct {
		k              int
		new, originals []int
	}{
		{5, []int{1000, 272, 151, 119, 72}, []int{1000, 205, 79}},
		{10, []int{1000, 263, 166, 93}, []int{1000, 296, 128, 82}},
	} {
		if got := passes(t, latents, c.k); !slices.Equal(got, c.new) {
			t.Errorf("new space, k=%d: changed %v, want %v", c.k, got, c.new)
		}
		if got := passes(t, images, c.k); !slices.Equal(got, c.originals) {
			t.Errorf("original space, k=%d: changed %v, want %v", c.k, got, c.originals)
		}
	}
}

// passes returns the numbers of changed images pass by pass.
func passes[P uint8 | uint16](t *testing.T, images *imageset.Images[P], k int) (changed []int) {
	t.Helper()
	s := space(t, images)
	seeds, err := s.Seed(k, Original, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Lloyd(seeds, Original, func(pass, n int) {
		if changed = append(changed, n); pass != len(changed) {
			t.Errorf("pass %d is told as pass %d", len(changed), pass)
		}
	})
	return changed
}

func TestObjectiveNeverRises(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	images := randomImages[uint16](random, 2000, 1, 10, 65536)
	s := space(t, images)
	seeds, err := s.Seed(20, Original, nil)
	if err != nil {
		t.Fatal(err)
	}
	centroids := imageset.Select(images, seeds)
	last := int64(math.MaxInt64)
	for range 10 {
		label := assigned(t, s, centroids)
		sum := int64(0)
		for i, c := range label {
			sum += metric.Manhattan(images.At(i), centroids.At(int(c)))
		}
		if sum > last {
			t.Fatalf("the sum of distances rose from %d to %d", last, sum)
		}
		last = sum
		sortedMedians(images, label, centroids)
	}
}

// assigned returns the nearest centroid of each image.
func assigned[P uint8 | uint16](
	t testing.TB, s *Space[P], centroids *imageset.Images[P],
) []int32 {
	t.Helper()
	l := s.newLloyd(centroids.N)
	if changed, err := l.assign(centroids); err != nil || changed != s.images.N {
		t.Fatalf("%d of %d images have got a cluster, error %v", changed, s.images.N, err)
	}
	return l.assignment.Label
}

// sortedMedians sets each centroid to the median of its cluster's images by sorting their values.
func sortedMedians[P uint8 | uint16](
	images *imageset.Images[P], label []int32, centroids *imageset.Images[P],
) {
	for c := range centroids.N {
		for p := range images.Dim() {
			var values []P
			for i := range images.N {
				if label[i] == int32(c) {
					values = append(values, images.At(i)[p])
				}
			}
			if slices.Sort(values); len(values) > 0 {
				centroids.At(c)[p] = values[len(values)/2]
			}
		}
	}
}

func TestAssignmentTakesTheLowerClusterOfTwo(t *testing.T) {
	images := &imageset.Images[uint8]{N: 2, Rows: 1, Cols: 1, Pix: []uint8{5, 9}}
	centroids := &imageset.Images[uint8]{N: 4, Rows: 1, Cols: 1, Pix: []uint8{20, 8, 2, 8}}
	if label := assigned(t, space(t, images), centroids); !slices.Equal(label, []int32{1, 1}) {
		t.Errorf("labels %v, want [1 1]", label)
	}
}

// Identical images leave clusters empty; their centroids stay.
func TestLloydWithEmptyClusters(t *testing.T) {
	images := randomImages[uint8](rand.New(rand.NewPCG(3, 3)), 500, 2, 2, 1)
	s := space(t, images)
	seeds, err := s.Seed(3, Original, nil)
	if err != nil {
		t.Fatal(err)
	}
	if label, _ := s.Lloyd(seeds, Original, nil); slices.Max(label) != 0 {
		t.Errorf("identical images are not all in the first cluster")
	}
}

// evaluated evaluates by the definition, with a distance for every pair of images.
func evaluated(images *imageset.Images[uint8], label []int32, k int, mode Mode) *Evaluation {
	e := &Evaluation{
		Sizes: make([]int, k),
		Centroids: &imageset.Images[uint8]{
			N: k, Rows: images.Rows, Cols: images.Cols, Pix: make([]uint8, k*images.Dim()),
		},
		Silhouette: make([]float64, k),
		OfImage:    make([]float64, images.N),
	}
	sortedMedians(images, label, e.Centroids)
	for _, l := range label {
		e.Sizes[l]++
	}
	var filled []int32
	for c := range int32(k) {
		if e.Sizes[c] > 0 {
			filled = append(filled, c)
		}
	}
	sum := func(i int, c int32) (sum float64) {
		for j, l := range label {
			if l == c {
				sum += float64(metric.Manhattan(images.At(i), images.At(j)))
			}
		}
		return sum
	}
	for i, own := range label {
		distance := func(c int32) int64 { return metric.Manhattan(images.At(i), e.Centroids.At(int(c))) }
		byDistance := slices.Clone(filled)
		slices.SortStableFunc(byDistance, func(a, b int32) int { return int(distance(a) - distance(b)) })
		var a, b float64
		if mode == Original {
			e.Objective += distance(byDistance[0])
			if len(filled) > 1 {
				a, b = sum(i, own)/float64(e.Sizes[own]), sum(i, byDistance[1])/float64(e.Sizes[byDistance[1]])
			}
		} else {
			e.Objective += distance(own)
			if len(filled) > 1 && e.Sizes[own] > 1 {
				a, b = sum(i, own)/float64(e.Sizes[own]-1), math.Inf(1)
				for _, c := range filled {
					if c != own {
						b = min(b, sum(i, c)/float64(e.Sizes[c]))
					}
				}
			}
		}
		s := 0.0
		if max(a, b) > 0 {
			s = (b - a) / max(a, b)
		}
		e.OfImage[i] = s
		e.Silhouette[own] += s
		e.Average += s
	}
	for _, c := range filled {
		e.Silhouette[c] /= float64(e.Sizes[c])
	}
	e.Average /= float64(images.N)
	return e
}

func TestEvaluateIsTheDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for _, c := range []struct {
		name             string
		n, rows, cols, k int
		top              uint
		labels           int // labels used, from 0
	}{
		{"two clusters", 50, 3, 3, 2, 256, 2},
		{"a row longer than a tile", 60, 5, 30, 4, 256, 4},
		{"few grey levels, ties", 200, 2, 2, 5, 2, 5},
		{"empty clusters", 40, 8, 8, 6, 256, 3},
		{"one cluster", 40, 8, 8, 1, 256, 1},
		{"one cluster with images", 40, 8, 8, 3, 256, 1},
		{"images alone", 12, 8, 8, 20, 256, 20},
		{"identical images", 30, 4, 4, 3, 1, 3},
		{"one image", 1, 4, 4, 1, 256, 1},
	} {
		images := randomImages[uint8](random, c.n, c.rows, c.cols, c.top)
		label := make([]int32, c.n)
		for i := range label {
			label[i] = int32(random.IntN(c.labels))
		}
		check := func(t *testing.T, mode Mode) {
			got := evaluate(t, space(t, images), label, c.k, mode)
			want := evaluated(images, label, c.k, mode)
			if !slices.Equal(got.Sizes, want.Sizes) || got.Objective != want.Objective {
				t.Errorf("sizes %v, objective %d; want %v, %d",
					got.Sizes, got.Objective, want.Sizes, want.Objective)
			}
			if !slices.Equal(got.OfImage, want.OfImage) {
				t.Errorf("silhouettes of the images %v, want %v", got.OfImage, want.OfImage)
			}
			if !slices.Equal(got.Silhouette, want.Silhouette) || got.Average != want.Average {
				t.Errorf("silhouettes %v, average %v; want %v, %v",
					got.Silhouette, got.Average, want.Silhouette, want.Average)
			}
			for c, size := range got.Sizes {
				if !slices.Equal(got.Centroids.At(c), want.Centroids.At(c)) {
					t.Errorf("cluster %d of %d images: other medians", c, size)
				}
				if size == 0 && (slices.Max(got.Centroids.At(c)) > 0 || got.Silhouette[c] != 0) {
					t.Errorf("empty cluster %d: want a black centroid and silhouette 0", c)
				}
			}
		}
		t.Run("original, "+c.name, func(t *testing.T) { check(t, Original) })
		t.Run("textbook, "+c.name, func(t *testing.T) { check(t, Textbook) })
	}
}

// Five images of one pixel in three clusters, by hand.
func TestTextbookJudgementByHand(t *testing.T) {
	images := &imageset.Images[uint8]{N: 5, Rows: 1, Cols: 1, Pix: []uint8{0, 1, 4, 6, 20}}
	e := evaluate(t, space(t, images), []int32{0, 0, 1, 1, 2}, 3, Textbook)
	want := []float64{
		(5. - 1) / 5,    // 1 from the other, 4 and 6 from the next cluster
		(4. - 1) / 4,    // 1; 3 and 5
		(3.5 - 2) / 3.5, // 2; 4 and 3
		(5.5 - 2) / 5.5, // 2; 6 and 5
		0,               // alone
	}
	if !slices.Equal(e.OfImage, want) {
		t.Errorf("silhouettes %v, want %v", e.OfImage, want)
	}
	if e.Objective != 1+0+2+0+0 { // to the medians 1, 6 and 20
		t.Errorf("objective %d, want 3", e.Objective)
	}
	// The image of 6 is nearer to the centroid of cluster 2 here, but counts with its own, 20.
	e = evaluate(t, space(t, images), []int32{0, 0, 2, 1, 1}, 3, Textbook)
	if e.Objective != 1+0+0+14+0 {
		t.Errorf("objective %d, want 15", e.Objective)
	}
}

// The figures are those that the original program printed for a class file of the same images.
func TestClassesOfTheOriginal(t *testing.T) {
	images, _ := digits(t)
	label, k, err := ReadClasses("../testdata/mnist/classes1000.txt", images.N)
	if err != nil {
		t.Fatal(err)
	}
	e := evaluate(t, space(t, images), label, k, Original)
	want := []string{
		"0.101979", "0.423806", "-0.0109292", "0.059244", "0.0474383",
		"-0.00582643", "0.169653", "0.0900748", "0.0795969", "0.0862308",
	}
	for c, s := range e.Silhouette {
		if got := strconv.FormatFloat(s, 'g', 6, 64); got != want[c] {
			t.Errorf("class %d has silhouette %s, want %s", c, got, want[c])
		}
	}
	if got := strconv.FormatFloat(e.Average, 'g', 6, 64); got != "0.10996" {
		t.Errorf("average silhouette %s, want 0.10996", got)
	}
	if got := strconv.FormatFloat(float64(e.Objective), 'g', 6, 64); got != "1.86527e+07" {
		t.Errorf("objective %s, want 1.86527e+07", got)
	}
}

// The figures show what each difference from the textbook makes of the 10,000 test images of MNIST
// in ten clusters.
func TestDifferencesOnMNIST(t *testing.T) {
	if testing.Short() {
		t.Skip("textbook on MNIST: not tested with -short, 10,000 images are clustered five times")
	}
	dir, err := mnist.Fetch()
	if err != nil {
		t.Fatal(err)
	}
	images, err := idx.ReadImages(filepath.Join(dir, "t10k-images-idx3-ubyte.gz"))
	if err != nil {
		t.Fatal(err)
	}
	s := space(t, images)
	for _, c := range []struct {
		name                  string
		seeds, lloyd, judge   Mode
		passes                int
		silhouette, objective string
	}{
		{"the original", Original, Original, Original, 13, "0.097787", "1.89179e+08"},
		{"textbook's seeds", Textbook, Original, Original, 14, "0.114267", "1.90429e+08"},
		{"textbook's Lloyd", Original, Textbook, Original, 54, "0.097678", "1.8895e+08"},
		{"textbook's judgement", Original, Original, Textbook, 13, "0.0857901", "1.89193e+08"},
		{"the textbook", Textbook, Textbook, Textbook, 61, "0.100269", "1.90118e+08"},
	} {
		seeds, err := s.Seed(10, c.seeds, nil)
		if err != nil {
			t.Fatal(err)
		}
		passes := 0
		label, err := s.Lloyd(seeds, c.lloyd, func(pass, _ int) { passes = pass })
		if err != nil {
			t.Fatal(err)
		}
		e := evaluate(t, s, label, 10, c.judge)
		silhouette, objective := libstdcxx.Double(e.Average), libstdcxx.Double(float64(e.Objective))
		if passes != c.passes || silhouette != c.silhouette || objective != c.objective {
			t.Errorf("%s: %d passes, silhouette %s, objective %s; want %d, %s, %s", c.name,
				passes, silhouette, objective, c.passes, c.silhouette, c.objective)
		}
	}
}

// from1 returns image numbers counted from 1, as the original's are, as numbers counted from 0.
func from1(numbers ...int) []int {
	for i := range numbers {
		numbers[i]--
	}
	return numbers
}
