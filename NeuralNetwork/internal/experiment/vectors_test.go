package experiment

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/cpu"
)

// vectors returns the vectors of many samples, in a file if the samples tell that they are read
// from one.
func vectors(t *testing.T, stored bool) *Vectors {
	t.Helper()
	m, s := autoencoder(t)
	const n = 40000 // more than a block of vectors
	many := &nn.Samples{N: n, Input: func(dst []float32, index []int) error {
		few := make([]int, len(index))
		for i, k := range index {
			few[i] = k % s.N
		}
		return s.Input(dst, few)
	}}
	if stored {
		many.Ahead = func([]int) {}
	}
	v, err := Predict(m, cpu.New(), many, "embedding", 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	if v.N != n || v.Dim != 2 || (v.file != nil) != stored {
		t.Fatalf("%d vectors of %d values, in a file: %v", v.N, v.Dim, v.file != nil)
	}
	return v
}

func TestVectorsAreTheSameInAFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	all := func(v *Vectors) (all []float32) {
		err := v.Each(func(rows []float32) error {
			if len(rows) > blockValues {
				t.Errorf("%d values at a time", len(rows))
			}
			all = append(all, rows...)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return all
	}
	kept, stored := vectors(t, false), vectors(t, true)
	want := all(kept)
	if got := all(stored); !slices.Equal(got, want) || len(got) != 80000 {
		t.Errorf("%d other values in the file", len(got))
	}
	for _, first := range []int{0, 39998, 5} {
		a, b := make([]float32, 4), make([]float32, 4)
		if err := errors.Join(kept.Read(a, first), stored.Read(b, first)); err != nil ||
			!slices.Equal(a, b) || !slices.Equal(a, want[2*first:2*first+4]) {
			t.Errorf("vectors from %d on: %v and %v, %v", first, a, b, err)
		}
	}
	stop := errors.New("stop")
	for _, v := range []*Vectors{kept, stored} {
		blocks := 0
		if err := v.Each(func([]float32) error { blocks++; return stop }); err != stop || blocks != 1 {
			t.Errorf("%d blocks, error %v", blocks, err)
		}
	}
	stored.Close()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := stored.Read(want[:2], 0); err == nil || !strings.HasPrefix(err.Error(),
		"cannot read the outputs of the network from a temporary file: ") {
		t.Errorf("a file that cannot be read: error %v", err)
	}
}

// Vectors that would take much of the memory that is allowed go to a file, too.
func TestManyVectorsAreNotKept(t *testing.T) {
	m, _ := autoencoder(t)
	memory.SetBudget(64 << 20)
	defer memory.SetBudget(0)
	for _, n := range []int{6, 2 << 20} {
		few := &nn.Samples{N: n, Input: func(dst []float32, _ []int) error { clear(dst); return nil }}
		v, err := Predict(m, cpu.New(), few, "embedding", 1<<13, nil)
		if err != nil {
			t.Fatal(err)
		}
		if (v.file != nil) != (n > 6) {
			t.Errorf("%d vectors are in a file: %v", n, v.file != nil)
		}
		v.Close()
	}
}

// Where there is no room for the file, a sentence tells it.
func TestVectorsWithoutAFile(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("TMPDIR", none)
	t.Setenv("TMP", none)
	m, s := autoencoder(t)
	s.Ahead = func([]int) {}
	v, err := Predict(m, cpu.New(), s, "embedding", 2, nil)
	want := "cannot write the outputs of the network to a temporary file in " + none + ": "
	if v != nil || !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, error %v, want one that begins %q", v, err, want)
	}
}

// An error of the prediction leaves no vectors.
func TestVectorsOfSamplesThatCannotBeRead(t *testing.T) {
	m, s := autoencoder(t)
	cut := errors.New("the file is cut")
	s.Input = func([]float32, []int) error { return cut }
	for _, ahead := range []func([]int){nil, func([]int) {}} {
		s.Ahead = ahead
		if v, err := Predict(m, cpu.New(), s, "embedding", 2, nil); v != nil || err != cut {
			t.Errorf("%v, error %v", v, err)
		}
	}
}
