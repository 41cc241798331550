package idx

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/memory/memorytest"
)

// growing returns a gzip file whose memory grows while it is read.
func growing() []byte {
	return zipped(append(words(0x803, 5<<20, 2, 2), make([]byte, 20<<20)...))
}

// Files that are read at the same time give the values and the errors that they give in turn, and
// ask for memory in the same order, whatever is wrong with one of them.
func TestFilesAtTheSameTime(t *testing.T) {
	pix := make([]byte, 2<<20)
	for i := range pix {
		pix[i] = byte(i * i >> 9)
	}
	large := append(words(0x803, 1<<19, 2, 2), pix...)
	packed := zipped(large)
	grows := growing()
	damaged := bytes.Clone(packed)
	damaged[len(damaged)-1] ^= 1
	for what, contents := range map[string][][]byte{
		"whole":       {packed, large, four, zipped(four), packed},
		"two damaged": {packed, damaged, zipped(four[:20]), four},
		"two cut":     {packed[:len(packed)-1], large, packed[:len(packed)/2]},
		"growing":     {packed, grows, large},
	} {
		var names []string
		for _, content := range contents {
			names = append(names, file(t, content))
		}
		read := func(begin bool) (found string) {
			files := opened(t, names)
			for _, f := range files {
				if begin && !f.Begin() {
					break
				}
			}
			for _, f := range files {
				if s, err := f.Set(); err != nil {
					found += err.Error() + "\n"
				} else {
					found += fmt.Sprintf("%s: %d images, %x\n", f.Name, s.N, crc32.ChecksumIEEE(all(t, s)))
					s.Close()
				}
			}
			return found
		}
		for _, blocks := range []int{0, 1 << 18} {
			restore := InBlocks(blocks)
			var inTurn, together string
			needs := memorytest.Needs(func() { inTurn = read(false) })
			togetherNeeds := memorytest.Needs(func() { together = read(true) })
			restore()
			if inTurn != together || !slices.Equal(needs, togetherNeeds) {
				t.Errorf("%s, blocks of %d: in turn\n%swith needs %v, at the same time\n%swith needs %v",
					what, blocks, inTurn, needs, together, togetherNeeds)
			}
		}
	}
}

// A file that Begin does not begin is read as it is without it, or its memory is refused.
func TestFilesThatAreNotBegun(t *testing.T) {
	defer memory.SetBudget(0)
	for what, c := range map[string]struct {
		content []byte
		refuse  bool
	}{"growing": {growing(), false}, "refused": {four, true}} {
		f, err := OpenImages(file(t, c.content))
		if err != nil {
			t.Fatal(err)
		}
		restore := memory.Watch(func(_ string, bytes float64) {
			if c.refuse {
				memory.SetBudget(int64(bytes) - 1)
			}
		})
		begun := f.Begin()
		restore()
		memory.SetBudget(0)
		m, err := f.Read()
		refused := errors.As(err, new(*memory.Error))
		if begun || refused != c.refuse || !refused && (err != nil || m.N != f.N) {
			t.Errorf("%s: begun: %v, error %v", what, begun, err)
		}
	}
}

// opened opens files of images.
func opened(t *testing.T, names []string) (files []*ImageFile) {
	t.Helper()
	for _, name := range names {
		f, err := OpenImages(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}
