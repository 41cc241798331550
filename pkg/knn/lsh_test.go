package knn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/rng"
)

func golden(t *testing.T) (data, queries *idx.Images[uint8]) {
	t.Helper()
	data, err := idx.ReadImages("testdata/train1000.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	queries, err = idx.ReadImages("testdata/query100.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	return data, queries
}

// The wants of the next two tests were printed by the original program, for the images in testdata.

func TestWidth(t *testing.T) {
	data, _ := golden(t)
	if got := Width(data); got != 81060 {
		t.Errorf("width %d, want 81060", got)
	}
}

func TestHashValues(t *testing.T) {
	data, queries := golden(t)
	table := NewLSH(data, 81060, 4)
	if table.buckets != 62 {
		t.Errorf("%d buckets, want 62", table.buckets)
	}
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
			if got := table.hash.function(i, c.image); got != want {
				t.Errorf("%s: h_%d is %d, want %d", c.name, i, got, want)
			}
		}
		if got := table.hash.value(c.image); got != c.g || got%table.buckets != c.bucket {
			t.Errorf("%s: g is %d in bucket %d, want %d in %d", c.name, got, got%table.buckets, c.g, c.bucket)
		}
	}
}

func TestShifts(t *testing.T) {
	random := rng.NewMinstd()
	for i := range 785 {
		got := random.Float64(81060 - 0.001)
		want, ok := map[int]float64{0: 10662.452943, 1: 37178.179243, 2: 17748.831415, 784: 15370.751095}[i]
		if ok && math.Abs(got-want) > 5e-7 { // printed with 6 decimals
			t.Errorf("shift %d is %f, want %f", i, got, want)
		}
	}
}

// plainLSH is the original's search step by step: L tables, each with its own generator; its recurrence for hash values; the candidates of all tables.
// Sorted is the whole data set for each query, by distance.
func plainLSH(data, queries *idx.Images[uint8], sorted []Neighbour, width int64, k, tables int) []Neighbour {
	dim := data.Dim()
	w := float64(width)
	modulus := uint64(1) << (32 / k)
	buckets := uint64(max(1, data.N/16))
	var shifts [][]float64
	for range tables {
		random := rng.NewMinstd()
		s := make([]float64, k*dim)
		for i := range s {
			s[i] = random.Float64(w - 0.001)
		}
		shifts = append(shifts, s)
	}
	bucket := func(table int, x []uint8) uint64 {
		var g uint64
		for i := range k {
			var h uint64
			c := uint64(1)
			for j := dim - 1; j >= 0; j-- {
				a := uint64(int64(math.Floor((float64(x[j]) - shifts[table][i*dim+j]) / w)))
				h = (h + c*a%modulus) % modulus
				c = 4294967291 % modulus * c % modulus
			}
			g |= h << (uint(32-i*k) & 63)
		}
		return g % buckets
	}
	index := make([]map[uint64][]int, tables)
	for l := range tables {
		index[l] = map[uint64][]int{}
		for i := range data.N {
			b := bucket(l, data.At(i))
			index[l][b] = append(index[l][b], i)
		}
	}
	var nearest []Neighbour
	for q := range queries.N {
		candidates := map[int]bool{}
		for l := range tables {
			for _, i := range index[l][bucket(l, queries.At(q))] {
				candidates[i] = true
			}
		}
		all := sorted[q*data.N : (q+1)*data.N]
		at := slices.IndexFunc(all, func(n Neighbour) bool { return candidates[int(n.Index)] })
		if at < 0 {
			nearest = append(nearest, Neighbour{-1, math.MaxInt64})
		} else {
			nearest = append(nearest, all[at])
		}
	}
	return nearest
}

func TestLSHIsTheOriginals(t *testing.T) {
	mnist, mnistQueries := golden(t)
	r := rand.New(rand.NewPCG(1, 3))
	small, smallQueries := random[uint8](r, 300, 3, 5, 256), random[uint8](r, 40, 3, 5, 256)
	tiny, tinyQueries := random[uint8](r, 15, 2, 2, 256), random[uint8](r, 9, 2, 2, 256)
	for _, c := range []struct {
		name          string
		data, queries *idx.Images[uint8]
		width         int64
	}{
		{"MNIST", mnist.First(150), mnistQueries.First(20), 81060},
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
			got := NewLSH(c.data, c.width, k).Nearest(c.queries, nil)
			if want := plainLSH(c.data, c.queries, sorted, c.width, k, tables); !slices.Equal(got, want) {
				t.Errorf("%s, k=%d, L=%d: not the original's neighbours", c.name, k, tables)
			}
		}
	}
}

func TestLSHWithOneBucketIsExact(t *testing.T) {
	data, queries := golden(t)
	want := Nearest(data, queries, 1, nil)
	for _, c := range []struct {
		name  string
		width int64
		k     int
	}{{"width 0", 0, 4}, {"33 functions", 81060, 33}, {"very many functions", 81060, math.MaxInt}} {
		told := -1
		if got := NewLSH(data, c.width, c.k).Nearest(queries, func(done, total int) {
			if done < told || total != queries.N {
				t.Errorf("%+v: progress: %d of %d after %d", c, done, total, told)
			}
			told = done
		}); !slices.Equal(got, want) {
			t.Errorf("%s: not the exact neighbours", c.name)
		}
	}
}

func TestLSHIsNeverNearerThanExact(t *testing.T) {
	data, queries := golden(t)
	exact := Nearest(data, queries, 1, nil)
	for i, n := range NewLSH(data, Width(data), 8).Nearest(queries, nil) {
		if n.Index >= 0 && n.before(exact[i]) {
			t.Errorf("query %d: %v is nearer than the nearest, %v", i, n, exact[i])
		}
	}
}

func TestWidthOfSmallSets(t *testing.T) {
	images := func(pix ...uint8) *idx.Images[uint8] {
		return &idx.Images[uint8]{N: len(pix), Rows: 1, Cols: 1, Pix: pix}
	}
	var ramp []uint8
	for i := range 99 {
		ramp = append(ramp, uint8(2*i))
	}
	for _, c := range []struct {
		name string
		data *idx.Images[uint8]
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
		if got := Width(c.data); got != c.want {
			t.Errorf("%s: width %d, want %d", c.name, got, c.want)
		}
	}
}

func TestLSHRefusesDifferentSizes(t *testing.T) {
	data, _ := golden(t)
	defer func() {
		if recover() != differentSizes {
			t.Errorf("want a panic with %q", differentSizes)
		}
	}()
	NewLSH(data, 81060, 4).Nearest(&idx.Images[uint8]{N: 1, Rows: 1, Cols: 1, Pix: []uint8{0}}, nil)
}
