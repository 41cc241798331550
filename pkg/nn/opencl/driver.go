package opencl

import (
	"errors"
	"fmt"
)

// A driver is the few functions of OpenCL that the engine calls
// (https://registry.khronos.org/OpenCL/specs/3.0-unified/html/OpenCL_API.html). Its errors are
// *Failure. Sizes are in bytes.
type driver interface {
	devices() ([]Device, error)
	open(d Device) (context handle, queue handle, err error)
	buffer(context handle, size int) (handle, error)

	// pinned returns memory of the program that a device reaches by itself, and a buffer that has to
	// be released by unpin. From other memory some drivers copy only while the program waits.
	pinned(context, queue handle, size int) (data []byte, buffer handle, err error)
	unpin(queue, buffer handle, data []byte)

	// write and read copy between the program's memory and a buffer. If they wait, the copy is done
	// when they return. If they do not, the caller leaves data alone until a later copy that waits,
	// or the event of the read, is done.
	write(queue, buffer handle, offset int, data []byte, wait bool) error
	read(queue, buffer handle, offset int, data []byte, wait bool) (event handle, err error)

	build(context handle, d Device, source, options string) (handle, error)
	kernel(program handle, name string) (handle, error)
	argument(kernel handle, index int, value []byte) error
	run(queue, kernel handle, global, local [3]int) error
	flush(queue handle) error
	wait(event handle) error
	finish(queue handle) error // waits for all that was started
	release(kind kind, h handle)
}

// Devices returns the devices of this machine. It loads the drivers, and a driver that crashes ends
// the process: a program that must not end so lets another process call Devices first.
func Devices() ([]Device, error) {
	driver, err := newDriver()
	if err != nil {
		return nil, err
	}
	list, err := driver.devices()
	for i := range list {
		list[i].driver = driver
	}
	return list, err
}

func (d Device) String() string {
	return fmt.Sprintf("%s (%s, %d MiB)", d.Name, d.Platform, d.Memory>>20)
}

// A handle names an object of the driver.
type handle uintptr

// A kind is a kind of objects.
type kind int

const (
	contexts kind = iota
	queues
	buffers
	programs
	kernels
	events
)

// A Device is a processor that a driver knows.
type Device struct {
	Name, Platform string
	Memory         int64 // bytes
	Largest        int64 // bytes of the largest buffer
	Units          int   // that compute groups
	Group          int   // the most work-items of a group
	Local          int64 // bytes of memory that a group shares
	Exact          bool  // it can round quotients and roots of float32 correctly
	Processor      bool  // it is a CPU
	id             handle
	driver         driver
}

// A Failure is an error of the driver.
type Failure struct {
	Call string // the function, in the words of OpenCL
	Code int    // of OpenCL
	Log  string // of a build
}

// Codes of OpenCL that tell what happened.
const (
	deviceNotAvailable = -2
	noMemoryForObject  = -4
	outOfResources     = -5
	outOfHostMemory    = -6
	noCompiler         = -3
	commandFailed      = -14
	lostQueue          = -36
	buildFailure       = -11
	noPlatform         = -1001
	noDevice           = -1
)

var meanings = map[int]string{
	deviceNotAvailable: "the device is not available",
	noMemoryForObject:  "the device has no memory left",
	outOfResources:     "the device has no resources left",
	outOfHostMemory:    "the driver has no memory left",
	noCompiler:         "the driver has no compiler",
	commandFailed:      "a command before it failed",
	lostQueue:          "the device has given up its commands",
	buildFailure:       "the driver could not build the kernels",
	noPlatform:         "there is no driver",
	noDevice:           "there is no device",
}

// noMemory reports whether err tells that the device has too little memory.
func noMemory(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.Code == noMemoryForObject
}

func (f *Failure) Error() string {
	text := fmt.Sprintf("OpenCL: %s failed with code %d", f.Call, f.Code)
	if m := meanings[f.Code]; m != "" {
		text += " (" + m + ")"
	}
	if f.Log != "" {
		text += ": " + f.Log
	}
	return text
}
