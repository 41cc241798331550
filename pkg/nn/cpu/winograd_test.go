package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// Outputs and gradients are those of the plain convolution, up to rounding, for images of several
// sizes and numbers of channels.
func TestWinogradIsTheConvolution(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for _, c := range []struct{ h, w, c, f int }{
		{4, 4, 8, 8}, {7, 7, 16, 33}, {14, 14, 8, 16},
		{8, 11, 40, 9}, {5, 24, 17, 70}, {16, 16, 64, 32},
	} {
		t.Run(fmt.Sprintf("%dx%d, %d channels, %d filters", c.h, c.w, c.c, c.f), func(t *testing.T) {
			l := &nn.Layer{Class: nn.Conv2D, Kernel: [2]int{3, 3}, Output: []int{0, 0, c.f}}
			fast := newConvolution([]int{c.h, c.w, c.c}, [2]int{1, 1}, l)
			if fast.fast == nil {
				t.Fatal("computed plainly")
			}
			plain := newPlainConvolution([]int{c.h, c.w, c.c}, [2]int{1, 1}, l)
			weight, bias := someValues(r, 9*c.c*c.f), someValues(r, c.f)
			xSize, ySize := c.h*c.w*c.c, c.h*c.w*c.f
			for _, images := range []int{groupSize, 3, 1} {
				x, grad := someValues(r, images*xSize), someValues(r, images*ySize)
				results := func(v *convolution, k *kernel.Set) (y, dx, dKernel []float32) {
					y, dx = make([]float32, images*ySize), make([]float32, images*xSize)
					scratch := make([]float32, v.scratch())
					arranged := v.arrangeAll(k, weight)
					for i := 0; i < images; i += v.imagesPerCall() {
						n := min(v.imagesPerCall(), images-i)
						v.apply(k, y[i*ySize:(i+n)*ySize], x[i*xSize:(i+n)*xSize], arranged, bias, scratch, false, n)
					}
					dy := make([]float32, images*v.y.size())
					frame := v.y
					for i := range images {
						frame.fill(dy[i*frame.size():], grad[i*ySize:(i+1)*ySize])
					}
					spread := spreadAll(v, k, weight)
					v.inputGradient(k, dx, dy, spread, scratch, images)
					sums := make([]float32, v.windowSize())
					v.kernelGradient(k, sums, x, dy, scratch, images)
					dKernel = make([]float32, len(weight))
					_, tasks := v.collected()
					for task := range tasks {
						v.collect(k, dKernel, sums, 1, task)
					}
					return y, dx, dKernel
				}
				wantY, wantX, wantKernel := results(plain, kernel.Implementations[0])
				for _, k := range kernel.Implementations {
					y, dx, dKernel := results(fast, k)
					for _, s := range []struct {
						name      string
						got, want []float32
					}{
						{"output", y, wantY},
						{"input gradient", dx, wantX},
						{"kernel gradient", dKernel, wantKernel},
					} {
						var scale, worst float64
						for i, w := range s.want {
							scale, worst = max(scale, math.Abs(float64(w))), max(worst, math.Abs(float64(w-s.got[i])))
						}
						if !(worst <= 2e-5*scale) {
							t.Errorf("%s, %d images: the %s is wrong by up to %g; its values are up to %g",
								k.Name, images, s.name, worst, scale)
						}
					}
				}
			}
		})
	}
}
