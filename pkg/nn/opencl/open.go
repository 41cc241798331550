package opencl

import (
	"errors"
	"fmt"
	"math"

	"imagesimilarity/pkg/nn"
)

// Open returns the engine of a device. If there is a reference, Open trains a small network on both
// engines and returns an error if the results differ. The engine calls pause with functions that
// may wait for the device. Until such a function returns, the weights of all layers stay as they
// are.
func Open(d Device, reference nn.Engine, pause func(wait func())) (nn.Engine, error) {
	opened, err := openDevice(d)
	if err != nil {
		return nil, err
	}
	opened.driver = patient{opened.driver, pause}
	e := engine{opened}
	if reference == nil {
		return e, nil
	}
	if err := selfTest(e, reference); err != nil {
		opened.close()
		return nil, err
	}
	return e, nil
}

// close frees what belongs to a device.
func (d *device) close() {
	for _, p := range d.programs {
		d.driver.release(programs, p)
	}
	d.driver.release(queues, d.queue)
	d.driver.release(contexts, d.context)
}

// selfTest trains a small network on an engine and on a reference. It returns an error if their
// losses, or the outputs after the training, differ by more than rounding explains.
func selfTest(e, reference nn.Engine) error {
	const n, size, tolerance = 24, 64, 1e-3
	samples := &nn.Samples{N: n, Input: func(dst []float32, index []int) error {
		for i := range dst {
			dst[i] = float32((index[i/size]*31+i%size*17)%101) / 101
		}
		return nil
	}}
	run := func(e nn.Engine) ([]float64, []float32, error) {
		m, err := nn.NewAutoencoder(nn.AutoencoderConfig{
			Rows: 8, Cols: 8, FilterSize: 3, Filters: []int{8, 9}, Embedding: 3,
		}, 1)
		if err != nil {
			return nil, nil, err
		}
		t := nn.NewTrainer(e, m, nn.MeanSquaredError, nn.Adam, 1)
		h, err := t.Fit(samples, samples, 2, 16, nil)
		if err != nil {
			return nil, nil, err
		}
		out, err := m.Predict(e, samples, "", 16, nil)
		return append(h.Loss, h.ValLoss...), out, err
	}
	losses, out, err := run(e)
	var failure *Failure
	switch {
	case errors.Is(err, nn.ErrDiverged):
		return errors.New("OpenCL: the device computes wrong: in its test a loss is no finite number")
	case errors.As(err, &failure):
		return failure // the first one; a lost device fails at the end of the training again
	case err != nil:
		return err
	}
	wantLosses, want, err := run(reference)
	if err != nil {
		return err
	}
	for i, w := range wantLosses {
		if !(math.Abs(losses[i]-w) <= tolerance*w) {
			return fmt.Errorf("OpenCL: the device computes wrong: in its test a loss is %v, "+
				"expected %v", losses[i], w)
		}
	}
	for i, w := range want {
		if !(math.Abs(float64(out[i]-w)) <= tolerance) {
			return fmt.Errorf("OpenCL: the device computes wrong: in its test an output is %v, "+
				"expected %v", out[i], w)
		}
	}
	return nil
}
