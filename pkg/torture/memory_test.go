package torture

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"imagesimilarity/pkg/clustering"
	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/keras"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/memory/memorytest"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
)

// room is what measuring may be off by: garbage that is not yet collected, buffers of a fixed size,
// and what Go's runtime keeps for each of them.
const room = 3 << 20

// spare is what may be asked for in vain: scratch memory of kernels that a size does not need.
const spare = 32 << 20

// within measures the memory that do takes. All that it asks for must be enough, and what it asks
// for must be no more than most times what it takes and spare, so that little that fits is refused.
func within(t *testing.T, most float64, what string, do func() any) {
	t.Helper()
	var needs []memorytest.Need
	var result any
	peak := memorytest.Peak(func() {
		needs = memorytest.Needs(func() { result = do() })
	})
	runtime.KeepAlive(result)
	need := 0.0
	for _, n := range needs {
		need += n.Bytes
	}
	if peak > 1.1*need+room {
		t.Errorf("%s: took %.1f MiB, asked for %.1f", what, peak/(1<<20), need/(1<<20))
	}
	if need > most*peak+spare {
		t.Errorf("%s: asked for %.1f MiB, took %.1f", what, need/(1<<20), peak/(1<<20))
	}
}

// must returns v, and ends the program if there is an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// noise returns random images.
func noise[P uint8 | uint16](n, rows, cols int) *imageset.Images[P] {
	random := rand.New(rand.NewPCG(uint64(n), uint64(cols)))
	m := &imageset.Images[P]{N: n, Rows: rows, Cols: cols, Pix: make([]P, n*rows*cols)}
	for i := range m.Pix {
		m.Pix[i] = P(random.Uint32())
	}
	return m
}

// A shape is a number of images and their size.
type shape struct{ n, rows, cols int }

func (s shape) String() string { return fmt.Sprintf("%d images of %dx%d", s.n, s.rows, s.cols) }

// shapes are many small images, few large ones, and lines and columns.
func shapes() []shape {
	all := []shape{
		{1, 1, 1}, {9, 333, 333}, {700, 28, 28}, {5000, 28, 28}, {3000, 1, 100}, {64, 1000, 7},
	}
	if *long {
		all = append(all, shape{60000, 28, 28}, shape{100, 1000, 1000}, shape{4, 4096, 4000},
			shape{500000, 4, 4}, shape{33, 1, 100000}, shape{2000, 128, 96}, shape{10000, 1, 784})
	}
	return all
}

// TestMemoryOfReaders reads images and vectors of many sizes, plain and gzip.
func TestMemoryOfReaders(t *testing.T) {
	for _, s := range shapes() {
		images, latents := noise[uint8](s.n, s.rows, s.cols), noise[uint16](s.n, s.rows, s.cols)
		dir := t.TempDir()
		name := func(file string) string { return filepath.Join(dir, file) }
		for _, err := range []error{
			idx.WriteImages(name("images"), images), idx.WriteLatents(name("latents"), latents),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, file := range []string{"images", "latents"} {
			var b bytes.Buffer
			z := must(gzip.NewWriterLevel(&b, gzip.BestSpeed))
			must(z.Write(must(os.ReadFile(name(file)))))
			z.Close()
			if err := os.WriteFile(name(file+".gz"), b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, ending := range []string{"", ".gz"} {
			within(t, 2, s.String()+ending, func() any {
				return must(idx.ReadImages(name("images" + ending)))
			})
			within(t, 2, "vectors: "+s.String()+ending, func() any {
				return must(idx.ReadLatents(name("latents" + ending)))
			})
		}
	}
}

// TestMemoryOfSearches searches many sizes exactly, by LSH and by Earth Mover's Distance.
func TestMemoryOfSearches(t *testing.T) {
	for _, s := range shapes() {
		images := noise[uint8](s.n, s.rows, s.cols)
		for _, queries := range []int{1, 100, 600} {
			if queries > max(100, s.n) || !*long && queries*s.n*s.rows*s.cols > 1<<31 {
				continue
			}
			asked := noise[uint8](min(queries, s.n), s.rows, s.cols)
			for _, k := range []int{1, 50} {
				what := fmt.Sprintf("%v, %d queries, k=%d", s, asked.N, k)
				within(t, 3, what, func() any {
					index := must(knn.New(images.Set()))
					return []any{index, must(index.Nearest(asked, k, nil))}
				})
				within(t, 3, what+", in blocks", func() any {
					index := must(knn.New(inBlocks(images)))
					return []any{index, must(index.Nearest(asked, k, nil))}
				})
			}
			for _, tables := range []int{1, 20} {
				if tables > 1 && !*long && s.n*s.rows*s.cols > 1<<20 {
					continue
				}
				what := fmt.Sprintf("%v, %d queries, %d tables", s, asked.N, tables)
				width := must(knn.Width(must(knn.New(images.Set())), nil))
				within(t, 20, what, func() any {
					index := must(knn.New(images.Set()))
					lsh := must(knn.NewTextbookLSH(int64(s.n), s.rows, s.cols, width, 4, tables))
					if err := lsh.Keep(index.Kept(), nil); err != nil {
						t.Fatal(err)
					}
					found, _, err := lsh.Nearest(index, asked, 1, nil)
					return []any{index, lsh, must(found, err)}
				})
				within(t, 20, what+", in blocks", func() any {
					index := must(knn.New(inBlocks(images)))
					lsh := must(knn.NewTextbookLSH(int64(s.n), s.rows, s.cols, width, 4, tables))
					found, _, err := lsh.Nearest(index, asked, 1, nil)
					return []any{index, lsh, must(found, err)}
				})
			}
			cell := max(1, max(s.rows, s.cols)/7)
			if s.rows%cell == 0 && s.cols%cell == 0 && asked.N <= 100 {
				what := fmt.Sprintf("%v, %d queries, cells of %d", s, asked.N, cell)
				within(t, 20, what, func() any {
					search := must(emd.NewSearch(asked.First(4), 10, cell))
					return must(search, search.Add(images, 0, nil))
				})
			}
		}
	}
}

// inBlocks returns the images as a set that is read in four blocks.
func inBlocks(m *imageset.Images[uint8]) *imageset.Set[uint8] {
	return imageset.NewSet(m.N, m.Rows, m.Cols, (m.N+3)/4, func(dst []uint8, first int) error {
		copy(dst, m.Pix[first*m.Dim():])
		return nil
	})
}

// TestMemoryOfClusters clusters many sizes into few and many clusters.
func TestMemoryOfClusters(t *testing.T) {
	for _, s := range shapes() {
		images := noise[uint8](s.n, s.rows, s.cols)
		for _, k := range []int{1, 10, 200} {
			if work := k * s.n * s.rows * s.cols; k > s.n || work > scaled(1<<29, 1<<33) {
				continue
			}
			for _, mode := range []clustering.Mode{clustering.Original, clustering.Textbook} {
				if mode == clustering.Textbook && s.n*s.rows*s.cols > 1<<22 {
					continue // its passes are many
				}
				within(t, 6, fmt.Sprintf("%v, %d clusters, mode %v", s, k, mode), func() any {
					space := must(clustering.NewSpace(images.Set()))
					seeds := must(space.Seed(k, mode, nil))
					label := must(space.Lloyd(seeds, mode, nil))
					return []any{space, must(clustering.Evaluate(space, label, k, mode, nil))}
				})
			}
		}
	}
}

// TestMemoryOfNetworks trains, saves, loads and predicts with networks of many sizes.
func TestMemoryOfNetworks(t *testing.T) {
	type network struct {
		shape
		filter    int
		filters   []int
		embedding int
		batch     int
	}
	networks := []network{
		{shape{64, 28, 28}, 3, []int{8, 8}, 10, 32}, {shape{16, 28, 28}, 27, []int{4}, 3, 8},
		{shape{8, 64, 64}, 3, []int{1, 30}, 2000, 8}, {shape{40, 8, 8}, 5, []int{100}, 7, 40},
		{shape{6, 20, 20}, 19, []int{20, 20}, 5, 3},
	}
	if *long {
		networks = append(networks, network{shape{256, 28, 28}, 3, []int{16, 32, 64}, 10, 128},
			network{shape{8, 256, 256}, 3, []int{8, 16}, 10, 4},
			network{shape{16, 28, 28}, 3, []int{512, 512}, 10, 16},
			network{shape{4, 128, 128}, 99, []int{3, 3}, 10, 4},
			network{shape{2000, 4, 4}, 3, []int{2}, 3000, 2000})
	}
	for _, c := range networks {
		what := fmt.Sprintf("%+v", c)
		m := noise[uint8](c.n, c.rows, c.cols)
		samples := nn.GreyLevels.Samples(m.Set(), nil)
		var model *nn.Model
		config := nn.AutoencoderConfig{
			Rows: c.rows, Cols: c.cols, FilterSize: c.filter, Filters: c.filters,
			Embedding: c.embedding,
		}
		within(t, 8, "train "+what, func() any {
			model = must(nn.NewAutoencoder(config, 1))
			trainer := nn.NewTrainer(cpu.New(), model, nn.MeanSquaredError, nn.RMSprop, 1)
			must(trainer.Fit(samples, samples, 1, c.batch, nil))
			return trainer
		})
		file := filepath.Join(t.TempDir(), "model.h5")
		within(t, 4, "save "+what, func() any {
			return keras.Save(file, model, nn.MeanSquaredError, nn.RMSprop)
		})
		within(t, 2, "load "+what, func() any { return must(keras.Load(file)) })
		for _, layer := range []string{"embedding", ""} {
			within(t, 8, fmt.Sprintf("predict %q %s", layer, what), func() any {
				return must(model.Predict(cpu.New(), samples, layer, c.batch, nil))
			})
		}
	}
}
