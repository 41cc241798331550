//go:build gpu

package opencl

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
	"imagesimilarity/pkg/nn/internal/nntest"
)

// A faulty driver fails in a call, counted from 1, and in all after it.
type faulty struct {
	driver
	calls, at int
	code      int
	buffers   bool // only calls for memory count, and only one fails
}

func (f *faulty) fails(name string, memory bool) error {
	if f.buffers && !memory {
		return nil
	}
	f.calls++
	if f.calls == f.at || f.calls > f.at && !f.buffers {
		return &Failure{Call: name, Code: f.code}
	}
	return nil
}

func (f *faulty) buffer(context handle, size int) (handle, error) {
	if err := f.fails("clCreateBuffer", true); err != nil {
		return 0, err
	}
	return f.driver.buffer(context, size)
}

func (f *faulty) write(queue, buffer handle, offset int, data []byte, wait bool) error {
	if err := f.fails("clEnqueueWriteBuffer", false); err != nil {
		return err
	}
	return f.driver.write(queue, buffer, offset, data, wait)
}

func (f *faulty) read(queue, buffer handle, offset int, data []byte, wait bool) (handle, error) {
	if err := f.fails("clEnqueueReadBuffer", false); err != nil {
		return 0, err
	}
	return f.driver.read(queue, buffer, offset, data, wait)
}

func (f *faulty) run(queue, kernel handle, global, local [3]int) error {
	if err := f.fails("clEnqueueNDRangeKernel", false); err != nil {
		return err
	}
	return f.driver.run(queue, kernel, global, local)
}

func (f *faulty) wait(event handle) error {
	if err := f.fails("clWaitForEvents", false); err != nil {
		return err
	}
	return f.driver.wait(event)
}

// with returns the engine on the device with another driver.
func (e engine) with(d driver) engine {
	like := *e.device
	like.driver = d
	return engine{&like}
}

// A spy is the CPU's engine. It keeps the weights with which its first training began.
type spy struct {
	nn.Engine
	began []float32
}

func (s *spy) NewTraining(p nn.Plan, of nn.Solver) (nn.Training, error) {
	if s.began == nil {
		s.began = flat(p.Layers)
	}
	return s.Engine.NewTraining(p, of)
}

func flat(layers []*nn.Layer) (all []float32) {
	for _, l := range layers {
		for _, w := range l.Weights {
			all = append(all, w.Data...)
		}
	}
	return all
}

// small returns an autoencoder and samples for it.
func small(t *testing.T) (*nn.Model, *nn.Samples) {
	t.Helper()
	m, err := nn.NewAutoencoder(nn.AutoencoderConfig{
		Rows: 8, Cols: 8, FilterSize: 3, Filters: []int{8, 9}, Embedding: 3,
	}, 1)
	if err != nil {
		t.Fatal(err)
	}
	x := random(rand.New(rand.NewPCG(1, 1)), 20*64)
	for i, v := range x {
		x[i] = float32(math.Abs(math.Mod(float64(v), 1)))
	}
	return m, listed(x, 64, nil)
}

// fit trains for three epochs of five batches.
func fit(m *nn.Model, s *nn.Samples, e nn.Engine, epochs int) (nn.History, error) {
	return nn.NewTrainer(e, m, nn.MeanSquaredError, nn.RMSprop, 1).Fit(s, s, epochs, 4, nil)
}

// A device that vanishes in any call, or has no memory in any call for it, costs no epoch: the
// CPU's engine takes over with the weights of the last one, and tells once why.
func TestDeviceFails(t *testing.T) {
	e := testEngine(t)
	// How many calls a training makes, and the weights after each epoch.
	count := &faulty{driver: e.driver, at: math.MaxInt}
	var good [][]float32
	for epochs := range 3 {
		m, s := small(t)
		count.calls = 0
		if _, err := fit(m, s, e.with(count), epochs); err != nil {
			t.Fatal(err)
		}
		good = append(good, flat(m.Layers))
	}
	calls := count.calls - 2 // the last two are those of Close, after the work
	m, s := small(t)
	memories := &faulty{driver: e.driver, at: math.MaxInt, buffers: true}
	if _, err := fit(m, s, e.with(memories), 1); err != nil {
		t.Fatal(err)
	}
	m, s = small(t)
	want, err := fit(m, s, cpu.New(), 2)
	if err != nil {
		t.Fatal(err)
	}
	check := func(f *faulty) {
		t.Helper()
		var told []string
		other := &spy{Engine: cpu.New()}
		m, s := small(t)
		h, err := fit(m, s, WithFallback(e.with(f), other, func(why error) {
			told = append(told, why.Error())
		}), 2)
		if err != nil {
			t.Errorf("failure of call %d: %v", f.at, err)
			return
		}
		if f.calls < f.at {
			return // it was not reached
		}
		if len(told) != 1 || !strings.Contains(told[0], meanings[f.code]) {
			t.Errorf("failure of call %d: told %q", f.at, told)
		}
		if len(h.Loss) != 2 || math.Abs(h.Loss[0]/want.Loss[0]-1) > 0.01 ||
			math.Abs(h.Loss[1]/want.Loss[1]-1) > 0.1 {
			t.Errorf("failure of call %d: losses %v, expected about %v", f.at, h.Loss, want.Loss)
		}
		if !slices.ContainsFunc(good, func(w []float32) bool { return slices.Equal(w, other.began) }) {
			t.Errorf("failure of call %d: the CPU's engine began with other weights than those after "+
				"an epoch", f.at)
		}
	}
	step := 7
	if testing.Short() {
		step = 97
	}
	for at := 1; at <= calls; at += step {
		check(&faulty{driver: e.driver, at: at, code: deviceNotAvailable})
	}
	for at := 1; at <= memories.calls; at++ {
		check(&faulty{driver: e.driver, at: at, code: noMemoryForObject, buffers: true})
	}
}

// The same for predictions: all outputs come, those before the failure from the device.
func TestDeviceFailsInPrediction(t *testing.T) {
	e := testEngine(t)
	m, s := small(t)
	want, err := m.Predict(cpu.New(), s, "", 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	for at := 1; ; at += 5 {
		f := &faulty{driver: e.driver, at: at, code: outOfResources}
		told := 0
		got, err := m.Predict(WithFallback(e.with(f), cpu.New(), func(error) { told++ }), s, "", 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "outputs", got, want, 1e-5)
		if f.calls < at {
			break
		}
		if told != 1 {
			t.Errorf("failure of call %d: told %d times", at, told)
		}
	}
}

// An error of the samples is none of the device.
func TestSamplesFail(t *testing.T) {
	e := testEngine(t)
	m, s := small(t)
	broken := errors.New("the file is broken")
	s.Input = func([]float32, []int) error { return broken }
	told := 0
	_, err := fit(m, s, WithFallback(e, cpu.New(), func(error) { told++ }), 1)
	if !errors.Is(err, broken) || told > 0 {
		t.Errorf("error %v, told %d times", err, told)
	}
}

// A training is the same to the bit when it is repeated, and if the samples are sent with each
// batch.
func TestSameBytes(t *testing.T) {
	e := testEngine(t)
	like := *e.device
	like.Memory = 0
	var want []float32
	for _, e := range []engine{e, e, {&like}} {
		m, s := small(t)
		if _, err := fit(m, s, e, 2); err != nil {
			t.Fatal(err)
		}
		out, err := m.Predict(e, s, "", 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		all := append(flat(m.Layers), out...)
		if want == nil {
			want = all
		}
		if !slices.Equal(all, want) {
			t.Error("other weights or outputs")
		}
	}
}

// Dropout drops what it does on the CPU's engine, and both optimizers do the same steps, also over
// two trainings.
func TestTrainingAgreesWithCPU(t *testing.T) {
	e := testEngine(t)
	for _, o := range []nn.Optimizer{nn.RMSprop, nn.Adam} {
		run := func(e nn.Engine) (losses []float64) {
			r := rand.New(rand.NewPCG(1, 1))
			m := nntest.RandomModel(t, nntest.Chain(
				nntest.Conv(3, 3, 5, nn.ReLU), nntest.BatchNorm(), nntest.Pool(2, 2),
				&nn.Layer{Class: nn.Dropout, Rate: 0.4}, nntest.Flatten(), nntest.Dense(6, nn.ReLU),
				&nn.Layer{Class: nn.Dropout, Rate: 0.3}, nntest.Dense(4, nn.Softmax)), r)
			labels := make([]uint8, 21)
			for i := range labels {
				labels[i] = uint8(i % 4)
			}
			s := listed(random(r, 21*30), 30, labels)
			trainer := nn.NewTrainer(e, m, nn.CategoricalCrossentropy, o, 7)
			for range 2 {
				h, err := trainer.Fit(s, s, 2, 8, nil)
				if err != nil {
					t.Fatal(err)
				}
				losses = append(append(losses, h.Loss...), h.ValLoss...)
			}
			return losses
		}
		got, want := run(e), run(cpu.New())
		for i, w := range want {
			if !(math.Abs(got[i]/w-1) <= 1e-4) {
				t.Errorf("%s: losses %v, want %v", o, got, want)
				break
			}
		}
	}
}

// A device that computes wrong is refused.
func TestSelfTest(t *testing.T) {
	e := testEngine(t)
	if err := selfTest(e, cpu.New()); err != nil {
		t.Error(err)
	}
	err := selfTest(e.with(&forgetful{driver: e.driver}), cpu.New())
	if err == nil || !strings.Contains(err.Error(), "computes wrong") {
		t.Errorf("error %v", err)
	}
}

// A forgetful driver leaves out every seventh launch.
type forgetful struct {
	driver
	launches int
}

func (f *forgetful) run(queue, kernel handle, global, local [3]int) error {
	if f.launches++; f.launches%7 == 0 {
		return nil
	}
	return f.driver.run(queue, kernel, global, local)
}
