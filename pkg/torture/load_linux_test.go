package torture

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
)

// generate writes n images of 28x28 pixels with their latent vectors and classes, and n/10
// queries, at most 100. An image is one of ten patterns with noise, so that there are neighbours
// and clusters.
func generate(t *testing.T, dir string, n int) {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(n), 1))
	const rows, cols, dim, kinds = 28, 28, 10, 10
	var pattern [kinds][rows * cols]uint8
	for k := range pattern {
		for p := range pattern[k] {
			pattern[k][p] = uint8(random.IntN(192))
		}
	}
	for _, set := range []struct {
		images, latents, classes string
		n                        int
	}{{"images", "latents", "classes", n}, {"queries", "query.latents", "", min(n/10, 100)}} {
		images := &imageset.Images[uint8]{N: set.n, Rows: rows, Cols: cols}
		images.Pix = make([]uint8, set.n*rows*cols)
		latents := &imageset.Images[uint16]{N: set.n, Rows: 1, Cols: dim}
		latents.Pix = make([]uint16, set.n*dim)
		class := make([]uint8, set.n)
		for i := range set.n {
			k := random.IntN(kinds)
			class[i] = uint8(k)
			pix := images.At(i)
			for p := 0; p < len(pix); p += 8 {
				noise := random.Uint64()
				for j := range 8 {
					pix[p+j] = pattern[k][p+j] + uint8(noise>>(8*j))&63
				}
			}
			for j := range dim {
				latents.At(i)[j] = uint16(100*int(pattern[k][j]) + random.IntN(4000))
			}
		}
		for _, err := range []error{
			idx.WriteImages(filepath.Join(dir, set.images), images),
			idx.WriteLatents(filepath.Join(dir, set.latents), latents),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if set.classes != "" {
			var text bytes.Buffer
			if err := clustering.WriteClasses(&text, class, kinds); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, set.classes), text.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	configuration := []byte("number_of_clusters: 10\n")
	if err := os.WriteFile(filepath.Join(dir, "cluster.conf"), configuration, 0o644); err != nil {
		t.Fatal(err)
	}
}
