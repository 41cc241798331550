package npy

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// fromNumPy is what NumPy 1.26 writes before the values of numpy.zeros((2, 3), numpy.float32):
// the header of version 1, padded to 128 bytes.
var fromNumPy = "\x93NUMPY\x01\x00v\x00" +
	"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" +
	strings.Repeat(" ", 58) + "\n"

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	if err := (Header{Type: "<f4", Shape: []int{2, 3}}).Write(&b); err != nil {
		t.Fatal(err)
	}
	if b.String() != fromNumPy || b.Len() != 128 {
		t.Errorf("wrote %d bytes\n%q\nwant\n%q", b.Len(), b.String(), fromNumPy)
	}
}

func TestRead(t *testing.T) {
	for _, h := range []Header{
		{"|u1", []int{60000, 28, 28}}, {"<i8", []int{7}}, {"|u1", nil}, {"<f4", []int{0, 5}},
	} {
		var b bytes.Buffer
		if err := h.Write(&b); err != nil {
			t.Fatal(err)
		}
		got, err := Read(&b)
		if err != nil || got.Type != h.Type || !slices.Equal(got.Shape, h.Shape) || b.Len() != 0 {
			t.Errorf("read %+v, %v, want %+v", got, err, h)
		}
	}
	two := "\x93NUMPY\x02\x00\x43\x00\x00\x00" +
		"{'descr': '|u1', 'fortran_order': True, 'shape': (5,), }" +
		strings.Repeat(" ", 12) + "\n"
	if h, err := Read(strings.NewReader(two)); err != nil || h.Size() != 5 {
		t.Errorf("version 2: %+v, %v", h, err)
	}
}

func TestFaults(t *testing.T) {
	with := func(from, to string) string { return strings.Replace(fromNumPy, from, to, 1) }
	for text, want := range map[string]string{
		"PK\x03\x04____": "no .npy file",
		with("False", "True "): "the array is in Fortran order, expected C order; " +
			"numpy.ascontiguousarray gives it",
		with("'<f4'", "[('a', '<f4')]"):                          "no array of numbers",
		with("(2, 3)", "(9999999999, 9999999999)"):               "too large",
		"\x93NUMPY\x02\x00\xff\xff\xff\xff" + fromNumPy:          "a header of 4294967295 bytes",
		with("(2, 3)", "(99999999999999999999999999999999, 1,)"): "too large",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	for n := range len(fromNumPy) {
		_, err := Read(strings.NewReader(fromNumPy[:n]))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: error %v", n, err)
		}
	}
}

// Whatever the bytes, there is a header or an error, and a header can be written again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(fromNumPy))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := Read(bytes.NewReader(text))
		if err != nil {
			return
		}
		if h.Size() < 0 || slices.ContainsFunc(h.Shape, func(n int) bool { return n < 0 }) {
			t.Errorf("shape %d", h.Shape)
		}
		if len(h.Shape) > 1000 {
			return // longer than a header of version 1
		}
		var b bytes.Buffer
		if err := h.Write(&b); err != nil {
			t.Fatal(err)
		}
		again, err := Read(&b)
		if err != nil || again.Type != h.Type || !slices.Equal(again.Shape, h.Shape) {
			t.Errorf("read %+v, then %+v, %v", h, again, err)
		}
	})
}
