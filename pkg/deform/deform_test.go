package deform

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory/memorytest"
)

// digits returns the first images of MNIST.
func digits(t testing.TB) *imageset.Images[uint8] {
	t.Helper()
	m, err := idx.ReadImages("../testdata/mnist/train1000.dat.gz")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// noise returns random images.
func noise(n, rows, cols int) *imageset.Images[uint8] {
	random := rand.New(rand.NewPCG(1, 1))
	m := &imageset.Images[uint8]{N: n, Rows: rows, Cols: cols, Pix: make([]uint8, n*rows*cols)}
	for i := range m.Pix {
		m.Pix[i] = uint8(random.Uint32())
	}
	return m
}

// made returns n images from number first on.
func made(t testing.TB, originals *imageset.Images[uint8], seed uint64, first, n int) []uint8 {
	t.Helper()
	d, err := New(originals, seed)
	if err != nil {
		t.Fatal(err)
	}
	pix := make([]uint8, n*originals.Dim())
	d.Fill(pix, first)
	return pix
}

func TestOriginalsComeFirst(t *testing.T) {
	m := digits(t)
	pix := made(t, m, 1, 0, 2*m.N)
	if !bytes.Equal(pix[:len(m.Pix)], m.Pix) {
		t.Error("the first images are not the originals")
	}
	for i := range m.N {
		if bytes.Equal(pix[(m.N+i)*m.Dim():][:m.Dim()], m.At(i)) {
			t.Errorf("image %d is original %d", m.N+i, i)
		}
	}
}

// Neither the number of cores nor where a piece begins counts, but the seed does.
func TestImagesDependOnTheirNumberAndTheSeed(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	const n = 400
	m := digits(t).First(150)
	want := made(t, m, 5, 0, n)
	for _, cores := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(cores)
		d, err := New(m, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, piece := range []int{1, 63, 130, n} {
			got := make([]uint8, n*m.Dim())
			for first := 0; first < n; first += piece {
				d.Fill(got[first*m.Dim():min(n, first+piece)*m.Dim()], first)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d cores, pieces of %d: other images", cores, piece)
			}
		}
	}
	other := made(t, m, 6, 0, n)
	seen := map[string]int{}
	for i := m.N; i < n; i++ {
		at := i * m.Dim()
		if bytes.Equal(other[at:at+m.Dim()], want[at:at+m.Dim()]) {
			t.Errorf("image %d is the same with another seed", i)
		}
		if old, ok := seen[string(want[at:at+m.Dim()])]; ok {
			t.Errorf("images %d and %d are the same", old, i)
		}
		seen[string(want[at:at+m.Dim()])] = i
	}
}

// Every processor and every later version makes the images that the first version made.
func TestSameImagesForEver(t *testing.T) {
	for _, tt := range []struct {
		originals *imageset.Images[uint8]
		seed      uint64
		first, n  int
		want      string
	}{
		{digits(t), 1, 0, 3000,
			"4af3d6017666997bc7a84a0bbc064329412380ccaa0bacf5f55daeb591d14d09"},
		{digits(t), math.MaxUint64, math.MaxUint32 - 100, 100,
			"1d5304a4a8be8dd8dc8950831bcab40a0399b0ab2d5d1fde846a280f058bf07a"},
		{noise(3, 50, 9), 7, 3, 100,
			"abeb13a9a25fa1bf3570d3022471a203524bd363fd0016c55a0f2928929d9d36"},
	} {
		sum := sha256.Sum256(made(t, tt.originals, tt.seed, tt.first, tt.n))
		if got := hex.EncodeToString(sum[:]); got != tt.want {
			t.Errorf("%d images of %dx%d pixels: SHA-256 %s, want %s",
				tt.n, tt.originals.Rows, tt.originals.Cols, got, tt.want)
		}
	}
}

// near returns the value of an image, (rows,cols), at a place between pixels.
func near(pix []uint8, rows, cols int, x, y float64) float64 {
	at := func(r, c float64) float64 {
		r, c = min(max(r, 0), float64(rows-1)), min(max(c, 0), float64(cols-1))
		return float64(pix[int(r)*cols+int(c)])
	}
	left, top := math.Floor(x), math.Floor(y)
	right, down := x-left, y-top
	return (1-down)*((1-right)*at(top, left)+right*at(top, left+1)) +
		down*((1-right)*at(top+1, left)+right*at(top+1, left+1))
}

// The warp in floating point. A place is rounded to 1/256 of a pixel, so a value of noise may
// differ by one for each direction, and by the rounding.
func TestApplyAgainstFloats(t *testing.T) {
	const tolerance = 3
	for _, size := range [][2]int{{28, 28}, {1, 1}, {1, 9}, {9, 1}, {2, 3}, {40, 11}} {
		rows, cols := size[0], size[1]
		m := noise(1, rows, cols)
		d, err := New(m, 3)
		if err != nil {
			t.Fatal(err)
		}
		dim := m.Dim()
		got := make([]uint8, dim)
		for i := 1; i < 200; i++ {
			d.Fill(got, i)
			w := draw(3, i, rows, cols)
			for r := range rows {
				for c := range cols {
					u, v := float64(c)-float64(cols-1)/2, float64(r)-float64(rows-1)/2
					moved := func(shift, byX, byY, field, strength int) float64 {
						return (float64(shift) + float64(byX)*u + float64(byY)*v +
							float64(d.fields[field*dim+r*cols+c])/(1<<15)*float64(strength)) / one
					}
					x := float64(c) + moved(w.shiftX, w.xx, w.xy, w.fieldX, w.elasticX)
					y := float64(r) + moved(w.shiftY, w.yx, w.yy, w.fieldY, w.elasticY)
					want := near(m.Pix, rows, cols, x, y)
					if math.Abs(float64(got[r*cols+c])-want) > tolerance {
						t.Fatalf("%dx%d, image %d: pixel %d,%d is %d, want %.1f",
							rows, cols, i, r, c, got[r*cols+c], want)
					}
				}
			}
		}
	}
}

func TestKnownWarps(t *testing.T) {
	m := noise(1, 6, 5)
	still := make([]int16, m.Dim())
	got, frame := make([]uint8, m.Dim()), make([]uint8, 7*6)
	for _, tt := range []struct {
		name string
		w    warp
		from func(r, c int) (int, int) // the place of a pixel in the original
	}{
		{"nothing", warp{}, func(r, c int) (int, int) { return r, c }},
		{"shift", warp{shiftX: 2 * one, shiftY: -one}, func(r, c int) (int, int) {
			return max(r-1, 0), min(c+2, 4)
		}},
		{"mirror", warp{xx: -2 * one}, func(r, c int) (int, int) { return r, 4 - c }},
		{"half a turn", warp{xx: -2 * one, yy: -2 * one}, func(r, c int) (int, int) {
			return 5 - r, 4 - c
		}},
	} {
		tt.w.rows, tt.w.cols = m.Rows, m.Cols
		tt.w.apply(got, m.Pix, still, still, frame)
		for i, v := range got {
			r, c := tt.from(i/5, i%5)
			if want := m.Pix[r*5+c]; v != want {
				t.Errorf("%s: pixel %d,%d is %d, want %d", tt.name, i/5, i%5, v, want)
			}
		}
	}
}

// The numbers of the warps fill their ranges, and neighbours know nothing of each other.
func TestDraw(t *testing.T) {
	const n = 20_000
	var values [8][]float64 // between -1 and 1
	for i := range n {
		w := draw(1, i, 28, 14)
		for k, v := range [8]float64{
			float64(w.shiftX) / (shift * 14), float64(w.shiftY) / (shift * 28),
			float64(w.xx) / scaling, float64(w.yy) / scaling, float64(w.yx) / rotation,
			float64(w.elasticX) / (elastic * 14), float64(w.elasticY) / (elastic * 28),
			2*float64(w.fieldX)/(fields-1) - 1,
		} {
			values[k] = append(values[k], v)
		}
		if w.xy != -w.yx {
			t.Fatalf("image %d: %d and %d make no rotation", i, w.xy, w.yx)
		}
	}
	mean := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += float64(a[i]*b[i]) / float64(len(a))
		}
		return sum
	}
	ones := slices.Repeat([]float64{1}, n)
	const tolerance = 5 / 141.0 // five standard deviations of the mean of n values of at most 1
	for k, v := range values {
		if low, high := slices.Min(v), slices.Max(v); low < -1 || low > -0.99 || high > 1 || high < 0.99 {
			t.Errorf("value %d lies from %f to %f", k, low, high)
		}
		if got := mean(v, ones); math.Abs(got) > tolerance {
			t.Errorf("value %d has the mean %f", k, got)
		}
		for other := range values[:k] {
			if got := mean(v, values[other]); math.Abs(got) > tolerance {
				t.Errorf("values %d and %d have the covariance %f", other, k, got)
			}
		}
		if got := mean(v[1:], v[:n-1]); math.Abs(got) > tolerance {
			t.Errorf("value %d has the covariance %f with that of the image before", k, got)
		}
	}
}

// A field is smooth, also across the edges, and reaches its largest value.
func TestDrawField(t *testing.T) {
	const rows, cols = 28, 42
	field := make([]int, rows*cols)
	for i := range 20 {
		drawField(field, rows, cols, rand.NewPCG(1, uint64(i)))
		largest, steepest := 0, 0
		for r := range rows {
			for c := range cols {
				v := field[r*cols+c]
				right, below := field[r*cols+(c+1)%cols], field[(r+1)%rows*cols+c]
				largest = max(largest, v, -v)
				steepest = max(steepest, v-right, right-v, v-below, below-v)
			}
		}
		if largest != 32767 || steepest > 32767/3 {
			t.Errorf("field %d: at most %d, and %d from pixel to pixel", i, largest, steepest)
		}
	}
}

func TestMemory(t *testing.T) {
	for _, m := range []*imageset.Images[uint8]{noise(2, 28, 28), noise(1, 300, 200), noise(1, 1, 1)} {
		needs := memorytest.Needs(func() { made(t, m, 1, 0, 1) })
		peak := memorytest.Peak(func() {
			if _, err := New(m, 1); err != nil {
				t.Error(err)
			}
		})
		const slack = 1 << 16
		if len(needs) != 1 || peak > 1.1*needs[0].Bytes+slack {
			t.Errorf("%dx%d: asked for %v, took %.0f", m.Rows, m.Cols, needs, peak)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	for _, m := range []*imageset.Images[uint8]{digits(b), noise(10, 128, 128)} {
		b.Run(fmt.Sprintf("%dx%d", m.Rows, m.Cols), func(b *testing.B) {
			d, err := New(m, 1)
			if err != nil {
				b.Fatal(err)
			}
			const n = 1000
			pix := make([]uint8, n*m.Dim())
			for b.Loop() {
				d.Fill(pix, m.N)
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
