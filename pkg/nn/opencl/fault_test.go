//go:build gpu

package opencl

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

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
// CPU's engine takes over with the weights of the last one, and tells once why. Only samples that
// have no place are sent with each batch instead.
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
	sent := 0
	check := func(f *faulty) {
		t.Helper()
		var told []string
		other := &spy{Engine: cpu.New()}
		m, s := small(t)
		h, err := fit(m, s, WithFallback(e.with(f), other, func(why error, lost bool) {
			told = append(told, why.Error())
			if lost == f.buffers {
				t.Errorf("failure of call %d: the device is given up: %v", f.at, lost)
			}
		}), 2)
		if err != nil {
			t.Errorf("failure of call %d: %v", f.at, err)
			return
		}
		if f.calls < f.at {
			return // it was not reached
		}
		if f.buffers && len(told) == 0 && other.began == nil && slices.Equal(flat(m.Layers), good[2]) {
			sent++
			return
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
	if sent != 2 {
		t.Errorf("the samples were sent in %d trainings, expected 2", sent)
	}
}

// A network that the device has no memory for does not take the device from the next one.
func TestNextNetworkHasMemory(t *testing.T) {
	e := testEngine(t)
	f := &faulty{driver: e.driver, at: 3, code: noMemoryForObject, buffers: true}
	other := &spy{Engine: cpu.New()}
	told := 0
	either := WithFallback(e.with(f), other, func(error, bool) { told++ })
	for i, onOther := range []bool{true, false} {
		other.began = nil
		m, s := small(t)
		if _, err := fit(m, s, either, 1); err != nil {
			t.Fatal(err)
		}
		if told != 1 || (other.began != nil) != onOther {
			t.Errorf("network %d: told %d times, on the other engine: %v", i, told, other.began != nil)
		}
	}
}

// In a race, too, a device without memory is told once, and the next network has a race again.
func TestRaceWithoutMemory(t *testing.T) {
	e := testEngine(t)
	f := &faulty{driver: e.driver, at: 3, code: noMemoryForObject, buffers: true}
	told, races := 0, 0
	either := Faster(e.with(f), cpu.New(), func(error, bool) { told++ },
		func(_, _ time.Duration) { races++ })
	for range 2 {
		m, s := small(t)
		if _, err := fit(m, s, either, 1); err != nil {
			t.Fatal(err)
		}
	}
	if told != 1 || races != 1 {
		t.Errorf("told %d times, %d races, expected one of each", told, races)
	}
}

// Batches that take long are timed less often.
func TestTimed(t *testing.T) {
	for _, tt := range []struct {
		takes time.Duration
		want  int
	}{{0, 4}, {1100 * time.Millisecond, 2}} {
		n := 0
		took, err := timed(func() error {
			n++
			time.Sleep(tt.takes)
			return nil
		})
		if err != nil || n != tt.want || took < tt.takes || took > 2*tt.takes+time.Second {
			t.Errorf("%v: %v after %d batches, error %v; want %d", tt.takes, took, n, err, tt.want)
		}
	}
}

// A watched driver reports calls that may wait for the device and are not made by pause.
type watched struct {
	driver
	paused  *bool
	outside map[string]bool
}

func (w watched) check(call string) {
	if !*w.paused {
		w.outside[call] = true
	}
}

func (w watched) pinned(context, queue handle, size int) ([]byte, handle, error) {
	w.check("pinned")
	return w.driver.pinned(context, queue, size)
}

func (w watched) unpin(queue, buffer handle, data []byte) {
	w.check("unpin")
	w.driver.unpin(queue, buffer, data)
}

func (w watched) write(queue, buffer handle, offset int, data []byte, wait bool) error {
	w.check("write")
	return w.driver.write(queue, buffer, offset, data, wait)
}

func (w watched) read(queue, buffer handle, offset int, data []byte, wait bool) (handle, error) {
	w.check("read")
	return w.driver.read(queue, buffer, offset, data, wait)
}

func (w watched) run(queue, kernel handle, global, local [3]int) error {
	w.check("run")
	return w.driver.run(queue, kernel, global, local)
}

func (w watched) flush(queue handle) error {
	w.check("flush")
	return w.driver.flush(queue)
}

func (w watched) wait(event handle) error {
	w.check("wait")
	return w.driver.wait(event)
}

func (w watched) finish(queue handle) error {
	w.check("finish")
	return w.driver.finish(queue)
}

// While the device is waited for, which may be for ever, the weights are those of the last epoch.
func TestPause(t *testing.T) {
	e := testEngine(t)
	m, s := small(t)
	var good [][]float32
	paused, outside := false, map[string]bool{}
	pause := func(wait func()) {
		if w := flat(m.Layers); len(good) == 0 || !slices.Equal(w, good[len(good)-1]) {
			good = append(good, w)
		}
		paused = true
		wait()
		paused = false
	}
	d := patient{watched{e.driver, &paused, outside}, pause}
	if _, err := fit(m, s, e.with(d), 2); err != nil {
		t.Fatal(err)
	}
	// The optimizer's state is read when the training is closed, after the second epoch's weights.
	if len(good) != 3 || len(outside) > 0 {
		t.Errorf("%d sets of weights, expected 3; not paused: %v", len(good), outside)
	}
}

// A device that is lost in its test is told once.
func TestSelfTestFails(t *testing.T) {
	e := testEngine(t)
	err := selfTest(e.with(&faulty{driver: e.driver, at: 60, code: deviceNotAvailable}), cpu.New())
	if f, ok := err.(*Failure); !ok || f.Code != deviceNotAvailable {
		t.Errorf("error %v", err)
	}
}

// More values between two layers than a kernel can count are refused, not computed wrong.
func TestTooManyValues(t *testing.T) {
	e := testEngine(t)
	const batch = 1024
	m := nntest.RandomModel(t, []*nn.Layer{
		{Class: nn.InputLayer, Output: []int{64, 64, 1}},
		{
			Class: nn.SeparableConv2D, Kernel: [2]int{1, 1}, Multiplier: 257, Output: []int{1},
			Activation: nn.Linear,
		},
	}, rand.New(rand.NewPCG(1, 1)))
	_, err := e.NewPrediction(m.Layers, batch)
	if err == nil || !strings.Contains(err.Error(), "values of a batch between two steps") {
		t.Errorf("error %v", err)
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
		got, err := m.Predict(WithFallback(e.with(f), cpu.New(),
			func(error, bool) { told++ }), s, "", 3,
			nil)
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
	_, err := fit(m, s, WithFallback(e, cpu.New(), func(error, bool) { told++ }), 1)
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

// An unpinned driver has no memory that a device reaches by itself.
type unpinned struct{ driver }

func (unpinned) pinned(context, queue handle, size int) ([]byte, handle, error) {
	return nil, 0, &Failure{Call: "clCreateBuffer", Code: noMemoryForObject}
}

// Without such memory the program's own serves.
func TestWithoutPinnedMemory(t *testing.T) {
	e := testEngine(t)
	var losses [2][]float64
	for i, d := range []driver{e.driver, unpinned{e.driver}} {
		m, s := small(t)
		h, err := fit(m, s, e.with(d), 1)
		if err != nil {
			t.Fatal(err)
		}
		losses[i] = append(h.Loss, h.ValLoss...)
	}
	if !slices.Equal(losses[0], losses[1]) {
		t.Errorf("losses %v, want %v", losses[1], losses[0])
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
