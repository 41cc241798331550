package idx

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"math/rand/v2"
	"testing"

	"imagesimilarity/pkg/imageset"
)

// benchImages is the number of images of 28x28 pixels in the files of the benchmarks.
const benchImages = 60000

// benchContent returns the content of a file of MNIST's first images, again and again. They repeat
// too far apart for gzip to see it.
func benchContent(b *testing.B) []byte {
	b.Helper()
	m, err := ReadImages("../testdata/mnist/train1000.dat.gz")
	if err != nil {
		b.Fatal(err)
	}
	return append(words(MagicImages, benchImages, 28, 28), bytes.Repeat(m.Pix, benchImages/m.N)...)
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
	plain := benchContent(b)
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

// BenchmarkGzip unpacks images by the module that is used here, and by Go's own package.
func BenchmarkGzip(b *testing.B) {
	plain := benchContent(b)
	packed := zipped(plain)
	to := make([]byte, len(plain))
	unpack := func(b *testing.B, open func(in *bufio.Reader) (io.Reader, error)) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			r, err := open(bufio.NewReaderSize(bytes.NewReader(packed), 1<<16))
			if err == nil {
				_, err = io.ReadFull(r, to)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("klauspost/compress", func(b *testing.B) {
		unpack(b, func(in *bufio.Reader) (io.Reader, error) { return newGzipReader(in) })
	})
	b.Run("compress", func(b *testing.B) {
		unpack(b, func(in *bufio.Reader) (io.Reader, error) { return gzip.NewReader(in) })
	})
}

// BenchmarkBegin reads gzip files of 60,000 and of 10,000 images, one after the other and, as
// search does, at the same time.
func BenchmarkBegin(b *testing.B) {
	plain := benchContent(b)
	fewer := append(words(MagicImages, 10000, 28, 28), plain[16:][:10000*784]...)
	names := []string{file(b, zipped(plain)), file(b, zipped(fewer))}
	for _, begin := range []bool{false, true} {
		b.Run(map[bool]string{false: "in turn", true: "at the same time"}[begin], func(b *testing.B) {
			b.SetBytes(int64(len(plain) + len(fewer)))
			for b.Loop() {
				var files []*ImageFile
				for _, name := range names {
					f, err := OpenImages(name)
					if err != nil {
						b.Fatal(err)
					}
					if begin {
						f.Begin()
					}
					files = append(files, f)
				}
				for _, f := range files {
					if _, err := f.Read(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkEach makes a pass over images: over a file in the page cache, in blocks of several
// sizes, and over memory. A visit adds the pixels up, or does nothing.
func BenchmarkEach(b *testing.B) {
	plain := benchContent(b)
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
	name := file(b, benchContent(b))
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
