// Package opencl is the engine that runs models on a graphics processor, or any other device with
// a driver for OpenCL 1.2. The driver's library is opened when the program runs; the build tag gpu
// builds that in. The text of the kernels lies in the folder source. It is compiled with the sizes
// of layers as constants; layers and networks of the same sizes share what was compiled. Each
// launch has a kernel object of its own, whose arguments are set once.
//
// Results are the same to the last bit whenever the same device with the same driver computes them.
// Other devices round exponentials, quotients and fused sums differently.
package opencl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/parallel"
)

// queued is the number of batches that may be under way after the one whose result is asked for.
const queued = 3

// An engine runs models on one device.
type engine struct{ *device }

func (engine) Queue() int { return queued }

// data is samples. They lie on the device, or are sent with each batch if they are too many.
type data struct {
	*nn.Samples
	device *device
	memory *memory // nil if they are sent
	sent   bool    // they are sent, as there was no memory for them
}

// Load prepares samples. They are copied when they are first used: a network knows their size.
func (e engine) Load(s *nn.Samples) (nn.Data, error) {
	return &data{Samples: s, device: e.device}, nil
}

// place copies the samples, of a size, to the device, unless they take more than half of its
// memory, or more than is left of it.
func (d *data) place(size int) error {
	bytes := 4 * int64(d.N) * int64(size)
	if d.memory != nil || d.sent || bytes > d.device.Memory/2 || bytes > d.device.Largest {
		return nil
	}
	m, err := d.device.memory(d.N * size)
	if err == nil {
		err = d.copyTo(m, size)
	}
	if err == nil {
		d.memory = m
		return nil
	}
	d.device.free(m)
	if d.sent = noMemory(err); d.sent {
		return nil
	}
	return err
}

// copyTo copies the samples to a memory.
func (d *data) copyTo(m *memory, size int) error {
	const block = 1 << 22 // values that are copied at a time
	step := max(block/size, 1)
	values := make([]float32, min(step, d.N)*size)
	for first := 0; first < d.N; first += step {
		index := make([]int, min(step, d.N-first))
		for i := range index {
			index[i] = first + i
		}
		if err := d.fill(values, index, size); err != nil {
			return err
		}
		if err := d.device.write(m, first*size, values[:len(index)*size]); err != nil {
			return err
		}
	}
	return nil
}

// fill writes samples of a size to dst.
func (d *data) fill(dst []float32, index []int, size int) error {
	const block = 16 // samples of a task: many times the cost of starting it
	errs := make([]error, ceilDiv(len(index), block))
	parallel.Blocks(len(index), block, func(from, to int) {
		errs[from/block] = d.Input(dst[from*size:to*size], index[from:to])
	})
	return cmp.Or(errs...)
}

func (d *data) Close() {
	if d.memory != nil {
		d.device.driver.finish(d.device.queue) // batches that nobody asks for may be under way
	}
	d.device.free(d.memory)
	d.memory = nil
}

// A ring is the batches under way: what was sent to the device for them and what it answers.
type ring struct {
	*device
	slots       [queued + 1]slot
	first, used int
	memory      []byte
	buffer      handle // of the memory; 0 for none
}

type slot struct {
	head   []int32
	input  []float32
	result []float32
	event  handle
	n      int
}

// newRing returns a ring for batches of at most batch samples, with values numbers of a result for
// each. Its slots lie in pinned memory. If they are too large for that, or there is none, they grow
// when they are used.
func newRing(d *device, batch, values int) *ring {
	head, result := words+2*batch, batch*values
	r := &ring{device: d}
	size := 4 * len(r.slots) * (head + result)
	const most = 64 << 20 // the system cannot use such memory for anything else
	if size > most {
		return r
	}
	var err error
	if r.memory, r.buffer, err = d.driver.pinned(d.context, d.queue, size); err != nil {
		return r
	}
	rest := unsafe.Pointer(&r.memory[0])
	for i := range r.slots {
		s := &r.slots[i]
		s.head = unsafe.Slice((*int32)(rest), head)
		s.result = unsafe.Slice((*float32)(unsafe.Add(rest, 4*head)), result)
		rest = unsafe.Add(rest, 4*(head+result))
	}
	return r
}

// close waits for what is under way.
func (r *ring) close() {
	for r.used > 0 {
		r.oldest()
	}
	if r.buffer != 0 {
		r.driver.unpin(r.queue, r.buffer, r.memory)
		r.buffer = 0
	}
}

// next returns the slot for another batch.
func (r *ring) next() (*slot, error) {
	if r.used == len(r.slots) {
		return nil, fmt.Errorf("nn: more than %d batches are under way", r.used)
	}
	s := &r.slots[(r.first+r.used)%len(r.slots)]
	s.event = 0
	r.used++
	return s, nil
}

// oldest waits for the oldest batch and returns its slot, which is free then.
func (r *ring) oldest() (*slot, error) {
	if r.used == 0 {
		return nil, errors.New("nn: no batch is under way")
	}
	s := &r.slots[r.first]
	r.first, r.used = (r.first+1)%len(r.slots), r.used-1
	if s.event == 0 {
		return s, errors.New("nn: a batch has failed before")
	}
	err := r.driver.wait(s.event)
	r.driver.release(events, s.event)
	return s, err
}

// begin sends a batch and starts the launches of a network. The slot of the batch then gets the
// result, which has values numbers for each sample.
func (n *network) begin(r *ring, d *data, index []int, result *memory, values int) error {
	if err := d.place(n.size); err != nil {
		return err
	}
	s, err := r.next()
	if err != nil {
		return err
	}
	n.runs++
	s.n = len(index)
	s.head = slices.Grow(s.head[:0], words+2*n.batch)[:words+2*n.batch]
	s.head[0], s.head[1], s.head[2] = int32(s.n), int32(n.runs), int32(n.runs>>32)
	for i, k := range index {
		s.head[words+i] = int32(k)
		if d.Labels != nil {
			s.head[words+n.batch+i] = int32(d.Labels[k])
		}
	}
	if err := n.driver.write(n.queue, n.head.handle, 0, bytesOf(s.head), false); err != nil {
		return err
	}
	from := 0
	if d.memory == nil {
		from = 1 // nothing is to be gathered
		s.input = slices.Grow(s.input[:0], s.n*n.size)[:s.n*n.size]
		if err := d.fill(s.input, index, n.size); err != nil {
			return err
		}
		if err := n.driver.write(n.queue, n.input.handle, 0, bytesOf(s.input), false); err != nil {
			return err
		}
	} else if n.given != d.memory {
		if err := n.argument(0, 1, d.memory); err != nil {
			return err
		}
		n.given = d.memory
	}
	if err := n.run(from, len(n.launches)); err != nil {
		return err
	}
	s.result = slices.Grow(s.result[:0], s.n*values)[:s.n*values]
	s.event, err = n.driver.read(n.queue, result.handle, 0, bytesOf(s.result), false)
	if err != nil {
		return err
	}
	return n.driver.flush(n.queue)
}

// A prediction computes outputs.
type prediction struct {
	network *network
	ring    *ring
	result  *memory
	values  int // of an output
}

func (e engine) NewPrediction(layers []*nn.Layer, batch int) (nn.Prediction, error) {
	w := weightsOf(layers)
	n, err := newNetwork(e.device, layers, w, batch)
	if err != nil {
		return nil, err
	}
	p := &prediction{network: n, values: product(layers[len(layers)-1].Output)}
	p.ring = newRing(e.device, batch, p.values)
	if p.result, err = n.predict(layers); err == nil {
		err = n.finish()
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// finish makes the memory of the weights, with their values, and the launches.
func (n *network) finish() error {
	n.weights.memory.handle = n.own(n.weights.memory.values).handle
	if n.err == nil {
		n.err = n.weights.load(n.device)
	}
	return n.build()
}

func (p *prediction) Run(d nn.Data, index []int) error {
	return p.network.begin(p.ring, d.(*data), index, p.result, p.values)
}

func (p *prediction) Output(dst []float32) error {
	s, err := p.ring.oldest()
	if err == nil {
		copy(dst, s.result)
	}
	return err
}

func (p *prediction) Close() {
	p.ring.close()
	p.network.close()
}

// A solver is the state of an optimizer between trainings.
type solver struct {
	adam          bool
	steps         int
	first, second []float32 // moments of the weights, one after the other; nil before the first step
}

func (engine) NewSolver(o nn.Optimizer) nn.Solver {
	switch o {
	case nn.RMSprop, nn.Adam:
		return &solver{adam: o == nn.Adam}
	}
	panic("nn: unknown optimizer")
}

type training struct {
	*device
	learner, evaluator *network
	update             *schedule // the step of the optimizer
	ring               *ring
	solver             *solver
	weights            *weights
	first, second      *memory // the solver's
}

func (e engine) NewTraining(p nn.Plan, s nn.Solver) (nn.Training, error) {
	if err := nn.CheckTrainable(p.Layers); err != nil {
		return nil, err
	}
	w := weightsOf(p.Layers)
	t := &training{device: e.device, solver: s.(*solver), weights: w}
	t.ring = newRing(e.device, max(p.Batch, p.EvaluationBatch), 1)
	if err := t.build(p); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *training) build(p nn.Plan) (err error) {
	if t.learner, err = newNetwork(t.device, p.Layers, t.weights, p.Batch); err != nil {
		return err
	}
	n := t.learner
	n.learns, n.seed = true, mixed(p.Seed)+p.Fit
	n.losing(p.Layers, p.Loss)
	n.gradients.handle = n.own(n.gradients.values).handle
	if err := n.finish(); err != nil {
		return err
	}
	if t.evaluator, err = newNetwork(t.device, p.Layers, t.weights, p.EvaluationBatch); err != nil {
		return err
	}
	t.evaluator.losing(p.Layers, p.Loss)
	if err := t.evaluator.build(); err != nil {
		return err
	}
	return t.buildUpdate()
}

func (t *training) buildUpdate() (err error) {
	t.update = newSchedule(t.device)
	size, s := t.weights.memory.values, t.solver
	if len(s.second) != size {
		s.first, s.second = make([]float32, size), make([]float32, size)
	}
	t.first, t.second = t.update.own(size), t.update.own(size)
	table := t.update.own(max(len(t.learner.table), 1))
	if t.update.err != nil || len(t.learner.table) == 0 {
		return t.update.err
	}
	if err := t.driver.write(t.queue, table.handle, 0, bytesOf(t.learner.table), true); err != nil {
		return err
	}
	if err := t.write(t.first, 0, s.first); err != nil {
		return err
	}
	if err := t.write(t.second, 0, s.second); err != nil {
		return err
	}
	// Close reads the state of the solver only if there is a launch.
	t.update.add("step", defines{
		"THREADS", maxThreads, "ADAM", s.adam, "RHO", float32(nn.Rho), "TAKE", float32(1 - nn.Rho),
		"TAKE1", float32(1 - nn.Beta1), "TAKE2", float32(1 - nn.Beta2),
		"EPSILON", float32(nn.Epsilon),
	}, [3]int{len(t.learner.table) / tableRow, 1, 1}, [3]int{maxThreads, 1, 1},
		table, t.weights.memory, t.learner.gradients, t.first, t.second, float32(nn.LearningRate))
	return t.update.build()
}

func (t *training) Run(d nn.Data, index []int) error {
	return t.learner.begin(t.ring, d.(*data), index, t.learner.losses, 1)
}

func (t *training) Evaluate(d nn.Data, index []int) error {
	return t.evaluator.begin(t.ring, d.(*data), index, t.evaluator.losses, 1)
}

func (t *training) Loss() (float64, error) {
	s, err := t.ring.oldest()
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, loss := range s.result {
		sum += float64(loss)
	}
	return float64(float32(sum / float64(s.n))), nil
}

func (t *training) Step() error {
	t.solver.steps++
	if len(t.update.launches) == 0 {
		return nil // nothing is trained
	}
	if t.solver.adam {
		if err := t.update.argument(0, 5, nn.AdamRate(t.solver.steps)); err != nil {
			return err
		}
	}
	return t.update.run(0, 1)
}

// Pull changes no weight if it fails.
func (t *training) Pull() error {
	size := t.weights.memory.values
	if size == 0 {
		return nil
	}
	all := make([]float32, size)
	if err := t.read(all, t.weights.memory, 0); err != nil {
		return err
	}
	for _, w := range t.weights.list {
		copy(w.Data, all[t.weights.at[w]:])
	}
	return nil
}

func (t *training) Push() error { return t.weights.load(t.device) }

// Close keeps the state of the optimizer.
func (t *training) Close() {
	t.ring.close()
	if t.update != nil && len(t.update.launches) > 0 {
		s := t.solver
		if t.read(s.first, t.first, 0) != nil || t.read(s.second, t.second, 0) != nil {
			s.first, s.second = nil, nil // the device is lost
		}
	}
	if t.update != nil {
		t.update.close()
	}
	for _, n := range []*network{t.learner, t.evaluator} {
		if n != nil {
			n.close()
		}
	}
}

// mixed is the function scramble of common.cl.
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
