package idx

import (
	"math/rand/v2"
	"testing"

	"imagesimilarity/pkg/imageset"
)

// benchImages is the number of images of 28x28 pixels in the files of the benchmarks.
const benchImages = 60000

// benchContent returns the content of a file of images that compresses as MNIST does.
func benchContent() []byte {
	pix := make([]byte, benchImages*784)
	for i := range pix {
		if i%784 > 300 && i%784 < 480 {
			pix[i] = byte(i * i >> 7)
		}
	}
	return append(words(MagicImages, benchImages, 28, 28), pix...)
}

// openSet opens images as a set in blocks of that number, or kept if block is 0.
func openSet(b *testing.B, name string, block int) *imageset.Set[uint8] {
	b.Helper()
	defer InBlocks(block)()
	f, err := OpenImages(name)
	if err != nil {
		b.Fatal(err)
	}
	s, err := f.Set()
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkOpen opens, and reads or unpacks, a set of images.
func BenchmarkOpen(b *testing.B) {
	plain := benchContent()
	names := map[string]string{"plain": file(b, plain), "gzip": file(b, zipped(plain))}
	for _, c := range []struct {
		what, form string
		block      int
	}{{"plain, kept", "plain", 0}, {"gzip, kept", "gzip", 0}, {"gzip, unpacked", "gzip", 4096}} {
		b.Run(c.what, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				openSet(b, names[c.form], c.block).Close()
			}
		})
	}
}

// BenchmarkEach makes a pass over images: over a file in the page cache, in blocks of several
// sizes, and over memory. A visit adds the pixels up, or does nothing.
func BenchmarkEach(b *testing.B) {
	plain := benchContent()
	name := file(b, plain)
	for _, c := range []struct {
		what  string
		block int
	}{{"kept", 0}, {"blocks of 64", 64}, {"blocks of 1024", 1 << 10}, {"blocks of 16384", 1 << 14}} {
		for what, visit := range map[string]func(*imageset.Images[uint8], int) error{
			"nothing": func(*imageset.Images[uint8], int) error { return nil },
			"sum":     addUp,
		} {
			b.Run(c.what+", "+what, func(b *testing.B) {
				s := openSet(b, name, c.block)
				defer s.Close()
				b.SetBytes(int64(len(plain)))
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Each(visit); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// sum keeps compilers from leaving addUp out.
var sum uint64

func addUp(m *imageset.Images[uint8], _ int) error {
	for _, p := range m.Pix {
		sum += uint64(p)
	}
	return nil
}

// BenchmarkSelectFrom selects 64 images, as many as a batch has, by chance.
func BenchmarkSelectFrom(b *testing.B) {
	name := file(b, benchContent())
	for what, block := range map[string]int{"kept": 0, "from the file": 4096} {
		b.Run(what, func(b *testing.B) {
			s := openSet(b, name, block)
			defer s.Close()
			random := rand.New(rand.NewPCG(1, 1))
			index := make([]int32, 64)
			for i := range index {
				index[i] = random.Int32N(benchImages)
			}
			b.SetBytes(int64(len(index) * s.Dim()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := imageset.SelectFrom(s, index); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
