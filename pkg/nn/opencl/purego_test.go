//go:build gpu

package opencl

import (
	"slices"
	"testing"
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
	_, err := e.program("__kernel void k(__global float *x) { x[0] = nonsense; }")
	f, ok := err.(*Failure)
	if !ok || f.Code != buildFailure || f.Log == "" {
		t.Errorf("error %v", err)
	}
}
