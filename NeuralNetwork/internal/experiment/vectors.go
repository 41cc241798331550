package experiment

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"

	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/outfile"
	"imagesimilarity/pkg/plural"
)

// Vectors are what a network computes for samples: a row of values for each. They are in memory or,
// if they are many, in a temporary file.
type Vectors struct {
	N, Dim int

	kept []float32 // nil if they are in the file
	file *os.File
	what string // in an error
}

// keptVectors is the part of the budget of memory that vectors may take if they are kept in memory.
const keptVectors = 1. / 8

// blockValues is the number of values that are visited at a time, unless a row has more.
const blockValues = 1 << 15

// Predict computes the vectors that a layer of the model puts out for samples: the one named until,
// or the last one for "". Those of samples that are read from their file are not kept in memory
// either.
func Predict(
	m *nn.Model, e nn.Engine, s *nn.Samples, until string, batch int,
	progress func(done, total int),
) (*Vectors, error) {
	layer := m.Layers[len(m.Layers)-1]
	if until != "" {
		layer = m.Layer(until)
	}
	v := &Vectors{N: s.N, Dim: 1, what: "the outputs of the network"}
	for _, d := range layer.Output {
		v.Dim *= d
	}
	if size := float64(4*float64(v.N)) * float64(v.Dim); s.Ahead == nil &&
		size <= keptVectors*float64(memory.Budget()) {
		if err := memory.Check(size, "the outputs of the layer %q for %s need",
			layer.Name, plural.Of(s.N, "image")); err != nil {
			return nil, err
		}
		v.kept = make([]float32, 0, v.N*v.Dim)
		err := m.PredictEach(e, s, until, batch, func(out []float32, _ int) error {
			v.kept = append(v.kept, out...)
			return nil
		}, progress)
		if err != nil {
			return nil, err
		}
		return v, nil
	}
	var err error
	if v.file, err = outfile.Nameless(); err != nil {
		return nil, outfile.NamelessError(v.what, err)
	}
	w := bufio.NewWriterSize(v.file, 1<<16)
	var bytes []byte
	err = m.PredictEach(e, s, until, batch, func(out []float32, _ int) (err error) {
		if bytes, err = binary.Append(bytes[:0], binary.LittleEndian, out); err != nil {
			return err
		}
		if _, err := w.Write(bytes); err != nil {
			return outfile.NamelessError(v.what, err)
		}
		return nil
	}, progress)
	if err == nil {
		if err = w.Flush(); err != nil {
			err = outfile.NamelessError(v.what, err)
		}
	}
	if err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// Close removes the temporary file, if there is one.
func (v *Vectors) Close() error {
	if v.file == nil {
		return nil
	}
	return v.file.Close()
}

// Each calls visit for some rows after the other, (rows,Dim), which may be overwritten after it
// returns. It returns the first error of visit or of reading.
func (v *Vectors) Each(visit func(rows []float32) error) error {
	step := max(1, blockValues/v.Dim)
	var buffer []float32
	if v.file != nil {
		buffer = make([]float32, min(step, v.N)*v.Dim)
	}
	for first := 0; first < v.N; first += step {
		n := min(step, v.N-first)
		rows := buffer[:min(n*v.Dim, len(buffer))]
		if v.file == nil {
			rows = v.kept[first*v.Dim : (first+n)*v.Dim]
		} else if err := v.Read(rows, first); err != nil {
			return err
		}
		if err := visit(rows); err != nil {
			return err
		}
	}
	return nil
}

// Read reads rows into dst, from row first on. Several goroutines may call it.
func (v *Vectors) Read(dst []float32, first int) error {
	if v.file == nil {
		copy(dst, v.kept[first*v.Dim:])
		return nil
	}
	b := make([]byte, 4*len(dst))
	if _, err := v.file.ReadAt(b, 4*int64(first)*int64(v.Dim)); err != nil {
		return fmt.Errorf("cannot read %s from a temporary file: %w", v.what, err)
	}
	_, err := binary.Decode(b, binary.LittleEndian, dst)
	return err
}
