//go:build gpu

package opencl

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/nntest"
)

// A guarded driver puts marks behind each buffer, and looks at them when the buffer is released.
type guarded struct {
	driver
	queue   handle
	sizes   map[handle]int
	checked int
	broken  []int // sizes of buffers whose marks were overwritten
}

var marks = bytes.Repeat([]byte{0xA5}, 1024)

func (g *guarded) buffer(context handle, size int) (handle, error) {
	h, err := g.driver.buffer(context, size+len(marks))
	if err == nil {
		g.sizes[h] = size
		err = g.driver.write(g.queue, h, size, marks, true)
	}
	return h, err
}

func (g *guarded) release(k kind, h handle) {
	if size, ok := g.sizes[h]; ok && k == buffers {
		delete(g.sizes, h)
		g.checked++
		found := make([]byte, len(marks))
		if _, err := g.driver.read(g.queue, h, size, found, true); err != nil ||
			!bytes.Equal(found, marks) {
			g.broken = append(g.broken, size)
		}
	}
	g.driver.release(k, h)
}

// No kernel writes behind a buffer, in trainings and predictions with batches that are full or not.
func TestKernelsStayInTheirBuffers(t *testing.T) {
	e := testEngine(t)
	for i, c := range nntest.Chains {
		if testing.Short() && i%5 != 2 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			g := &guarded{driver: e.driver, queue: e.queue, sizes: map[handle]int{}}
			r := rand.New(rand.NewPCG(1, 2))
			m := nntest.RandomModel(t, c.Layers(), r)
			size := product(m.Input())
			s := listed(random(r, 21*size), size, make([]uint8, 21))
			for _, o := range []nn.Optimizer{nn.RMSprop, nn.Adam} {
				_, err := nn.NewTrainer(e.with(g), m, c.Loss, o, 1).Fit(s, s, 1, 13, nil)
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := m.Predict(e.with(g), s, "", 13, nil); err != nil {
				t.Fatal(err)
			}
			if g.checked == 0 || len(g.sizes) > 0 || len(g.broken) > 0 {
				t.Errorf("%d buffers checked, %d not released, %v bytes overwritten behind",
					g.checked, len(g.sizes), g.broken)
			}
		})
	}
}
