package cpu

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
	"imagesimilarity/pkg/nn/internal/nntest"
)

// networks are the autoencoders that are measured, for images of 28x28 in batches of 128.
var networks = []struct {
	filters   []int
	embedding int
}{{[]int{16, 32, 64}, 10}, {[]int{8, 16}, 10}, {[]int{32, 64, 128, 128}, 20}}

const benchmarkBatch = 128

// benchmarkNetworks measures one batch, which is the operation that prepare returns, for every
// network and implementation. GFLOP/s count the products and sums of the layers' plain definitions,
// passes times each.
func benchmarkNetworks(b *testing.B, passes int,
	prepare func(k *kernel.Set, m *nn.Model) (func() error, error)) {
	for _, c := range networks {
		for _, k := range kernel.Implementations {
			b.Run(fmt.Sprintf("filters=%v/%s", c.filters, k.Name), func(b *testing.B) {
				m, err := nn.NewAutoencoder(nn.AutoencoderConfig{
					Rows: 28, Cols: 28, FilterSize: 3, Filters: c.filters, Embedding: c.embedding,
				}, 1)
				if err != nil {
					b.Fatal(err)
				}
				batch, err := prepare(k, m)
				if err != nil {
					b.Fatal(err)
				}
				if err := batch(); err != nil { // the first one makes room
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := batch(); err != nil {
						b.Fatal(err)
					}
				}
				flops := 2 * float64(benchmarkBatch*passes*products(m))
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// products is the number of products in the plain definitions of the layers, for one image.
func products(m *nn.Model) int {
	n := 0
	for _, l := range m.Layers {
		switch l.Class {
		case nn.Conv2D:
			n += l.Output[0] * l.Output[1] * len(l.Weights[0].Data)
		case nn.Dense:
			n += len(l.Weights[0].Data)
		}
	}
	return n
}

// someImages fills input with grey levels, half of them black.
func someImages(input []float32) {
	random := rand.New(rand.NewPCG(1, 1))
	for i := range input {
		input[i] = random.Float32() * float32(random.IntN(2))
	}
}

func BenchmarkTrainingStep(b *testing.B) {
	// A pass for the outputs, one for the gradients of the weights, one for those of the inputs.
	benchmarkNetworks(b, 3, func(k *kernel.Set, m *nn.Model) (func() error, error) {
		n, err := newLearner(k, m.Layers, nn.MeanSquaredError, benchmarkBatch, 1)
		if err != nil {
			return nil, err
		}
		someImages(n.input)
		s := newSolver(k, nn.RMSprop)
		return func() error {
			if err := n.run(benchmarkBatch); err != nil {
				return err
			}
			return s.step(n)
		}, nil
	})
}

func BenchmarkPrediction(b *testing.B) {
	benchmarkNetworks(b, 1, func(k *kernel.Set, m *nn.Model) (func() error, error) {
		p, err := newPredictor(k, m.Layers, benchmarkBatch)
		if err != nil {
			return nil, err
		}
		images := make([]float32, benchmarkBatch*product(m.Input()))
		someImages(images)
		samples := &nn.Samples{N: benchmarkBatch, Input: copied(images, product(m.Input()))}
		index := inOrder(benchmarkBatch)
		return func() error { return p.Run(data{samples}, index) }, nil
	})
}

// trainer returns a learner of a network in the list and the operation that is a training step.
func trainer(b *testing.B, filters []int, embedding int) (*network, func()) {
	m, err := nn.NewAutoencoder(nn.AutoencoderConfig{
		Rows: 28, Cols: 28, FilterSize: 3, Filters: filters, Embedding: embedding,
	}, 1)
	if err != nil {
		b.Fatal(err)
	}
	k := kernel.Implementations[0]
	n, err := newLearner(k, m.Layers, nn.MeanSquaredError, benchmarkBatch, 1)
	if err != nil {
		b.Fatal(err)
	}
	someImages(n.input)
	s := newSolver(k, nn.RMSprop)
	return n, func() {
		if err := n.run(benchmarkBatch); err != nil {
			b.Fatal(err)
		}
		if err := s.step(n); err != nil {
			b.Fatal(err)
		}
	}
}

// coresToMeasure are 1, 2, 4, … and all cores.
func coresToMeasure() []int {
	var list []int
	for n := 1; n < runtime.NumCPU(); n *= 2 {
		list = append(list, n)
	}
	return append(list, runtime.NumCPU())
}

// BenchmarkCores measures training steps on 1, 2, 4, … cores of this machine. Times-one is how many
// times as fast as on one core they are.
func BenchmarkCores(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range networks {
		var one float64
		for _, cores := range coresToMeasure() {
			b.Run(fmt.Sprintf("filters=%v/cores=%d", c.filters, cores), func(b *testing.B) {
				runtime.GOMAXPROCS(cores)
				_, step := trainer(b, c.filters, c.embedding)
				step()
				for b.Loop() {
					step()
				}
				seconds := b.Elapsed().Seconds() / float64(b.N)
				if cores == 1 {
					one = seconds
				}
				b.ReportMetric(one/seconds, "times-one")
			})
		}
	}
}

// BenchmarkSchedule computes what a training step would take on more cores than there are. It
// measures each task on one core, cut as for that many cores, and hands the tasks to imagined cores
// as parallel.Near would. To wait for other cores, waits times a step, takes them no time, and all
// are as fast as one that is alone: so times-one is an upper bound. Alone-us is the time of what
// one core does while the others wait.
func BenchmarkSchedule(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range networks {
		var one time.Duration
		for _, cores := range []int{1, 2, 4, 8, 12, 16, 32} {
			b.Run(fmt.Sprintf("filters=%v/cores=%d", c.filters, cores), func(b *testing.B) {
				runtime.GOMAXPROCS(cores)
				n, step := trainer(b, c.filters, c.embedding)
				step()
				r := &recorder{}
				n.do = r.do
				for b.Loop() {
					for range 20 { // each task meets a moment in which the machine does nothing else
						r.at, r.end = 0, time.Now()
						step()
						r.gap()
					}
				}
				var alone, total time.Duration
				for _, d := range r.gaps {
					alone += d
				}
				total = alone
				for _, took := range r.tasks {
					total += onCores(took, cores)
				}
				if cores == 1 {
					one = total
				}
				b.ReportMetric(float64(total.Microseconds())/1000, "ms")
				b.ReportMetric(float64(one)/float64(total), "times-one")
				b.ReportMetric(float64(alone.Microseconds()), "alone-us")
				b.ReportMetric(float64(len(r.tasks)), "waits")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// A recorder keeps the least times of the same step done again and again.
type recorder struct {
	gaps  []time.Duration   // before, between and after the calls of do
	tasks [][]time.Duration // of each call

	at  int       // the next call
	end time.Time // of the one before
}

// gap ends the time between two calls.
func (r *recorder) gap() {
	d := time.Since(r.end)
	if r.at == len(r.gaps) {
		r.gaps = append(r.gaps, d)
	}
	r.gaps[r.at] = min(r.gaps[r.at], d)
}

func (r *recorder) do(tasks int, worker func(iter.Seq[int])) {
	r.gap()
	if r.at == len(r.tasks) {
		r.tasks = append(r.tasks, slices.Repeat([]time.Duration{math.MaxInt64}, tasks))
	}
	took := r.tasks[r.at]
	worker(func(yield func(int) bool) {
		for i := range tasks {
			began := time.Now()
			if !yield(i) {
				return
			}
			took[i] = min(took[i], time.Since(began))
		}
	})
	r.at, r.end = r.at+1, time.Now()
}

// onCores returns the time in which cores do tasks, in the order in which parallel.Near hands them
// out.
func onCores(took []time.Duration, cores int) time.Duration {
	lanes := min(cores, len(took))
	if lanes == 0 {
		return 0
	}
	next, end, busy := make([]int, lanes), make([]int, lanes), make([]time.Duration, lanes)
	for l := range lanes {
		next[l], end[l] = l*len(took)/lanes, (l+1)*len(took)/lanes
	}
	for range took {
		w := slices.Index(busy, slices.Min(busy)) // the worker that is free first
		l := w
		for next[l] == end[l] {
			l = (l + 1) % lanes
		}
		busy[w] += took[next[l]]
		next[l]++
	}
	return slices.Max(busy)
}

// BenchmarkLayers measures predictions of single layers and of two encoders that people write, with
// images in batches of 32.
func BenchmarkLayers(b *testing.B) {
	layer := func(class nn.Class, filters, size, stride int, p nn.Padding) *nn.Layer {
		return &nn.Layer{
			Class: class, Output: []int{filters}, Kernel: [2]int{size, size}, Padding: p,
			Strides: [2]int{stride, stride}, Activation: relu,
		}
	}
	pooling := func(class nn.Class, size, stride int, p nn.Padding) *nn.Layer {
		return &nn.Layer{
			Class: class, Size: [2]int{size, size}, Strides: [2]int{stride, stride}, Padding: p,
		}
	}
	of := func(class nn.Class) *nn.Layer {
		return &nn.Layer{Class: class, Size: [2]int{2, 2}, Slope: 0.3, Epsilon: 0.001}
	}
	dilated, grouped := layer(nn.Conv2D, 32, 3, 1, nn.Same), layer(nn.Conv2D, 32, 3, 1, nn.Same)
	dilated.Dilation, grouped.Groups = [2]int{2, 2}, 4
	bilinear, permute := of(nn.UpSampling2D), of(nn.Permute)
	bilinear.Bilinear, permute.Axes = true, []int{3, 1, 2}
	pad, prelu := of(nn.ZeroPadding2D), of(nn.PReLU)
	pad.Border, prelu.Axes = [2][2]int{{1, 1}, {1, 1}}, []int{1, 2}
	grey, image, small := []int{28, 28, 1}, []int{28, 28, 32}, []int{14, 14, 32}
	type benchmark struct {
		name   string
		input  []int
		layers []*nn.Layer
	}
	one := func(name string, input []int, l *nn.Layer) benchmark {
		return benchmark{name, input, []*nn.Layer{l}}
	}
	all := []benchmark{
		{"strided encoder", grey, []*nn.Layer{
			layer(nn.Conv2D, 32, 3, 2, nn.Valid), layer(nn.Conv2D, 64, 3, 2, nn.Valid), flatten(),
			dense(16, linear),
		}},
		{"transposed decoder", []int{3, 3, 64}, []*nn.Layer{
			layer(nn.Conv2DTranspose, 64, 3, 2, nn.Valid),
			layer(nn.Conv2DTranspose, 32, 3, 2, nn.Same),
			layer(nn.Conv2DTranspose, 1, 3, 2, nn.Same),
		}},
		one("depthwise", image, layer(nn.DepthwiseConv2D, 32, 3, 1, nn.Same)),
		one("separable", image, layer(nn.SeparableConv2D, 64, 3, 1, nn.Same)),
		one("max pooling 3x3, strides 2", image, pooling(nn.MaxPooling2D, 3, 2, nn.Same)),
		one("average pooling", image, pooling(nn.AveragePooling2D, 2, 2, nn.Valid)),
		one("global average", image, of(nn.GlobalAveragePooling2D)),
		one("bilinear", small, bilinear), one("nearest", small, of(nn.UpSampling2D)),
		one("leaky", image, of(nn.LeakyReLULayer)), one("elu", image, of(nn.ELULayer)),
		one("layer normalisation", image, of(nn.LayerNormalization)),
		one("batch normalisation", image, of(nn.BatchNormalization)),
		one("permute", image, permute), one("softmax", image, of(nn.SoftmaxLayer)),
		one("prelu", image, prelu), one("zero padding", image, pad),
		one("dense on a map", image, dense(64, relu)),
		one("three filters", image, layer(nn.Conv2D, 3, 3, 1, nn.Same)),
		one("dilated", image, dilated), one("groups", image, grouped),
		one("3x3 valid", image, layer(nn.Conv2D, 32, 3, 1, nn.Valid)),
		one("5x5 valid, one channel", grey, layer(nn.Conv2D, 32, 5, 1, nn.Valid)),
		one("4x4, strides 2", image, layer(nn.Conv2D, 64, 4, 2, nn.Same)),
	}
	for _, a := range nntest.Activations {
		l := of(nn.ActivationLayer)
		l.Activation = a
		all = append(all, one(string(a), image, l))
	}
	for _, c := range all {
		b.Run(c.name, func(b *testing.B) {
			layers := append([]*nn.Layer{{Class: nn.InputLayer, Output: c.input}}, c.layers...)
			for i, l := range layers {
				l.Name = fmt.Sprint(i)
			}
			m, err := nn.NewModel("model", layers)
			if err != nil {
				b.Fatal(err)
			}
			const batch = 32
			x, _ := randomSamples(rand.New(rand.NewPCG(1, 1)), batch, product(c.input), 1)
			s := &nn.Samples{N: batch, Input: copied(x, product(c.input))}
			p, err := newPredictor(kernel.Implementations[0], m.Layers, batch)
			if err != nil {
				b.Fatal(err)
			}
			index := inOrder(batch)
			for b.Loop() {
				if err := p.Run(data{s}, index); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "µs/image")
		})
	}
}

// BenchmarkConvolution runs the convolutions of the networks above on a group of images, on one
// core. GFLOP/s count every product and sum of the plain definition, including those with zeros and
// those that are saved.
func BenchmarkConvolution(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		in      []int
		up      int
		filters int
	}{
		{[]int{28, 28, 1}, 1, 16}, {[]int{14, 14, 16}, 1, 32},
		{[]int{7, 7, 32}, 1, 64}, {[]int{7, 7, 64}, 1, 64},
		{[]int{7, 7, 32}, 2, 16}, {[]int{14, 14, 16}, 2, 1},
		{[]int{14, 14, 8}, 1, 16}, {[]int{7, 7, 128}, 1, 128},
	} {
		l := &nn.Layer{Class: nn.Conv2D, Kernel: [2]int{3, 3}, Output: []int{0, 0, c.filters}}
		v := newConvolution(c.in, [2]int{c.up, c.up}, l)
		x, y := someValues(random, groupSize*product(c.in)), make([]float32, groupSize*v.h*v.w*v.f)
		weight := someValues(random, v.kh*v.kw*v.c*v.f)
		arranged := v.arrangeAll(kernel.Implementations[0], weight)
		bias := make([]float32, v.f)
		dy, dx := someValues(random, groupSize*v.y.size()), make([]float32, groupSize*product(c.in))
		grad, scratch := make([]float32, v.windowSize()), make([]float32, v.scratch())
		spread := spreadAll(v, kernel.Implementations[0], weight)
		for _, k := range kernel.Implementations {
			for _, part := range []struct {
				name string
				run  func()
			}{
				{"forward", func() {
					for i, n := 0, min(v.imagesPerCall(), groupSize); i < groupSize; i += n {
						v.apply(k, y, x[i*product(c.in):(i+n)*product(c.in)], arranged, bias, scratch, true, n)
					}
				}},
				{"input gradient", func() { v.inputGradient(k, dx, dy, spread, scratch, groupSize) }},
				{"kernel gradient", func() { v.kernelGradient(k, grad, x, dy, scratch, groupSize) }},
			} {
				name := fmt.Sprintf("in=%v,up=%d,filters=%d/%s/%s",
					c.in, c.up, c.filters, part.name, k.Name)
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						part.run()
					}
					flops := float64(groupSize) * float64(v.h*v.w*v.kh*v.kw) * float64(v.c*v.f) * 2
					b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}

// spreadAll returns a new kernel as inputGradient takes it.
func spreadAll(v *convolution, k *kernel.Set, weight []float32) []float32 {
	dst := make([]float32, v.spreadSize())
	for task := range v.spreadTasks() {
		v.spread(k, dst, weight, task)
	}
	return v.spreadOut(dst)
}

// someValues returns random values. Some of them are equal, some zero.
func someValues(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		if v[i] = float32(r.NormFloat64()); r.IntN(4) == 0 {
			v[i] = float32(r.IntN(3) - 1)
		}
	}
	return v
}

// eachImplementation runs a test with the kernels of every instruction set that this processor has.
func eachImplementation(t *testing.T, test func(t *testing.T, k *kernel.Set)) {
	for _, k := range kernel.Implementations {
		t.Run(k.Name, func(t *testing.T) { test(t, k) })
	}
}
