package opencl

import (
	"errors"
	"time"

	"imagesimilarity/pkg/nn"
)

// A fallback is an engine that works on a device. When the device fails, it goes on with another
// engine, from the last weights that are known to be good.
type fallback struct {
	device, other nn.Engine
	tell          Tell
	lost          bool // the device failed, or was slower

	race func(device, other time.Duration) // gets the times of the race; nil if there is none
}

// A Tell is called when the other engine takes over. lost tells that the device is given up; if it
// is not, it cannot compute this network, but may compute the next one.
type Tell func(why error, lost bool)

// WithFallback returns an engine that works on a device until it fails and then with another
// engine, which does again what was done since the last known weights. If the device does not know
// some layers, or has not the memory for them, the other engine runs these alone.
func WithFallback(device, other nn.Engine, tell Tell) nn.Engine {
	return &fallback{device: device, other: other, tell: tell}
}

// Faster returns an engine like that of WithFallback. On the first network it lets the device and
// the other engine compute a few batches, and goes on with the one that is faster. told gets the
// times of a batch.
func Faster(device, other nn.Engine, tell Tell,
	told func(device, other time.Duration)) nn.Engine {
	return &fallback{device: device, other: other, tell: tell, race: told}
}

// failed reports whether err is a failure of the device, so that the other engine takes over. It
// then gives the device up, unless only its memory is too small.
func (f *fallback) failed(err error) bool {
	var failure *Failure
	if !errors.As(err, &failure) {
		return false
	}
	if !f.lost {
		f.lost = !noMemory(err)
		f.tell(err, f.lost)
	}
	return true
}

// Queue is that of the device. The other engine's results are kept until they are asked for.
func (f *fallback) Queue() int { return f.device.Queue() }

// eitherData is samples on the engines that were asked to load them.
type eitherData struct {
	engine        *fallback
	samples       *nn.Samples
	device, other nn.Data
}

func (f *fallback) Load(s *nn.Samples) (nn.Data, error) {
	d := &eitherData{engine: f, samples: s}
	if f.lost {
		return d, nil
	}
	var err error
	if d.device, err = f.device.Load(s); err != nil && !f.failed(err) {
		return nil, err
	}
	return d, nil
}

// onOther returns the samples on the other engine.
func (d *eitherData) onOther() (nn.Data, error) {
	if d.other == nil {
		var err error
		if d.other, err = d.engine.other.Load(d.samples); err != nil {
			return nil, err
		}
	}
	return d.other, nil
}

func (d *eitherData) Close() {
	for _, of := range []nn.Data{d.device, d.other} {
		if of != nil {
			of.Close()
		}
	}
}

// eitherSolver is the state of an optimizer on both engines. The other engine's is used after a
// failure only.
type eitherSolver struct {
	optimizer     nn.Optimizer
	device, other nn.Solver
}

func (f *fallback) NewSolver(o nn.Optimizer) nn.Solver {
	return &eitherSolver{o, f.device.NewSolver(o), f.other.NewSolver(o)}
}

// A job is a batch that was started.
type job struct {
	kind  int // run, evaluate or step
	data  *eitherData
	index []int
}

// The kinds of jobs.
const (
	runs = iota
	evaluates
	steps
)

// eitherPrediction is a prediction on one of the engines.
type eitherPrediction struct {
	engine  *fallback
	layers  []*nn.Layer
	batch   int
	device  nn.Prediction // nil if the other engine works
	other   nn.Prediction
	pending []job // whose outputs were not asked for yet
}

func (f *fallback) NewPrediction(layers []*nn.Layer, batch int) (nn.Prediction, error) {
	p := &eitherPrediction{engine: f, layers: layers, batch: batch}
	if f.onDevice(func(e nn.Engine) (time.Duration, error) {
		return timePrediction(e, layers, batch)
	}) {
		var err error
		if p.device, err = f.device.NewPrediction(layers, batch); err == nil {
			return p, nil
		}
		p.device = nil
		if !f.failed(err) {
			f.tell(err, false) // it cannot compute these layers
		}
	}
	return p, p.change()
}

// change goes on with the other engine.
func (p *eitherPrediction) change() (err error) {
	if p.device != nil {
		p.device.Close()
		p.device = nil
	}
	p.other, err = p.engine.other.NewPrediction(p.layers, p.batch)
	return err
}

func (p *eitherPrediction) Run(d nn.Data, index []int) error {
	j := job{data: d.(*eitherData), index: index}
	p.pending = append(p.pending, j)
	if p.device == nil {
		return nil // it is computed when its output is asked for
	}
	if p.engine.lost || j.data.device == nil {
		return p.change()
	}
	err := p.device.Run(j.data.device, index)
	if p.engine.failed(err) {
		return p.change()
	}
	return err
}

func (p *eitherPrediction) Output(dst []float32) error {
	if p.device != nil {
		err := p.device.Output(dst)
		if err == nil {
			p.pending = p.pending[1:]
			return nil
		}
		if !p.engine.failed(err) {
			return err
		}
		if err := p.change(); err != nil {
			return err
		}
	}
	j := p.pending[0]
	p.pending = p.pending[1:]
	d, err := j.data.onOther()
	if err != nil {
		return err
	}
	if err := p.other.Run(d, j.index); err != nil {
		return err
	}
	return p.other.Output(dst)
}

func (p *eitherPrediction) Close() {
	if p.device != nil {
		p.device.Close()
	}
	if p.other != nil {
		p.other.Close()
	}
}

// eitherTraining is a training on one of the engines. The layers have the weights of the last Pull
// or Push, from which the other engine does again what was done since.
type eitherTraining struct {
	engine *fallback
	plan   nn.Plan
	solver *eitherSolver
	device nn.Training // nil if the other engine works
	other  nn.Training
	done   []job     // since the last Pull or Push
	asked  int       // the losses that were asked for of these
	losses []float64 // of the other engine, not asked for yet
}

func (f *fallback) NewTraining(p nn.Plan, s nn.Solver) (nn.Training, error) {
	t := &eitherTraining{engine: f, plan: p, solver: s.(*eitherSolver)}
	if f.onDevice(func(e nn.Engine) (time.Duration, error) {
		return timeTraining(e, p, t.solver.optimizer)
	}) {
		var err error
		if t.device, err = f.device.NewTraining(p, t.solver.device); err == nil {
			return t, nil
		}
		t.device = nil
		if !f.failed(err) {
			other, refused := f.other.NewTraining(p, t.solver.other)
			if refused != nil {
				return nil, refused // no engine can train these layers
			}
			f.tell(err, false)
			t.other = other
			return t, nil
		}
	}
	return t, t.change()
}

// change goes on with the other engine: it does again what was done on the device since the last
// weights that are known.
func (t *eitherTraining) change() (err error) {
	if t.device != nil {
		t.device.Close()
		t.device = nil
	}
	if t.other, err = t.engine.other.NewTraining(t.plan, t.solver.other); err != nil {
		return err
	}
	for _, j := range t.done {
		if err := t.repeat(j); err != nil {
			return err
		}
	}
	t.losses = t.losses[t.asked:]
	t.done = nil
	return nil
}

// repeat does a job on the other engine.
func (t *eitherTraining) repeat(j job) error {
	if j.kind == steps {
		return t.other.Step()
	}
	d, err := j.data.onOther()
	if err != nil {
		return err
	}
	do := t.other.Run
	if j.kind == evaluates {
		do = t.other.Evaluate
	}
	if err := do(d, j.index); err != nil {
		return err
	}
	loss, err := t.other.Loss()
	t.losses = append(t.losses, loss)
	return err
}

// do does a job on the engine that works.
func (t *eitherTraining) do(j job, onDevice func() error) error {
	if t.device == nil {
		return t.repeat(j)
	}
	t.done = append(t.done, j)
	if t.engine.lost || j.data != nil && j.data.device == nil {
		return t.change()
	}
	err := onDevice()
	if t.engine.failed(err) {
		return t.change()
	}
	return err
}

func (t *eitherTraining) Run(d nn.Data, index []int) error {
	of := d.(*eitherData)
	return t.do(job{runs, of, index}, func() error { return t.device.Run(of.device, index) })
}

func (t *eitherTraining) Evaluate(d nn.Data, index []int) error {
	of := d.(*eitherData)
	return t.do(job{evaluates, of, index}, func() error { return t.device.Evaluate(of.device, index) })
}

func (t *eitherTraining) Step() error {
	return t.do(job{kind: steps}, func() error { return t.device.Step() })
}

func (t *eitherTraining) Loss() (float64, error) {
	if t.device != nil {
		loss, err := t.device.Loss()
		if err == nil {
			t.asked++
			return loss, nil
		}
		if !t.engine.failed(err) {
			return 0, err
		}
		if err := t.change(); err != nil {
			return 0, err
		}
	}
	loss := t.losses[0]
	t.losses = t.losses[1:]
	return loss, nil
}

func (t *eitherTraining) Pull() error {
	return t.known(func(of nn.Training) error { return of.Pull() })
}

func (t *eitherTraining) Push() error {
	t.done, t.asked, t.losses = nil, 0, nil // the weights of the layers count
	return t.known(func(of nn.Training) error { return of.Push() })
}

// known does what makes the weights of the layers and those of the engine the same.
func (t *eitherTraining) known(do func(nn.Training) error) error {
	if t.device != nil {
		err := do(t.device)
		if err == nil {
			t.done, t.asked = nil, 0
			return nil
		}
		if !t.engine.failed(err) {
			return err
		}
		if err := t.change(); err != nil {
			return err
		}
	}
	return do(t.other)
}

func (t *eitherTraining) Close() {
	if t.device != nil {
		t.device.Close()
	}
	if t.other != nil {
		t.other.Close()
	}
}
