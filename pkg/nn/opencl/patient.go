package opencl

// A patient driver makes every call that may wait for the device within pause, as the device may
// hang for ever. Calls that start something are among them: drivers wait in them when their queue
// is full.
type patient struct {
	driver
	pause func(wait func())
}

func (p patient) pinned(context, queue handle, size int) (data []byte, buffer handle, err error) {
	p.pause(func() { data, buffer, err = p.driver.pinned(context, queue, size) })
	return data, buffer, err
}

func (p patient) unpin(queue, buffer handle, data []byte) {
	p.pause(func() { p.driver.unpin(queue, buffer, data) })
}

func (p patient) write(queue, buffer handle, offset int, data []byte, wait bool) (err error) {
	p.pause(func() { err = p.driver.write(queue, buffer, offset, data, wait) })
	return err
}

func (p patient) read(queue, buffer handle, offset int, data []byte, wait bool) (
	event handle, err error) {
	p.pause(func() { event, err = p.driver.read(queue, buffer, offset, data, wait) })
	return event, err
}

func (p patient) run(queue, kernel handle, global, local [3]int) (err error) {
	p.pause(func() { err = p.driver.run(queue, kernel, global, local) })
	return err
}

func (p patient) flush(queue handle) (err error) {
	p.pause(func() { err = p.driver.flush(queue) })
	return err
}

func (p patient) wait(event handle) (err error) {
	p.pause(func() { err = p.driver.wait(event) })
	return err
}

func (p patient) finish(queue handle) (err error) {
	p.pause(func() { err = p.driver.finish(queue) })
	return err
}
