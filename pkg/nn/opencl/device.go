package opencl

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"imagesimilarity/pkg/parallel"
)

//go:embed source
var sources embed.FS

// text returns the file name.cl of the folder source.
func text(name string) string {
	b, err := sources.ReadFile("source/" + name + ".cl")
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A device is a Device in use: a context with one queue, whose commands run in order.
type device struct {
	Device
	context, queue handle
	programs       map[string]handle // by source: networks share kernels
}

func openDevice(d Device) (*device, error) {
	if d.Group < maxThreads || d.Local < localMemory {
		return nil, fmt.Errorf("%s has groups of %d work-items and %d bytes of memory for them; "+
			"expected at least %d and %d", d.Name, d.Group, d.Local, maxThreads, localMemory)
	}
	context, queue, err := d.driver.open(d)
	if err != nil {
		return nil, err
	}
	return &device{
		Device: d, context: context, queue: queue, programs: map[string]handle{},
	}, nil
}

// What a group needs.
const (
	maxThreads  = 256
	localMemory = 26 << 10
)

// options returns those with which kernels are built. None of them allows less precision.
func (d *device) options() string {
	if d.Exact {
		return "-cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt"
	}
	return "-cl-std=CL1.2"
}

// compile compiles the sources that are new, side by side: most of the time that a first batch
// takes would go there.
func (d *device) compile(sources []string) error {
	var list []string
	for _, s := range sources {
		if _, ok := d.programs[s]; !ok && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	programs, errs := make([]handle, len(list)), make([]error, len(list))
	parallel.Blocks(len(list), 1, func(i, _ int) {
		programs[i], errs[i] = d.driver.build(d.context, d.Device, list[i], d.options())
	})
	for i, s := range list {
		if errs[i] == nil {
			d.programs[s] = programs[i]
		}
	}
	return cmp.Or(errs...)
}

// A memory is a buffer of 4-byte values on a device.
type memory struct {
	handle
	values int
}

func (d *device) memory(values int) (*memory, error) {
	if bytes := 4 * int64(max(values, 1)); d.Largest > 0 && bytes > d.Largest {
		return nil, &Failure{Call: "clCreateBuffer", Code: noMemoryForObject}
	}
	h, err := d.driver.buffer(d.context, 4*max(values, 1))
	if err != nil {
		return nil, err
	}
	return &memory{h, values}, nil
}

func (d *device) free(list ...*memory) {
	for _, m := range list {
		if m != nil && m.handle != 0 {
			d.driver.release(buffers, m.handle)
		}
	}
}

// write copies values to a memory, from a place on, and read from it.
func (d *device) write(m *memory, at int, v []float32) error {
	return d.driver.write(d.queue, m.handle, 4*at, bytesOf(v), true)
}

func (d *device) read(v []float32, m *memory, at int) error {
	_, err := d.driver.read(d.queue, m.handle, 4*at, bytesOf(v), true)
	return err
}

// bytesOf returns the memory of values of 4 or 8 bytes.
func bytesOf[T float32 | int32 | uint64 | handle](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

// defines are names, each followed by what it stands for in the text of a kernel.
type defines []any

// source returns a kernel's text with these definitions.
func (d defines) source(text string) string {
	var b strings.Builder
	for i := 0; i < len(d); i += 2 {
		fmt.Fprintf(&b, "#define %s %s\n", d[i], constant(d[i+1]))
	}
	b.WriteString(text)
	return b.String()
}

// constant writes a value in OpenCL C, to the last bit.
func constant(v any) string {
	switch v := v.(type) {
	case float32:
		return "(" + strconv.FormatFloat(float64(v), 'x', -1, 32) + "f)"
	case bool:
		if v {
			return "1"
		}
		return "0"
	case int:
		return "(" + strconv.Itoa(v) + ")"
	case uint64:
		return "(" + strconv.FormatUint(v, 10) + "UL)"
	}
	return v.(string)
}

// A launch is a kernel with its arguments and the number of its work-items.
type launch struct {
	kernel        handle
	global, local [3]int
}

// A place is a launch that is to be built.
type place struct {
	source, name  string // of the kernel
	arguments     []any  // *memory, int, uint64 or float32
	groups, local [3]int
}

// A schedule collects launches, and the memory that they need.
type schedule struct {
	*device
	places []place

	launches []launch
	owned    []*memory
	spare    []*memory // those of them that are free again, in the order of the launches
	err      error     // the first one; the schedule is not built then
}

func newSchedule(d *device) *schedule { return &schedule{device: d} }

// own returns memory that is freed with the schedule.
func (s *schedule) own(values int) *memory {
	m, err := s.memory(values)
	if err != nil {
		s.err = cmp.Or(s.err, err)
		return &memory{values: values}
	}
	s.owned = append(s.owned, m)
	return m
}

// take returns memory for at least that many values: the smallest that is free, or new one.
func (s *schedule) take(values int) *memory {
	if values > maxBatchValues {
		s.err = cmp.Or(s.err, fmt.Errorf("nn: %d values of a batch between two steps are too many; "+
			"expected at most %d", values, maxBatchValues))
		return &memory{values: values}
	}
	best := -1
	for i, m := range s.spare {
		if m.values >= values && (best < 0 || m.values < s.spare[best].values) {
			best = i
		}
	}
	if best < 0 {
		return s.own(values)
	}
	m := s.spare[best]
	s.spare = slices.Delete(s.spare, best, best+1)
	return m
}

// give lets later launches take a memory: none of them reads what is in it.
func (s *schedule) give(m *memory) { s.spare = append(s.spare, m) }

// add adds a launch of a kernel whose text is in some files, the last of which has the kernel.
func (s *schedule) add(files string, d defines, groups, local [3]int, arguments ...any) {
	body, name := text("common"), ""
	for _, name = range strings.Fields(files) {
		body += text(name)
	}
	s.places = append(s.places, place{d.source(body), name + "_kernel", arguments, groups, local})
}

// each adds a launch with a work-item for each of some values.
func (s *schedule) each(files string, d defines, values int, arguments ...any) {
	const size = 256
	s.add(files, append(d[:len(d):len(d)], "THREADS", size),
		[3]int{ceilDiv(values, size), 1, 1}, [3]int{size, 1, 1}, arguments...)
}

// build makes the launches.
func (s *schedule) build() error {
	if s.err != nil {
		return s.err
	}
	var sources []string
	for _, p := range s.places {
		sources = append(sources, p.source)
	}
	if err := s.compile(sources); err != nil {
		return err
	}
	for _, p := range s.places {
		k, err := s.driver.kernel(s.programs[p.source], p.name)
		if err != nil {
			return err
		}
		l := launch{kernel: k, local: p.local}
		for i := range l.global {
			l.global[i] = p.groups[i] * p.local[i]
		}
		s.launches = append(s.launches, l)
		for i, a := range p.arguments {
			if err := s.argument(len(s.launches)-1, i, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// argument sets an argument of a launch.
func (s *schedule) argument(launch, index int, value any) error {
	var b []byte
	switch v := value.(type) {
	case *memory:
		b = bytesOf([]handle{v.handle})
	case int:
		b = bytesOf([]int32{int32(v)})
	case uint64:
		b = bytesOf([]uint64{v})
	case float32:
		b = bytesOf([]float32{v})
	}
	return s.driver.argument(s.launches[launch].kernel, index, b)
}

// run starts the launches from one on up to another, which is left out.
func (s *schedule) run(from, to int) error {
	for _, l := range s.launches[from:to] {
		if err := s.driver.run(s.queue, l.kernel, l.global, l.local); err != nil {
			return err
		}
	}
	return nil
}

// close frees what belongs to the schedule, when the device has done what was started.
func (s *schedule) close() {
	s.driver.finish(s.queue)
	for _, l := range s.launches {
		s.driver.release(kernels, l.kernel)
	}
	s.free(s.owned...)
	s.launches, s.owned = nil, nil
}

// ceilDiv returns a/b rounded up.
func ceilDiv(a, b int) int { return (a + b - 1) / b }

// product returns the number of values of a shape.
func product(shape []int) int {
	p := 1
	for _, d := range shape {
		p *= d
	}
	return p
}
