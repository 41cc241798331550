//go:build gpu

package opencl

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unsafe"

	"github.com/ebitengine/purego"
)

// A function is one of those of OpenCL that are called, by its place in the table with which a
// vendor's library answers its loader. The places are those of cl_icd.h.
type function int

const (
	getPlatformIDs      function = 0
	getPlatformInfo     function = 1
	getDeviceIDs        function = 2
	getDeviceInfo       function = 3
	createContext       function = 4
	releaseContext      function = 7
	createCommandQueue  function = 9
	releaseCommandQueue function = 11
	createBuffer        function = 14
	releaseMemObject    function = 18
	createProgram       function = 26
	releaseProgram      function = 29
	buildProgram        function = 30
	getProgramBuildInfo function = 33
	createKernel        function = 34
	releaseKernel       function = 37
	setKernelArg        function = 38
	waitForEvents       function = 41
	releaseEvent        function = 44
	flushQueue          function = 46
	finishQueue         function = 47
	enqueueRead         function = 48
	enqueueWrite        function = 49
	enqueueMap          function = 56
	enqueueUnmap        function = 58
	enqueueRun          function = 59
	functions                    = 60
)

var names = map[function]string{
	getPlatformIDs: "clGetPlatformIDs", getPlatformInfo: "clGetPlatformInfo",
	getDeviceIDs: "clGetDeviceIDs", getDeviceInfo: "clGetDeviceInfo",
	createContext: "clCreateContext", releaseContext: "clReleaseContext",
	createCommandQueue: "clCreateCommandQueue", releaseCommandQueue: "clReleaseCommandQueue",
	createBuffer: "clCreateBuffer", releaseMemObject: "clReleaseMemObject",
	createProgram: "clCreateProgramWithSource", releaseProgram: "clReleaseProgram",
	buildProgram: "clBuildProgram", getProgramBuildInfo: "clGetProgramBuildInfo",
	createKernel: "clCreateKernel", releaseKernel: "clReleaseKernel",
	setKernelArg: "clSetKernelArg", waitForEvents: "clWaitForEvents",
	releaseEvent: "clReleaseEvent", flushQueue: "clFlush", finishQueue: "clFinish",
	enqueueRead: "clEnqueueReadBuffer", enqueueWrite: "clEnqueueWriteBuffer",
	enqueueMap: "clEnqueueMapBuffer", enqueueUnmap: "clEnqueueUnmapMemObject",
	enqueueRun: "clEnqueueNDRangeKernel",
}

// A library is a driver in a shared library. A platform of a vendor's library has a table of its
// own.
type library struct {
	table     [functions]uintptr
	platforms func(l *library) ([]handle, error)
}

// libraries opens those that are there: the loader, which knows the drivers that are registered,
// and libraries of vendors that are there although no driver of theirs is registered, as in
// containers.
func libraries() (found []*library, err error) {
	for _, name := range loaders[runtime.GOOS] {
		lib, failed := openLibrary(name)
		if failed != nil {
			err = cmp.Or(err, failed)
			continue
		}
		l := &library{platforms: (*library).registered}
		if failed = l.fill(lib); failed == nil {
			found = append(found, l)
			break
		}
		err = cmp.Or(err, failed)
	}
	for _, name := range vendors[runtime.GOOS] {
		if lib, failed := openLibrary(name); failed == nil {
			if l := vendor(lib); l != nil {
				found = append(found, l)
			}
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, fmt.Errorf("OpenCL: no library can be used: %w", err)
}

// fill looks up the functions in a library that is a loader.
func (l *library) fill(lib uintptr) (err error) {
	for f := range l.table {
		if name := names[function(f)]; name != "" {
			if l.table[f], err = symbol(lib, name); err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	loaders = map[string][]string{
		"linux":   {"libOpenCL.so.1", "libOpenCL.so"},
		"darwin":  {"/System/Library/Frameworks/OpenCL.framework/OpenCL"},
		"windows": {"OpenCL.dll"},
	}
	vendors = map[string][]string{"linux": {"libnvidia-opencl.so.1"}}
)

// vendor returns the library of a vendor, or nil if it is none. Its functions are in a table to
// which each of its platforms points first.
func vendor(lib uintptr) *library {
	address, err := symbol(lib, "clGetExtensionFunctionAddress")
	if err != nil {
		return nil
	}
	name := append([]byte("clIcdGetPlatformIDsKHR"), 0)
	list, _, _ := purego.SyscallN(address, uintptr(unsafe.Pointer(&name[0])))
	if list == 0 {
		return nil
	}
	l := &library{}
	l.table[getPlatformIDs] = list
	platforms, err := l.registered()
	if err != nil || len(platforms) == 0 {
		return nil
	}
	l.table = ***(***[functions]uintptr)(unsafe.Pointer(&platforms[0]))
	l.platforms = func(*library) ([]handle, error) { return platforms, nil }
	return l
}

func (l *library) registered() ([]handle, error) {
	var n uint32
	err := l.call(getPlatformIDs, 0, 0, uintptr(unsafe.Pointer(&n)))
	var f *Failure
	if errors.As(err, &f) && f.Code == noPlatform || err == nil && n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := make([]handle, n)
	return list, l.call(getPlatformIDs, uintptr(n), uintptr(unsafe.Pointer(&list[0])), 0)
}

// call calls a function that returns a code.
//
//go:uintptrescapes
func (l *library) call(f function, args ...uintptr) error {
	code, _, _ := purego.SyscallN(l.table[f], args...)
	return failure(f, int32(code))
}

func failure(f function, code int32) error {
	if code == 0 {
		return nil
	}
	return &Failure{Call: names[f], Code: int(code)}
}

// create calls a function that returns an object and writes a code to its last argument.
//
//go:uintptrescapes
func (l *library) create(f function, args ...uintptr) (handle, error) {
	var p runtime.Pinner
	defer p.Unpin()
	code := new(int32)
	p.Pin(code)
	h, _, _ := purego.SyscallN(l.table[f], append(args, uintptr(unsafe.Pointer(code)))...)
	return handle(h), failure(f, *code)
}

// Built reports whether OpenCL is built into this program.
const Built = true

// newDriver returns the driver of this machine.
func newDriver() (driver, error) {
	libs, err := libraries()
	if err != nil {
		return nil, err
	}
	return &machine{libs: libs}, nil
}

// A machine is the libraries that are there. Devices, and the objects that are made for them,
// belong to one of them.
type machine struct {
	libs     []*library
	*library                     // of the device that is open
	owner    map[handle]*library // by device
}

// devices returns those of all platforms that work. It returns an error, the first one, only if
// there are none.
func (m *machine) devices() (found []Device, err error) {
	m.owner = map[handle]*library{}
	for _, l := range m.libs {
		platforms, failed := l.platforms(l)
		err = cmp.Or(err, failed)
		before := found
		for _, p := range platforms {
			name, failed := l.text(getPlatformInfo, p, 0x0902) // CL_PLATFORM_NAME
			if slices.ContainsFunc(before, func(d Device) bool { return d.Platform == name }) {
				continue // a vendor's library that is registered, too
			}
			var list []Device
			if failed == nil {
				list, failed = l.devicesOf(p)
			}
			err = cmp.Or(err, failed)
			for _, d := range list {
				d.Platform = name
				m.owner[d.id] = l
				found = append(found, d)
			}
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, err
}

func (l *library) devicesOf(platform handle) ([]Device, error) {
	const all = 0xFFFFFFFF // CL_DEVICE_TYPE_ALL
	var n uint32
	err := l.call(getDeviceIDs, uintptr(platform), all, 0, 0, uintptr(unsafe.Pointer(&n)))
	var f *Failure
	if errors.As(err, &f) && f.Code == noDevice || err == nil && n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := make([]handle, n)
	err = l.call(getDeviceIDs, uintptr(platform), all, uintptr(n),
		uintptr(unsafe.Pointer(&list[0])), 0)
	if err != nil {
		return nil, err
	}
	devices := make([]Device, n)
	for i, id := range list {
		name, err := l.text(getDeviceInfo, id, 0x102B) // CL_DEVICE_NAME
		number := func(property uintptr) int64 {
			v, failed := l.number(id, property)
			err = cmp.Or(err, failed)
			return v
		}
		const processor, correctlyRounded = 1 << 1, 1 << 7
		devices[i] = Device{
			Name:      name,
			Memory:    number(0x101F),                       // CL_DEVICE_GLOBAL_MEM_SIZE
			Largest:   number(0x1010),                       // CL_DEVICE_MAX_MEM_ALLOC_SIZE
			Units:     int(number(0x1002)),                  // CL_DEVICE_MAX_COMPUTE_UNITS
			Group:     int(number(0x1004)),                  // CL_DEVICE_MAX_WORK_GROUP_SIZE
			Local:     number(0x1023),                       // CL_DEVICE_LOCAL_MEM_SIZE
			Exact:     number(0x101B)&correctlyRounded != 0, // CL_DEVICE_SINGLE_FP_CONFIG
			Processor: number(0x1000)&processor != 0,        // CL_DEVICE_TYPE
			id:        id,
		}
		if err != nil {
			return nil, err
		}
	}
	return devices, nil
}

// text returns a property that is a string.
func (l *library) text(f function, of handle, property uintptr) (string, error) {
	var size uintptr
	err := l.call(f, uintptr(of), property, 0, 0, uintptr(unsafe.Pointer(&size)))
	if err != nil || size == 0 {
		return "", err
	}
	b := make([]byte, size)
	err = l.call(f, uintptr(of), property, size, uintptr(unsafe.Pointer(&b[0])), 0)
	return line(b), err
}

// line returns the text of a driver as one line without control characters.
func line(b []byte) string {
	text, _, _ := strings.Cut(strings.ToValidUTF8(string(b), "?"), "\x00")
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// number returns a property of up to 8 bytes.
func (l *library) number(device handle, property uintptr) (int64, error) {
	var v int64
	err := l.call(getDeviceInfo, uintptr(device), property, 8, uintptr(unsafe.Pointer(&v)), 0)
	return v, err
}

func (m *machine) open(d Device) (context, queue handle, err error) {
	m.library = m.owner[d.id]
	id := d.id
	context, err = m.create(createContext, 0, 1, uintptr(unsafe.Pointer(&id)), 0, 0)
	if err != nil {
		return 0, 0, err
	}
	queue, err = m.create(createCommandQueue, uintptr(context), uintptr(id), 0)
	if err != nil {
		m.release(contexts, context)
	}
	return context, queue, err
}

func (l *library) buffer(context handle, size int) (handle, error) {
	const readWrite = 1
	return l.create(createBuffer, uintptr(context), readWrite, uintptr(size), 0)
}

func (l *library) pinned(context, queue handle, size int) (data []byte, buffer handle, err error) {
	const readWrite, hostMemory, wait, forBoth = 1, 1 << 4, 1, 3
	buffer, err = l.create(createBuffer, uintptr(context), readWrite|hostMemory, uintptr(size), 0)
	if err != nil {
		return nil, 0, err
	}
	at, err := l.create(enqueueMap, uintptr(queue), uintptr(buffer), wait, forBoth, 0, uintptr(size),
		0, 0, 0)
	if err == nil && at == 0 {
		err = failure(enqueueMap, noMemoryForObject)
	}
	if err != nil {
		l.release(buffers, buffer)
		return nil, 0, err
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), size), buffer, nil
}

func (l *library) unpin(queue, buffer handle, data []byte) {
	l.call(enqueueUnmap, uintptr(queue), uintptr(buffer), uintptr(unsafe.Pointer(&data[0])), 0, 0, 0)
	l.release(buffers, buffer)
}

func (l *library) write(queue, buffer handle, offset int, data []byte, wait bool) error {
	return l.call(enqueueWrite, uintptr(queue), uintptr(buffer), boolean(wait), uintptr(offset),
		uintptr(len(data)), uintptr(unsafe.Pointer(&data[0])), 0, 0, 0)
}

func (l *library) read(queue, buffer handle, offset int, data []byte, wait bool) (handle, error) {
	var p runtime.Pinner
	defer p.Unpin()
	event, to := new(handle), uintptr(0)
	if !wait {
		p.Pin(event)
		to = uintptr(unsafe.Pointer(event))
	}
	err := l.call(enqueueRead, uintptr(queue), uintptr(buffer), boolean(wait), uintptr(offset),
		uintptr(len(data)), uintptr(unsafe.Pointer(&data[0])), 0, 0, to)
	return *event, err
}

func boolean(b bool) uintptr {
	if b {
		return 1
	}
	return 0
}

func (l *library) build(context handle, d Device, source, options string) (handle, error) {
	text, length := []byte(source), uintptr(len(source))
	line := &text[0]
	program, err := l.create(createProgram, uintptr(context), 1, uintptr(unsafe.Pointer(&line)),
		uintptr(unsafe.Pointer(&length)))
	if err != nil {
		return 0, err
	}
	choices, id := append([]byte(options), 0), d.id
	err = l.call(buildProgram, uintptr(program), 1, uintptr(unsafe.Pointer(&id)),
		uintptr(unsafe.Pointer(&choices[0])), 0, 0)
	if err == nil {
		return program, nil
	}
	if f := err.(*Failure); f.Code == buildFailure {
		f.Log = l.log(program, id)
	}
	l.release(programs, program)
	return 0, err
}

// log returns the beginning of the compiler's messages, as one line.
func (l *library) log(program, device handle) string {
	const property = 0x1183 // CL_PROGRAM_BUILD_LOG
	var size uintptr
	err := l.call(getProgramBuildInfo, uintptr(program), uintptr(device), property, 0, 0,
		uintptr(unsafe.Pointer(&size)))
	if err != nil || size == 0 {
		return ""
	}
	b := make([]byte, size)
	l.call(getProgramBuildInfo, uintptr(program), uintptr(device), property, size,
		uintptr(unsafe.Pointer(&b[0])), 0)
	const most = 300
	text := []rune(line(b))
	return string(text[:min(len(text), most)])
}

func (l *library) kernel(program handle, name string) (handle, error) {
	text := append([]byte(name), 0)
	return l.create(createKernel, uintptr(program), uintptr(unsafe.Pointer(&text[0])))
}

func (l *library) argument(kernel handle, index int, value []byte) error {
	return l.call(setKernelArg, uintptr(kernel), uintptr(index), uintptr(len(value)),
		uintptr(unsafe.Pointer(&value[0])))
}

func (l *library) run(queue, kernel handle, global, local [3]int) error {
	return l.call(enqueueRun, uintptr(queue), uintptr(kernel), 3, 0,
		uintptr(unsafe.Pointer(&global)), uintptr(unsafe.Pointer(&local)), 0, 0, 0)
}

func (l *library) flush(queue handle) error { return l.call(flushQueue, uintptr(queue)) }

func (l *library) finish(queue handle) error { return l.call(finishQueue, uintptr(queue)) }

func (l *library) wait(event handle) error {
	return l.call(waitForEvents, 1, uintptr(unsafe.Pointer(&event)))
}

func (l *library) release(k kind, h handle) {
	f := map[kind]function{
		contexts: releaseContext, queues: releaseCommandQueue, buffers: releaseMemObject,
		programs: releaseProgram, kernels: releaseKernel, events: releaseEvent,
	}[k]
	l.call(f, uintptr(h))
}
