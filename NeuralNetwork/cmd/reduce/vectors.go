package main

import (
	"encoding/binary"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"imagesimilarity/pkg/npy"
	"imagesimilarity/pkg/outfile"
)

// labelsFile returns the file for the labels beside the vectors of -tsv: before the ending comes
// "_labels". It returns "" if there are no vectors or no labels.
func (o *options) labelsFile() string {
	if o.tsv == "" || o.labels == "" {
		return ""
	}
	ext := filepath.Ext(o.tsv)
	return strings.TrimSuffix(o.tsv, ext) + "_labels" + ext
}

// addVectors adds the vectors v of the dataset, (images,dim), to the files that are written, and
// the labels if they are known. They are not scaled. A file whose name ends in .npy is an array for
// NumPy. Any other is a table with tabs as TensorBoard's projector loads it: the vectors without a
// header, and the labels with one, because they have two columns.
func (s *session) addVectors(files *outfile.Group, v []float32, dim int) {
	if s.tsv == "" {
		return
	}
	array := strings.EqualFold(filepath.Ext(s.tsv), ".npy")
	files.Add(s.tsv, func(w io.Writer) error {
		if array {
			return writeArray(w, v, dim)
		}
		return writeTable(w, v, dim)
	})
	labels := s.imageLabels
	if name := s.labelsFile(); name != "" {
		files.Add(name, func(w io.Writer) error {
			if array {
				if err := (npy.Header{Type: "|u1", Shape: []int{len(labels)}}).Write(w); err != nil {
					return err
				}
				_, err := w.Write(labels)
				return err
			}
			return writeLabels(w, labels)
		})
	}
}

// writeArray writes v as an array of float32.
func writeArray(w io.Writer, v []float32, dim int) error {
	if err := (npy.Header{Type: "<f4", Shape: []int{len(v) / dim, dim}}).Write(w); err != nil {
		return err
	}
	var value [4]byte
	for _, x := range v {
		binary.LittleEndian.PutUint32(value[:], math.Float32bits(x))
		if _, err := w.Write(value[:]); err != nil {
			return err
		}
	}
	return nil
}

// writeTable writes each vector as a line, each value with the fewest digits that give it back.
func writeTable(w io.Writer, v []float32, dim int) error {
	var text []byte
	for i, x := range v {
		end := byte('\t')
		if i%dim == dim-1 {
			end = '\n'
		}
		text = append(strconv.AppendFloat(text[:0], float64(x), 'g', -1, 32), end)
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// writeLabels writes the label of each image as a line.
func writeLabels(w io.Writer, labels []uint8) error {
	if _, err := io.WriteString(w, "image\tlabel\n"); err != nil {
		return err
	}
	for i, l := range labels {
		line := strconv.Itoa(i) + "\t" + strconv.Itoa(int(l)) + "\n"
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}
