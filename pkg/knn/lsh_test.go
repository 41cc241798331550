package knn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/libstdcxx"
	"imagesimilarity/pkg/mnist"
)

func golden(t *testing.T) (data, queries *imageset.Images[uint8]) {
	t.Helper()
	data, err := idx.ReadImages("../testdata/mnist/train1000.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	queries, err = idx.ReadImages("../testdata/mnist/query100.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	return data, queries
}

// The wants of the next two tests were printed by the original program, for the images in testdata.

// must returns v. There is memory for what tests do.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func originalLSH(data *imageset.Images[uint8], width int64, functions int) *LSH {
	return must(NewLSH(int64(data.N), data.Rows, data.Cols, width, functions))
}

func textbookLSH(data *imageset.Images[uint8], width int64, functions, tables int) *LSH {
	return must(NewTextbookLSH(int64(data.N), data.Rows, data.Cols, width, functions, tables))
}

func TestWidth(t *testing.T) {
	data, _ := golden(t)
	if got := must(Width(index(t, data), nil)); got != 81060 {
		t.Errorf("width %d, want 81060", got)
	}
}

func TestHashValues(t *testing.T) {
	data, queries := golden(t)
	lsh := originalLSH(data, 81060, 4)
	if lsh.buckets != 62 {
		t.Errorf("%d buckets, want 62", lsh.buckets)
	}
	hash := lsh.hash[0]
	for _, c := range []struct {
		name   string
		image  []uint8
		h      []uint32
		g      uint64
		bucket uint64
	}{
		{"data 0", data.At(0), []uint32{160, 160, 160, 161}, 732997615616, 22},
		{"data 1", data.At(1), []uint32{160, 160, 160, 20}, 732849766400, 36},
		{"query 0", queries.At(0), []uint32{160, 160, 160, 161}, 732997615616, 22},
	} {
		for i, want := range c.h {
			if got := hash.function(i, c.image); got != want {
				t.Errorf("%s: h_%d is %d, want %d", c.name, i, got, want)
			}
		}
		if got := hash.value(c.image); got != c.g || got%lsh.buckets != c.bucket {
			t.Errorf("%s: g is %d in bucket %d, want %d in %d",
				c.name, got, got%lsh.buckets, c.g, c.bucket)
		}
	}
}

func TestShifts(t *testing.T) {
	random := libstdcxx.NewMinstd()
	for i := range 785 {
		got := random.Float64(81060 - 0.001)
		want, ok := map[int]float64{
			0: 10662.452943, 1: 37178.179243, 2: 17748.831415, 784: 15370.751095,
		}[i]
		if ok && math.Abs(got-want) > 5e-7 { // printed with 6 decimals
			t.Errorf("shift %d is %f, want %f", i, got, want)
		}
	}
}

// listed is the number of neighbours of a query in the tests.
const listed = 3

// plainLSH searches step by step: it computes hash values by the recurrence of the original, and
// counts the candidates of all tables. sorted is the whole data set for each query, by distance.
// shifts are those of each table. join makes g of the hash values, which have bits bits each.
func plainLSH(data, queries *imageset.Images[uint8], sorted []Neighbour, width int64,
	shifts [][]float64, k int, join func(h []uint64, bits int) uint64) (
	found []Neighbour, count int64) {

	dim := data.Dim()
	w := float64(width)
	bits := 32 / k
	modulus := uint64(1) << bits
	buckets := uint64(max(1, data.N/16))
	bucket := func(table int, x []uint8) uint64 {
		values := make([]uint64, k)
		for i := range k {
			var h uint64
			c := uint64(1)
			for j := dim - 1; j >= 0; j-- {
				a := uint64(int64(math.Floor((float64(x[j]) - shifts[table][i*dim+j]) / w)))
				h = (h + c*a%modulus) % modulus
				c = 4294967291 % modulus * c % modulus
			}
			values[i] = h
		}
		return join(values, bits) % buckets
	}
	index := make([]map[uint64][]int, len(shifts))
	for l := range index {
		index[l] = map[uint64][]int{}
		for i := range data.N {
			b := bucket(l, data.At(i))
			index[l][b] = append(index[l][b], i)
		}
	}
	for q := range queries.N {
		candidates := map[int]bool{}
		for l := range index {
			for _, i := range index[l][bucket(l, queries.At(q))] {
				candidates[i] = true
				count++
			}
		}
		all := slices.Clone(sorted[q*data.N : (q+1)*data.N])
		all = slices.DeleteFunc(all, func(n Neighbour) bool { return !candidates[int(n.Index)] })
		for range listed {
			all = append(all, Neighbour{Index: -1, Distance: math.MaxInt64})
		}
		found = append(found, all[:listed]...)
	}
	return found, count
}

// plainShifts draws the n shifts of a table.
func plainShifts(random *libstdcxx.Minstd, width int64, n int) []float64 {
	s := make([]float64, n)
	for i := range s {
		s[i] = random.Float64(float64(width) - 0.001)
	}
	return s
}

// plainOriginal searches with a generator for each table, and hash values that overlap.
func plainOriginal(data, queries *imageset.Images[uint8], sorted []Neighbour,
	width int64, k, tables int) []Neighbour {

	var shifts [][]float64
	for range tables {
		shifts = append(shifts, plainShifts(libstdcxx.NewMinstd(), width, k*data.Dim()))
	}
	join := func(h []uint64, _ int) (g uint64) {
		for i, v := range h {
			g |= v << (uint(32-i*k) & 63)
		}
		return g
	}
	found, _ := plainLSH(data, queries, sorted, width, shifts, k, join)
	return found
}

// plainTextbook searches with one generator for all tables. It writes the binary digits of the hash
// values one after the other.
func plainTextbook(data, queries *imageset.Images[uint8], sorted []Neighbour,
	width int64, k, tables int) ([]Neighbour, int64) {

	random := libstdcxx.NewMinstd()
	var shifts [][]float64
	for range tables {
		shifts = append(shifts, plainShifts(random, width, k*data.Dim()))
	}
	return plainLSH(data, queries, sorted, width, shifts, k, func(h []uint64, bits int) uint64 {
		digits := ""
		for _, v := range h {
			digits += fmt.Sprintf("%0*b", bits, v)
		}
		g, err := strconv.ParseUint(digits, 2, 64)
		if err != nil {
			panic(err)
		}
		return g
	})
}

// ask searches the queries, and checks the progress: it never falls, and ends at their number. It
// checks that the search for one neighbour finds the first of several.
func ask(t *testing.T, data *imageset.Images[uint8], l *LSH, queries *imageset.Images[uint8]) (
	[]Neighbour, int64) {

	t.Helper()
	told := 0
	ix := index(t, data)
	if err := l.Keep(ix.Kept(), nil); err != nil {
		t.Fatal(err)
	}
	found, candidates, err := l.Nearest(ix, queries, listed, func(done, total int) {
		if done < told || total != queries.N {
			t.Errorf("progress: %d of %d after %d", done, total, told)
		}
		told = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if told != queries.N {
		t.Errorf("progress ends at %d, want %d", told, queries.N)
	}
	one, again, err := l.Nearest(ix, queries, 1, nil)
	if err != nil || again != candidates {
		t.Fatalf("%d candidates, %v; want %d", again, err, candidates)
	}
	for q, n := range one {
		if n != found[q*listed] {
			t.Errorf("query %d: %v is nearest, want %v", q, n, found[q*listed])
		}
	}
	return found, candidates
}

func TestLSHIsItsDefinition(t *testing.T) {
	digits, digitQueries := golden(t)
	r := rand.New(rand.NewPCG(1, 3))
	small, smallQueries := random[uint8](r, 300, 3, 5, 256), random[uint8](r, 40, 3, 5, 256)
	tiny, tinyQueries := random[uint8](r, 15, 2, 2, 256), random[uint8](r, 9, 2, 2, 256)
	for _, c := range []struct {
		name          string
		data, queries *imageset.Images[uint8]
		width         int64
	}{
		{"digits", digits.First(150), digitQueries.First(20), 81060},
		{"wide", small, smallQueries, 3000},
		{"first width with constant cells", small, smallQueries, 256},
		{"last width with several cells", small, smallQueries, 255},
		{"narrow", small, smallQueries, 60},
		{"narrowest", small, smallQueries, 6},
		{"fewer than 16 images", tiny, tinyQueries, 300},
	} {
		sorted := naive(c.data, c.queries, c.data.N)
		for _, k := range []int{1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 31, 32} {
			tables := 1 + k%3
			got, _ := ask(t, c.data, originalLSH(c.data, c.width, k), c.queries)
			want := plainOriginal(c.data, c.queries, sorted, c.width, k, tables)
			if !slices.Equal(got, want) {
				t.Errorf("%s, k=%d, L=%d: not the original's neighbours", c.name, k, tables)
			}
			got, candidates := ask(t, c.data, textbookLSH(c.data, c.width, k, tables), c.queries)
			want, count := plainTextbook(c.data, c.queries, sorted, c.width, k, tables)
			if !slices.Equal(got, want) || candidates != count {
				t.Errorf("%s, k=%d, L=%d: not the textbook's neighbours, or %d candidates and not %d",
					c.name, k, tables, candidates, count)
			}
		}
	}
}

func TestEachTableIsTold(t *testing.T) {
	var told []int
	data := &imageset.Images[uint8]{N: 40, Rows: 1, Cols: 1, Pix: make([]uint8, 40)}
	err := textbookLSH(data, 300, 4, 25).Keep(NewBlock(data, 0), func(done, total int) {
		if total != 25 || done != len(told)+1 {
			t.Errorf("%d of %d tables after %d calls", done, total, len(told))
		}
		told = append(told, done)
	})
	if err != nil || len(told) != 25 {
		t.Errorf("%d calls for 25 tables, error %v", len(told), err)
	}
}

func TestLSHWithOneBucketIsExact(t *testing.T) {
	data, queries := golden(t)
	want := exact(t, data, queries, listed)
	for _, c := range []struct {
		name   string
		width  int64
		k      int
		tables int // 0: the original's table
	}{
		{"width 0", 0, 4, 0},
		{"33 functions", 81060, 33, 0},
		{"very many functions", 81060, math.MaxInt, 0},
		{"textbook, width 0", 0, 4, 3},
		{"textbook, 33 functions", 81060, 33, 1},
		{"textbook, very many functions", 81060, math.MaxInt, 2},
	} {
		lsh := originalLSH(data, c.width, c.k)
		if c.tables > 0 {
			lsh = textbookLSH(data, c.width, c.k, c.tables)
		}
		got, candidates := ask(t, data, lsh, queries)
		if !slices.Equal(got, want) {
			t.Errorf("%s: not the exact neighbours", c.name)
		}
		if want := int64(data.N) * int64(queries.N) * int64(max(1, c.tables)); candidates != want {
			t.Errorf("%s: %d candidates, want %d", c.name, candidates, want)
		}
	}
}

// No table finds a nearer image than the exact search does. A further table never makes an answer
// worse.
func TestTablesComeNearerToTheExactNeighbours(t *testing.T) {
	data, queries := golden(t)
	width := must(Width(index(t, data), nil))
	exact := exact(t, data, queries, listed)
	last, _ := ask(t, data, originalLSH(data, width, 8), queries)
	for i, n := range last {
		if n.Index >= 0 && n.Before(exact[i]) {
			t.Errorf("original, query %d: %v is nearer than the nearest, %v", i, n, exact[i])
		}
	}
	right := func(found []Neighbour) (n int) {
		for i := range found {
			if found[i] == exact[i] {
				n++
			}
		}
		return n
	}
	first := 0
	for tables := 1; tables <= 10; tables++ {
		found, _ := ask(t, data, textbookLSH(data, width, 8, tables), queries)
		for i, n := range found {
			if n.Index >= 0 && n.Before(exact[i]) {
				t.Errorf("%d tables, query %d: %v is nearer than the nearest, %v", tables, i, n, exact[i])
			}
			if tables > 1 && last[i].Index >= 0 && last[i].Before(n) {
				t.Errorf("%d tables, query %d: %v is farther than %v with one table less",
					tables, i, n, last[i])
			}
		}
		if last = found; tables == 1 {
			first = right(found)
		}
	}
	if right(last) < 2*first {
		t.Errorf("10 tables find %d nearest images, one finds %d: are they not independent?",
			right(last), first)
	}
}

// The first factor is the one that the original published for MNIST. The textbook's tables reach at
// most 1.05 from at most a tenth of the images.
func TestFactorsOfMNIST(t *testing.T) {
	if testing.Short() {
		t.Skip("factors of MNIST: not tested with -short, all of MNIST is searched")
	}
	dir, err := mnist.Fetch()
	if err != nil {
		t.Fatal(err)
	}
	data, err := idx.ReadImages(filepath.Join(dir, "train-images-idx3-ubyte.gz"))
	if err != nil {
		t.Fatal(err)
	}
	queries, err := idx.ReadImages(filepath.Join(dir, "t10k-images-idx3-ubyte.gz"))
	if err != nil {
		t.Fatal(err)
	}
	width := must(Width(index(t, data), nil))
	exact := exact(t, data, queries, 1)
	for _, c := range []struct {
		name          string
		lsh           *LSH
		factor, share string
	}{
		{"original, k=4", originalLSH(data, width, 4), "1.11199", "0.050"},
		{"textbook, k=4, L=5", textbookLSH(data, width, 4, 5), "1.00506", "0.313"},
		{"textbook, k=8, L=5", textbookLSH(data, width, 8, 5), "1.04763", "0.035"},
		{"textbook, k=10, L=10", textbookLSH(data, width, 10, 10), "1.01607", "0.068"},
	} {
		found, candidates := ask(t, data, c.lsh, queries)
		sum, count := 0.0, 0
		for q := range queries.N {
			if n := found[q*listed]; n.Index >= 0 {
				sum += float64(n.Distance) / float64(exact[q].Distance)
				count++
			}
		}
		factor := fmt.Sprintf("%.5f", sum/float64(count))
		share := fmt.Sprintf("%.3f", float64(candidates)/float64(data.N)/float64(queries.N))
		if factor != c.factor || share != c.share {
			t.Errorf("%s: factor %s from %s of the images; want %s from %s",
				c.name, factor, share, c.factor, c.share)
		}
	}
}

func TestWidthOfSmallSets(t *testing.T) {
	images := func(pix ...uint8) *imageset.Images[uint8] {
		return &imageset.Images[uint8]{N: len(pix), Rows: 1, Cols: 1, Pix: pix}
	}
	var ramp []uint8
	for i := range 99 {
		ramp = append(ramp, uint8(2*i))
	}
	for _, c := range []struct {
		name string
		data *imageset.Images[uint8]
		want int64
	}{
		{"no image", images(), 0},
		{"one image", images(7), 0},
		{"two images", images(7, 17), 60},
		{"mean cut to a whole number", images(0, 1, 5), 6 * 2}, // 1, 1, 4
		{"equal images", images(9, 9, 9), 0},
		{"49 images", images(ramp[:49]...), 12},
		{"99 images, each a sample, divided by 50", images(ramp...), 6 * (99 * 2 / 50)},
	} {
		ix := &Index[uint8]{Set: c.data.Set(), kept: NewBlock(c.data, 0)}
		if got := must(Width(ix, nil)); got != c.want {
			t.Errorf("%s: width %d, want %d", c.name, got, c.want)
		}
	}
}

// Buckets of small blocks are searched by their outlines if these are there, and have the same
// answers.
func TestOutlinesServeSmallBuckets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	images := func(n int) *imageset.Images[uint8] {
		m := &imageset.Images[uint8]{N: n, Rows: 16, Cols: 16, Pix: make([]uint8, n*256)}
		for i := range m.Pix {
			m.Pix[i] = uint8(rng.IntN(4) * 60)
		}
		return m
	}
	const n, size = 800, 300 // the last block has fewer images
	data, queries := images(n), images(400)
	l, err := NewLSH(n, 16, 16, 60, 1)
	if err != nil {
		t.Fatal(err)
	}
	var want []Neighbour
	for _, outlined := range []bool{false, true} {
		s, err := l.Search(queries, 3)
		if err != nil {
			t.Fatal(err)
		}
		for first := 0; first < n; first += size {
			b := NewBlock(data.Part(first, min(n, first+size)), int64(first))
			if outlined {
				b.outlines()
			}
			for images, way := range map[int]way{
				fewOutlined - 1: all, fewOutlined: map[bool]way{false: all, true: pruned}[outlined],
			} {
				if got := s.wayOf(b, images, queries.N); got != way {
					t.Errorf("outlines %v, %d images: way %d, want %d", outlined, images, got, way)
				}
			}
			if err := s.Add(b, nil); err != nil {
				t.Fatal(err)
			}
		}
		got, _ := s.Nearest()
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Error("the answers differ with outlines")
		}
	}
}
