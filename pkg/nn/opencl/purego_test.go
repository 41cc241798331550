//go:build gpu

package opencl

import (
	"errors"
	"slices"
	"testing"

	"github.com/ebitengine/purego"
)

// The library of a vendor that no loader knows is used by its own table of functions. PoCL's stands
// for others.
func TestVendorLibrary(t *testing.T) {
	testEngine(t)
	lib, err := openLibrary("libpocl.so.2")
	if err != nil {
		t.Skip("the library of a vendor: not tested, ", err)
	}
	l := vendor(lib)
	if l == nil {
		t.Fatal("the library has no platform")
	}
	m := &machine{libs: []*library{l}}
	list, err := m.devices()
	if err != nil || len(list) == 0 {
		t.Fatalf("devices %v, error %v", list, err)
	}
	list[0].driver = m
	d, err := openDevice(list[0])
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	mem, err := d.memory(3)
	if err != nil {
		t.Fatal(err)
	}
	defer d.free(mem)
	got := make([]float32, 3)
	for at := range 3 {
		if err := d.write(mem, at, []float32{float32(at)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.read(got, mem, 0); err != nil || !slices.Equal(got, []float32{0, 1, 2}) {
		t.Errorf("read %v, error %v", got, err)
	}
}

// Kernels that do not compile are an error with the compiler's words.
func TestBuildFails(t *testing.T) {
	e := testEngine(t)
	err := e.compile([]string{"__kernel void k(__global float *x) { x[0] = nonsense; }"})
	f, ok := err.(*Failure)
	if !ok || f.Code != buildFailure || f.Log == "" {
		t.Errorf("error %v", err)
	}
}

// A driver that is broken does not hide the devices of others. Its error is told if it is alone.
func TestBrokenDriver(t *testing.T) {
	testEngine(t)
	good, err := libraries()
	if err != nil {
		t.Fatal(err)
	}
	lost := &Failure{Call: "clGetPlatformIDs", Code: outOfHostMemory}
	silent := &library{platforms: func(*library) ([]handle, error) { return nil, lost }}
	nameless := &library{platforms: func(*library) ([]handle, error) { return []handle{1}, nil }}
	nameless.table[getPlatformInfo] = purego.NewCallback(
		func(platform, property, size, value, needed uintptr) int32 { return outOfResources })
	for _, broken := range []*library{silent, nameless} {
		m := &machine{libs: append([]*library{broken}, good...)}
		if list, err := m.devices(); err != nil || len(list) == 0 {
			t.Errorf("devices %v, error %v", list, err)
		}
		m.libs = m.libs[:1]
		var f *Failure
		if list, err := m.devices(); !errors.As(err, &f) || len(list) > 0 {
			t.Errorf("alone: devices %v, error %v", list, err)
		}
	}
}

// What a driver calls itself is shown as one line.
func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		" GPU  3000\x00\x00":    "GPU 3000",
		"a\nb\t\x1b[31mc\xffé…": "a b ?[31mc?é…",
		"":                      "",
	} {
		if got := line([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
