package cpu

import (
	"cmp"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
	"imagesimilarity/pkg/parallel"
)

// A predictor computes the output of the last of some layers. Each worker takes a few samples
// through all layers, in memory of its own, where what one layer puts out still lies in the cache
// for the next. Values lie there only until their last use.
type predictor struct {
	kernels *kernel.Set
	plan
	group  int       // the most samples that a worker takes at a time
	memory sync.Pool // *[]float32 of group*width + scratch
	result []float32 // (batch, output)
	n      int       // rows of the result
}

// A plan is the steps from the input to the output, and their places in memory.
type plan struct {
	sizes   []int // of the values, for one sample; the first is the input
	steps   []step
	output  int
	places  []int // of the values, for one sample
	width   int   // values of memory for a sample
	scratch int   // and for what the steps need besides
}

// A step computes one of the values from others, for n samples.
type step struct {
	in      []int
	out     int
	inPlace bool // the output may lie where the first input does
	scratch int
	run     func(k *kernel.Set, in [][]float32, out, scratch []float32, n int)
}

// The most samples that go through the layers together. If the weights do not fit in a core's
// cache, they come from far for each group, so that it has to be large. maxGroupValues bounds its
// memory.
const (
	smallGroup, largeGroup = 16, 64
	cachedWeights          = 1 << 18
	maxGroupValues         = 1 << 24
)

func newPredictor(k *kernel.Set, layers []*nn.Layer, batch int) (*predictor, error) {
	b, err := build(k, layers)
	if err != nil {
		return nil, err
	}
	p := &predictor{kernels: k, plan: b.plan}
	p.place()
	weights, group := 0, smallGroup
	for _, l := range layers {
		for _, w := range l.Weights {
			weights += len(w.Data)
		}
	}
	if weights > cachedWeights {
		group = largeGroup
	}
	p.group = max(min(group, batch, maxGroupValues/p.width), 1)
	output := p.sizes[p.output]
	most := max(batch*output, runtime.GOMAXPROCS(0)*(p.group*p.width+p.scratch))
	if most > maxBatchValues {
		return nil, fmt.Errorf("nn: predictions of layer %q in batches of %d are too large; "+
			"expected at most %d values", layers[len(layers)-1].Name, batch, maxBatchValues)
	}
	p.result = make([]float32, batch*output)
	p.memory.New = func() any {
		m := make([]float32, p.group*p.width+p.scratch)
		return &m
	}
	return p, nil
}

// place finds places for the values: the first gap among the values that are in use.
func (p *plan) place() {
	last := make([]int, len(p.sizes)) // the step that uses a value last
	for i, s := range p.steps {
		for _, v := range s.in {
			last[v] = i
		}
	}
	last[p.output] = len(p.steps)
	p.places = make([]int, len(p.sizes))
	live := []int{0} // by place
	p.width = p.sizes[0]
	for i, s := range p.steps {
		p.scratch = max(p.scratch, s.scratch)
		first := s.in[0]
		if s.inPlace && last[first] == i && p.sizes[first] == p.sizes[s.out] {
			p.places[s.out] = p.places[first]
			live[slices.Index(live, first)] = s.out
		} else {
			at := 0
			for _, v := range live {
				if p.places[v]-at >= p.sizes[s.out] {
					break
				}
				at = p.places[v] + p.sizes[v]
			}
			p.places[s.out] = at
			p.width = max(p.width, at+p.sizes[s.out])
			live = append(live, s.out)
		}
		live = slices.DeleteFunc(live, func(v int) bool { return last[v] <= i && v != s.out })
		slices.SortFunc(live, func(a, b int) int { return cmp.Compare(p.places[a], p.places[b]) })
	}
}

// Run computes the outputs of the samples with these indices.
func (p *predictor) Run(d nn.Data, index []int) error {
	samples := d.(data).Samples
	p.n = len(index)
	size := p.sizes[p.output]
	// Every worker gets as much to do.
	tasks, workers := ceilDiv(p.n, p.group), runtime.GOMAXPROCS(0)
	tasks = min(ceilDiv(tasks, workers)*workers, p.n)
	errs := make([]error, tasks)
	parallel.Do(tasks, func(jobs iter.Seq[int]) {
		memory := p.memory.Get().(*[]float32)
		defer p.memory.Put(memory)
		for t := range jobs {
			first, last := t*p.n/tasks, (t+1)*p.n/tasks
			errs[t] = p.compute(p.result[first*size:last*size], samples, index[first:last], *memory)
		}
	})
	return cmp.Or(errs...)
}

// compute writes the outputs of some samples to dst.
func (p *predictor) compute(dst []float32, s *nn.Samples, index []int,
	memory []float32) error {
	n, scratch := len(index), memory[p.group*p.width:]
	value := func(v int) []float32 { return memory[p.group*p.places[v]:][:n*p.sizes[v]] }
	if err := s.Input(value(0), index); err != nil {
		return err
	}
	var in [][]float32
	for _, s := range p.steps {
		in = in[:0]
		for _, v := range s.in {
			in = append(in, value(v))
		}
		s.run(p.kernels, in, value(s.out), scratch, n)
	}
	copy(dst, value(p.output))
	return nil
}

// Output writes the outputs of the last Run.
func (p *predictor) Output(dst []float32) error {
	copy(dst, p.result[:p.n*p.sizes[p.output]])
	return nil
}

func (*predictor) Close() {}
