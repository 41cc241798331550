package idx

import (
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/memory"
)

// Files may have more than 2^31 images and more than 4 GiB. This one is a hole but for two images.
func TestMoreImagesThan31Bits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file of 6 GB: not tested, on Windows it would take that much")
	}
	const n = 3_000_000_000
	marks := map[int64][]byte{16 + 2*2_147_483_650: {1, 2}, 16 + 2*(n-1): {3, 4}}
	name := filepath.Join(t.TempDir(), "large")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(words(MagicImages, n, 1, 2))
	for at, mark := range marks {
		if _, err := f.WriteAt(mark, at); err != nil {
			t.Skip("a file of 6 GB: not tested, the disk refuses it: ", err)
		}
	}
	defer memory.SetBudget(0)
	memory.SetBudget(1 << 30)
	in, err := OpenImages(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := in.Set()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.N != n || s.Whole() != nil {
		t.Fatalf("%d images, kept: %t", s.N, s.Whole() != nil)
	}
	some, err := imageset.SelectFrom(s, []int64{n - 1, 2_147_483_650, 2_147_483_649})
	if want := []uint8{3, 4, 1, 2, 0, 0}; err != nil || !slices.Equal(some.Pix, want) {
		t.Errorf("images %v, %v, want %v", some, err, want)
	}
	found := map[int][]uint8{}
	for _, part := range [][2]int{{1<<31 - 1e6, 1<<31 + 1e6}, {n - 1e6, n}} {
		err := s.Part(part[0], part[1]).Each(func(b *imageset.Images[uint8], first int) error {
			for i := range b.N {
				if b.At(i)[0] != 0 {
					found[part[0]+first+i] = slices.Clone(b.At(i))
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	want := map[int][]uint8{2_147_483_650: {1, 2}, n - 1: {3, 4}}
	if !maps.EqualFunc(found, want, slices.Equal) {
		t.Errorf("found images %v, want %v", found, want)
	}
}
